/*
 * dir_walk.h - the files below a directory, in the order of their names.
 *
 * In place of fts(3), which reads directories with numbers of 32 bits on 32-bit machines and says nothing of what it
 * misses where those of the file system are larger.
 *
 *	struct dir_walk w = { .root = dir, .enter = is_no_git, .file = take, .arg = list };
 *	ok = dir_walk(&w);
 */
#ifndef KMEM_ANALYZE_DIR_WALK_H
#define KMEM_ANALYZE_DIR_WALK_H

#include <stdbool.h>

#define DIR_WALK_DEPTH 64 /* directories below each other; what is deeper is left out */

struct dir_walk {
	const char *root;		 /* may be a link; all others are files, not followed */
	bool one_device;		 /* nothing that is mounted below it */
	bool (*enter)(const char *name); /* whether to look into a directory below the root */
	/* A regular file, or a link: "root/below/name". False ends the walk. */
	bool (*file)(void *arg, const char *path, bool link);
	void *arg;
};

/* False when a callback ended it, or for want of memory; what cannot be read is left out. */
bool dir_walk(const struct dir_walk *w);

#endif
