/* peak: what held the memory when most of it was live, and when each stack held most. */
#include <inttypes.h>
#include <stdio.h>

#include "analyze/levels.h"
#include "analyze/report.h"
#include "format/base/units.h"
#include "schema_sql.h"

struct peak_options {
	struct report_options report;
};

/* clang-format off */
static const struct sort_key sort_keys[] = {
	{ "peak", "bytes DESC" },
	{ "own", "own_bytes DESC" },
	{ "objects", "objects DESC" },
	{ "own-objects", "own_objects DESC" },
	{ "time", "own_time" },
	{ NULL, NULL },
};
/* clang-format on */

#define TIES "bytes DESC, own_bytes DESC, own_time, stack, call_site"

/* clang-format off */
static const struct option_row rows[] = {
	REPORT_ROWS(struct peak_options, report),
	TOP_ROW(struct peak_options, report),
	FORMAT_ROW(struct peak_options, report),
	SORT_ROW(struct peak_options, report, "peak (default: bytes held at the peak of all), own (bytes at the "
		 "stack's own peak), objects, own-objects, time (of its own peak)"),
	{ NULL, 0, NULL, NULL, OPT_FLAG, 0, 0, 0, 0, NULL },
};
/* clang-format on */

/* Whether the summaries know; else the single objects have to be put in order. */
static bool summaries_tell(const struct report *r)
{
	const struct report_options *o = r->options;

	return !r->filtered && !r->filter_sites && !r->by.count && !o->include_self &&
	       !o->branch.dirs.count && !report_api(o) &&
	       !capture_int(r->db, "events.out_of_order", 0) && !report_by_call_site(r);
}

static int from_summaries(struct report *r, struct error *err)
{
	static const struct {
		const char *into, *sql;
	} tables[] = {
		{ "CREATE TEMP TABLE peak_group AS ", schema_query_peak_stack_sql },
		{ "CREATE TEMP TABLE peak_all AS ", schema_query_peak_domain_sql },
	};
	int rc = 0;

	for (int i = 0; i < 2 && rc == 0; i++) {
		char *sql = sqlite3_mprintf("%s%s", tables[i].into, tables[i].sql);
		struct query q = { 0 };

		rc = sql ? query_init(&q, r->db, sql, NULL, err) : error_nomem(err);
		if (rc == 0) {
			query_bind_text(&q, ":domain", report_one_domain(r));
			rc = query_step(&q, err);
		}
		query_release(&q);
		sqlite3_free(sql);
	}
	return rc;
}

static int write_groups(const struct levels *l, struct report *r, struct error *err)
{
	struct query q = { 0 };
	int rc = query_init(
		&q, r->db,
		"INSERT INTO temp.peak_group SELECT domain, stack, call_site, " BY_COLUMNS
		", :bytes, :objects, :own_bytes, :own_objects, :own_time"
		" FROM temp.row_group WHERE id = :group",
		NULL, err);

	for (size_t i = 1; rc == 0 && i <= l->items.groups; i++) {
		const struct group_peak *g = &l->peaks[i];

		query_reset(&q);
		query_bind_int(&q, ":group", (int64_t)i);
		query_bind_int(&q, ":bytes", (int64_t)g->at_bytes);
		query_bind_int(&q, ":objects", (int64_t)g->at_objects);
		query_bind_int(&q, ":own_bytes", (int64_t)g->level.peak_bytes);
		query_bind_int(&q, ":own_objects", (int64_t)g->level.peak_objects);
		query_bind_int(&q, ":own_time", g->level.peak_time);
		if (g->level.peak_objects)
			rc = query_step(&q, err);
	}
	query_release(&q);
	return rc;
}

static int write_domains(const struct levels *l, struct report *r, struct error *err)
{
	struct query q = { 0 };
	int rc = query_init(&q, r->db,
			    "INSERT INTO temp.peak_all SELECT domain, :time, :bytes, :objects,"
			    " :end_bytes, :end_objects FROM (SELECT DISTINCT domain FROM"
			    " temp.row_group ORDER BY domain LIMIT 1 OFFSET :number)",
			    NULL, err);

	for (size_t i = 0; rc == 0 && i < l->total_count; i++) {
		const struct level *d = &l->totals[i].level;

		query_reset(&q);
		query_bind_int(&q, ":number", (int64_t)i);
		query_bind_int(&q, ":time", d->peak_time);
		query_bind_int(&q, ":bytes", (int64_t)d->peak_bytes);
		query_bind_int(&q, ":objects", (int64_t)d->peak_objects);
		query_bind_int(&q, ":end_bytes", (int64_t)d->bytes);
		query_bind_int(&q, ":end_objects", (int64_t)d->objects);
		if (d->peak_objects)
			rc = query_step(&q, err);
	}
	query_release(&q);
	return rc;
}

static int from_rows(struct report *r, struct error *err)
{
	struct levels l = { 0 };
	int rc = levels_read(&l, r, ROW_GROUPS_STACK, err);

	if (rc == 0)
		rc = levels_peaks(&l, r, err);
	if (rc == 0)
		rc = query_run(
			r->db,
			"CREATE TEMP TABLE peak_group (domain, stack, call_site, " BY_COLUMNS
			", bytes, objects, own_bytes, own_objects, own_time);"
			"CREATE TEMP TABLE peak_all (domain, time, bytes, objects, end_bytes,"
			" end_objects)",
			err);
	if (rc == 0)
		rc = write_groups(&l, r, err);
	if (rc == 0)
		rc = write_domains(&l, r, err);
	levels_release(&l);
	return rc;
}

static const char *seconds(char text[UNITS_TEXT], int64_t ns)
{
	uint64_t n = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;

	snprintf(text, UNITS_TEXT, "%s%" PRIu64 ".%09" PRIu64 " s", ns < 0 ? "-" : "",
		 n / 1000000000, n % 1000000000);
	return text;
}

static double percent(int64_t part, int64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

struct domain_row {
	char name[40];
	int64_t time, bytes, objects, end_bytes, end_objects;
};

static void print_domain(struct report *r, const struct domain_row *d)
{
	char at[UNITS_TEXT];

	fprintf(r->out,
		"PEAK of %s: %" PRId64 " bytes in %" PRId64 " objects at %s; at the end %" PRId64
		" bytes in %" PRId64 "\n",
		d->name, d->bytes, d->objects, seconds(at, d->time), d->end_bytes, d->end_objects);
}

static int print_group(struct report *r, const struct domain_row *d, const struct query *q,
		       struct error *err)
{
	int64_t bytes = query_int(q, 7), objects = query_int(q, 8);
	char at[UNITS_TEXT];

	fprintf(r->out,
		"Held %" PRId64 " (%.1f%%) bytes in %" PRId64
		" (%.1f%%) objects then; its own peak %" PRId64 " bytes in %" PRId64 " at %s:\n",
		bytes, percent(bytes, d->bytes), objects, percent(objects, d->objects),
		query_int(q, 9), query_int(q, 10), seconds(at, query_int(q, 11)));
	if (r->by.count)
		return by_print_block(r, q, 3, err);
	return report_stack(r, !query_is_null(q, 1), query_int(q, 1), !query_is_null(q, 2),
			    query_int(q, 2), err);
}

#define GROUPS(stack) \
	"SELECT domain, " stack \
	", key1, key2, key3, key4, bytes, objects, own_bytes, own_objects, own_time FROM" \
	" temp.peak_group WHERE domain = :domain"

static int print_groups(struct report *r, const struct domain_row *d, const char *order,
			struct error *err)
{
	bool text = r->emit.format == EMIT_TEXT;
	uint64_t shown = 0, all = 0;
	struct query q = { 0 };
	char tail[400];
	int rc;

	snprintf(tail, sizeof(tail), "%s LIMIT %" PRId64, order,
		 !text && r->options->top ? (int64_t)r->options->top : INT64_C(-1));
	rc = query_init(&q, r->db,
			r->by.count ? GROUPS("NULL AS _stack, NULL AS _call_site") :
				      GROUPS("stack, call_site"),
			tail, err);
	if (rc == 0)
		query_bind_text(&q, ":domain", d->name);
	while (rc == 0 && (rc = emit_step(r, &q, err)) == 1) {
		rc = 0;
		all++;
		if (r->options->top && shown == r->options->top)
			continue;
		shown++;
		rc = print_group(r, d, &q, err);
	}
	query_release(&q);
	if (rc == 0 && all > shown)
		fprintf(r->out, "Skipping numbers %" PRIu64 "..%" PRIu64 " (-n 0 shows all)\n",
			shown + 1, all);
	return rc;
}

static int print_domains(struct report *r, const char *order, struct error *err)
{
	static const char sql[] = "SELECT * FROM temp.peak_all ORDER BY domain";
	bool text = r->emit.format == EMIT_TEXT, any = false;
	struct query q = { 0 };
	int rc = query_init(&q, r->db, sql, NULL, err);

	emit_section(r, "peaks", EMIT_PART);
	if (rc == 0 && !text)
		rc = emit_step(r, &q, err);
	emit_section(r, r->by.count ? "groups" : "stacks", EMIT_TABLE);
	query_reset(&q);
	while (rc == 0 && (rc = query_step(&q, err)) == 1) {
		struct domain_row d = { .time = query_int(&q, 1),
					.bytes = query_int(&q, 2),
					.objects = query_int(&q, 3),
					.end_bytes = query_int(&q, 4),
					.end_objects = query_int(&q, 5) };

		report_safe(d.name, sizeof(d.name), query_text(&q, 0));
		if (text && any)
			fprintf(r->out, "\n");
		if (text)
			print_domain(r, &d);
		any = true;
		rc = print_groups(r, &d, order, err);
	}
	query_release(&q);
	if (rc == 0 && text && !any)
		fprintf(r->out, "(nothing that was asked for was ever live)\n");
	return rc;
}

static int print(struct report *r, void *options, const char *order, struct error *err)
{
	int rc;

	(void)options;
	if (r->options->at)
		return error_set(err, ERR_USAGE,
				 "--at: a peak is looked for in all moments; what was live at one"
				 " tells kmemleak --at");
	r->all_domains = !r->options->domain;
	r->levels = true;
	r->rows_for = "peak";
	rc = summaries_tell(r) ? from_summaries(r, err) : from_rows(r, err);
	if (rc == 0)
		rc = report_header(r, "peak", err);
	return rc < 0 ? rc : print_domains(r, order, err);
}

static int run(const struct command *self, int argc, char **argv)
{
	struct peak_options o = { .report.looks = LOOKS_AT_ROWS, .report.top = 10 };

	return report_run(self, argc, argv, &o, &o.report, sort_keys, TIES, print);
}

const struct command cmd_peak = {
	.name = "peak",
	.summary = "what held the memory when most of it was live",
	.operands = "CAPTURE...|DB",
	.description =
		"For each domain the moment at which most bytes were live, and what each stack held then; and when\n"
		"that stack itself held most. With --by the same of other groups.\n",
	.examples =
		"  kmem-analyze peak cap.kmem                     what made the peak\n"
		"  kmem-analyze peak -s own -n 20 cap.kmem        stacks by their own peak, whenever it was\n"
		"  kmem-analyze peak --by cache,comm cap.kmem     the same by slab cache and task\n"
		"  kmem-analyze peak --domain page --from mark:load cap.kmem\n",
	.options = rows,
	.run = run,
};
