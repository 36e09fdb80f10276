/*
 * call_dot.h - a call graph as text for graphviz, and as a picture by graphviz's own program.
 *
 *	call_dot_write(&graph, pool, &options, out);
 *	call_dot_svg(text, len, out, &err);		// ERR_UNSUPPORTED: there is no `dot` on this machine
 *
 * A box is a function, the larger its text the more it allocates itself, the redder the more it and all that it calls; an
 * arrow goes from a caller to what it calls and has the bytes that were allocated through it; dashed, through functions
 * that are left out.
 */
#ifndef KMEM_ANALYZE_CALL_DOT_H
#define KMEM_ANALYZE_CALL_DOT_H

#include <stdio.h>

#include "analyze/call_graph.h"

struct call_dot_options {
	enum stack_measure measure;
	const char *const *notes; /* lines in the corner, below the total; NULL ends them */
	uint64_t least_node, least_edge;
	size_t thin_edges; /* that call_graph_thin left out */
};

/* graph: after call_graph_thin. */
int call_dot_write(const struct call_graph *graph, const struct text_pool *pool,
		   const struct call_dot_options *options, FILE *out, struct error *err);
int call_dot_svg(const char *text, size_t len, FILE *out, struct error *err);

#endif
