/*
 * tree.h - the target's files: those of the running system, or of a directory that
 * scripts/collect-ftrace.sh saved on another one.
 *
 * A path that begins with / is one of the target's file system (/proc/kallsyms); any other belongs to
 * its tracing directory (per_cpu/cpu0/stats). A saved directory holds the first kind below itself, the
 * second below tracing/ (or below sys/kernel/tracing/, as they were). Nothing in a saved directory is trusted: no link is followed, only regular
 * files are read.
 *
 *	struct tree t;
 *	tree_open(&t, NULL, &err);			// the running system; a directory: a saved one
 *	tree_read(&t, "/proc/cmdline", 1 << 20, &b, &err);
 *	tree_close(&t);
 *
 * tree_live() serves those who have the tracing directory open already.
 */
#ifndef KMEM_RECORD_TREE_H
#define KMEM_RECORD_TREE_H

#include <dirent.h>
#include <stdbool.h>

#include "format/base/buf.h"
#include "format/base/error.h"

struct tree {
	bool saved;
	int root;	  /* a saved directory; -1: the running system */
	int tracing;	  /* the tracing directory; -1: none */
	const char *name; /* of the saved directory, for messages; the caller's */
};

int tree_open(struct tree *ret, const char *saved, struct error *err);
void tree_close(struct tree *t); /* not for one of tree_live */

static inline struct tree tree_live(int tracing)
{
	return (struct tree){ .root = -1, .tracing = tracing };
}

/* An fd for reading; flags are added to O_RDONLY | O_CLOEXEC. */
int tree_open_file(const struct tree *t, const char *path, int flags, struct error *err);

/* NULL: there is no such directory. closedir it. */
DIR *tree_list(const struct tree *t, const char *path);

/* At most `most` bytes into b (cleared first), NUL-terminated behind b->len. */
int tree_read(const struct tree *t, const char *path, size_t most, struct buf *b,
	      struct error *err);

/* The first line, without its end. False, and an empty text, when there is none. */
bool tree_line(const struct tree *t, const char *path, char *text, size_t room);

/*
 * A value of the file `facts` of a saved directory: lines KEY=VALUE about what is no file on the
 * target. False for the running system.
 */
bool tree_fact(const struct tree *t, const char *key, char *text, size_t room);

#endif
