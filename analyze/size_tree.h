/*
 * size_tree.h - bytes by directory: every directory has the sum of what is in it.
 *
 *	struct size_tree *t;
 *
 *	size_tree_new(&t, "kernel", &err);
 *	size_tree_add(t, "fs/ext4/inode.c", 4096, &err);
 *	size_tree_sort(t);				// largest first
 *	for (size_t i = 0; i < t->root.count; i++)
 *		printf("%s %llu\n", t->root.children[i]->name, ...->bytes);
 *	size_tree_free(t);
 */
#ifndef KMEM_ANALYZE_SIZE_TREE_H
#define KMEM_ANALYZE_SIZE_TREE_H

#include <stddef.h>
#include <stdint.h>

#include "analyze/id_index.h"
#include "format/base/error.h"

#define SIZE_TREE_DEPTH 32 /* names deeper than that count for their directory at that depth */

struct size_node {
	char *name; /* fit to print (report_safe) */
	uint64_t bytes;
	struct size_node *parent; /* NULL: the root */
	struct size_node **children;
	size_t count, cap;
};

struct size_tree {
	struct size_node root;
	/* from here on its own */
	struct size_node **nodes; /* all below the root */
	size_t count, cap;
	struct id_index index; /* by parent and name */
};

int size_tree_new(struct size_tree **ret, const char *name, struct error *err);
void size_tree_free(struct size_tree *t);

/* path: names between slashes; one path may be added again. A path without names counts for the root alone. */
int size_tree_add(struct size_tree *t, const char *path, uint64_t bytes, struct error *err);

/* Children by bytes, the largest first, then by name; names in parentheses, which stand for no directory, last. */
void size_tree_sort(struct size_tree *t);

/* Levels below the root. */
int size_tree_depth(const struct size_tree *t);

/* "fs/ext4/inode.c"; the root is "". Returns room. */
const char *size_node_path(const struct size_node *node, char *room, size_t size);

#endif
