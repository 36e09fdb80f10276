#include "analyze/flame_tree.h"

#include <string.h>

#include "analyze/array_room.h"
#include "format/base/hash.h"

int flame_tree_init(struct flame_tree *t, struct error *err)
{
	*t = (struct flame_tree){ 0 };
	if (!array_room((void **)&t->nodes, &t->cap, 0, sizeof(*t->nodes)))
		return error_nomem(err);
	t->nodes[t->count++] = (struct flame_node){ 0 };
	return 0;
}

void flame_tree_release(struct flame_tree *t)
{
	free(t->nodes);
	id_index_release(&t->index);
	*t = (struct flame_tree){ 0 };
}

struct child_key {
	const struct flame_node *nodes;
	uint32_t parent, name;
};

static uint64_t child_hash(uint32_t parent, uint32_t name)
{
	return hash_u64((uint64_t)parent << 32 | name);
}

static bool same_child(const void *arg, uint32_t id)
{
	const struct child_key *key = arg;

	return key->nodes[id].parent == key->parent && key->nodes[id].name == key->name;
}

static uint64_t rehash_child(const void *arg, uint32_t id)
{
	const struct flame_node *n = &((const struct flame_tree *)arg)->nodes[id];

	return child_hash(n->parent, n->name);
}

/* 0: no memory */
static uint32_t child_of(struct flame_tree *t, uint32_t parent, uint32_t name)
{
	const struct child_key key = { t->nodes, parent, name };
	uint64_t hash = child_hash(parent, name);
	uint32_t id = id_index_find(&t->index, hash, same_child, &key);

	if (id)
		return id;
	if (t->count >= UINT32_MAX / 2 ||
	    !array_room((void **)&t->nodes, &t->cap, t->count, sizeof(*t->nodes)))
		return 0;
	id = (uint32_t)t->count++;
	t->nodes[id] = (struct flame_node){ .name = name,
					    .parent = parent,
					    .next = t->nodes[parent].child,
					    .depth = t->nodes[parent].depth + 1 };
	t->nodes[parent].child = id;
	return id_index_add(&t->index, hash, id, rehash_child, t) ? id : 0;
}

static void count_value(struct flame_node *n, uint64_t value, bool other)
{
	if (other)
		n->other += value;
	else
		n->value += value;
}

int flame_tree_add(struct flame_tree *t, const struct stack_values *v, enum stack_measure measure,
		   bool other, struct error *err)
{
	for (size_t i = 0; i < v->count; i++) {
		const struct stack_value *s = &v->stacks[i];
		uint64_t value = s->values[measure];
		uint32_t node = 0;

		if (!value)
			continue;
		count_value(&t->nodes[0], value, other);
		for (uint32_t d = s->depth; d-- > 0;) {
			node = child_of(t, node, v->frames[v->path[s->first + d]].name);
			if (!node)
				return error_nomem(err);
			count_value(&t->nodes[node], value, other);
		}
	}
	return 0;
}

int flame_tree_add_inverted(struct flame_tree *t, const struct stack_values *v,
			    const uint64_t *values, struct error *err)
{
	for (size_t i = 0; i < v->count; i++) {
		const struct stack_value *s = &v->stacks[i];
		uint32_t node = 0;

		if (!values[i])
			continue;
		t->nodes[0].value += values[i];
		for (uint32_t d = 0; d < s->depth; d++) {
			node = child_of(t, node, v->path[s->first + d] + 1);
			if (!node)
				return error_nomem(err);
			t->nodes[node].value += values[i];
		}
	}
	return 0;
}

struct named {
	const char *name;
	uint32_t node;
};

static int by_name_order(const void *a, const void *b)
{
	return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

int flame_tree_sort(struct flame_tree *t, const struct text_pool *pool, struct error *err)
{
	struct named *list = calloc(t->count, sizeof(*list));

	if (!list)
		return error_nomem(err);
	for (size_t p = 0; p < t->count; p++) {
		size_t n = 0;

		for (uint32_t c = t->nodes[p].child; c; c = t->nodes[c].next)
			list[n++] = (struct named){ text_pool_get(pool, t->nodes[c].name), c };
		if (n < 2)
			continue;
		qsort(list, n, sizeof(*list), by_name_order);
		t->nodes[p].child = list[0].node;
		for (size_t i = 0; i < n; i++)
			t->nodes[list[i].node].next = i + 1 < n ? list[i + 1].node : 0;
	}
	free(list);
	return 0;
}
