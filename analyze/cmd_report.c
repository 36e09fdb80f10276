/* report: one page for a browser with everything that most people want to see of a capture. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analyze/aside.h"
#include "analyze/callers.h"
#include "analyze/flame.h"
#include "analyze/json_text.h"
#include "analyze/leak_doubt.h"
#include "analyze/report.h"
#include "analyze/ring_html.h"
#include "analyze/timeline.h"
#include "schema_sql.h"

/* Together they keep the page below 5 MB, whatever the capture: parts say what they leave out. */
#define CALLERS_MOST 2000
#define CACHES_MOST  500
#define LEAKS_MOST   300
#define STEPS	     200
#define PAGE_MOST    (5u << 20)

struct report_command {
	struct report_options report;
};

/* clang-format off */
static const struct option_row rows[] = {
	REPORT_ROWS(struct report_command, report),
	{ NULL, 0, NULL, NULL, OPT_FLAG, 0, 0, 0, 0, NULL },
};
/* clang-format on */

/* ---- the tables and the timeline, as JSON ---- */

static int emit_query(struct report *r, const char *name, enum emit_kind kind, const char *sql,
		      const char *tail, struct error *err)
{
	struct query q = { 0 };
	int rc = query_init(&q, r->db, sql, tail, err);

	emit_section(r, name, kind);
	if (rc == 0)
		rc = emit_step(r, &q, err);
	query_release(&q);
	return rc;
}

static int emit_callers(struct report *r, struct error *err)
{
	char tail[80];
	int rc = report_materialise(r, "account", schema_query_account_sql, ":classic", 0, err);

	snprintf(tail, sizeof(tail), "ORDER BY net DESC, total DESC, caller LIMIT %d",
		 CALLERS_MOST);
	if (rc == 0)
		rc = emit_query(
			r, "summary", EMIT_ONE,
			"SELECT coalesce(sum(net), 0) AS net, coalesce(sum(net_req), 0) AS net_requested,"
			" coalesce(sum(waste), 0) AS waste, coalesce(sum(total), 0) AS total,"
			" coalesce(sum(alloc), 0) AS alloc, coalesce(sum(free), 0) AS free, count(*) AS groups"
			" FROM temp.account",
			NULL, err);
	if (rc == 0)
		rc = emit_query(r, "callers", EMIT_TABLE, "SELECT * FROM temp.account", tail, err);
	return rc;
}

static int emit_caches(struct report *r, struct error *err)
{
	char tail[80];
	int rc = query_materialise(r->db, "cache_group", schema_query_report_cache_sql, NULL, 0,
				   err);

	if (rc == 0)
		rc = emit_query(r, "cache_groups", EMIT_ONE,
				"SELECT count(*) AS groups, coalesce(sum(objects), 0) AS objects"
				" FROM temp.cache_group",
				NULL, err);
	snprintf(tail, sizeof(tail), "ORDER BY net DESC, total DESC, cache LIMIT %d", CACHES_MOST);
	return rc < 0 ? rc :
			emit_query(r, "caches", EMIT_TABLE, "SELECT * FROM temp.cache_group", tail,
				   err);
}

static int emit_leaks(struct report *r, struct error *err)
{
	char tail[100];
	int rc = query_materialise(r->db, "leak", "SELECT * FROM temp.pair WHERE end & 3 = 0", NULL,
				   0, err);

	if (rc == 0)
		rc = query_materialise(r->db, "doubt", schema_query_kmemleak_doubt_sql, ":percent",
				       DOUBT_PERCENT, err);
	if (rc == 0)
		rc = query_materialise(r->db, "ended", schema_query_kmemleak_ended_sql, NULL, 0,
				       err);
	if (rc == 0)
		rc = report_materialise(r, "leak_group", schema_query_kmemleak_group_sql, NULL, 0,
					err);
	if (rc == 0)
		rc = emit_query(r, "leak_groups", EMIT_ONE,
				"SELECT count(*) AS groups FROM temp.leak_group", NULL, err);
	snprintf(tail, sizeof(tail), "ORDER BY bytes DESC, objects DESC, stack, call_site LIMIT %d",
		 LEAKS_MOST);
	return rc < 0 ? rc :
			emit_query(r, "leaks", EMIT_TABLE, "SELECT * FROM temp.leak_group", tail,
				   err);
}

/* {"times": [...], "series": [{"name": ..., "bytes": [...], "objects": [...]}]} */
static void write_timeline(struct report *r, const struct timeline *t)
{
	FILE *out = r->out;

	fprintf(out, ",\n\"timeline\": {\"stacked\": %s, \"times\": [",
		t->adds_up ? "true" : "false");
	for (size_t i = 0; i <= t->steps; i++)
		fprintf(out, "%s%" PRId64, i ? "," : "", t->times[i]);
	fprintf(out, "], \"missing\": [");
	for (size_t i = 0; i <= t->steps; i++)
		fprintf(out, "%s%d", i ? "," : "", t->missing[i]);
	fprintf(out, "], \"series\": [");
	for (size_t s = 0; s < t->count; s++) {
		fprintf(out, "%s{\"name\": ", s ? ",\n" : "");
		json_text(out, t->series[s].name ? t->series[s].name : "");
		fprintf(out,
			", \"total\": %d, \"peak_bytes\": %" PRIu64 ", \"peak_time\": %" PRId64
			", \"bytes\": [",
			t->series[s].kind == SERIES_TOTAL, t->series[s].peak_bytes,
			t->series[s].peak_time);
		for (size_t i = 0; i <= t->steps; i++)
			fprintf(out, "%s%" PRIu64, i ? "," : "", timeline_value(t, i, s)->bytes);
		fprintf(out, "], \"objects\": [");
		for (size_t i = 0; i <= t->steps; i++)
			fprintf(out, "%s%" PRIu64, i ? "," : "", timeline_value(t, i, s)->objects);
		fprintf(out, "]}");
	}
	fprintf(out, "]}");
}

static int add_timeline(struct report *r, struct error *err)
{
	struct timeline t = { .from = 0, .to = r->end_ns, .steps = STEPS, .top = 8 };
	int rc = timeline_make(&t, r, err);

	if (rc == 0) {
		emit_end_section(r);
		write_timeline(r, &t);
	}
	timeline_release(&t);
	return rc;
}

static int make_data(struct report *r, struct aside *p, struct error *err)
{
	int rc = aside_begin(p, r, err);

	if (rc < 0)
		return rc;
	r->emit.format = EMIT_JSON;
	rc = report_header(r, "report", err);
	if (rc == 0)
		rc = emit_callers(r, err);
	if (rc == 0)
		rc = emit_caches(r, err);
	if (rc == 0)
		rc = emit_leaks(r, err);
	if (rc == 0)
		rc = add_timeline(r, err);
	if (rc == 0)
		emit_end(r);
	r->emit.format = EMIT_TEXT;
	return aside_end(p, r, rc, err);
}

/* ---- pictures ---- */

static int draw_flame(struct report *r, const struct stack_values *v, enum stack_measure measure,
		      struct aside *p, struct error *err)
{
	char title[80];
	struct flame_options o = { .title = title, .measure = measure, .inside = true };
	struct flame_tree tree = { 0 };
	int rc = aside_begin(p, r, err);

	if (rc < 0)
		return rc;
	snprintf(title, sizeof(title), "%s by stack", stack_measure_text(measure));
	rc = flame_tree_init(&tree, err);
	if (rc == 0)
		rc = flame_tree_add(&tree, v, measure, false, err);
	if (rc == 0)
		rc = flame_tree_sort(&tree, v->pool, err);
	if (rc == 0)
		rc = flame_svg(&tree, v->pool, &o, r->out, err);
	if (rc == ERR_UNSUPPORTED) { /* nothing of it: a page without it is one all the same */
		fprintf(r->out, "<p>There are no %s here.</p>", stack_measure_text(measure));
		*err = (struct error){ 0 };
		rc = 0;
	}
	flame_tree_release(&tree);
	return aside_end(p, r, rc, err);
}

static int make_flames(struct report *r, struct aside *live, struct aside *allocated,
		       struct error *err)
{
	const struct stack_values_options how = { .labels = false };
	struct text_pool pool = { 0 };
	struct stack_values v = { .pool = &pool };
	int rc = stack_values_read(&v, r, &how, err);

	if (rc == 0)
		rc = draw_flame(r, &v, MEASURE_LIVE, live, err);
	if (rc == 0)
		rc = draw_flame(r, &v, MEASURE_ALLOCATED, allocated, err);
	stack_values_release(&v);
	text_pool_release(&pool);
	return rc;
}

static int fill_rings(struct report *r, struct size_tree *tree, bool known, struct error *err)
{
	const struct option_list *skip = &r->options->skip_frames;
	struct query q = { 0 };
	int rc = 0;

	if (!r->options->branch.dirs.count && !r->by.count)
		rc = callers_select(r->db, skip->items, skip->count, err);
	if (rc == 0)
		rc = query_init(&q, r->db, schema_query_rings_dynamic_sql, NULL, err);
	if (rc == 0)
		query_bind_int(&q, ":known", known);
	while (rc == 0 && (rc = query_step(&q, err)) == 1)
		rc = query_int(&q, 2) > 0 ? size_tree_add(tree, query_text(&q, 0),
							  (uint64_t)query_int(&q, 2), err) :
					    0;
	query_release(&q);
	size_tree_sort(tree);
	return rc;
}

static int make_rings(struct report *r, struct aside *p, struct error *err)
{
	bool known = debug_information(r->db);
	struct ring_chart_options how = {
		.title = known ? "live bytes by source directory" :
				 "live bytes by module and function",
		.subtitle =
			known ? "" :
				"there is no debug information: kmem-analyze symbolize DB -k VMLINUX gives directories",
		.centre = "live",
	};
	struct size_tree *tree = NULL;
	int rc = aside_begin(p, r, err);

	if (rc < 0)
		return rc;
	rc = size_tree_new(&tree, "kernel", err);
	if (rc == 0)
		rc = fill_rings(r, tree, known, err);
	if (rc == 0)
		ring_html_write(tree, &how, r->out);
	size_tree_free(tree);
	return aside_end(p, r, rc, err);
}

/* ---- the page ---- */

/* A whole document as the value of an attribute. */
static void write_attribute(FILE *out, const struct aside *p)
{
	for (const char *s = p->text; *s; s++) {
		if (*s == '&')
			fputs("&amp;", out);
		else if (*s == '"')
			fputs("&quot;", out);
		else
			fputc(*s, out);
	}
}

struct page {
	struct aside data, live, allocated, rings;
	bool both; /* flame graphs */
};

static void write_page(FILE *out, const struct page *p)
{
	const char *s = analyze_report_html;

	while (*s) {
		const char *mark = strchr(s, '@');

		if (!mark) {
			fputs(s, out);
			return;
		}
		fwrite(s, 1, (size_t)(mark - s), out);
		s = mark + 1;
		if (!strncmp(mark, "@DATA@", 6))
			fputs(p->data.text, out);
		else if (!strncmp(mark, "@LIVE@", 6))
			fputs(p->live.text, out);
		else if (!strncmp(mark, "@ALLOCATED@", 11))
			fputs(p->both ?
				      p->allocated.text :
				      "<p>Left out here because of its size: kmem-analyze flame --measure allocated</p>",
			      out);
		else if (!strncmp(mark, "@RINGS@", 7))
			write_attribute(out, &p->rings);
		else {
			fputc('@', out);
			continue;
		}
		s = strchr(s, '@') + 1;
	}
}

static int print(struct report *r, void *options, const char *order, struct error *err)
{
	struct page p = { .both = true };
	int rc;

	(void)options;
	(void)order;
	if (r->by.count)
		return error_set(
			err, ERR_USAGE,
			"report has tables of its own: --by is for account, kmemprof, kmemleak"
			" and top");
	rc = report_select_groups(r, err);
	if (rc == 0)
		rc = make_data(r, &p.data, err);
	if (rc == 0)
		rc = make_flames(r, &p.live, &p.allocated, err);
	if (rc == 0)
		rc = make_rings(r, &p.rings, err);
	if (rc == 0) {
		p.both = p.data.size + p.live.size + p.allocated.size + p.rings.size <
			 PAGE_MOST * 9 / 10;
		write_page(r->out, &p);
	}
	aside_release(&p.data);
	aside_release(&p.live);
	aside_release(&p.allocated);
	aside_release(&p.rings);
	return rc;
}

static int check(void *options, struct error *err)
{
	const struct report_command *o = options;

	if (o->report.output || !isatty(STDOUT_FILENO))
		return 0;
	return error_set(err, ERR_USAGE,
			 "report makes a page for a browser: name it with -o FILE.html");
}

static int run(const struct command *self, int argc, char **argv)
{
	struct report_command o = { .report.looks = LOOKS_AT_STACKS, .report.check = check };

	return report_run(self, argc, argv, &o, &o.report, NULL, NULL, print);
}

const struct command cmd_report = {
	.name = "report",
	.summary =
		"one HTML page: summary, timeline, flame graphs, rings, tables of callers, caches and leaks",
	.operands = "CAPTURE...|DB",
	.description =
		"A page for a browser that needs nothing else and loads nothing: what the data can bear, live memory\n"
		"over time, flame graphs and rings to look around in, and tables that can be sorted and searched. It\n"
		"stays below 5 MB; what is left out for that is said where it is missing.\n",
	.examples = "  kmem-analyze report cap.kmem -o report.html\n"
		    "  kmem-analyze report --only-comm nginx cap.kmem -o nginx.html\n"
		    "  kmem-analyze report --at 50% -f -o half.html cap.kmem.db\n",
	.options = rows,
	.run = run,
};
