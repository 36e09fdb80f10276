/* lifetimes: how long objects live, by stack or other groups. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/lifetimes.h"
#include "format/base/units.h"

struct lifetimes_options {
	struct report_options report;
	uint64_t than_ns, less_ns;
	bool exact;
};

/* clang-format off */
static const struct sort_key sort_keys[] = {
	{ "objects", "freed DESC" },
	{ "bytes", "bytes DESC" },
	{ "p50", "p50 DESC" },
	{ "p90", "p90 DESC" },
	{ "p99", "p99 DESC" },
	{ "longest", "longest DESC" },
	{ "live", "live DESC" },
	{ NULL, NULL },
};
/* clang-format on */

#define TIES "freed DESC, bytes DESC, live DESC, stack, call_site"

/* clang-format off */
static const struct option_row rows[] = {
	REPORT_ROWS(struct lifetimes_options, report),
	TOP_ROW(struct lifetimes_options, report),
	FORMAT_ROW(struct lifetimes_options, report),
	SORT_ROW(struct lifetimes_options, report, "objects (default), bytes, p50, p90, p99, longest, live"),
	{ "than", 0, "TIME", "only objects that surely lived longer than TIME (a bare number means ns)", OPT_TIME,
	  offsetof(struct lifetimes_options, than_ns), 0, 0, 1, NULL },
	{ "less", 0, "TIME", "only objects that surely lived less than TIME", OPT_TIME,
	  offsetof(struct lifetimes_options, less_ns), 0, 0, 1, NULL },
	{ "exact", 0, NULL, "percentiles to the ns, from every object, instead of rounded up to two digits", OPT_FLAG,
	  offsetof(struct lifetimes_options, exact), 0, 0, 0, NULL },
	{ NULL, 0, NULL, NULL, OPT_FLAG, 0, 0, 0, 0, NULL },
};
/* clang-format on */

/* ---- the tables that the report is made from ---- */

static int write_group(struct query *q, const struct lifetime_group *g, size_t part,
		       struct error *err)
{
	static const char *const names[] = { ":p50", ":p90", ":p99" };

	query_reset(q);
	sqlite3_clear_bindings(q->stmt);
	query_bind_int(q, ":part", (int64_t)part);
	query_bind_int(q, ":freed", (int64_t)g->freed);
	query_bind_int(q, ":bytes", (int64_t)g->bytes);
	for (size_t i = 0; i < LIFETIME_SHARES && g->freed; i++)
		query_bind_int(q, names[i], g->at_most[i]);
	if (g->freed) {
		query_bind_int(q, ":longest", g->longest);
		/* rounded it may be more than the longest */
		query_bind_int(q, ":mean",
			       g->sum / (double)g->freed < (double)g->longest ?
				       (int64_t)(g->sum / (double)g->freed) :
				       g->longest);
	}
	query_bind_int(q, ":untraced", (int64_t)g->untraced);
	if (g->untraced)
		query_bind_int(q, ":untraced_longest", g->untraced_longest);
	query_bind_int(q, ":live", (int64_t)g->live);
	if (g->live)
		query_bind_int(q, ":live_oldest", g->live_oldest);
	query_bind_int(q, ":in_doubt", (int64_t)g->in_doubt);
	return query_step(q, err);
}

static int write_buckets(struct query *q, const struct lifetime_group *g, size_t part,
			 struct error *err)
{
	int64_t below = LIFETIME_BELOW;
	int rc = 0;

	for (int i = 0; rc == 0 && i < LIFETIME_BUCKETS; i++, below *= 10) {
		query_reset(q);
		sqlite3_clear_bindings(q->stmt);
		query_bind_int(q, ":part", (int64_t)part);
		if (i < LIFETIME_BUCKETS - 1)
			query_bind_int(q, ":below", below);
		query_bind_int(q, ":objects", (int64_t)g->buckets[i]);
		rc = query_step(q, err);
	}
	return rc;
}

static int write_tables(const struct lifetimes *x, struct report *r, struct error *err)
{
	struct query groups = { 0 }, buckets = { 0 };
	int rc = query_run(
		r->db,
		"CREATE TEMP TABLE lifetime (part INTEGER PRIMARY KEY, freed, bytes, p50, p90,"
		" p99, longest, mean, untraced, untraced_longest, live, live_oldest,"
		" in_doubt); CREATE TEMP TABLE lifetime_bucket (id INTEGER PRIMARY KEY,"
		" part, below_ns, objects)",
		err);

	if (rc == 0)
		rc = query_init(
			&groups, r->db,
			"INSERT INTO temp.lifetime VALUES (:part, :freed, :bytes, :p50, :p90,"
			" :p99, :longest, :mean, :untraced, :untraced_longest, :live,"
			" :live_oldest, :in_doubt)",
			NULL, err);
	if (rc == 0)
		rc = query_init(&buckets, r->db,
				"INSERT INTO temp.lifetime_bucket (part, below_ns, objects) VALUES"
				" (:part, :below, :objects)",
				NULL, err);
	for (size_t i = 0; rc == 0 && i <= x->items.groups; i++) {
		const struct lifetime_group *g = &x->groups[i];

		if (i && !g->freed && !g->untraced && !g->live)
			continue;
		rc = write_group(&groups, g, i, err);
		if (rc == 0)
			rc = write_buckets(&buckets, g, i, err);
	}
	query_release(&groups);
	query_release(&buckets);
	return rc < 0 ?
		       rc :
		       query_run(r->db,
				 "CREATE INDEX temp.lifetime_bucket_part ON lifetime_bucket (part)",
				 err);
}

/* ---- print ---- */

/* Digits that were rounded away are not shown. */
static const char *share_text(char text[UNITS_TEXT], uint64_t ns, bool rounded)
{
	size_t unit, end;

	units_duration(text, ns);
	unit = end = strcspn(text, " ");
	if (!rounded || !strchr(text, '.'))
		return text;
	while (text[end - 1] == '0')
		end--;
	end -= text[end - 1] == '.';
	memmove(text + end, text + unit, strlen(text + unit) + 1);
	return text;
}

static void print_shares(FILE *out, const struct lifetime_group *g, bool rounded)
{
	char text[UNITS_TEXT];

	for (size_t i = 0; i < LIFETIME_SHARES; i++)
		fprintf(out, "%s %u%% within %s", i ? "," : "", lifetime_shares[i],
			share_text(text, (uint64_t)g->at_most[i], rounded));
	fprintf(out, ", longest %s", units_duration(text, (uint64_t)g->longest));
}

/* What is known of the others is a bound only. */
static void print_bounds(FILE *out, const struct lifetime_group *g, const char *indent)
{
	char text[UNITS_TEXT];

	if (g->untraced)
		fprintf(out, "%sfreed without a trace %" PRIu64 ", after %s at most\n", indent,
			g->untraced, units_duration(text, (uint64_t)g->untraced_longest));
	if (g->live)
		fprintf(out, "%slive %" PRIu64 ", the oldest for %s so far\n", indent, g->live,
			units_duration(text, (uint64_t)g->live_oldest));
	if (g->in_doubt)
		fprintf(out,
			"%sin doubt %" PRIu64
			" of those freed: events are missing from their lives, which may have been"
			" shorter\n",
			indent, g->in_doubt);
}

static void print_histogram(FILE *out, const struct lifetime_group *g)
{
	int64_t below = LIFETIME_BELOW;
	char text[UNITS_TEXT], label[UNITS_TEXT + 10];
	uint64_t most = 1;

	for (int i = 0; i < LIFETIME_BUCKETS; i++)
		most = g->buckets[i] > most ? g->buckets[i] : most;
	for (int i = 0; i < LIFETIME_BUCKETS; i++, below *= 10) {
		int bar = (int)((double)g->buckets[i] / (double)most * 50 + 0.5);

		if (i < LIFETIME_BUCKETS - 1)
			snprintf(label, sizeof(label), "below %s",
				 units_duration(text, (uint64_t)below));
		else
			snprintf(label, sizeof(label), "longer");
		fprintf(out, "%16s %12" PRIu64 " %5.1f%%  |%.*s\n", label, g->buckets[i],
			g->freed ? 100.0 * (double)g->buckets[i] / (double)g->freed : 0.0, bar,
			"##################################################");
	}
}

static void print_total(const struct lifetimes *x, struct report *r)
{
	const struct lifetime_group *all = &x->groups[0];
	FILE *out = r->out;
	char text[UNITS_TEXT];

	if (x->than_ns)
		fprintf(out, "only what surely lived longer than %s\n",
			units_duration(text, x->than_ns));
	if (x->less_ns)
		fprintf(out, "only what surely lived less than %s\n",
			units_duration(text, x->less_ns));
	fprintf(out, "LIFETIMES of %" PRIu64 " objects that were freed", all->freed);
	if (all->freed) {
		fprintf(out, ":\n   ");
		print_shares(out, all, x->rounded);
	}
	fprintf(out, "\n");
	print_bounds(out, all, "not among them: ");
	if (x->rounded && all->freed)
		fprintf(out,
			"times of percentages are rounded up to two digits (--exact: to the ns)\n");
	if (x->undecided)
		fprintf(out,
			"left out: %" PRIu64
			" that are live or were freed without a trace, of which nobody can tell"
			" (--than, --less)\n",
			x->undecided);
	if (all->freed) {
		fprintf(out, "\n");
		print_histogram(out, all);
	}
	fprintf(out, "\n");
}

static int print_group(const struct lifetimes *x, struct report *r, const struct query *q,
		       struct error *err)
{
	const struct lifetime_group *g = &x->groups[query_int(q, 6)];

	fprintf(r->out, "Freed %" PRIu64 " objects, %" PRIu64 " bytes", g->freed, g->bytes);
	if (g->freed) {
		fprintf(r->out, ":\n   ");
		print_shares(r->out, g, x->rounded);
	}
	fprintf(r->out, "\n");
	print_bounds(r->out, g, "    ");
	if (r->by.count)
		return by_print_block(r, q, 2, err);
	return report_stack(r, !query_is_null(q, 0), query_int(q, 0), !query_is_null(q, 1),
			    query_int(q, 1), err);
}

static int emit_buckets(struct report *r, int64_t part, struct error *err)
{
	struct query q = { 0 };
	int rc = query_init(&q, r->db,
			    "SELECT below_ns, objects FROM temp.lifetime_bucket WHERE part = :part"
			    " ORDER BY id",
			    NULL, err);

	query_bind_int(&q, ":part", part);
	emit_list(r, "histogram");
	if (rc == 0)
		rc = emit_step(r, &q, err);
	emit_list_end(r);
	query_release(&q);
	return rc;
}

static int emit_group(struct report *r, struct query *q, int64_t part, struct error *err)
{
	int rc = emit_row_open(r, q, err);

	rc = rc < 0 ? rc : emit_buckets(r, part, err);
	emit_row_close(r);
	return rc;
}

static int emit_total(const struct lifetimes *x, struct report *r, struct error *err)
{
	struct query q = { 0 };
	char sql[400];
	int rc;

	snprintf(sql, sizeof(sql),
		 "SELECT freed, bytes, p50, p90, p99, longest, mean, untraced, untraced_longest,"
		 " live, live_oldest, in_doubt, %" PRIu64
		 " AS undecided, %d AS rounded FROM temp.lifetime WHERE part = 0",
		 x->undecided, x->rounded);
	emit_section(r, "total", EMIT_ONE);
	rc = query_init(&q, r->db, sql, NULL, err);
	if (rc == 0)
		rc = query_step(&q, err);
	if (rc == 1)
		rc = emit_group(r, &q, 0, err);
	query_release(&q);
	return rc;
}

#define GROUPS(stack) \
	"SELECT " stack \
	", g.key1, g.key2, g.key3, g.key4, l.part AS _part, l.freed, l.bytes, l.p50, l.p90, l.p99," \
	" l.longest, l.mean, l.untraced, l.untraced_longest, l.live, l.live_oldest, l.in_doubt" \
	" FROM temp.lifetime l JOIN temp.row_group g ON g.id = l.part"

static int print_groups(const struct lifetimes *x, struct report *r, const char *order,
			struct error *err)
{
	bool text = r->emit.format == EMIT_TEXT;
	uint64_t shown = 0, all = 0;
	struct query q = { 0 };
	int rc = query_init(&q, r->db,
			    r->by.count ? GROUPS("NULL AS _stack, NULL AS _call_site") :
					  GROUPS("g.stack AS stack, g.call_site AS call_site"),
			    order, err);

	emit_section(r, r->by.count ? "groups" : "stacks", EMIT_TABLE);
	while (rc == 0 && (rc = query_step(&q, err)) == 1) {
		rc = 0;
		all++;
		if (r->options->top && shown == r->options->top)
			continue;
		shown++;
		rc = text ? print_group(x, r, &q, err) : emit_group(r, &q, query_int(&q, 6), err);
	}
	query_release(&q);
	if (rc == 0 && text)
		report_skipping(r, "groups", shown, all);
	return rc;
}

static int print(struct report *r, void *options, const char *order, struct error *err)
{
	const struct lifetimes_options *o = options;
	struct lifetimes x = { .than_ns = o->than_ns, .less_ns = o->less_ns, .exact = o->exact };
	int rc;

	if (x.than_ns && x.less_ns && x.than_ns >= x.less_ns)
		return error_set(err, ERR_USAGE, "--than is not below --less: nothing lives both");
	r->rows_for = "lifetimes";
	rc = report_header(r, "lifetimes", err);
	if (rc == 0)
		rc = lifetimes_read(&x, r, err);
	if (rc == 0)
		rc = write_tables(&x, r, err);
	if (rc == 0 && r->emit.format == EMIT_TEXT)
		print_total(&x, r);
	else if (rc == 0)
		rc = emit_total(&x, r, err);
	if (rc == 0)
		rc = print_groups(&x, r, order, err);
	lifetimes_release(&x);
	return rc;
}

static int run(const struct command *self, int argc, char **argv)
{
	struct lifetimes_options o = { .report.looks = LOOKS_AT_ROWS, .report.top = 10 };

	return report_run(self, argc, argv, &o, &o.report, sort_keys, TIES, print);
}

const struct command cmd_lifetimes = {
	.name = "lifetimes",
	.summary = "how long objects live: percentiles and a histogram, by stack",
	.operands = "CAPTURE...|DB",
	.description =
		"Times from allocation to free: of all objects with a histogram, and of each stack or group of --by.\n"
		"Live objects, and those whose free left no trace, are counted apart: the age of the first is\n"
		"a lower bound of their lifetime, and of the second the reuse of the address is an upper one.\n",
	.examples =
		"  kmem-analyze lifetimes cap.kmem                     the stacks that allocate most often\n"
		"  kmem-analyze lifetimes --less 10us --by caller cap.kmem    temporary objects: who makes them\n"
		"  kmem-analyze lifetimes --than 5s -s live cap.kmem   long-lived ones\n"
		"  kmem-analyze lifetimes --by cache -s p99 cap.kmem   the caches whose objects live longest\n",
	.options = rows,
	.run = run,
};
