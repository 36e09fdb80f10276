#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memfd_create */
#endif
#include "analyze/call_dot.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "format/base/fileio.h"
#include "format/base/units.h"

extern char **environ;

#define FONT_LEAST 8
#define FONT_MORE  16
#define PEN_MORE   5
#define NOTES_MAX  40

/* In double quotes; dot takes entities of HTML for what they mean. */
static void dot_text(FILE *out, const char *text)
{
	for (; *text; text++)
		switch (*text) {
		case '"': fputs("\\\"", out); break;
		case '\\': fputs("\\\\", out); break;
		case '&': fputs("&amp;", out); break;
		default: fputc((unsigned char)*text < 0x20 ? '?' : *text, out);
		}
}

static double share(uint64_t part, uint64_t all)
{
	return all ? (double)part / (double)all : 0;
}

static const char *value_text(char text[UNITS_TEXT], uint64_t value, bool bytes)
{
	return bytes ? units_bytes(text, value) : units_count(text, value);
}

/* From grey to red, as the cube root of the share: small shares differ, too. */
static unsigned int mix(uint64_t part, uint64_t all, unsigned int pale, unsigned int deep)
{
	double s = cbrt(share(part, all));
	unsigned int c = 0;

	for (int shift = 16; shift >= 0; shift -= 8) {
		double from = pale >> shift & 255, to = deep >> shift & 255;

		c |= (unsigned int)(from + (to - from) * s) << shift;
	}
	return c;
}

static void write_node(const struct call_graph *g, const struct text_pool *pool, size_t i,
		       uint64_t most_flat, bool bytes, FILE *out)
{
	const struct call_node *n = &g->nodes[i];
	char flat[UNITS_TEXT], cum[UNITS_TEXT];

	fprintf(out, "n%zu [label=\"", i);
	dot_text(out, text_pool_get(pool, n->name));
	if (n->flat)
		fprintf(out, "\\n%s (%.2f%%)", value_text(flat, n->flat, bytes),
			100 * share(n->flat, g->total));
	if (n->cum != n->flat)
		fprintf(out, "\\n%s%s (%.2f%%)", n->flat ? "of " : "0 of ",
			value_text(cum, n->cum, bytes), 100 * share(n->cum, g->total));
	fprintf(out,
		"\", tooltip=\"%" PRIu64 " flat, %" PRIu64
		" cum\", fontsize=%d, fillcolor=\"#%06x\", color=\"#%06x\"];\n",
		n->flat, n->cum,
		FONT_LEAST + (int)ceil(FONT_MORE * sqrt(share(n->flat, most_flat))),
		mix(n->cum, g->total, 0xf0efee, 0xf0b9a6),
		mix(n->cum, g->total, 0xb2b0ac, 0xb22c00));
}

static void write_edge(const struct call_graph *g, const struct call_edge *e, bool bytes, FILE *out)
{
	char text[UNITS_TEXT];
	double s = share(e->value, g->total);

	fprintf(out,
		"n%" PRIu32 " -> n%" PRIu32 " [label=\" %s\", tooltip=\"%" PRIu64
		"\", weight=%d, penwidth=%.1f, color=\"#%06x\"%s];\n",
		e->caller, e->callee, value_text(text, e->value, bytes), e->value,
		1 + (int)(s * 100), 1 + PEN_MORE * s, mix(e->value, g->total, 0xb2b0ac, 0xb22c00),
		e->indirect ? ", style=dashed" : "");
}

static void write_total(const struct call_graph *g, const struct call_dot_options *o, FILE *out)
{
	bool bytes = stack_measure_is_bytes(o->measure);
	char text[UNITS_TEXT];

	fprintf(out,
		"total [shape=box, style=filled, fillcolor=\"#f8f8f8\", fontsize=14, label=\"");
	if (bytes)
		fprintf(out, "Total MB: %.1f\\l", (double)g->total / (1 << 20));
	else
		fprintf(out, "Total objects: %" PRIu64 "\\l", g->total);
	fprintf(out, "%s: %s%s\\l", stack_measure_text(o->measure), units_count(text, g->total),
		bytes ? " bytes" : "");
}

/* What is in the picture, and what it bears. */
static void write_notes(const struct call_graph *g, const struct call_dot_options *o, FILE *out)
{
	const char *unit = stack_measure_is_bytes(o->measure) ? " bytes" : "";
	size_t left_out = 0;
	char text[UNITS_TEXT];

	for (size_t i = 0; i < g->node_count; i++)
		left_out += g->nodes[i].left_out;
	fprintf(out, "%zu of %zu functions, those with the largest cum", g->node_count - left_out,
		g->node_count);
	if (left_out && o->least_node)
		fprintf(out, " (of less than %s%s none)", units_count(text, o->least_node), unit);
	fprintf(out, "\\l");
	if (o->thin_edges)
		fprintf(out, "%zu calls of less than %s%s are not drawn\\l", o->thin_edges,
			units_count(text, o->least_edge), unit);
	for (size_t i = 0; o->notes && o->notes[i] && i < NOTES_MAX; i++) {
		dot_text(out, o->notes[i]);
		fputs("\\l", out);
	}
	fprintf(out, "\"];\n");
}

struct ranked_edge {
	uint32_t caller, callee;
	const struct call_edge *edge;
};

static int by_ends(const void *a, const void *b)
{
	const struct ranked_edge *x = a, *y = b;

	if (x->caller != y->caller)
		return x->caller < y->caller ? -1 : 1;
	return x->callee < y->callee ? -1 : x->callee > y->callee;
}

static int write_edges(const struct call_graph *g, bool bytes, FILE *out, struct error *err)
{
	struct ranked_edge *list = calloc(g->edge_count + 1, sizeof(*list));

	if (!list)
		return error_nomem(err);
	for (size_t i = 0; i < g->edge_count; i++)
		list[i] = (struct ranked_edge){ g->edges[i].caller, g->edges[i].callee,
						&g->edges[i] };
	qsort(list, g->edge_count, sizeof(*list), by_ends);
	for (size_t i = 0; i < g->edge_count; i++)
		write_edge(g, list[i].edge, bytes, out);
	free(list);
	return 0;
}

int call_dot_write(const struct call_graph *graph, const struct text_pool *pool,
		   const struct call_dot_options *options, FILE *out, struct error *err)
{
	bool bytes = stack_measure_is_bytes(options->measure);
	uint64_t most_flat = 0;
	int rc;

	for (size_t i = 0; i < graph->node_count; i++)
		if (graph->nodes[i].flat > most_flat)
			most_flat = graph->nodes[i].flat;
	fprintf(out, "digraph kmem {\nnode [shape=box, style=filled, fontname=\"sans-serif\"];\n"
		     "edge [fontname=\"sans-serif\", fontsize=9];\n");
	write_total(graph, options, out);
	write_notes(graph, options, out);
	for (size_t i = 0; i < graph->node_count; i++)
		if (!graph->nodes[i].left_out)
			write_node(graph, pool, i, most_flat, bytes, out);
	rc = write_edges(graph, bytes, out, err);
	fprintf(out, "}\n");
	return rc;
}

/* ---- graphviz ---- */

struct dot_files {
	int in, out, log;
};

static int no_dot(struct error *err)
{
	return error_set(err, ERR_UNSUPPORTED,
			 "an SVG of a call graph needs graphviz: install it (apt-get install"
			 " graphviz), or write -o FILE.dot");
}

/* what a child ends with that could not become dot, where posix_spawnp cannot tell */
#define NO_PROGRAM 127

static int run_dot(const struct dot_files *f, int *ret_status, struct error *err)
{
	char *argv[] = { (char *)"dot", (char *)"-Tsvg", NULL };
	posix_spawn_file_actions_t actions;
	pid_t pid;
	int rc;

	if (posix_spawn_file_actions_init(&actions))
		return error_nomem(err);
	rc = posix_spawn_file_actions_adddup2(&actions, f->in, STDIN_FILENO);
	if (!rc)
		rc = posix_spawn_file_actions_adddup2(&actions, f->out, STDOUT_FILENO);
	if (!rc)
		rc = posix_spawn_file_actions_adddup2(&actions, f->log, STDERR_FILENO);
	if (!rc)
		rc = posix_spawnp(&pid, "dot", &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (rc == ENOENT)
		return no_dot(err);
	if (rc) {
		errno = rc;
		return error_errno(err, "cannot run graphviz's dot");
	}
	while (waitpid(pid, ret_status, 0) < 0)
		if (errno != EINTR)
			return error_errno(err, "cannot wait for graphviz's dot");
	return WIFEXITED(*ret_status) && WEXITSTATUS(*ret_status) == NO_PROGRAM ? no_dot(err) : 0;
}

#define SVG_MAX (256u << 20)

static int copy_out(int fd, FILE *out, struct error *err)
{
	struct buf b = { 0 };
	int rc = lseek(fd, 0, SEEK_SET) < 0 ? error_errno(err, "cannot read what dot wrote") :
					      file_slurp_fd(fd, "what dot wrote", SVG_MAX, &b, err);

	if (rc >= 0)
		fwrite(b.data, 1, b.len, out);
	buf_release(&b);
	return rc < 0 ? rc : 0;
}

/* The first line of what dot complained about. */
static int dot_failed(int log, struct error *err)
{
	char text[200];
	ssize_t n = pread(log, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return error_set(err, ERR_IO, "graphviz's dot failed: %s", *text ? text : "without a word");
}

int call_dot_svg(const char *text, size_t len, FILE *out, struct error *err)
{
	struct dot_files f = { memfd_create("dot-in", MFD_CLOEXEC),
			       memfd_create("dot-out", MFD_CLOEXEC),
			       memfd_create("dot-log", MFD_CLOEXEC) };
	int status = 0, rc = 0;

	if (f.in < 0 || f.out < 0 || f.log < 0)
		rc = error_errno(err, "cannot make a temporary file");
	if (rc == 0)
		rc = file_write_all(f.in, text, len, "a temporary file", err);
	if (rc == 0 && lseek(f.in, 0, SEEK_SET) < 0)
		rc = error_errno(err, "cannot make a temporary file");
	if (rc == 0)
		rc = run_dot(&f, &status, err);
	if (rc == 0 && (!WIFEXITED(status) || WEXITSTATUS(status)))
		rc = dot_failed(f.log, err);
	if (rc == 0)
		rc = copy_out(f.out, out, err);
	if (f.in >= 0)
		close(f.in);
	if (f.out >= 0)
		close(f.out);
	if (f.log >= 0)
		close(f.log);
	return rc;
}
