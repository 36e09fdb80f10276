/*
 * debug_search.h - finds the files with debug information among what the user names with -k: files,
 * directories as debuginfo packages lay them out, a copy of the target's root, a kernel's build tree.
 *
 *	struct debug_search *s;
 *	struct debug_file *f;
 *
 *	debug_search_new(&s, paths, count, &err);
 *	debug_search_kernel(s, id, len, release, &f, &err);	// 1: found, the caller closes it; 0: not there
 *	debug_search_module(s, "ext4", id, len, &f, &err);
 *	debug_search_free(s);
 *
 * Looked at, in this order: DIR/.build-id/xx/rest.debug and the same below DIR/usr/lib/debug; the files that were named;
 * vmlinux at its usual places; then all files below DIR called vmlinux*, *.ko, *.ko.debug or *.debug
 * (directories are walked once, when it comes to that; other file systems are not entered). What has no debug
 * information is passed by. Compressed modules are not read.
 */
#ifndef KMEM_ANALYZE_DEBUG_SEARCH_H
#define KMEM_ANALYZE_DEBUG_SEARCH_H

#include "analyze/debug_file.h"

struct debug_search;

/* paths outlive the search. ERR_IO: one is not there. */
int debug_search_new(struct debug_search **ret, const char *const *paths, size_t count,
		     struct error *err);
void debug_search_free(struct debug_search *s); /* NULL is allowed */

/*
 * 1: *ret is the file with that build-id; 0: there is none; ERR_NOMEM, or ERR_INTERRUPTED. len 0 (the id is not known): the first
 * one of that name; which may be of another build.
 */
int debug_search_kernel(struct debug_search *s, const void *id, size_t len, const char *release,
			struct debug_file **ret, struct error *err);
/* name: as /proc/modules has it, with underscores; files may have dashes. */
int debug_search_module(struct debug_search *s, const char *name, const void *id, size_t len,
			struct debug_file **ret, struct error *err);
/* path: on the target. len is not 0. */
int debug_search_program(struct debug_search *s, const char *path, const void *id, size_t len,
			 struct debug_file **ret, struct error *err);

/*
 * All kernels, then all modules of the tree that have debug information, for who has no build-id to ask for: the nth path; NULL: no more.
 * Paths live as long as the search. kernels: vmlinux*; else modules.
 */
const char *debug_search_nth(struct debug_search *s, bool kernels, size_t n);

#endif
