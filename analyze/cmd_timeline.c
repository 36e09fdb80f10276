/* timeline: live bytes and objects over time. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "analyze/moments.h"
#include "analyze/output_kind.h"
#include "analyze/report.h"
#include "analyze/report_lines.h"
#include "analyze/timeline.h"

struct timeline_options {
	struct report_options report;
	uint64_t steps, every_ns;
	const char *begin, *until;
};

enum kind { KIND_TEXT, KIND_JSON, KIND_NDJSON, KIND_CSV, KIND_SVG, KIND_TRACE };
static const char *const formats[] = { "text", "json", "ndjson", "csv", "svg", "trace", NULL };
static const struct output_kind kinds[] = {
	{ "text", ".txt" }, { "json", ".json" }, { "ndjson", ".ndjson" },
	{ "csv", ".csv" },  { "svg", ".svg" },	 { NULL, NULL },
};

/* clang-format off */
static const struct option_row rows[] = {
	REPORT_ROWS(struct timeline_options, report),
	TOP_ROW(struct timeline_options, report),
	{ "steps", 0, "N", "N steps of the same length, instead of at most 60 of a round one", OPT_NUMBER, offsetof(struct timeline_options, steps), 1,
	  TIMELINE_STEPS_MAX, 0, NULL },
	{ "every", 0, "TIME", "a step each TIME instead (a bare number means ms)", OPT_TIME,
	  offsetof(struct timeline_options, every_ns), 0, 0, 1000000, NULL },
	{ "begin", 0, "TIME", "the first moment that is shown (the start); written as --from", OPT_STRING,
	  offsetof(struct timeline_options, begin), 0, 0, 0, NULL },
	{ "until", 0, "TIME", "the last one (the end)", OPT_STRING, offsetof(struct timeline_options, until), 0, 0, 0,
	  NULL },
	{ "format", 0, "FORMAT", "text (default), json, ndjson, csv, svg (a chart) or trace (counters for trace "
	  "viewers), where the ending of -o does not say it", OPT_CHOICE, offsetof(struct timeline_options, report.format),
	  0, 0, 0, formats },
	{ NULL, 0, NULL, NULL, OPT_FLAG, 0, 0, 0, 0, NULL },
};
/* clang-format on */

static bool ends_with(const char *text, const char *ending)
{
	size_t n = strlen(text), m = strlen(ending);

	return n > m && !strcmp(text + n - m, ending);
}

/* By name, or by the ending of -o; any other file is text. */
static enum kind kind_of(const struct report_options *o)
{
	int kind;

	for (kind = KIND_TEXT; o->format && formats[kind]; kind++)
		if (!strcmp(formats[kind], o->format))
			return (enum kind)kind;
	if (o->output && ends_with(o->output, ".trace.json"))
		return KIND_TRACE;
	kind = o->output ? output_kind(kinds, NULL, o->output, KIND_TEXT, "timeline", NULL) :
			   KIND_TEXT;
	return kind < 0 ? KIND_TEXT : (enum kind)kind;
}

static int parse_span(struct timeline *t, struct report *r, const struct timeline_options *o,
		      struct error *err)
{
	int rc = 0;

	t->from = 0;
	t->to = r->end_ns;
	if (r->options->from && r->from_ns > 0 && r->from_ns < t->to)
		t->from = r->from_ns;
	if (o->begin)
		rc = moment_parse(r->db, o->begin, "--begin", MOMENT_FIRST, &t->from, err);
	if (rc == 0 && o->until)
		rc = moment_parse(r->db, o->until, "--until", MOMENT_LAST, &t->to, err);
	/* nothing is known of what comes behind the end */
	if (rc == 0 && t->to > r->length_ns)
		t->to = r->length_ns;
	if (rc == 0 && t->from > t->to)
		rc = error_set(err, ERR_USAGE, "--begin is not before --until or the end");
	return rc;
}

/* ---- the rows of --format json, ndjson and csv ---- */

static int insert_value(struct query *q, const struct timeline *t, uint64_t step, size_t i,
			struct error *err)
{
	static const char *const names[] = { "all", "group", "others" };
	const struct timeline_value *v = timeline_value(t, step, i);

	query_reset(q);
	query_bind_int(q, ":time", t->times[step]);
	query_bind_text(q, ":series", names[t->series[i].kind]);
	query_bind_int(q, ":group", t->series[i].group);
	query_bind_int(q, ":bytes", (int64_t)v->bytes);
	query_bind_int(q, ":objects", (int64_t)v->objects);
	query_bind_int(q, ":least", (int64_t)v->least);
	query_bind_int(q, ":most", (int64_t)v->most);
	query_bind_int(q, ":missing", t->missing[step]);
	return query_step(q, err);
}

static int write_values(const struct timeline *t, struct report *r, struct error *err)
{
	struct query q = { 0 };
	int rc = query_run(
		r->db,
		"CREATE TEMP TABLE timeline (time, series, part, bytes, objects, bytes_min,"
		" bytes_max, missing)",
		err);

	if (rc == 0)
		rc = query_init(&q, r->db,
				"INSERT INTO temp.timeline VALUES (:time, :series, :group, :bytes,"
				" :objects, :least, :most, :missing)",
				NULL, err);
	for (uint64_t step = 0; rc == 0 && step <= t->steps; step++)
		for (size_t i = 0; rc == 0 && i < t->count; i++)
			rc = insert_value(&q, t, step, i, err);
	query_release(&q);
	return rc;
}

static int print_data(const struct timeline *t, struct report *r, struct error *err)
{
	struct query q = { 0 };
	int rc = write_values(t, r, err);

	emit_section(r, "steps", EMIT_TABLE);
	if (rc == 0)
		rc = query_init(&q, r->db,
				"SELECT t.time, t.series, coalesce(g.domain, (SELECT domain FROM"
				" temp.row_group LIMIT 1)) AS domain, " BY_COLUMNS
				", t.bytes, t.objects, t.bytes_min, t.bytes_max, t.missing"
				" FROM temp.timeline t LEFT JOIN temp.row_group g ON g.id = t.part"
				" ORDER BY t.rowid",
				NULL, err);
	if (rc == 0)
		rc = emit_step(r, &q, err);
	query_release(&q);
	return rc;
}

static int print_picture(const struct timeline *t, struct report *r, enum kind kind,
			 struct error *err)
{
	struct report_lines lines;
	int rc = report_lines_init(&lines, r, "timeline", err);

	if (rc == 0 && kind == KIND_SVG)
		timeline_svg(t, lines.lines, r->out);
	else if (rc == 0)
		timeline_trace(t, lines.lines, r->out);
	report_lines_release(&lines);
	return rc;
}

static int print(struct report *r, void *options, const char *order, struct error *err)
{
	const struct timeline_options *o = options;
	struct timeline t = { .steps = o->steps,
			      .every = (int64_t)o->every_ns,
			      .top = o->report.top };
	enum kind kind = kind_of(&o->report);
	int rc;

	(void)order;
	r->emit.format = emit_format_of(formats[kind]);
	r->all_domains = !r->options->domain && !r->by.count;
	r->levels = true;
	r->rows_for = "timeline";
	rc = parse_span(&t, r, o, err);
	if (rc == 0)
		rc = timeline_make(&t, r, err);
	if (rc == 0 && (kind == KIND_SVG || kind == KIND_TRACE))
		rc = print_picture(&t, r, kind, err);
	else if (rc == 0)
		rc = report_header(r, "timeline", err);
	if (rc == 0 && kind == KIND_TEXT)
		rc = timeline_text(&t, r);
	else if (rc == 0 && kind <= KIND_CSV)
		rc = print_data(&t, r, err);
	timeline_release(&t);
	return rc;
}

static int run(const struct command *self, int argc, char **argv)
{
	struct timeline_options o = { .report.top = 3 };

	return report_run(self, argc, argv, &o, &o.report, NULL, NULL, print);
}

const struct command cmd_timeline = {
	.name = "timeline",
	.summary = "live bytes and objects over time, as table, chart or counters",
	.operands = "CAPTURE...|DB",
	.description =
		"What was live at each step of the capture: by domain, which are not added up, or with --by of one\n"
		"domain the groups that had most, the others and all. Each value is exact: that of --at there.\n",
	.examples =
		"  kmem-analyze timeline cap.kmem                          each domain, in at most 60 steps\n"
		"  kmem-analyze timeline --by cache -n 8 cap.kmem -o c.svg a chart of the 8 biggest caches\n"
		"  kmem-analyze timeline --every 10ms --begin 2s --until 3s cap.kmem\n"
		"  kmem-analyze timeline --by caller cap.kmem -o live.trace.json    for Perfetto\n",
	.options = rows,
	.run = run,
};
