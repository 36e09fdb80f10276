/*
 * kmemleak: what was allocated during the capture and never freed, by stack, graded by how sure
 * that is.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "analyze/flame_file.h"
#include "analyze/leak_doubt.h"
#include "analyze/moments.h"
#include "analyze/perf_options.h"
#include "analyze/report.h"
#include "analyze/row_pairs.h"
#include "format/base/units.h"
#include "schema_sql.h"

struct kmemleak_options {
	struct report_options report;
	struct perf_options perf;
	struct option_list allocs, frees;
	bool comm, verbose, call_graph;
	uint64_t than_ns, interval_ns;
	const char *flame_graph;
};

/* clang-format off */
static const struct sort_key sort_keys[] = {
	{ "bytes", "bytes DESC" },
	{ "objects", "objects DESC" },
	{ "age", "age DESC" },
	{ NULL, NULL },
};
/* clang-format on */

#define TIES "bytes DESC, objects DESC, stack, call_site"

/* clang-format off */
static const struct option_row rows[] = {
	REPORT_ROWS(struct kmemleak_options, report),
	TOP_ROW(struct kmemleak_options, report),
	FORMAT_ROW(struct kmemleak_options, report),
	SORT_ROW(struct kmemleak_options, report, "bytes (default), objects, age (of the oldest)"),
	{ "comm", 0, NULL, "name the tasks that allocated: comm(bytes/objects)", OPT_FLAG,
	  offsetof(struct kmemleak_options, comm), 0, 0, 0, NULL },
	{ "verbose", 'v', NULL, "list every live object before the report by stack", OPT_FLAG,
	  offsetof(struct kmemleak_options, verbose), 0, 0, 0, NULL },
	{ "than", 0, "TIME", "only objects that were live longer than TIME when the capture ended (a bare number means "
	  "ns)", OPT_TIME, offsetof(struct kmemleak_options, than_ns), 0, 0, 1, NULL },
	{ "interval", 'i', "TIME", "one report per TIME of the capture, of what was live at its end (a bare number means ms)",
	  OPT_TIME, offsetof(struct kmemleak_options, interval_ns), 0, 0, 1000000, NULL },
	{ "flame-graph", 0, "FILE", "also write the leaks as a flame graph: FILE.svg, or folded stacks for flamegraph.pl",
	  OPT_STRING, offsetof(struct kmemleak_options, flame_graph), 0, 0, 0, NULL },
	{ "alloc", 0, "EVENT[,EVENT]", "pair other events: these allocate, as in kmem:kmalloc/FILTER/ptr=ptr/size=bytes_alloc/stack/",
	  OPT_LIST, offsetof(struct kmemleak_options, allocs), 0, 0, 0, NULL },
	{ "free", 0, "EVENT[,EVENT]", "and these free: kmem:kfree//ptr=ptr/", OPT_LIST,
	  offsetof(struct kmemleak_options, frees), 0, 0, 0, NULL },
	{ "call-graph", 'g', NULL, "with --alloc: stacks of all events, as their attribute stack (without: always)",
	  OPT_FLAG, offsetof(struct kmemleak_options, call_graph), 0, 0, 0, NULL },
	ON_LOSS_ROW(struct kmemleak_options, report),
	PERF_ROWS(struct kmemleak_options, perf),
	{ NULL, 0, NULL, NULL, OPT_FLAG, 0, 0, 0, 0, NULL },
};
/* clang-format on */

struct kmemleak {
	struct report *r;
	const struct kmemleak_options *o;
	int64_t first_live, latest;
};

static void bind_selection(const struct kmemleak *k, struct query *q)
{
	query_bind_int(q, ":include_self", k->o->report.include_self);
	query_bind_text(q, ":api", report_api(&k->o->report));
	query_bind_text(q, ":domain", report_domain(&k->o->report));
}

/* comms: a(bytes/objects) b(bytes/objects) */
static int print_comms(const struct kmemleak *k, const struct query *group, struct query *q,
		       struct error *err)
{
	static const char *const own[] = { ":stack", ":call_site" }, *const by[] = {
		":key1", ":key2", ":key3", ":key4"
	};
	const char *const *names = k->r->by.count ? by : own;
	int count = k->r->by.count ? BY_KEYS_MAX : 2, rc;
	char comm[80], bytes[UNITS_TEXT];

	query_reset(q);
	for (int i = 0; i < count; i++)
		sqlite3_bind_value(q->stmt, sqlite3_bind_parameter_index(q->stmt, names[i]),
				   sqlite3_column_value(group->stmt, i));
	if (k->r->emit.format != EMIT_TEXT) {
		emit_list(k->r, "comms");
		rc = emit_step(k->r, q, err);
		emit_list_end(k->r);
		return rc;
	}
	fprintf(k->r->out, "    comms:");
	while ((rc = query_step(q, err)) == 1)
		fprintf(k->r->out, " %s(%s/%" PRId64 ")",
			report_safe(comm, sizeof(comm), query_text(q, 0)),
			report_number(bytes, q, 1), query_int(q, 2));
	fprintf(k->r->out, "\n");
	return rc;
}

/* What an object lives through that leaves its end in doubt: what the capture has of these. */
static const char *why_in_doubt(sqlite3 *db)
{
	bool lost = capture_int(db, "events.lost", 0) != 0, paused = false, flight = false;

	moments_gaps(db, &paused, &flight, NULL);
	if (paused && !flight && !lost)
		return "recording was paused while they were live, they may have been freed then";
	if (flight && !paused && !lost)
		return "they are from before all CPUs' events are here, their frees may be among those"
		       " overwritten";
	if (paused || flight)
		return "events were lost or not recorded while they were live, their frees may be"
		       " among them";
	return "events were lost while they were live, their frees may be among them";
}

/* Where the oldest is one whose stack was not recorded, nobody knows of which group it is. */
static const char *age_text(char room[UNITS_TEXT], const struct query *g, int column)
{
	return query_is_null(g, column) ? "unknown" :
					  units_duration(room, (uint64_t)query_int(g, column));
}

static void print_grade(FILE *out, const struct query *g, const char *why)
{
	int64_t objects = query_int(g, 2), lost = query_int(g, 5), untraced = query_int(g, 6);
	char age[UNITS_TEXT], cache[80];

	fprintf(out, "    certain %" PRId64 ", in doubt %" PRId64 "; oldest %s%s\n",
		objects - lost - untraced, lost + untraced, age_text(age, g, 4),
		query_int(g, 10) ? "" : "; no object of this call site was seen to end");
	if (lost)
		fprintf(out, "    in doubt %" PRId64 ": %s\n", lost, why);
	if (!untraced)
		return;
	if (!query_is_null(g, 7))
		fprintf(out,
			"    in doubt %" PRId64
			": %.1f%% of what ended at this call site was freed without a"
			" trace\n",
			untraced, query_double(g, 7));
	else
		fprintf(out,
			"    in doubt %" PRId64
			": %.1f%% of what ended in cache %s was freed without a trace\n",
			untraced, query_double(g, 8),
			report_safe(cache, sizeof(cache), query_text(g, 9)));
}

/* The same of a group by other keys, which may hold many call sites and caches. */
static void print_by_grade(FILE *out, const struct query *g, const char *why)
{
	int64_t objects = query_int(g, 4), lost = query_int(g, 7), untraced = query_int(g, 8),
		never = query_int(g, 9);
	char age[UNITS_TEXT];

	fprintf(out, "    certain %" PRId64 ", in doubt %" PRId64 "; oldest %s",
		objects - lost - untraced, lost + untraced, age_text(age, g, 6));
	if (never)
		fprintf(out, "; %" PRId64 " of call sites of which no object was seen to end",
			never);
	fprintf(out, "\n");
	if (lost)
		fprintf(out, "    in doubt %" PRId64 ": %s\n", lost, why);
	if (untraced)
		fprintf(out,
			"    in doubt %" PRId64
			": %d%% or more of what ended at their call sites, or in"
			" their caches, was freed without a trace\n",
			untraced, DOUBT_PERCENT);
}

static int print_group(const struct kmemleak *k, struct query *q, struct query *comms,
		       const char *why, struct error *err)
{
	struct report *r = k->r;
	bool by = r->by.count > 0;
	char bytes[UNITS_TEXT];
	int rc = 0;

	if (r->emit.format != EMIT_TEXT) {
		rc = emit_row_open(r, q, err);
		if (rc == 1)
			rc = k->o->comm ? print_comms(k, q, comms, err) : 0;
		emit_row_close(r);
		return rc;
	}
	fprintf(r->out, "Leak of %s bytes in %" PRId64 " objects%s:\n",
		report_number(bytes, q, by ? 5 : 3), query_int(q, by ? 4 : 2),
		by ? "" : " allocated from");
	report_error(r, q, by ? 10 : 11, !query_is_null(q, by ? 5 : 3), "    estimated, ", "\n");
	if (by)
		print_by_grade(r->out, q, why);
	else
		print_grade(r->out, q, why);
	if (k->o->comm)
		rc = print_comms(k, q, comms, err);
	if (rc < 0)
		return rc;
	if (by)
		return by_print_block(r, q, 0, err);
	rc = report_stack(r, !query_is_null(q, 0), query_int(q, 0), !query_is_null(q, 1),
			  query_int(q, 1), err);
	report_stack_unknown(r, !query_is_null(q, 0));
	return rc;
}

static int print_groups(const struct kmemleak *k, const char *order, struct error *err)
{
	static const char
		by_stack[] = "SELECT comm, bytes, objects FROM temp.leak_comm"
			     " WHERE stack IS :stack AND call_site IS :call_site"
			     " ORDER BY bytes DESC, objects DESC, comm",
		by_keys[] = "SELECT comm, bytes, objects FROM temp.leak_comm WHERE key1 IS"
			    " :key1 AND key2 IS :key2 AND key3 IS :key3 AND key4 IS :key4"
			    " ORDER BY bytes DESC, objects DESC, comm";
	struct query q = { 0 }, comms = { 0 };
	struct report *r = k->r;
	bool text = r->emit.format == EMIT_TEXT;
	const char *why = why_in_doubt(r->db);
	uint64_t shown = 0, all = 0;
	int rc = report_query(r, &q,
			      r->by.count ? schema_query_kmemleak_by_sql :
					    schema_query_kmemleak_group_sql,
			      order, err);

	if (rc == 0 && k->o->comm)
		rc = query_init(&comms, r->db, r->by.count ? by_keys : by_stack, NULL, err);
	if (text)
		fprintf(r->out, "LEAKED BYTES REPORT:\n");
	emit_section(r, "leaks", EMIT_TABLE);
	while (rc == 0 && (rc = query_step(&q, err)) == 1) {
		rc = 0;
		all++;
		if (r->options->top && shown == r->options->top)
			continue;
		shown++;
		rc = print_group(k, &q, &comms, why, err);
	}
	if (rc == 0 && !all && text)
		fprintf(r->out, "(no object that was asked for is live)\n");
	if (rc == 0 && text)
		report_skipping(r, "leaks", shown, all);
	query_release(&q);
	query_release(&comms);
	return rc;
}

static int print_stats(const struct kmemleak *k, struct error *err)
{
	const struct object_filter *f = &k->o->report.filter;
	bool part = report_selects_sites(k->r) || k->o->report.at || k->o->report.moments_ns ||
		    f->comms.count || f->pids || f->tids || f->cpus;
	FILE *out = k->r->out;
	char bytes[UNITS_TEXT];
	struct query q;
	int rc = query_init(
		&q, k->r->db,
		"SELECT coalesce(sum(p.objects), 0) AS objects, CASE WHEN count(*) THEN sum(p.objects *"
		" a.bytes_alloc) ELSE 0 END AS bytes FROM temp.leak p JOIN alloc_site a ON a.id = p.alloc_site",
		NULL, err);

	emit_section(k->r, "live", EMIT_ONE);
	if (rc == 0)
		rc = emit_step(k->r, &q, err);
	if (rc == 1) {
		report_timestamp(k->r, k->r->end_ns);
		fprintf(out, "KMEMLEAK STATS:\nALLOC LIST num %" PRId64 " mem %s\n",
			query_int(&q, 0), report_number(bytes, &q, 1));
	}
	query_release(&q);
	if (rc < 0)
		return rc;
	rc = query_init(&q, k->r->db, schema_query_kmemleak_total_sql, NULL, err);
	if (rc == 0) {
		bind_selection(k, &q);
		query_bind_int(&q, ":part", part);
		emit_section(k->r, "total", EMIT_ONE);
		rc = emit_step(k->r, &q, err);
	}
	if (rc == 1) {
		int64_t matched = query_int(&q, 1), unmatched = query_int(&q, 2),
			null = query_int(&q, 3);

		fprintf(out, "TOTAL alloc %" PRId64 " free %" PRId64 "\n", query_int(&q, 0),
			matched + unmatched + null);
		if (k->o->report.branch.dirs.count)
			fprintf(out,
				"# frees of unknown addresses and of NULL are of no directory\n\n");
		else if (part)
			fprintf(out,
				"# frees of unknown addresses and of NULL are not those of objects that were"
				" selected\n\n");
		else
			fprintf(out,
				"# frees: %" PRId64 " of these objects, %" PRId64
				" of addresses allocated before the"
				" capture%s, %" PRId64 " of NULL\n\n",
				matched, unmatched,
				report_is_partial(k->r) ? " or not recorded" : "", null);
		rc = 0;
	}
	query_release(&q);
	return rc;
}

static void print_object(struct report *r, const struct query *q)
{
	static const char context[] = { '.', 's', 'h', 'n' };
	int64_t time = query_int(q, 0), kind = query_int(q, 5) & 3;
	char comm[80], caller[300], cache[80], event[100], requested[UNITS_TEXT], bytes[UNITS_TEXT];

	fprintf(r->out,
		"%16s %6" PRId64 " %c [%03" PRId64 "] %" PRId64 ".%06" PRId64
		": %s: call_site=%s ptr=%" PRIx64,
		report_safe(comm, sizeof(comm), query_is_null(q, 3) ? "<...>" : query_text(q, 3)),
		query_int(q, 4), context[kind], query_int(q, 1), time / 1000000000,
		time % 1000000000 / 1000, report_safe(event, sizeof(event), query_text(q, 6)),
		report_safe(caller, sizeof(caller), query_text(q, 8)), (uint64_t)query_int(q, 2));
	if (!query_is_null(q, 9))
		fprintf(r->out, " name=%s", report_safe(cache, sizeof(cache), query_text(q, 9)));
	fprintf(r->out, " bytes_req=%s bytes_alloc=%s", report_number(requested, q, 10),
		report_number(bytes, q, 11));
	/* what an event that is no allocation's does not have: of event pairs */
	if (!query_is_null(q, 12))
		fprintf(r->out, " gfp_flags=0x%" PRIx64, (uint64_t)query_int(q, 12));
	if (!query_is_null(q, 13))
		fprintf(r->out, " node=%" PRId64, query_int(q, 13));
	fprintf(r->out, "\n");
}

static int print_objects(const struct kmemleak *k, int64_t count, struct error *err)
{
	struct query q;
	int rc = query_init(&q, k->r->db, schema_query_kmemleak_object_sql, NULL, err);

	emit_section(k->r, "objects", EMIT_PART);
	if (k->r->emit.format == EMIT_TEXT)
		fprintf(k->r->out, "KMEMLEAK REPORT: %" PRId64 "\n", count);
	while (rc == 0 && (rc = emit_step(k->r, &q, err)) == 1) {
		print_object(k->r, &q);
		rc = report_stack(k->r, !query_is_null(&q, 14), query_int(&q, 14),
				  !query_is_null(&q, 7), query_int(&q, 7), err);
	}
	if (k->r->emit.format == EMIT_TEXT)
		fprintf(k->r->out, "\n");
	query_release(&q);
	return rc;
}

/* What is live of report_rows, and older than --than. */
static int make_live_rows(const struct kmemleak *k, struct error *err)
{
	/* live rows come last: kept apart, so that only they are read */
	char *sql = sqlite3_mprintf("CREATE TEMP VIEW live_row AS SELECT * FROM %s WHERE id >= %lld"
				    " AND time <= %lld",
				    report_rows(k->r),
				    k->o->report.at || k->o->report.moments_ns ?
					    0 :
					    (long long)k->first_live,
				    (long long)k->latest);
	int rc = sql ? query_run(k->r->db, sql, err) : error_nomem(err);

	sqlite3_free(sql);
	return rc;
}

/* The temporary view live_object: those of live_row that the options select. */
static int make_live_objects(const struct kmemleak *k, struct error *err)
{
	sqlite3_str *s = sqlite3_str_new(k->r->db);
	char *sql;
	int rc;

	sqlite3_str_appendf(
		s,
		"CREATE TEMP VIEW live_object AS SELECT x.* FROM temp.live_row x"
		" JOIN alloc_site a ON a.id = x.alloc_site JOIN event e ON e.id = a.event"
		" JOIN task t ON t.id = x.task WHERE %s",
		k->o->report.include_self ? "1" : "NOT (t.self AND a.context = 0)");
	report_append_sites(k->r, s);
	sql = sqlite3_str_finish(s);
	rc = sql ? query_run(k->r->db, sql, err) : error_nomem(err);
	sqlite3_free(sql);
	return rc;
}

/* The temporary table leak from the rows, with tasks, CPUs and initcalls where they are needed. */
static int leaks_from_rows(const struct kmemleak *k, struct error *err)
{
	const struct row_pairs how = { .source = "temp.live_row",
				       .task_by = by_tasks(&k->r->by, k->o->comm),
				       .cpu = k->r->by.cpu,
				       .initcall = k->r->by.initcall,
				       .length = k->r->end_ns };
	int rc = row_pairs_select(k->r->db, &how, "live_pair_row", err);

	if (rc == 0)
		rc = report_select_pairs_of(k->r, "live_pair", "temp.live_pair_row", err);
	return rc < 0 ? rc :
			query_materialise(k->r->db, "leak", "SELECT * FROM temp.live_pair", NULL, 0,
					  err);
}

/* The view leak_by, and where tasks are asked for those of each group. */
static int group_leaks(const struct kmemleak *k, struct error *err)
{
	bool by = k->r->by.count > 0;
	int rc = by ? by_view(&k->r->by, k->r->db, "leak_by", "leak", false, err) : 0;

	if (rc == 0 && k->o->comm)
		rc = query_materialise(k->r->db, "leak_comm",
				       by ? schema_query_kmemleak_by_comm_sql :
					    schema_query_kmemleak_comm_sql,
				       NULL, 0, err);
	if (rc == 0 && k->o->comm)
		rc = query_run(
			k->r->db,
			by ? "CREATE INDEX temp.leak_comm_key ON leak_comm (" BY_COLUMNS ")" :
			     "CREATE INDEX temp.leak_comm_key ON leak_comm (stack, call_site)",
			err);
	return rc;
}

/*
 * The temporary table leak: live objects by allocation site, from the summaries where they can
 * tell.
 */
static int select_leaks(const struct kmemleak *k, struct error *err)
{
	int rc = report_select_groups(k->r, err);

	if (rc == 0)
		rc = make_live_rows(k, err);
	if (rc == 0 && (k->r->filtered || k->r->by.rows || k->o->than_ns || k->o->comm))
		rc = leaks_from_rows(k, err);
	else if (rc == 0)
		rc = query_materialise(k->r->db, "leak",
				       "SELECT * FROM temp.pair WHERE end & 3 = 0", NULL, 0, err);
	return rc < 0 ? rc : group_leaks(k, err);
}

static int64_t leak_count(sqlite3 *db)
{
	struct query q;
	int64_t n = 0;

	if (query_init(&q, db, "SELECT coalesce(sum(objects), 0) FROM temp.leak", NULL, NULL) ==
		    0 &&
	    query_step(&q, NULL) == 1)
		n = query_int(&q, 0);
	query_release(&q);
	return n;
}

/* Every object one by one: asked for, or as of perf-prof where nobody says how large they are. */
static bool lists_objects(const struct kmemleak *k)
{
	struct query q;
	bool sized = true;

	if (k->o->report.pairs.alloc.count &&
	    query_init(&q, k->r->db, "SELECT max(has_size) FROM temp.pair_item", NULL, NULL) == 0) {
		sized = query_step(&q, NULL) == 1 && query_int(&q, 0);
		query_release(&q);
	}
	return k->o->verbose || !sized;
}

/* The report about r->end_ns. */
static int print_moment(struct kmemleak *k, const char *order, struct error *err)
{
	bool objects = lists_objects(k);
	struct report *r = k->r;
	int rc;

	k->latest = r->end_ns;
	if (k->o->than_ns)
		k->latest = k->o->than_ns < (uint64_t)r->end_ns ?
				    r->end_ns - (int64_t)k->o->than_ns - 1 :
				    -1;
	rc = select_leaks(k, err);
	if (rc == 0)
		rc = query_materialise(r->db, "doubt", schema_query_kmemleak_doubt_sql, ":percent",
				       DOUBT_PERCENT, err);
	if (rc == 0)
		rc = query_materialise(r->db, "ended", schema_query_kmemleak_ended_sql, NULL, 0,
				       err);
	if (rc == 0 && objects)
		rc = make_live_objects(k, err);
	if (rc == 0 && objects)
		rc = print_objects(k, leak_count(r->db), err);
	if (rc == 0)
		rc = print_stats(k, err);
	return rc < 0 ? rc : print_groups(k, order, err);
}

#define INTERVALS_MAX 100000

static int print_intervals(struct kmemleak *k, const char *order, struct error *err)
{
	static const char *const made[] = { "live_object", "live_pair", "live_pair_row",
					    "live_row",	   "leak_by",	"leak_key",
					    NULL };
	int64_t every = (int64_t)k->o->interval_ns, length = k->r->length_ns,
		count = length / every + (length % every != 0);
	int rc = 0;

	if (count > INTERVALS_MAX)
		return error_set(err, ERR_USAGE,
				 "--interval: that would be %" PRId64
				 " reports; choose a longer time",
				 count);
	if (!count) /* of no length */
		count = 1;
	for (int64_t i = 1; i <= count && rc == 0; i++) {
		rc = report_move(k->r, i < count ? i * every : length, made, err);
		if (rc == 0)
			rc = print_moment(k, order, err);
		if (rc == 0 && i < count)
			fprintf(k->r->out, "\n");
	}
	return rc;
}

static int print(struct report *r, void *options, const char *order, struct error *err)
{
	const struct kmemleak_options *o = options;
	struct kmemleak k = {
		.r = r,
		.o = o,
		.first_live = capture_int(r->db, "first_live_id", INT64_MAX),
	};
	int rc;

	r->live_only = true;
	rc = report_header(r, "kmemleak", err);
	if (rc < 0)
		return rc;
	rc = o->interval_ns ? print_intervals(&k, order, err) : print_moment(&k, order, err);
	if (rc == 0 && o->flame_graph) /* of the last moment */
		rc = flame_file_write(r, o->flame_graph, "leak", MEASURE_LIVE, err);
	return rc;
}

/* What the options mean together, once they are read. */
static int check(void *options, struct error *err)
{
	struct kmemleak_options *o = options;

	perf_options_apply(&o->perf, &o->report.filter);
	if (!o->allocs.count != !o->frees.count)
		return error_set(err, ERR_USAGE,
				 "--alloc and --free belong together: %s is missing",
				 o->allocs.count ? "--free" : "--alloc");
	if (o->interval_ns && (o->report.at || o->report.format))
		return error_set(err, ERR_USAGE, "--interval cannot be used with %s",
				 o->report.at ? "--at: it is about the whole capture" :
						"--format: a report of each moment is --at TIME");
	o->report.moments_ns = (int64_t)o->interval_ns;
	if (o->allocs.count)
		o->report.pairs = (struct pair_request){
			.alloc = { "--alloc", o->allocs.items, o->allocs.count },
			.free = { "--free", o->frees.items, o->frees.count },
			.stacks = o->call_graph,
		};
	return 0;
}

static int run(const struct command *self, int argc, char **argv)
{
	struct kmemleak_options o = { .report.looks = LOOKS_AT_STACKS_OR_BY,
				      .report.check = check };
	int code = report_run(self, argc, argv, &o, &o.report, sort_keys, TIES, print);

	option_list_release(&o.allocs);
	option_list_release(&o.frees);
	return code;
}

const struct command cmd_kmemleak = {
	.name = "kmemleak",
	.summary = "what was allocated and never freed, by stack, with how sure that is",
	.operands = "CAPTURE...|DB",
	.description =
		"Objects that were allocated during the capture and were still live at its end, grouped by the\n"
		"stack that allocated them. Each group says how many are certain, and how many are in doubt and\n"
		"why: events were lost or not recorded while they were live, or the kernel frees objects of that\n"
		"call site or cache without a trace event.\n",
	.examples =
		"  kmem-analyze kmemleak -n 10 cap.kmem           the ten biggest groups\n"
		"  kmem-analyze kmemleak --comm --than 30s cap.kmem\n"
		"                                                 what is older than 30 s, and whose it is\n"
		"  kmem-analyze kmemleak -v --malloc cap.kmem     every kmalloc'ed object, one by one\n"
		"  kmem-analyze kmemleak --by cache,comm cap.kmem what kind of object, and whose\n"
		"  kmem-analyze kmemleak --alloc 'kmem:mm_page_alloc//ptr=pfn/size=4096<<order/stack/' \\\n"
		"      --free kmem:mm_page_free//ptr=pfn/ cap.kmem   event pairs as in perf-prof\n",
	.options = rows,
	.run = run,
};
