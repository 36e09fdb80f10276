/*
 * call_graph.h - functions with what they allocate themselves (flat) and with all that they call (cum), and who calls whom:
 * as pprof counts it. A function that a stack has twice counts once in its cum, and so does a call in its edge.
 *
 *	struct call_graph g = { 0 };
 *
 *	call_graph_add(&g, &values, MEASURE_LIVE, &err);
 *	for (i = 0; i < g.node_count; i++)
 *		printf("%s\n", text_pool_get(pool, g.nodes[i].name));
 *	call_graph_thin(&g, &how, &values, &err);	// for a picture: the larger ones only
 *	call_graph_release(&g);
 */
#ifndef KMEM_ANALYZE_CALL_GRAPH_H
#define KMEM_ANALYZE_CALL_GRAPH_H

#include "analyze/estimate.h"
#include "analyze/stack_values.h"

struct call_node {
	uint32_t name; /* of the pool */
	uint64_t flat, cum;
	uint64_t stamp; /* the last stack that counted */
	bool left_out;
	int64_t flat_low, flat_high, cum_low, cum_high; /* call_graph_errors */
};

struct call_edge {
	uint32_t caller, callee; /* nodes */
	uint64_t value;
	uint64_t stamp;
	bool indirect;	   /* calls through functions that were left out */
	int64_t low, high; /* call_graph_errors */
};

struct call_graph {
	struct call_node *nodes;
	size_t node_count, node_cap;
	struct call_edge *edges;
	size_t edge_count, edge_cap;
	uint64_t total;
	struct id_index node_index, edge_index;
	uint64_t stamp;
};

int call_graph_add(struct call_graph *g, const struct stack_values *v, enum stack_measure measure,
		   struct error *err);

/* The intervals, where stacks are estimated. */
int call_graph_errors(struct call_graph *g, const struct stack_values *v,
		      enum stack_measure measure, struct estimate *e, struct error *err);

/* What to leave out of a picture. Functions by cum, at most `nodes` of them (0: any number). */
struct call_graph_thinning {
	enum stack_measure measure;
	size_t nodes;
	uint64_t least_node, least_edge; /* what is less is left out */
};

/*
 * Marks what is left out and makes the edges anew, from each function that stays to the next that does. *ret_edges: how many
 * of these were too thin.
 */
int call_graph_thin(struct call_graph *g, const struct call_graph_thinning *how,
		    const struct stack_values *v, size_t *ret_edges, struct error *err);

void call_graph_release(struct call_graph *g);

#endif
