#include <inttypes.h>
#include <stdlib.h>

#include "analyze/flame.h"

static void print_name(FILE *out, const char *name)
{
	for (; *name; name++)
		fputc(*name == ';' || (unsigned char)*name < 0x20 ? '_' : *name, out);
}

struct own {
	uint64_t value, other;
};

/* What is of a node alone: not of those above it. */
static struct own own_of(const struct flame_tree *t, const struct flame_node *n)
{
	struct own own = { n->value, n->other };

	for (uint32_t c = n->child; c; c = t->nodes[c].next) {
		own.value -= t->nodes[c].value;
		own.other -= t->nodes[c].other;
	}
	return own;
}

/* path: the nodes below n, from the outermost on. */
static void print_node(const struct flame_tree *t, const struct text_pool *pool, uint32_t node,
		       uint32_t *path, bool both, FILE *out)
{
	const struct flame_node *n = &t->nodes[node];
	struct own own = own_of(t, n);

	if (n->depth)
		path[n->depth - 1] = n->name;
	if (n->depth && (own.value || (both && own.other))) {
		for (uint32_t i = 0; i < n->depth; i++) {
			fputs(i ? ";" : "", out);
			print_name(out, text_pool_get(pool, path[i]));
		}
		if (both)
			fprintf(out, " %" PRIu64, own.other);
		fprintf(out, " %" PRIu64 "\n", own.value);
	}
	for (uint32_t c = n->child; c; c = t->nodes[c].next)
		print_node(t, pool, c, path, both, out);
}

void flame_folded(const struct flame_tree *tree, const struct text_pool *pool, bool both, FILE *out)
{
	uint32_t path[STACK_VALUES_DEPTH + 1];

	print_node(tree, pool, 0, path, both, out);
}
