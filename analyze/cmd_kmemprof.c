/* kmemprof: the stacks that allocate and free most, per allocation event and per pair of events. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "analyze/perf_options.h"
#include "analyze/report.h"
#include "analyze/row_pairs.h"
#include "format/base/units.h"
#include "schema_sql.h"

struct kmemprof_options {
	struct report_options report;
	struct perf_options perf;
	struct option_list events;
	const char *key;
	bool call_graph;
	uint64_t interval_ns;
};

/* clang-format off */
static const struct sort_key sort_keys[] = {
	{ "bytes", "bytes DESC" },
	{ "objects", "objects DESC" },
	{ "lifetime", "1.0 * lifetime_sum / objects DESC" },
	{ NULL, NULL },
};
/* clang-format on */

#define TIES "bytes DESC, objects DESC, stack, call_site"

/* clang-format off */
static const struct option_row rows[] = {
	REPORT_ROWS(struct kmemprof_options, report),
	TOP_ROW(struct kmemprof_options, report),
	FORMAT_ROW(struct kmemprof_options, report),
	SORT_ROW(struct kmemprof_options, report, "bytes (default), objects, lifetime (mean, shown as well)"),
	{ "interval", 'i', "TIME", "one report per TIME of the capture (a bare number means ms); an object counts in the "
	  "interval of its free", OPT_TIME, offsetof(struct kmemprof_options, interval_ns), 0, 0, 1000000, NULL },
	{ "event", 'e', "EVENT[,EVENT]", "pair other events: the first -e allocates, as in kmem:kmalloc/FILTER/size=bytes_alloc/stack/, "
	  "the second frees", OPT_LIST, offsetof(struct kmemprof_options, events), 0, 0, 0, NULL },
	{ "key", 'k', "EXPR", "with -e: what is the same of an allocation and its free, where an event does not say key=EXPR "
	  "(default: ptr)", OPT_STRING, offsetof(struct kmemprof_options, key), 0, 0, 0, NULL },
	{ "call-graph", 'g', NULL, "with -e: stacks of all events, as their attribute stack (without: always)", OPT_FLAG,
	  offsetof(struct kmemprof_options, call_graph), 0, 0, 0, NULL },
	ON_LOSS_ROW(struct kmemprof_options, report),
	PERF_ROWS(struct kmemprof_options, perf),
	{ NULL, 0, NULL, NULL, OPT_FLAG, 0, 0, 0, 0, NULL },
};
/* clang-format on */

enum end_kind { KIND_LIVE = 0, KIND_FREED = 1, KIND_UNTRACED = 2 };

struct section_row {
	int64_t event, kind, other_event;
	char alloc_name[100], free_name[100];
	int64_t objects, bytes;
	bool sized; /* bytes are known */
};

static double percent(int64_t part, int64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

static uint64_t mean_of(double sum, int64_t objects)
{
	double mean = sum / (double)objects;

	return mean < 0 ? 0 : mean < 0x1p63 ? (uint64_t)mean : INT64_MAX;
}

/* "512 (64.0%)"; of a size that nobody knows "?". */
static void print_share(FILE *out, const struct query *q, int column, int64_t whole)
{
	if (query_is_null(q, column))
		fprintf(out, "?");
	else
		fprintf(out, "%" PRId64 " (%.1f%%)", query_int(q, column),
			percent(query_int(q, column), whole));
}

static void print_total(FILE *out, const char *event, const char *what, const struct section_row *s)
{
	fprintf(out, "%s total %s ", event, what);
	if (s->sized)
		fprintf(out, "%" PRId64, s->bytes);
	else
		fprintf(out, "?");
	fprintf(out, " bytes on %" PRId64 " objects", s->objects);
}

#define STACKS(table) \
	"SELECT event AS _event, kind AS _kind, other_event AS _other_event, stack, call_site," \
	" objects, bytes, lifetime_sum, lifetime_max, key1, key2, key3, key4, :time AS time," \
	" :alloc_event AS alloc_event, :how AS how, :free_event AS free_event, :side AS side\n" \
	"--+ , objects_low, objects_high, bytes_low, bytes_high\n FROM temp." table \
	" WHERE event = :event AND kind = :kind AND other_event = :other"

/*
 * One side of a section: the stacks that allocated ("Allocate") or freed ("Free"), and how many
 * were not shown.
 */
static int print_stacks(struct report *r, const struct section_row *s, bool frees,
			const char *order, int64_t time_ns, struct error *err)
{
	const char *sql = frees ? STACKS("free_group") : STACKS("alloc_group");
	bool text = r->emit.format == EMIT_TEXT;
	bool lifetimes = r->options->sort && strstr(r->options->sort, "lifetime");
	uint64_t shown = 0, all = 0;
	struct query q;
	char tail[400];
	int rc;

	/* of text the others are counted */
	snprintf(tail, sizeof(tail), "%s LIMIT %" PRId64, order,
		 !text && r->options->top ? (int64_t)r->options->top : INT64_C(-1));
	rc = report_query(r, &q, sql, tail, err);
	if (rc == 0) {
		query_bind_int(&q, ":time", time_ns);
		query_bind_text(&q, ":alloc_event", s->alloc_name);
		query_bind_text(&q, ":free_event", s->kind == KIND_FREED ? s->free_name : NULL);
		query_bind_text(&q, ":how",
				s->kind == KIND_LIVE  ? "live" :
				s->kind == KIND_FREED ? "freed" :
							"untraced");
		query_bind_text(&q, ":side", frees ? "free" : "alloc");
		query_bind_int(&q, ":event", s->event);
		query_bind_int(&q, ":kind", s->kind);
		query_bind_int(&q, ":other", s->other_event);
	}
	while (rc == 0 && (rc = emit_step(r, &q, err)) == 1) {
		int64_t objects = query_int(&q, 5);
		char mean[UNITS_TEXT], most[UNITS_TEXT];

		rc = 0;
		all++;
		if (r->options->top && shown == r->options->top)
			continue;
		shown++;
		fprintf(r->out, "%s ", frees ? "Free" : "Allocate");
		print_share(r->out, &q, 6, s->bytes);
		fprintf(r->out, " bytes on ");
		print_share(r->out, &q, 5, s->objects);
		fprintf(r->out, " objects");
		if (lifetimes && objects)
			fprintf(r->out, ", %s mean %s, longest %s",
				s->kind == KIND_LIVE ? "age" : "lifetime",
				units_duration(mean, mean_of(query_double(&q, 7), objects)),
				query_is_null(&q, 8) ?
					"unknown" :
					units_duration(most, (uint64_t)query_int(&q, 8)));
		report_error(r, &q, 18, !query_is_null(&q, 6), ", ", "");
		fprintf(r->out, ":\n");
		if (r->by.count)
			rc = by_print_block(r, &q, 9, err);
		else
			rc = report_stack(r, !query_is_null(&q, 3), query_int(&q, 3),
					  !query_is_null(&q, 4), query_int(&q, 4), err);
		if (!r->by.count && !frees)
			report_stack_unknown(r, !query_is_null(&q, 3));
	}
	query_release(&q);
	if (rc == 0 && all > shown)
		fprintf(r->out, "Skipping %s numbered %" PRIu64 "..%" PRIu64 "\n",
			frees ? "free" : "alloc", shown + 1, all);
	return rc;
}

static int print_section(struct report *r, const struct section_row *s, const char *order,
			 int64_t time_ns, struct error *err)
{
	int rc;

	if (r->emit.format != EMIT_TEXT) {
		rc = print_stacks(r, s, false, order, time_ns, err);
		return rc == 0 && s->kind == KIND_FREED ?
			       print_stacks(r, s, true, order, time_ns, err) :
			       rc;
	}
	report_timestamp(r, time_ns);
	if (s->kind == KIND_FREED)
		fprintf(r->out, "%s => %s\n", s->alloc_name, s->free_name);
	print_total(r->out, s->alloc_name, "alloc", s);
	fprintf(r->out, "%s\n",
		s->kind == KIND_LIVE ?
			" but not freed" :
		s->kind == KIND_UNTRACED ?
			", freed without a trace (their address was allocated again)" :
			"");
	rc = print_stacks(r, s, false, order, time_ns, err);
	if (rc == 0 && s->kind == KIND_FREED) {
		print_total(r->out, s->free_name, "free", s);
		fprintf(r->out, "\n");
		rc = print_stacks(r, s, true, order, time_ns, err);
	}
	fprintf(r->out, "\n");
	return rc;
}

/* The report over the rows that the temporary view pair has now. */
static int print_report(struct report *r, const char *order, int64_t time_ns, struct error *err)
{
	struct query q = { 0 };
	int rc;

	rc = report_materialise(r, "alloc_group",
				r->by.count ? schema_query_kmemprof_by_alloc_sql :
					      schema_query_kmemprof_alloc_sql,
				NULL, 0, err);
	if (rc == 0)
		rc = report_materialise(r, "free_group",
					r->by.count ? schema_query_kmemprof_by_free_sql :
						      schema_query_kmemprof_free_sql,
					NULL, 0, err);
	if (rc == 0)
		rc = query_init(&q, r->db, schema_query_kmemprof_section_sql, NULL, err);
	while (rc == 0 && (rc = query_step(&q, err)) == 1) {
		struct section_row s = {
			.event = query_int(&q, 0),
			.kind = query_int(&q, 1),
			.other_event = query_int(&q, 2),
			.objects = query_int(&q, 5),
			.bytes = query_int(&q, 6),
			.sized = !query_is_null(&q, 6),
		};

		report_safe(s.alloc_name, sizeof(s.alloc_name), query_text(&q, 3));
		report_safe(s.free_name, sizeof(s.free_name), query_text(&q, 4));
		rc = print_section(r, &s, order, time_ns, err);
	}
	query_release(&q);
	return rc;
}

/*
 * The temporary view freed_pair, and with --by free_by: what frees are counted of. Who freed is no sample, so these are the
 * pairs as they were before they were split over stacks, each with its lifetime; but -b chooses by what was split.
 */
static int select_freed(struct report *r, const char *pairs, const char *where, struct error *err)
{
	bool whole = r->estimate && !r->options->branch.dirs.count;
	char *sql = sqlite3_mprintf("CREATE TEMP VIEW freed_pair AS SELECT * FROM temp.\"%w%s\"%s",
				    pairs, whole ? "_chosen" : "", where);
	int rc = sql ? query_run(r->db, sql, err) : error_nomem(err);

	sqlite3_free(sql);
	if (rc == 0 && r->by.count)
		rc = by_view(&r->by, r->db, "free_by", "freed_pair", true, err);
	return rc;
}

#define OF_NOW	      " WHERE interval = (SELECT interval FROM temp.now)"
#define INTERVALS_MAX 100000

/* The temporary table interval_pair: pairs by interval. */
static int interval_rows(struct report *r, int64_t interval, struct error *err)
{
	const struct row_pairs how = { .source = report_rows(r),
				       .task_by = by_tasks(&r->by, false),
				       .cpu = r->by.cpu,
				       .initcall = r->by.initcall,
				       .length = r->length_ns,
				       .interval = interval };

	return row_pairs_select(r->db, &how, "interval_pair", err);
}

static int print_intervals(struct report *r, int64_t interval, const char *order, struct error *err)
{
	int64_t length = r->length_ns, count = length / interval + (length % interval != 0);
	int rc;

	if (count > INTERVALS_MAX)
		return error_set(err, ERR_USAGE,
				 "--interval: that would be %" PRId64
				 " reports; choose a longer time",
				 count);
	if (!count) /* of no length */
		count = 1;
	rc = interval_rows(r, interval, err);
	if (rc == 0)
		rc = query_run(r->db,
			       "CREATE INDEX temp.by_interval ON interval_pair (interval);"
			       "CREATE TEMP TABLE now (interval);"
			       "INSERT INTO temp.now VALUES (0)",
			       err);
	if (rc == 0)
		rc = report_select_pairs_of(r, "of_intervals", "temp.interval_pair", err);
	if (rc == 0)
		rc = query_run(r->db,
			       "CREATE TEMP VIEW pair AS SELECT * FROM temp.of_intervals" OF_NOW,
			       err);
	if (rc == 0 && r->by.count)
		rc = by_view(&r->by, r->db, "alloc_by", "pair", false, err);
	if (rc == 0)
		rc = select_freed(r, "of_intervals", OF_NOW, err);
	for (int64_t i = 1; rc == 0 && i <= count; i++) {
		rc = print_report(r, order, i < count ? i * interval : length, err);
		if (rc == 0)
			rc = query_run(r->db, "UPDATE temp.now SET interval = interval + 1", err);
	}
	return rc;
}

static int print(struct report *r, void *options, const char *order, struct error *err)
{
	const struct kmemprof_options *o = options;
	int rc;

	r->rows_for = o->interval_ns ? "--interval" : NULL;
	rc = report_header(r, "kmemprof", err);
	if (rc == 0)
		emit_section(r, "stacks", EMIT_TABLE);
	if (rc == 0 && o->interval_ns && r->options->at)
		return error_set(err, ERR_USAGE,
				 "--interval is about the whole capture: use it without --at");
	if (rc == 0 && o->interval_ns)
		return print_intervals(r, (int64_t)o->interval_ns, order, err);
	if (rc == 0)
		rc = report_select_groups(r, err);
	if (rc == 0)
		rc = select_freed(r, "pair", "", err);
	return rc < 0 ? rc : print_report(r, order, r->end_ns, err);
}

/* What the options mean together, once they are read. */
static int check(void *options, struct error *err)
{
	struct kmemprof_options *o = options;

	perf_options_apply(&o->perf, &o->report.filter);
	if (o->events.count && o->events.count != 2)
		return error_set(
			err, ERR_USAGE,
			"-e is wanted twice: the events that allocate, and those that free");
	if (!o->events.count && o->key)
		return error_set(err, ERR_USAGE, "-k is the key of events that -e names");
	if (o->events.count)
		o->report.pairs = (struct pair_request){
			.alloc = { "-e", &o->events.items[0], 1 },
			.free = { "-e", &o->events.items[1], 1 },
			.key = o->key,
			.rows = o->interval_ns != 0,
			.stacks = o->call_graph,
		};
	return 0;
}

static int run(const struct command *self, int argc, char **argv)
{
	struct kmemprof_options o = { .report.looks = LOOKS_AT_STACKS_OR_BY,
				      .report.top = 10,
				      .report.check = check };
	int code = report_run(self, argc, argv, &o, &o.report, sort_keys, TIES, print);

	option_list_release(&o.events);
	return code;
}

const struct command cmd_kmemprof = {
	.name = "kmemprof",
	.summary = "the stacks that allocate and free most, pair by pair of events",
	.operands = "CAPTURE...|DB",
	.description =
		"For each allocation event: what was not freed; then, for each event that freed its objects,\n"
		"the stacks that allocated them and the stacks that freed them, with bytes, objects, shares.\n",
	.examples =
		"  kmem-analyze kmemprof cap.kmem                 the ten biggest stacks of every section\n"
		"  kmem-analyze kmemprof -n 3 -s objects cap.kmem the three that allocate most often\n"
		"  kmem-analyze kmemprof -s lifetime cap.kmem     the stacks whose objects live longest\n"
		"  kmem-analyze kmemprof -i 5s cap.kmem           one report per five seconds of the capture\n"
		"  kmem-analyze kmemprof --by cpu cap.kmem        which CPU allocated, which freed\n"
		"  kmem-analyze kmemprof -e 'kmem:mm_page_alloc//size=4096<<order/key=pfn/stack/' \\\n"
		"      -e kmem:mm_page_free//key=pfn/stack/ cap.kmem   event pairs as in perf-prof\n",
	.options = rows,
	.run = run,
};
