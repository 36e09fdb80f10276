/* top: functions by what they allocate, themselves and with all that they call; with their callers and callees. */
#include <inttypes.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/call_graph.h"
#include "analyze/report.h"
#include "format/base/units.h"

struct top_options {
	struct report_options report;
	const char *measure, *peek;
	bool all_frames, tree;
};

/* clang-format off */
static const struct sort_key sort_keys[] = {
	{ "flat", "flat DESC, cum DESC" },
	{ "cum", "cum DESC, flat DESC" },
	{ "name", "function" },
	{ NULL, NULL },
};

static const struct option_row rows[] = {
	REPORT_ROWS(struct top_options, report),
	TOP_ROW(struct top_options, report),
	FORMAT_ROW(struct top_options, report),
	SORT_ROW(struct top_options, report, "flat (default), cum, name"),
	MEASURE_ROW(struct top_options, measure),
	{ "tree", 0, NULL, "each function between its callers and those that it calls, with their shares", OPT_FLAG,
	  offsetof(struct top_options, tree), 0, 0, 0, NULL },
	{ "peek", 0, "REGEX", "as --tree, only functions whose name matches the extended regular expression", OPT_STRING,
	  offsetof(struct top_options, peek), 0, 0, 0, NULL },
	ALL_FRAMES_ROW(struct top_options, all_frames),
	{ NULL, 0, NULL, NULL, OPT_FLAG, 0, 0, 0, 0, NULL },
};
/* clang-format on */

#define TIES "function"

struct top {
	struct report *r;
	const struct top_options *o;
	enum stack_measure measure;
	uint64_t total;
	const char *order;
};

/* ---- the temporary tables top_function and top_call ---- */

static int insert_nodes(sqlite3 *db, const struct call_graph *g, const struct text_pool *pool,
			const regex_t *peek, struct error *err)
{
	struct query q = { 0 };
	int rc = query_init(&q, db,
			    "INSERT INTO temp.top_function VALUES (:id, :name, :flat, :cum,"
			    " :peeked, :name, NULL, NULL, NULL, :flat_low, :flat_high, :cum_low,"
			    " :cum_high)",
			    NULL, err);

	for (size_t i = 0; rc == 0 && i < g->node_count; i++) {
		const char *name = text_pool_get(pool, g->nodes[i].name);

		query_reset(&q);
		query_bind_int(&q, ":id", (int64_t)i);
		query_bind_text(&q, ":name", name);
		query_bind_int(&q, ":flat", (int64_t)g->nodes[i].flat);
		query_bind_int(&q, ":cum", (int64_t)g->nodes[i].cum);
		query_bind_int(&q, ":flat_low", g->nodes[i].flat_low);
		query_bind_int(&q, ":flat_high", g->nodes[i].flat_high);
		query_bind_int(&q, ":cum_low", g->nodes[i].cum_low);
		query_bind_int(&q, ":cum_high", g->nodes[i].cum_high);
		query_bind_int(&q, ":peeked", !peek || !regexec(peek, name, 0, NULL, 0));
		rc = query_step(&q, err);
	}
	query_release(&q);
	return rc;
}

static int insert_edges(sqlite3 *db, const struct call_graph *g, struct error *err)
{
	struct query q = { 0 };
	int rc = query_init(
		&q, db, "INSERT INTO temp.top_call VALUES (:caller, :callee, :value, :low, :high)",
		NULL, err);

	for (size_t i = 0; rc == 0 && i < g->edge_count; i++) {
		query_reset(&q);
		query_bind_int(&q, ":caller", g->edges[i].caller);
		query_bind_int(&q, ":callee", g->edges[i].callee);
		query_bind_int(&q, ":value", (int64_t)g->edges[i].value);
		query_bind_int(&q, ":low", g->edges[i].low);
		query_bind_int(&q, ":high", g->edges[i].high);
		rc = query_step(&q, err);
	}
	query_release(&q);
	return rc;
}

static int make_tables(const struct top *t, const struct call_graph *g,
		       const struct text_pool *pool, const regex_t *peek, struct error *err)
{
	/* key1 to key4: reports with --by sort by them in the end */
	int rc = query_run(t->r->db,
			   "CREATE TEMP TABLE top_function (id INTEGER PRIMARY KEY, function, flat,"
			   " cum, peeked, key1, key2, key3, key4, flat_low, flat_high, cum_low,"
			   " cum_high);"
			   "CREATE TEMP TABLE top_call (caller, callee, value, low, high)",
			   err);

	if (rc == 0)
		rc = insert_nodes(t->r->db, g, pool, peek, err);
	if (rc == 0 && (t->o->tree || t->o->peek))
		rc = insert_edges(t->r->db, g, err);
	if (rc == 0)
		rc = query_run(t->r->db,
			       "CREATE INDEX temp.top_callee ON top_call (callee);"
			       "CREATE INDEX temp.top_caller ON top_call (caller)",
			       err);
	return rc;
}

/* ---- the report ---- */

#define SHARE "CASE WHEN %lld THEN 100.0 * %s / %lld ELSE 0.0 END"

static int query_functions(const struct top *t, struct query *q, struct error *err)
{
	long long total = (long long)t->total;
	char *sql = sqlite3_mprintf(
		"SELECT function, flat, " SHARE " AS flat_percent, " SHARE
		" AS sum_percent, cum, " SHARE
		" AS cum_percent, id AS _id, peeked AS _peeked, total AS _total\n--+ , flat_low,"
		" flat_high, cum_low, cum_high\n FROM (SELECT *,"
		" sum(flat) OVER (%s ROWS UNBOUNDED PRECEDING) AS run, sum(peeked) OVER () AS total"
		" FROM temp.top_function) WHERE peeked %s LIMIT %lld",
		total, "flat", total, total, "run", total, total, "cum", total, t->order, t->order,
		t->o->report.top ? (long long)t->o->report.top : -1LL);
	int rc = sql ? report_query(t->r, q, sql, NULL, err) : error_nomem(err);

	sqlite3_free(sql);
	return rc;
}

static void print_error(const struct top *t, const struct query *q)
{
	char flat[ESTIMATE_TEXT], cum[ESTIMATE_TEXT];

	if (!t->r->estimate)
		return;
	estimate_text(flat, " flat ", query_int(q, 9), query_int(q, 10), "");
	estimate_text(cum, " cum ", query_int(q, 11), query_int(q, 12), "");
	if (*flat || *cum)
		fprintf(t->r->out, "%54s 95 %%:%s%s%s\n", "", flat, *flat && *cum ? "," : "", cum);
}

static void print_line(const struct top *t, const struct query *q, const char *bar)
{
	char name[512];

	fprintf(t->r->out, "%14" PRId64 " %6.2f%% %6.2f%% %14" PRId64 " %6.2f%% %s%s\n",
		query_int(q, 1), query_double(q, 2), query_double(q, 3), query_int(q, 4),
		query_double(q, 5), bar, report_safe(name, sizeof(name), query_text(q, 0)));
	print_error(t, q);
}

/* Of a function those that call it, or that it calls: function, value, share of its cum. */
static int print_calls(const struct top *t, struct query *q, const struct query *function,
		       const char *list, const char *bar, struct error *err)
{
	char name[512], error[ESTIMATE_TEXT];
	int rc;

	query_reset(q);
	query_bind_int(q, ":id", query_int(function, 6));
	query_bind_int(q, ":cum", query_int(function, 4));
	if (t->r->emit.format != EMIT_TEXT) {
		emit_list(t->r, list);
		rc = emit_step(t->r, q, err);
		emit_list_end(t->r);
		return rc;
	}
	while ((rc = query_step(q, err)) == 1) {
		error[0] = '\0';
		if (t->r->estimate)
			estimate_text(error, " (95 %: ", query_int(q, 3), query_int(q, 4), ")");
		fprintf(t->r->out, "%30s %14" PRId64 " %6.2f%% %s%s%s\n", "", query_int(q, 1),
			query_double(q, 2), bar, report_safe(name, sizeof(name), query_text(q, 0)),
			error);
	}
	return rc;
}

static int print_block(const struct top *t, struct query *q, struct query *callers,
		       struct query *callees, struct error *err)
{
	bool text = t->r->emit.format == EMIT_TEXT;
	int rc;

	if (text)
		fprintf(t->r->out, "%.98s\n",
			"----------------------------------------------------------------------------------------"
			"----------");
	else if ((rc = emit_row_open(t->r, q, err)) < 0)
		return rc;
	rc = print_calls(t, callers, q, "callers", "  ", err);
	if (rc == 0 && text)
		print_line(t, q, "");
	if (rc == 0)
		rc = print_calls(t, callees, q, "callees", "      ", err);
	if (!text)
		emit_row_close(t->r);
	return rc;
}

#define CALLS(side, other) \
	"SELECT f.function, c.value, CASE WHEN :cum THEN 100.0 * c.value / :cum ELSE 0.0 END AS percent\n" \
	"--+ , c.low, c.high\n FROM temp.top_call c JOIN temp.top_function f ON f.id = c." side \
	" WHERE c." other " = :id ORDER BY c.value DESC, f.function"

static int print_rows(const struct top *t, struct query *q, struct error *err)
{
	struct query callers = { 0 }, callees = { 0 };
	uint64_t shown = 0, all = 0;
	int rc = report_query(t->r, &callers, CALLS("caller", "callee"), NULL, err);

	if (rc == 0)
		rc = report_query(t->r, &callees, CALLS("callee", "caller"), NULL, err);
	while (rc == 0 && (rc = query_step(q, err)) == 1) {
		all = (uint64_t)query_int(q, 8);
		shown++;
		rc = print_block(t, q, &callers, &callees, err);
	}
	query_release(&callers);
	query_release(&callees);
	if (rc == 0 && t->r->emit.format == EMIT_TEXT)
		report_skipping(t->r, "functions", shown, all);
	return rc;
}

static int print_functions(const struct top *t, struct error *err)
{
	bool calls = t->o->tree || t->o->peek;
	struct query q = { 0 };
	uint64_t all = 0, shown = 0;
	int rc = query_functions(t, &q, err);

	emit_section(t->r, "functions", EMIT_TABLE);
	if (rc == 0 && t->r->emit.format == EMIT_TEXT)
		fprintf(t->r->out, "%14s %7s %7s %14s %7s %s\n", "flat", "flat%", "sum%", "cum",
			"cum%", calls ? "  callers, function, callees" : "function");
	if (rc == 0 && calls) {
		rc = print_rows(t, &q, err);
		query_release(&q);
		return rc;
	}
	while (rc == 0 && (rc = emit_step(t->r, &q, err)) == 1) {
		print_line(t, &q, "");
		all = (uint64_t)query_int(&q, 8);
		shown++;
		rc = 0;
	}
	query_release(&q);
	if (rc == 0)
		report_skipping(t->r, "functions", shown, all);
	return rc;
}

static int print_total(const struct top *t, const struct call_graph *g, struct error *err)
{
	char text[UNITS_TEXT];
	struct query q = { 0 };
	int rc;

	if (t->r->emit.format == EMIT_TEXT) {
		fprintf(t->r->out, "%s: %s in all, by %zu functions\n\n",
			stack_measure_text(t->measure), units_count(text, t->total), g->node_count);
		return 0;
	}
	rc = query_init(&q, t->r->db,
			"SELECT :measure AS measure, :total AS total, :functions AS functions",
			NULL, err);
	emit_section(t->r, "total", EMIT_ONE);
	if (rc == 0) {
		query_bind_text(&q, ":measure", stack_measures[t->measure]);
		query_bind_int(&q, ":total", (int64_t)t->total);
		query_bind_int(&q, ":functions", (int64_t)g->node_count);
		rc = emit_step(t->r, &q, err);
	}
	query_release(&q);
	return rc;
}

static bool any_peeked(const struct call_graph *g, const struct text_pool *pool,
		       const regex_t *peek)
{
	for (size_t i = 0; i < g->node_count; i++)
		if (!regexec(peek, text_pool_get(pool, g->nodes[i].name), 0, NULL, 0))
			return true;
	return false;
}

static int report_graph(struct top *t, const struct call_graph *g, const struct text_pool *pool,
			const regex_t *peek, struct error *err)
{
	int rc;

	t->total = g->total;
	if (peek && !any_peeked(g, pool, peek))
		return error_set(err, ERR_USAGE, "no function of these stacks matches --peek '%s'",
				 t->o->peek);
	rc = make_tables(t, g, pool, peek, err);
	if (rc == 0)
		rc = report_header(t->r, "top", err);
	if (rc == 0)
		rc = print_total(t, g, err);
	return rc < 0 ? rc : print_functions(t, err);
}

static int print(struct report *r, void *options, const char *order, struct error *err)
{
	const struct top_options *o = options;
	struct top t = { .r = r, .o = o, .measure = stack_measure_of(o->measure), .order = order };
	const struct stack_values_options how = { .peak = t.measure == MEASURE_PEAK,
						  .all_frames = o->all_frames };
	struct text_pool pool = { 0 };
	struct stack_values v = { .pool = &pool };
	struct call_graph g = { 0 };
	regex_t peek;
	int rc = report_select_groups(r, err);

	if (o->peek && regcomp(&peek, o->peek, REG_EXTENDED | REG_NOSUB))
		return error_set(err, ERR_USAGE, "--peek: '%s' is no extended regular expression",
				 o->peek);
	if (rc == 0)
		rc = stack_values_read(&v, r, &how, err);
	if (rc == 0)
		rc = call_graph_add(&g, &v, t.measure, err);
	if (rc == 0 && r->estimate)
		rc = call_graph_errors(&g, &v, t.measure, r->estimate, err);
	if (rc == 0)
		rc = report_graph(&t, &g, &pool, o->peek ? &peek : NULL, err);
	if (o->peek)
		regfree(&peek);
	call_graph_release(&g);
	stack_values_release(&v);
	text_pool_release(&pool);
	return rc;
}

static int run(const struct command *self, int argc, char **argv)
{
	struct top_options o = { .report.looks = LOOKS_AT_STACKS };

	return report_run(self, argc, argv, &o, &o.report, sort_keys, TIES, print);
}

const struct command cmd_top = {
	.name = "top",
	.summary = "functions: flat and cum as in pprof, callers and callees (--tree, --peek)",
	.operands = "CAPTURE...|DB",
	.description =
		"Of each function: flat, what it allocates itself; its share; sum%, the shares up to this line; cum,\n"
		"what it and all that it calls allocate, a recursion counted once; and its share. The allocator's own\n"
		"functions are left out, so that flat is with who calls it (--all-frames).\n",
	.examples =
		"  kmem-analyze top -n 20 cap.kmem                          who holds memory\n"
		"  kmem-analyze top -s cum --measure allocated cap.kmem     from the entry points down\n"
		"  kmem-analyze top --peek '^vfs_' cap.kmem                 who calls these, and whom they call\n"
		"  kmem-analyze top --by directory cap.kmem.db              directories instead of functions\n",
	.options = rows,
	.run = run,
};
