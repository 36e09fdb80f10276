/*
 * kernel_names.h - the functions of a kernel as lines of /proc/kallsyms ("ffffffff81000000 T _text"), for text logs, which
 * bring no symbols of their own.
 *
 *	struct kernel_names n;
 *
 *	kernel_names_read(&n, paths, count, &err);
 *	symbols_new(&s, n.text.data, n.text.len, &err);
 *	if (n.debug)
 *		...				// a vmlinux with debug information is among the paths
 *	buf_release(&n.text);
 *
 * They come from the first of the paths that is such a list (a System.map, a copy of /proc/kallsyms) or a directory with a
 * System.map, else from the symbols of the vmlinux that is found there (debug_search.h). Addresses are those of the
 * file: a kernel that was relocated when it booted (KASLR) has others.
 */
#ifndef KMEM_ANALYZE_KERNEL_NAMES_H
#define KMEM_ANALYZE_KERNEL_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "format/base/buf.h"
#include "format/base/error.h"

struct kernel_names {
	struct buf text; /* empty: nothing was found */
	bool debug;
};

/* ERR_IO: a path is not there. ERR_FORMAT: nothing with symbols is among them. */
int kernel_names_read(struct kernel_names *ret, const char *const *paths, size_t count,
		      struct error *err);

#endif
