/* graph: the call graph of what allocates, for graphviz. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/call_dot.h"
#include "analyze/output_kind.h"
#include "analyze/report.h"
#include "analyze/report_lines.h"
#include "analyze/text_stream.h"

#define NODES	   80
#define NODE_SHARE 0.5
#define EDGE_SHARE 0.1

struct graph_options {
	struct report_options report;
	const char *measure, *format, *node_share, *edge_share;
	uint64_t nodes;
	bool all_frames;
};

enum kind { SVG, DOT };
static const struct output_kind kinds[] = { { "svg", ".svg" }, { "dot", ".dot" }, { NULL, NULL } };
static const char *const formats[] = { "svg", "dot", NULL };

/* clang-format off */
static const struct option_row rows[] = {
	REPORT_ROWS(struct graph_options, report),
	MEASURE_ROW(struct graph_options, measure),
	{ "nodes", 0, "N", "at most N functions, those with the largest cum (default 80; 0: all)", OPT_NUMBER,
	  offsetof(struct graph_options, nodes), 0, 100000, 0, NULL },
	{ "node-share", 0, "PERCENT", "no functions with a smaller share of the total (default 0.5)", OPT_STRING,
	  offsetof(struct graph_options, node_share), 0, 0, 0, NULL },
	{ "edge-share", 0, "PERCENT", "no calls with a smaller share of the total (default 0.1)", OPT_STRING,
	  offsetof(struct graph_options, edge_share), 0, 0, 0, NULL },
	{ "format", 0, "FORMAT", "svg or dot, where the ending of -o does not say it", OPT_CHOICE,
	  offsetof(struct graph_options, format), 0, 0, 0, formats },
	ALL_FRAMES_ROW(struct graph_options, all_frames),
	{ NULL, 0, NULL, NULL, OPT_FLAG, 0, 0, 0, 0, NULL },
};
/* clang-format on */

/* text: NULL is `otherwise`. */
static int parse_share(const char *text, const char *option, double otherwise, double *ret,
		       struct error *err)
{
	char *end;

	*ret = otherwise;
	if (!text)
		return 0;
	*ret = strtod(text, &end);
	if (end == text || (*end && strcmp(end, "%")) || !isfinite(*ret) || *ret < 0 || *ret > 100)
		return error_set(err, ERR_USAGE, "%s: '%s' is no number from 0 to 100", option,
				 text);
	return 0;
}

static int kind_of(const struct graph_options *o, struct error *err)
{
	return output_kind(kinds, o->format, o->report.output, -1, "graph", err);
}

static int check(void *options, struct error *err)
{
	const struct graph_options *o = options;
	double share;
	int rc = kind_of(o, err);

	if (rc >= 0)
		rc = parse_share(o->node_share, "--node-share", 0, &share, err);
	return rc < 0 ? rc : parse_share(o->edge_share, "--edge-share", 0, &share, err);
}

static int write_graph(struct report *r, const struct graph_options *o, const struct call_graph *g,
		       const struct text_pool *pool, const struct call_dot_options *how,
		       struct error *err)
{
	struct text_stream memory;
	char *text = NULL;
	size_t size = 0;
	int rc;

	if (kind_of(o, err) == DOT)
		return call_dot_write(g, pool, how, r->out, err);
	rc = text_stream_open(&memory, err);
	if (rc < 0)
		return rc;
	rc = call_dot_write(g, pool, how, memory.out, err);
	if (text_stream_close(&memory, &text, &size, rc < 0 ? NULL : err) < 0 && rc == 0)
		rc = ERR_NOMEM;
	if (rc == 0)
		rc = call_dot_svg(text, size, r->out, err);
	free(text);
	return rc;
}

static int draw(struct report *r, const struct graph_options *o, struct call_graph *g,
		const struct stack_values *v, enum stack_measure measure, struct error *err)
{
	struct call_graph_thinning thin = { .measure = measure, .nodes = (size_t)o->nodes };
	struct call_dot_options how = { .measure = measure };
	struct report_lines lines;
	double node_share = 0, edge_share = 0;
	int rc = parse_share(o->node_share, "--node-share", NODE_SHARE, &node_share, err);

	if (rc == 0)
		rc = parse_share(o->edge_share, "--edge-share", EDGE_SHARE, &edge_share, err);
	if (rc < 0)
		return rc;
	how.least_node = thin.least_node = (uint64_t)ceil((double)g->total * node_share / 100);
	how.least_edge = thin.least_edge = (uint64_t)ceil((double)g->total * edge_share / 100);
	rc = call_graph_thin(g, &thin, v, &how.thin_edges, err);
	if (rc == 0)
		rc = report_lines_init(&lines, r, "graph", err);
	if (rc < 0)
		return rc;
	how.notes = lines.lines;
	rc = write_graph(r, o, g, v->pool, &how, err);
	report_lines_release(&lines);
	return rc;
}

static int print(struct report *r, void *options, const char *order, struct error *err)
{
	const struct graph_options *o = options;
	enum stack_measure measure = stack_measure_of(o->measure);
	const struct stack_values_options how = { .peak = measure == MEASURE_PEAK,
						  .all_frames = o->all_frames };
	struct text_pool pool = { 0 };
	struct stack_values v = { .pool = &pool };
	struct call_graph g = { 0 };
	int rc = report_select_groups(r, err);

	(void)order;
	if (rc == 0)
		rc = stack_values_read(&v, r, &how, err);
	if (rc == 0)
		rc = call_graph_add(&g, &v, measure, err);
	if (rc == 0 && !g.total)
		rc = error_set(
			err, ERR_UNSUPPORTED,
			"nothing to draw: there are no %s here; kmem-analyze account tells more",
			stack_measure_text(measure));
	if (rc == 0)
		rc = draw(r, o, &g, &v, measure, err);
	call_graph_release(&g);
	stack_values_release(&v);
	text_pool_release(&pool);
	return rc;
}

static int run(const struct command *self, int argc, char **argv)
{
	struct graph_options o = { .report.looks = LOOKS_AT_STACKS,
				   .report.check = check,
				   .nodes = NODES };

	return report_run(self, argc, argv, &o, &o.report, NULL, NULL, print);
}

const struct command cmd_graph = {
	.name = "graph",
	.summary = "the call graph of what allocates (SVG by graphviz, or its .dot)",
	.operands = "CAPTURE...|DB",
	.description =
		"Draws functions as boxes, larger the more they allocate themselves and redder the more all that they\n"
		"call does, and calls as arrows with the bytes that were allocated through them, dashed where\n"
		"functions in between are left out. In the corner are the total, what was left out and what the\n"
		"capture bears.\n",
	.examples = "  kmem-analyze graph cap.kmem -o live.svg\n"
		    "  kmem-analyze graph --measure allocated --nodes 200 cap.kmem -o all.svg\n"
		    "  kmem-analyze graph -b fs/ext4 --any-frame cap.kmem.db -o ext4.dot\n",
	.options = rows,
	.run = run,
};
