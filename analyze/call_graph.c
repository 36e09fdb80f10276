#include "analyze/call_graph.h"

#include <string.h>

#include "analyze/array_room.h"
#include "format/base/hash.h"

struct node_key {
	const struct call_node *nodes;
	uint32_t name;
};

static bool same_node(const void *arg, uint32_t id)
{
	const struct node_key *key = arg;

	return key->nodes[id - 1].name == key->name;
}

static uint64_t rehash_node(const void *arg, uint32_t id)
{
	return hash_u64(((const struct call_graph *)arg)->nodes[id - 1].name);
}

/* From 1; 0: no memory. */
static uint32_t node_of(struct call_graph *g, uint32_t name)
{
	const struct node_key key = { g->nodes, name };
	uint32_t id = id_index_find(&g->node_index, hash_u64(name), same_node, &key);

	if (id)
		return id;
	if (!array_room((void **)&g->nodes, &g->node_cap, g->node_count, sizeof(*g->nodes)))
		return 0;
	g->nodes[g->node_count++] = (struct call_node){ .name = name };
	id = (uint32_t)g->node_count;
	return id_index_add(&g->node_index, hash_u64(name), id, rehash_node, g) ? id : 0;
}

struct edge_key {
	const struct call_edge *edges;
	uint32_t caller, callee;
};

static uint64_t edge_hash(uint32_t caller, uint32_t callee)
{
	return hash_u64((uint64_t)caller << 32 | callee);
}

static bool same_edge(const void *arg, uint32_t id)
{
	const struct edge_key *key = arg;

	return key->edges[id - 1].caller == key->caller && key->edges[id - 1].callee == key->callee;
}

static uint64_t rehash_edge(const void *arg, uint32_t id)
{
	const struct call_edge *e = &((const struct call_graph *)arg)->edges[id - 1];

	return edge_hash(e->caller, e->callee);
}

static struct call_edge *edge_of(struct call_graph *g, uint32_t caller, uint32_t callee)
{
	const struct edge_key key = { g->edges, caller, callee };
	uint64_t hash = edge_hash(caller, callee);
	uint32_t id = id_index_find(&g->edge_index, hash, same_edge, &key);

	if (id)
		return &g->edges[id - 1];
	if (!array_room((void **)&g->edges, &g->edge_cap, g->edge_count, sizeof(*g->edges)))
		return NULL;
	g->edges[g->edge_count++] = (struct call_edge){ .caller = caller, .callee = callee };
	id = (uint32_t)g->edge_count;
	return id_index_add(&g->edge_index, hash, id, rehash_edge, g) ? &g->edges[id - 1] : NULL;
}

static bool count_edge(struct call_graph *g, uint32_t caller, uint32_t callee, uint64_t value,
		       bool indirect)
{
	struct call_edge *e = edge_of(g, caller, callee);

	if (!e)
		return false;
	e->indirect |= indirect;
	if (e->stamp != g->stamp)
		e->value += value;
	e->stamp = g->stamp;
	return true;
}

static bool count_stack(struct call_graph *g, const struct stack_values *v,
			const struct stack_value *s, uint64_t value)
{
	uint32_t callee = UINT32_MAX;

	g->stamp++;
	g->total += value;
	for (uint32_t d = 0; d < s->depth; d++) {
		uint32_t id = node_of(g, v->frames[v->path[s->first + d]].name);
		struct call_node *n = id ? &g->nodes[id - 1] : NULL;

		if (!n)
			return false;
		if (!d)
			n->flat += value;
		if (n->stamp != g->stamp)
			n->cum += value;
		n->stamp = g->stamp;
		if (d && !count_edge(g, id - 1, callee, value, false))
			return false;
		callee = id - 1;
	}
	return true;
}

int call_graph_add(struct call_graph *g, const struct stack_values *v, enum stack_measure measure,
		   struct error *err)
{
	for (size_t i = 0; i < v->count; i++) {
		uint64_t value = v->stacks[i].values[measure];

		if (value && !count_stack(g, v, &v->stacks[i], value))
			return error_nomem(err);
	}
	return 0;
}

/* ---- errors of estimates ---- */

/* A stack in the flat or cum of a node, or in an edge. certain: whatever the stack, as the call site alone tells. */
enum sum_kind { SUM_FLAT, SUM_CUM, SUM_EDGE };
struct sum_of {
	enum sum_kind kind;
	uint32_t number; /* of the node or edge */
	uint32_t stack;
	bool certain;
};

struct sums {
	struct sum_of *list;
	size_t count, cap;
};

static bool add_sum(struct sums *s, enum sum_kind kind, uint32_t number, uint32_t stack,
		    bool certain)
{
	if (!array_room((void **)&s->list, &s->cap, s->count, sizeof(*s->list)))
		return false;
	s->list[s->count++] = (struct sum_of){ kind, number, stack, certain };
	return true;
}

/* A key of --by, other than the caller, is exact. */
static bool is_certain(const struct stack_values *v, const struct stack_value *s, uint32_t d)
{
	return d < s->certain ||
	       (d >= s->depth - s->keys && strcmp(v->keys[s->depth - 1 - d], "caller") != 0);
}

static bool add_sums(struct call_graph *g, const struct stack_values *v, uint32_t stack,
		     struct sums *sums)
{
	const struct stack_value *s = &v->stacks[stack];
	uint32_t callee = 0;

	g->stamp++;
	for (uint32_t d = 0; d < s->depth; d++) {
		uint32_t node = node_of(g, v->frames[v->path[s->first + d]].name) - 1;
		bool certain = is_certain(v, s, d);
		struct call_edge *e = d ? edge_of(g, node, callee) : NULL;

		if (!d && !add_sum(sums, SUM_FLAT, node, stack, certain))
			return false;
		if (g->nodes[node].stamp != g->stamp &&
		    !add_sum(sums, SUM_CUM, node, stack, certain))
			return false;
		if (e && e->stamp != g->stamp &&
		    !add_sum(sums, SUM_EDGE, (uint32_t)(e - g->edges), stack,
			     certain && is_certain(v, s, d - 1)))
			return false;
		g->nodes[node].stamp = g->stamp;
		if (e)
			e->stamp = g->stamp;
		callee = node;
	}
	return true;
}

static int by_sum(const void *a, const void *b)
{
	const struct sum_of *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return x->stack < y->stack ? -1 : x->stack > y->stack;
}

static bool add_stack(const struct estimate *e, struct estimate_sum *sum,
		      const struct stack_values *v, const struct sum_of *of,
		      enum stack_measure measure)
{
	const struct stack_value *s = &v->stacks[of->stack];

	for (size_t i = 0; i < s->part_count; i++) {
		const struct stack_part *p = &v->parts[s->first_part + i];

		if (!estimate_add(e, sum, of->certain ? 0 : p->site, p->objects[measure],
				  p->units[measure]))
			return false;
	}
	return true;
}

static void end_sum(struct call_graph *g, struct estimate *e, struct estimate_sum *sum,
		    const struct sum_of *of)
{
	struct call_node *n = &g->nodes[of->number];

	if (of->kind == SUM_EDGE)
		estimate_end(e, sum, &g->edges[of->number].low, &g->edges[of->number].high);
	else if (of->kind == SUM_FLAT)
		estimate_end(e, sum, &n->flat_low, &n->flat_high);
	else
		estimate_end(e, sum, &n->cum_low, &n->cum_high);
}

int call_graph_errors(struct call_graph *g, const struct stack_values *v,
		      enum stack_measure measure, struct estimate *e, struct error *err)
{
	struct estimate_sum sum = { 0 };
	struct sums sums = { 0 };
	bool ok = true;

	for (size_t i = 0; ok && i < v->count; i++)
		if (v->stacks[i].values[measure])
			ok = add_sums(g, v, (uint32_t)i, &sums);
	if (ok && sums.count)
		qsort(sums.list, sums.count, sizeof(*sums.list), by_sum);
	for (size_t i = 0; ok && i < sums.count; i++) {
		const struct sum_of *of = &sums.list[i], *next = i + 1 < sums.count ? of + 1 : NULL;

		ok = add_stack(e, &sum, v, of, measure);
		if (ok && (!next || next->kind != of->kind || next->number != of->number))
			end_sum(g, e, &sum, of);
	}
	free(sum.list);
	free(sums.list);
	return ok ? 0 : error_nomem(err);
}

/* ---- for a picture ---- */

struct ranked {
	const struct text_pool *pool;
	struct call_node *node;
};

static int by_cum(const void *a, const void *b)
{
	const struct ranked *ra = a, *rb = b;
	const struct call_node *x = ra->node, *y = rb->node;

	if (x->cum != y->cum)
		return x->cum < y->cum ? 1 : -1;
	if (x->flat != y->flat)
		return x->flat < y->flat ? 1 : -1;
	return strcmp(text_pool_get(ra->pool, x->name), text_pool_get(ra->pool, y->name));
}

static int choose_nodes(struct call_graph *g, const struct call_graph_thinning *how,
			const struct text_pool *pool, struct error *err)
{
	struct ranked *list = calloc(g->node_count + 1, sizeof(*list));

	if (!list)
		return error_nomem(err);
	for (size_t i = 0; i < g->node_count; i++)
		list[i] = (struct ranked){ pool, &g->nodes[i] };
	qsort(list, g->node_count, sizeof(*list), by_cum);
	for (size_t i = 0; i < g->node_count; i++)
		list[i].node->left_out = (how->nodes && i >= how->nodes) ||
					 list[i].node->cum < how->least_node;
	free(list);
	return 0;
}

static bool thin_stack(struct call_graph *g, const struct stack_values *v,
		       const struct stack_value *s, uint64_t value)
{
	uint32_t callee = UINT32_MAX;
	bool indirect = false;

	g->stamp++;
	for (uint32_t d = 0; d < s->depth; d++) {
		uint32_t id = node_of(g, v->frames[v->path[s->first + d]].name);

		if (!id)
			return false;
		if (g->nodes[id - 1].left_out) {
			indirect = true;
			continue;
		}
		if (callee != UINT32_MAX && !count_edge(g, id - 1, callee, value, indirect))
			return false;
		callee = id - 1;
		indirect = false;
	}
	return true;
}

int call_graph_thin(struct call_graph *g, const struct call_graph_thinning *how,
		    const struct stack_values *v, size_t *ret_edges, struct error *err)
{
	size_t kept = 0;
	int rc = choose_nodes(g, how, v->pool, err);

	if (rc < 0)
		return rc;
	g->edge_count = 0;
	id_index_release(&g->edge_index);
	for (size_t i = 0; i < v->count; i++) {
		uint64_t value = v->stacks[i].values[how->measure];

		if (value && !thin_stack(g, v, &v->stacks[i], value))
			return error_nomem(err);
	}
	for (size_t i = 0; i < g->edge_count; i++)
		if (g->edges[i].value >= how->least_edge)
			g->edges[kept++] = g->edges[i];
	*ret_edges = g->edge_count - kept;
	g->edge_count = kept;
	id_index_release(&g->edge_index);
	return 0;
}

void call_graph_release(struct call_graph *g)
{
	free(g->nodes);
	free(g->edges);
	id_index_release(&g->node_index);
	id_index_release(&g->edge_index);
	*g = (struct call_graph){ 0 };
}
