/*
 * flame_tree.h - stacks put together from the outermost frame on: what a flame graph draws.
 *
 *	struct flame_tree t = { 0 };
 *
 *	flame_tree_init(&t, &err);
 *	flame_tree_add(&t, &values, MEASURE_LIVE, false, &err);
 *	flame_tree_add(&t, &older, MEASURE_LIVE, true, &err);		// to compare with; the same text pool
 *	flame_tree_sort(&t, values.pool);
 *	for (n = t.nodes[0].child; n; n = t.nodes[n].next) ...
 *	flame_tree_release(&t);
 */
#ifndef KMEM_ANALYZE_FLAME_TREE_H
#define KMEM_ANALYZE_FLAME_TREE_H

#include "analyze/stack_values.h"

struct flame_node {
	uint32_t name;		      /* of the pool; of the root 0 */
	uint32_t parent, child, next; /* 0: none */
	uint32_t depth;		      /* of the root 0 */
	uint64_t value, other;	      /* of the node and all above it; of what is compared with */
};

struct flame_tree {
	struct flame_node *nodes; /* nodes[0] is the root; parents come before their children */
	size_t count, cap;
	struct id_index index;
};

int flame_tree_init(struct flame_tree *t, struct error *err);
/* Stacks whose value is 0 are left out. */
int flame_tree_add(struct flame_tree *t, const struct stack_values *v, enum stack_measure measure,
		   bool other, struct error *err);
/*
 * The other way round: from who allocates to the outermost frame, and by place in the code: a node's name is then 1 + the
 * number of its frame. values: one for each stack.
 */
int flame_tree_add_inverted(struct flame_tree *t, const struct stack_values *v,
			    const uint64_t *values, struct error *err);
/* Children by name, so that drawings of two captures look alike. */
int flame_tree_sort(struct flame_tree *t, const struct text_pool *pool, struct error *err);
void flame_tree_release(struct flame_tree *t);

#endif
