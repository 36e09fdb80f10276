/* account: the table of trace_analyze, per call site. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "analyze/classic.h"
#include "analyze/report.h"
#include "schema_sql.h"

struct account_options {
	struct report_options report;
	bool classic, callers;
};

/* The first is the default. The long names are those of the older tool. */
/* clang-format off */
static const struct sort_key sort_keys[] = {
	{ "net", "net DESC" },		{ "total", "total DESC" },
	{ "alloc", "alloc DESC" },	{ "free", "free DESC" },
	{ "waste", "waste DESC" },	{ "current_dynamic", "net DESC" },
	{ "total_dynamic", "total DESC" }, { "alloc_count", "alloc DESC" },
	{ "free_count", "free DESC" },	{ NULL, NULL },
};
/* clang-format on */

/* clang-format off */
static const struct option_row rows[] = {
	REPORT_ROWS(struct account_options, report),
	TOP_ROW(struct account_options, report),
	SORT_ROW(struct account_options, report, "net (default), total, alloc, free, waste; or the older names "
		 "current_dynamic, total_dynamic, alloc_count, free_count"),
	{ "classic", 0, NULL, "the arithmetic of the older tool, for comparison: frees that left no trace count as "
	  "live for ever, --malloc and --cache select before pairing", OPT_FLAG,
	  offsetof(struct account_options, classic), 0, 0, 0, NULL },
	{ "callers", 0, NULL, "a line per call site as the callers file of the older tool has it: name, net, waste, "
	  "object file", OPT_FLAG, offsetof(struct account_options, callers), 0, 0, 0, NULL },
	FORMAT_ROW(struct account_options, report),
	{ "order-by", 0, "KEY", NULL, OPT_STRING, offsetof(struct account_options, report.sort), 0, 0, 0, NULL },
	{ "account-file", 0, "FILE", NULL, OPT_STRING, offsetof(struct account_options, report.output), 0, 0, 0, NULL },
	{ NULL, 0, NULL, NULL, OPT_FLAG, 0, 0, 0, 0, NULL },
};
/* clang-format on */

static void print_summary(struct report *r, struct query *q)
{
	FILE *out = r->out;

	if (emit_row(r, q, NULL))
		return;
	fprintf(out, "current bytes allocated: %10" PRId64 "\n", query_int(q, 0));
	fprintf(out, "current bytes requested: %10" PRId64 "\n", query_int(q, 1));
	fprintf(out, "current wasted bytes:    %10" PRId64 "\n", query_int(q, 2));
	fprintf(out, "number of allocs:        %10" PRId64 "\n", query_int(q, 3));
	fprintf(out, "number of frees:         %10" PRId64 "\n", query_int(q, 4));
	fprintf(out, "number of %s %10" PRId64 "\n \n",
		r->by.count ? "groups:       " : "callers:      ", query_int(q, 5));
	fprintf(out, "   total    waste      net alloc/free  ");
	if (r->by.count)
		by_print_names(r);
	else
		fprintf(out, "caller");
	fprintf(out, "\n---------------------------------------------\n");
}

#define ERRORS "\n--+ , net_low, net_high, total_low, total_high\n"

/* Behind a line: the columns ERRORS, from `column` on. */
static void print_error(struct report *r, const struct query *q, int column)
{
	char net[ESTIMATE_TEXT], total[ESTIMATE_TEXT];

	if (!r->estimate)
		return;
	estimate_text(net, " net ", query_int(q, column), query_int(q, column + 1), "");
	estimate_text(total, " total ", query_int(q, column + 2), query_int(q, column + 3), "");
	if (*net || *total)
		fprintf(r->out, "%35s 95 %%:%s%s%s\n", "", total, *net && *total ? "," : "", net);
}

static int print_rows(struct report *r, const char *order, struct error *err)
{
	struct query q = { 0 };
	uint64_t shown = 0, all = 0;
	char tail[400], caller[300];
	int rc;

	rc = query_init(
		&q, r->db,
		"SELECT coalesce(sum(net), 0) AS net, coalesce(sum(net_req), 0) AS net_requested,"
		" coalesce(sum(waste), 0) AS waste, coalesce(sum(alloc), 0) AS alloc,"
		" coalesce(sum(free), 0) AS free, count(*) AS groups FROM temp.account",
		NULL, err);
	emit_section(r, "summary", EMIT_ONE);
	if (rc == 0)
		rc = query_step(&q, err);
	if (rc == 1) {
		all = (uint64_t)query_int(&q, 5);
		print_summary(r, &q);
	}
	query_release(&q);
	if (rc < 0)
		return rc;
	snprintf(tail, sizeof(tail), "%s LIMIT %" PRId64, order,
		 r->options->top ? (int64_t)r->options->top : INT64_C(-1));
	rc = report_query(r, &q,
			  r->by.count ? "SELECT total, waste, net, alloc, free, " BY_COLUMNS ERRORS
					" FROM temp.account" :
					"SELECT total, waste, net, alloc, free, caller" ERRORS
					" FROM temp.account",
			  tail, err);
	emit_section(r, r->by.count ? "groups" : "callers", EMIT_TABLE);
	while (rc == 0 && (rc = emit_step(r, &q, err)) == 1) {
		fprintf(r->out,
			"%8" PRId64 " %8" PRId64 " %8" PRId64 " %5" PRId64 "/%-5" PRId64 " ",
			query_int(&q, 0), query_int(&q, 1), query_int(&q, 2), query_int(&q, 3),
			query_int(&q, 4));
		rc = 0;
		if (r->by.count)
			rc = by_print_line(r, &q, 5, err);
		else
			fprintf(r->out, "%s\n",
				report_safe(caller, sizeof(caller), query_text(&q, 5)));
		print_error(r, &q, r->by.count ? 5 + BY_KEYS_MAX : 6);
		shown++;
	}
	query_release(&q);
	if (rc == 0 && r->emit.format == EMIT_TEXT)
		report_skipping(r, r->by.count ? "groups" : "callers", shown, all);
	return rc;
}

static int print_callers(struct report *r, const char *order, struct error *err)
{
	bool text = r->emit.format == EMIT_TEXT;
	char tail[400], caller[300], object[600];
	uint64_t shown = 0, all = 0;
	struct query q = { 0 };
	int rc;

	if (text && !debug_information(r->db))
		fprintf(r->out,
			"# no object files: there is no debug information; kmem-analyze symbolize DB -k VMLINUX adds it\n");
	if (text)
		fprintf(r->out, "# caller, net, waste, object file\n");
	emit_section(r, "callers", EMIT_TABLE);
	snprintf(tail, sizeof(tail), "%s LIMIT %" PRId64, order, report_limit(r));
	rc = query_init(&q, r->db, schema_query_account_callers_sql, tail, err);
	while (rc == 0 && (rc = emit_step(r, &q, err)) == 1) {
		rc = 0;
		if (!report_shows(r, &shown, &all))
			continue;
		fprintf(r->out, "%-60s %-8" PRId64 " %-8" PRId64 " %s\n",
			report_safe(caller, sizeof(caller), query_text(&q, 0)), query_int(&q, 1),
			query_int(&q, 2),
			query_is_null(&q, 3) ?
				"-" :
				report_safe(object, sizeof(object), query_text(&q, 3)));
	}
	query_release(&q);
	if (rc == 0 && text && all > shown)
		fprintf(r->out, "# ");
	if (rc == 0 && text)
		report_skipping(r, "callers", shown, all);
	return rc;
}

static int print(struct report *r, void *options, const char *order, struct error *err)
{
	struct account_options *o = options;
	const char *api = report_api(&o->report);
	int rc;

	/* the older tool knew no recorder: its arithmetic counts everybody */
	o->report.include_self |= o->classic;
	if (o->classic && strcmp(report_domain(&o->report), "slab"))
		return error_set(err, ERR_USAGE, "--classic: the older tool knew slab memory only");

	if (o->classic && api && (r->filtered || r->filter_sites))
		return error_set(
			err, ERR_USAGE,
			"--classic with --malloc or --cache pairs events anew: it cannot be"
			" combined with --from, --to, --at, --where or --only-...");
	if (o->classic && api && capture_int(r->db, "folded.pairs", 0))
		return error_set(
			err, ERR_UNSUPPORTED,
			"--classic with --malloc or --cache pairs every event anew, and the"
			" recorder folded pairs (--survivors): use one without the other");

	if (o->classic && api && r->by.count)
		return error_set(err, ERR_USAGE,
				 "--classic with --malloc or --cache knows call sites only: use"
				 " --by without one of the two");

	if (o->callers && r->by.count)
		return error_set(err, ERR_USAGE,
				 "--callers has a line per call site: use it without --by");

	/*
	 * filtered before pairing, objects pair differently: only a replay of the events can tell
	 */
	if (o->classic && api)
		rc = classic_account(r->db, api, o->report.branch.dirs.count > 0, err);
	else
		rc = report_select_groups(r, err);
	if (rc == 0 && !(o->classic && api))
		rc = report_materialise(r, "account",
					r->by.count ? schema_query_account_by_sql :
						      schema_query_account_sql,
					":classic", o->classic, err);
	if (rc == 0)
		rc = report_header(r, o->classic ? "account (classic arithmetic)" : "account", err);
	if (rc == 0)
		rc = o->callers ? print_callers(r, order, err) : print_rows(r, order, err);
	return rc;
}

static int run(const struct command *self, int argc, char **argv)
{
	struct account_options o = { .report.looks = LOOKS_AT_CALL_SITES };

	return report_run(self, argc, argv, &o, &o.report, sort_keys, "caller", print);
}

const struct command cmd_account = {
	.name = "account",
	.summary = "bytes and objects per call site: total, waste, still live",
	.operands = "CAPTURE...|DB",
	.description =
		"One line per call site: all bytes it allocated, bytes it still holds that nobody asked for\n"
		"(waste), bytes it still holds (net), allocations and frees of its objects, and its name.\n",
	.examples =
		"  kmem-analyze account cap.kmem                  who holds most memory\n"
		"  kmem-analyze account -s total -n 20 cap.kmem   the 20 call sites that allocated most\n"
		"  kmem-analyze account --malloc -s waste cap.kmem -o waste.txt\n"
		"  kmem-analyze account --by directory cap.kmem   which part of the kernel\n"
		"  kmem-analyze account -b fs/ext4 cap.kmem       one part of it alone\n",
	.options = rows,
	.run = run,
};
