/* stat: slab memory, in the tables of perf kmem. */
#include <inttypes.h>
#include <string.h>

#include "analyze/stat.h"
#include "analyze/stat_scan.h"
#include "schema_sql.h"

/* clang-format off */
static const struct stat_key keys[] = {
	{ "ptr", NULL, "address" },
	{ "callsite", "callsite", NULL },
	{ "bytes", "bytes_alloc DESC", "bytes_alloc DESC" },
	{ "hit", "hit DESC", "hit DESC" },
	{ "pingpong", "pingpong DESC", "pingpong DESC" },
	{ "frag", "frag DESC", "frag DESC" },
	{ NULL, NULL, NULL },
};
/* clang-format on */

#define STANDARD "frag,hit,bytes"

static void print_title(FILE *out, const char *first)
{
	stat_line(out);
	fprintf(out, " %-30s | Total_alloc/Per | Total_req/Per   | Hit      | Ping-pong | Frag\n",
		first);
	stat_line(out);
}

/* Columns from `at` on: bytes_alloc, bytes_req, hit, pingpong, frag. */
static void print_numbers(FILE *out, const struct query *q, int at)
{
	int64_t alloc = query_int(q, at), req = query_int(q, at + 1), hit = query_int(q, at + 2);

	fprintf(out,
		" | %9" PRId64 "/%-5" PRId64 " | %9" PRId64 "/%-5" PRId64 " | %8" PRId64
		" | %9" PRId64 " | %6.3f%%\n",
		alloc, hit ? alloc / hit : 0, req, hit ? req / hit : 0, hit, query_int(q, at + 3),
		query_double(q, at + 4));
}

static int print_callers(struct report *r, const struct stat_options *o, bool first,
			 struct error *err)
{
	char order[400], safe[300];
	uint64_t shown = 0, all = 0;
	struct query q = { 0 };
	int rc = stat_order(keys, false, o->report.sort, STANDARD, "callsite", order, sizeof(order),
			    err);

	if (rc == 0)
		rc = stat_query(&q, r, o, schema_query_stat_slab_caller_sql, order, err);
	emit_section(r, "slab_callers", first ? EMIT_TABLE : EMIT_PART);
	if (rc == 0 && r->emit.format == EMIT_TEXT)
		print_title(r->out, "Callsite");
	while (rc == 0 && (rc = emit_step(r, &q, err)) == 1) {
		rc = 0;
		if (!report_shows(r, &shown, &all))
			continue;
		fprintf(r->out, " %-30s", report_safe(safe, sizeof(safe), query_text(&q, 0)));
		print_numbers(r->out, &q, 1);
	}
	if (rc == 0 && r->emit.format == EMIT_TEXT)
		stat_line(r->out);
	query_release(&q);
	if (rc == 0 && r->emit.format == EMIT_TEXT)
		report_skipping(r, "lines", shown, all);
	return rc;
}

static int print_addresses(struct report *r, const struct stat_options *o, bool first,
			   struct error *err)
{
	char order[400];
	uint64_t shown = 0, all = 0;
	struct query q = { 0 };
	int rc = stat_order(keys, true, o->report.sort, STANDARD, "address", order, sizeof(order),
			    err);

	if (rc == 0)
		rc = query_run(r->db,
			       "CREATE TEMP TABLE stat_class AS SELECT site, 0 AS grp FROM"
			       " temp.stat_site",
			       err);
	if (rc == 0)
		rc = stat_scan(r, o->live, err);
	if (rc == 0)
		rc = stat_query(&q, r, o, schema_query_stat_slab_ptr_sql, order, err);
	emit_section(r, "slab_addresses", first ? EMIT_TABLE : EMIT_PART);
	if (rc == 0 && r->emit.format == EMIT_TEXT)
		print_title(r->out, "Alloc Ptr");
	while (rc == 0 && (rc = emit_step(r, &q, err)) == 1) {
		rc = 0;
		if (!report_shows(r, &shown, &all))
			continue;
		fprintf(r->out, " 0x%-28" PRIx64, (uint64_t)query_int(&q, 0));
		print_numbers(r->out, &q, 1);
	}
	if (rc == 0 && r->emit.format == EMIT_TEXT)
		stat_line(r->out);
	query_release(&q);
	if (rc == 0 && r->emit.format == EMIT_TEXT)
		report_skipping(r, "lines", shown, all);
	return rc;
}

static void print_total(struct report *r, const struct query *q)
{
	FILE *out = r->out;

	fprintf(out, "\nSUMMARY (SLAB allocator)\n========================\n");
	fprintf(out, "Total bytes requested: %" PRId64 "\n", query_int(q, 0));
	fprintf(out, "Total bytes allocated: %" PRId64 "\n", query_int(q, 1));
	fprintf(out, "Total bytes freed:     %" PRId64 "\n", query_int(q, 2));
	if (query_int(q, 3))
		fprintf(out,
			"Total bytes freed without a trace: %" PRId64 " (%" PRId64
			" objects whose address was allocated again)\n",
			query_int(q, 3), query_int(q, 10));
	fprintf(out, "Net total bytes allocated: %" PRId64 "\n", query_int(q, 4));
	fprintf(out, "Total bytes wasted on internal fragmentation: %" PRId64 "\n",
		query_int(q, 5));
	fprintf(out, "Internal fragmentation: %f%%\n", query_double(q, 6));
	if (query_is_null(q, 7))
		fprintf(out,
			"Cross CPU allocations: unknown, the capture does not say which CPUs are near"
			" which node\n");
	else
		fprintf(out, "Cross CPU allocations: %" PRId64 "/%" PRId64 "\n", query_int(q, 7),
			query_int(q, 8));
	if (!query_is_null(q, 12))
		fprintf(out, "Frees of what the capture never saw allocated: %" PRId64 "\n",
			query_int(q, 12));
}

int stat_print_slab(struct report *r, const struct stat_options *o, bool first, struct error *err)
{
	struct query q = { 0 };
	int rc = 0;

	if (o->caller)
		rc = print_callers(r, o, first, err);
	if (rc == 0 && o->alloc)
		rc = print_addresses(r, o, first && !o->caller, err);
	emit_section(r, "slab_summary", first && !o->caller && !o->alloc ? EMIT_TABLE : EMIT_ONE);
	if (rc == 0)
		rc = stat_query(&q, r, o, schema_query_stat_slab_total_sql, NULL, err);
	if (rc == 0)
		rc = emit_step(r, &q, err);
	if (rc == 1) {
		print_total(r, &q);
		rc = 0;
	}
	query_release(&q);
	return rc;
}
