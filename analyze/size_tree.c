#include "analyze/size_tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/array_room.h"
#include "analyze/report.h"
#include "format/base/hash.h"

static void release(struct size_node *node)
{
	for (size_t i = 0; i < node->count; i++) {
		release(node->children[i]);
		free(node->children[i]);
	}
	free(node->children);
	free(node->name);
}

int size_tree_new(struct size_tree **ret, const char *name, struct error *err)
{
	struct size_tree *t = calloc(1, sizeof(*t));

	if (t)
		t->root.name = strdup(name);
	if (!t || !t->root.name) {
		free(t);
		return error_nomem(err);
	}
	*ret = t;
	return 0;
}

void size_tree_free(struct size_tree *t)
{
	if (!t)
		return;
	release(&t->root);
	free(t->nodes);
	id_index_release(&t->index);
	free(t);
}

struct child_key {
	const struct size_tree *tree;
	const struct size_node *parent;
	const char *name;
};

static bool same_child(const void *arg, uint32_t id)
{
	const struct child_key *k = arg;
	const struct size_node *node = k->tree->nodes[id - 1];

	return node->parent == k->parent && !strcmp(node->name, k->name);
}

static uint64_t child_hash(const struct size_node *parent, const char *name)
{
	return hash_bytes((uintptr_t)parent, name, strlen(name));
}

static uint64_t rehash_child(const void *arg, uint32_t id)
{
	const struct size_node *node = ((const struct size_tree *)arg)->nodes[id - 1];

	return child_hash(node->parent, node->name);
}

/* Children are added once; the index finds them again. */
static bool add_child(struct size_tree *t, struct size_node *parent, struct size_node *node)
{
	if (t->count >= UINT32_MAX / 2 ||
	    !array_room((void **)&t->nodes, &t->cap, t->count, sizeof(node)) ||
	    !array_room((void **)&parent->children, &parent->cap, parent->count, sizeof(node)))
		return false;
	node->parent = parent;
	t->nodes[t->count] = node;
	if (!id_index_add(&t->index, child_hash(parent, node->name), (uint32_t)t->count + 1,
			  rehash_child, t))
		return false;
	t->count++;
	parent->children[parent->count++] = node;
	return true;
}

static struct size_node *child(struct size_tree *t, struct size_node *parent, const char *name,
			       struct error *err)
{
	const struct child_key key = { t, parent, name };
	uint32_t id = id_index_find(&t->index, child_hash(parent, name), same_child, &key);
	struct size_node *node;

	if (id)
		return t->nodes[id - 1];
	node = calloc(1, sizeof(*node));
	if (node)
		node->name = strdup(name);
	if (!node || !node->name || !add_child(t, parent, node)) {
		if (node)
			free(node->name);
		free(node);
		error_nomem(err);
		return NULL;
	}
	return node;
}

int size_tree_add(struct size_tree *t, const char *path, uint64_t bytes, struct error *err)
{
	struct size_node *node = &t->root;
	char name[256], safe[512];

	node->bytes += bytes;
	for (int depth = 0; depth < SIZE_TREE_DEPTH; depth++) {
		size_t len;

		path += strspn(path, "/");
		len = strcspn(path, "/");
		if (!len)
			break;
		snprintf(name, sizeof(name), "%.*s", (int)(len < 200 ? len : 200), path);
		path += len;
		node = child(t, node, report_safe(safe, sizeof(safe), name), err);
		if (!node)
			return err->code;
		node->bytes += bytes;
	}
	return 0;
}

static int by_bytes(const void *a, const void *b)
{
	const struct size_node *x = *(struct size_node *const *)a,
			       *y = *(struct size_node *const *)b;
	bool x_rest = *x->name == '(', y_rest = *y->name == '(';

	if (x_rest != y_rest)
		return x_rest ? 1 : -1;
	if (x->bytes != y->bytes)
		return x->bytes > y->bytes ? -1 : 1;
	return strcmp(x->name, y->name);
}

static void sort(struct size_node *node)
{
	if (node->count)
		qsort(node->children, node->count, sizeof(struct size_node *), by_bytes);
	for (size_t i = 0; i < node->count; i++)
		sort(node->children[i]);
}

void size_tree_sort(struct size_tree *t)
{
	sort(&t->root);
}

static int depth_of(const struct size_node *node)
{
	int most = 0;

	for (size_t i = 0; i < node->count; i++) {
		int depth = 1 + depth_of(node->children[i]);

		most = depth > most ? depth : most;
	}
	return most;
}

int size_tree_depth(const struct size_tree *t)
{
	return depth_of(&t->root);
}

const char *size_node_path(const struct size_node *node, char *room, size_t size)
{
	size_t used;

	if (!node->parent) {
		*room = '\0';
		return room;
	}
	size_node_path(node->parent, room, size);
	used = strlen(room);
	snprintf(room + used, size - used, "%s%s", used ? "/" : "", node->name);
	return room;
}
