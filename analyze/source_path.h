/*
 * source_path.h - names of source files as debug information has them, made the same for one source tree
 * whoever built it and where: 'fs/ext4/inode.c'.
 *
 * What compilers write differs: Debian's kernels have 'fs/ext4/inode.c' and a directory that is not the
 * tree's, builds with O= have '/home/me/linux/fs/ext4/inode.c', those inside the tree '../fs/ext4/inode.c'. The unit
 * that every kernel has, init/main.c, tells which: what stands before it is the root of the tree.
 *
 *	struct source_tree tree = { 0 };
 *
 *	source_tree_unit(&tree, "/home/me/linux/init/main.c", "/home/me/out", &err);	// for every unit; takes the one it knows
 *	path = source_path(&tree, "/home/me/out", "/home/me/linux/mm/slub.c");		// "mm/slub.c"; heap, NULL: no memory
 *	len = source_directory(path);							// 2: "mm"
 *	source_tree_release(&tree);
 *
 * A path outside of the tree stays absolute (/usr/include/...); so do those of user programs, which
 * have no root that could be known, where their debug information has them absolute.
 */
#ifndef KMEM_ANALYZE_SOURCE_PATH_H
#define KMEM_ANALYZE_SOURCE_PATH_H

#include <stdbool.h>
#include <stddef.h>

#include "format/base/error.h"

struct source_tree {
	char *root; /* ends with a slash, or is "" where names are relative to it; NULL: not known */
	char *object; /* directory of compilation of init/main.c, cleaned; NULL: not known */
};

/*
 * Name and directory (DW_AT_name and DW_AT_comp_dir, which may be NULL) of a compile unit. Looks whether it is the one that tells the
 * root. 1: it is; 0: another, or the root was known; ERR_NOMEM.
 */
int source_tree_unit(struct source_tree *tree, const char *name, const char *comp_dir,
		     struct error *err);
void source_tree_release(struct source_tree *tree);

/*
 * The path of a file from its name and the directory of compilation (may be NULL) of the unit that names it, which
 * may stand in front of the name already, as libdw puts it there. Heap; NULL: no memory.
 */
char *source_path(const struct source_tree *tree, const char *comp_dir, const char *name);

/* Bytes of the path that are its directory, without the slash; 0: it has none. */
size_t source_directory(const char *path);

#endif
