/* Which allocations a report is about. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/object_filter.h"
#include "analyze/report.h"
#include "analyze/row_pairs.h"
#include "schema_sql.h"

const char *const report_domains[] = { "slab", "page", "percpu", "vmalloc", NULL };

const char *const report_on_loss[] = { "keep", "reset", NULL };

const char *report_domain(const struct report_options *options)
{
	return options->domain ? options->domain : report_domains[0];
}

const char *report_one_domain(const struct report *r)
{
	return r->all_domains ? NULL : report_domain(r->options);
}

const char *report_api(const struct report_options *options)
{
	if (options->malloc_only == options->cache_only)
		return NULL;
	return options->malloc_only ? "malloc" : "cache";
}

/* What was live at the moment: its end is not known yet, and only losses until then put it in doubt. */
#define AT_COLUMNS \
	"id, time, NULL AS lifetime, address, alloc_site, NULL AS free_site, task," \
	" NULL AS free_task, cpu, NULL AS free_cpu," \
	" CASE WHEN a.end & 4 THEN 4 * EXISTS (SELECT 1 FROM loss l WHERE l.to_time >= a.time" \
	" AND l.from_time <= %lld) ELSE 0 END AS end"
#define COLUMNS \
	"id, time, lifetime, address, alloc_site, free_site, task, free_task, cpu, free_cpu, " \
	"end"

static int make_chosen(struct report *r, struct error *err)
{
	const struct object_filter *f = &r->options->filter;
	sqlite3_str *s = sqlite3_str_new(r->db);
	char *sql;
	int rc;

	sqlite3_str_appendall(s, "CREATE TEMP VIEW chosen AS SELECT * FROM (SELECT ");
	if (r->options->at || r->options->moments_ns)
		sqlite3_str_appendf(s, AT_COLUMNS, (long long)r->end_ns);
	else
		sqlite3_str_appendall(s, COLUMNS);
	sqlite3_str_appendf(s, " FROM %s a WHERE time >= %lld AND time < %lld",
			    object_filter_source(f, r->filter_sites), (long long)r->from_ns,
			    (long long)r->to_ns);
	if (r->options->at || r->options->moments_ns)
		sqlite3_str_appendf(
			s, " AND time <= %lld AND (lifetime IS NULL OR time + lifetime > %lld)",
			(long long)r->end_ns, (long long)r->end_ns);
	object_filter_append(f, r->filter_sites, s);
	/* of --at the loss is one before that moment */
	sqlite3_str_appendall(s, r->forget ? ") WHERE NOT end & 4" : ")");
	sql = sqlite3_str_finish(s);
	rc = sql ? query_run(r->db, sql, err) : error_nomem(err);
	sqlite3_free(sql);
	return rc;
}

/* What was live during a loss is in none of the tables from here on. */
static int forget_losses(struct report *r, struct error *err)
{
	struct query q = { 0 };
	int rc = query_init(
		&q, r->db,
		"SELECT coalesce(sum(p.objects), 0) FROM pair_total p JOIN alloc_site a ON a.id ="
		" p.alloc_site JOIN event e ON e.id = a.event WHERE p.end & 4 AND e.domain = :domain"
		" AND (:self OR p.self = 0)",
		NULL, err);

	if (rc == 0) {
		query_bind_text(&q, ":domain", report_domain(r->options));
		query_bind_int(&q, ":self", r->options->include_self);
		rc = query_step(&q, err);
	}
	if (rc == 1)
		r->forgotten = query_int(&q, 0);
	query_release(&q);
	if (rc < 0)
		return rc;
	if (r->options->pairs.alloc.count)
		return query_run(r->db,
				 "DELETE FROM temp.allocation WHERE end & 4;"
				 "DELETE FROM temp.pair_total WHERE end & 4",
				 err);
	return query_run(
		r->db,
		"CREATE TEMP VIEW allocation AS SELECT * FROM main.allocation WHERE NOT end & 4;"
		"CREATE TEMP VIEW pair_total AS SELECT * FROM main.pair_total WHERE NOT end & 4",
		err);
}

static bool has_losses(struct report *r)
{
	struct query q = { 0 };
	bool any = query_init(&q, r->db, "SELECT 1 FROM loss LIMIT 1", NULL, NULL) == 0 &&
		   query_step(&q, NULL) == 1;

	query_release(&q);
	return any;
}

const char *report_rows(const struct report *r)
{
	return r->filtered ? "temp.chosen" : "allocation";
}

/*
 * What begins and ends between two of the moments is live at none: nearly all objects. From here on `allocation` is
 * the others, so that not every moment reads every row.
 */
static int keep_spanning(struct report *r, struct error *err)
{
	static const char spans[] =
		"lifetime IS NULL OR (time + %lld) / %lld * %lld < time + lifetime";
	long long every = r->options->moments_ns;
	char *spanning = sqlite3_mprintf(spans, every - 1, every, every), *sql = NULL;
	int rc;

	if (spanning && r->options->pairs.alloc.count)
		sql = sqlite3_mprintf("DELETE FROM temp.allocation WHERE NOT (%s)", spanning);
	else if (spanning)
		sql = sqlite3_mprintf("CREATE TEMP TABLE allocation AS SELECT " COLUMNS
				      " FROM main.allocation WHERE %s",
				      spanning);
	rc = sql ? query_run(r->db, sql, err) : error_nomem(err);
	sqlite3_free(sql);
	sqlite3_free(spanning);
	return rc;
}

int report_prepare_selection(struct report *r, struct error *err)
{
	const struct report_options *o = r->options;
	bool rows = false;
	int rc = object_filter_prepare(&o->filter, r->db, &r->filter_sites, &rows, err);

	r->filtered = r->windowed || o->at || o->moments_ns || rows;
	r->forget = o->on_loss && !strcmp(o->on_loss, "reset") && has_losses(r);
	if (rc == 0 && r->forget && !o->at && !o->moments_ns)
		rc = forget_losses(r, err);
	if (rc == 0 && o->moments_ns)
		rc = keep_spanning(r, err);
	if (rc == 0 && r->filtered)
		rc = make_chosen(r, err);
	return rc;
}

bool report_has_sums(const struct report *r)
{
	return !r->filtered && !r->forget && !r->options->pairs.alloc.count &&
	       !capture_int(r->db, "folded.pairs", 0);
}

static int select_from_rows(struct report *r, struct error *err)
{
	const struct row_pairs how = { .source = report_rows(r),
				       .task_by = by_tasks(&r->by, false),
				       .cpu = r->by.cpu,
				       .initcall = r->by.initcall,
				       .folded = !r->filtered &&
						 capture_int(r->db, "folded.pairs", 0),
				       .length = r->end_ns };
	int rc = row_pairs_select(r->db, &how, "row_pair", err);

	return rc < 0 ? rc : report_select_pairs_of(r, "pair", "temp.row_pair", err);
}

int report_select_groups(struct report *r, struct error *err)
{
	int rc = r->filtered || r->by.rows ? select_from_rows(r, err) :
					     report_select_pairs_of(r, "pair", "pair_total", err);

	if (rc == 0 && r->by.count)
		rc = by_view(&r->by, r->db, "alloc_by", "pair", false, err);
	return rc;
}

/* A name that is not there, or is one of a table, is no error. */
static int drop(sqlite3 *db, const char *name, struct error *err)
{
	struct query q = { 0 };
	int rc = query_init(&q, db, "SELECT type FROM temp.sqlite_schema WHERE name = :name", NULL,
			    err);
	char *sql = NULL;

	if (rc == 0) {
		query_bind_text(&q, ":name", name);
		rc = query_step(&q, err);
	}
	if (rc == 1) {
		sql = sqlite3_mprintf("DROP %s temp.\"%w\"", query_text(&q, 0), name);
		rc = sql ? 0 : error_nomem(err);
	}
	query_release(&q);
	if (rc == 0 && sql)
		rc = query_run(db, sql, err);
	sqlite3_free(sql);
	return rc;
}

int report_move(struct report *r, int64_t at_ns, const char *const *made, struct error *err)
{
	static const char *const own[] = { "alloc_by", "pair", "row_pair", "chosen", NULL };
	int rc = 0;

	for (; *made && rc == 0; made++)
		rc = drop(r->db, *made, err);
	for (size_t i = 0; own[i] && rc == 0; i++)
		rc = drop(r->db, own[i], err);
	r->end_ns = at_ns;
	return rc < 0 ? rc : make_chosen(r, err);
}

bool report_selects_sites(const struct report *r)
{
	return r->options->branch.dirs.count || r->options->filter.where;
}

/* What no stack is needed for. */
static void append_facts(const struct report *r, sqlite3_str *sql)
{
	const char *api = report_api(r->options);

	if (!r->all_domains)
		sqlite3_str_appendf(sql, " AND e.domain = %Q", report_domain(r->options));
	if (api)
		sqlite3_str_appendf(sql, " AND e.api = %Q", api);
	if (r->filter_sites)
		sqlite3_str_appendall(sql, " AND a.id IN (SELECT site FROM temp.filter_site)");
}

void report_append_sites(const struct report *r, sqlite3_str *sql)
{
	append_facts(r, sql);
	if (r->options->branch.dirs.count)
		sqlite3_str_appendall(sql, " AND a.id IN (SELECT site FROM temp.branch_site)");
}

bool report_by_call_site(const struct report *r)
{
	return r->options->looks == LOOKS_AT_ROWS && !r->by.count && estimate_sampled(r->db);
}

/* ---- queries that know estimates ---- */

/* Heap (sqlite3_free); NULL: no memory. */
static char *with_estimates(const struct report *r, const char *sql)
{
	char *text = sqlite3_mprintf("%s", sql), *mark;

	while (text && r->estimates && (mark = strstr(text, "--+")))
		memset(mark, ' ', 3);
	return text;
}

int report_materialise(struct report *r, const char *name, const char *sql, const char *parameter,
		       int64_t value, struct error *err)
{
	char *text = with_estimates(r, sql);
	int rc = text ? query_materialise(r->db, name, text, parameter, value, err) :
			error_nomem(err);

	sqlite3_free(text);
	return rc;
}

void report_error(struct report *r, const struct query *q, int column, bool sized,
		  const char *before, const char *behind)
{
	char bytes[ESTIMATE_TEXT] = "", objects[ESTIMATE_TEXT];

	if (!r->estimate)
		return;
	estimate_text(objects, " ", query_int(q, column), query_int(q, column + 1), " objects");
	if (sized)
		estimate_text(bytes, " ", query_int(q, column + 2), query_int(q, column + 3),
			      " bytes");
	if (*bytes || *objects)
		fprintf(r->out, "%s95 %%:%s%s%s%s", before, bytes, *bytes && *objects ? "," : "",
			objects, behind);
}

int report_query(struct report *r, struct query *q, const char *sql, const char *tail,
		 struct error *err)
{
	char *text = with_estimates(r, sql);
	int rc;

	*q = (struct query){ 0 }; /* as query_init: it may be released whatever happened */
	rc = text ? query_init(q, r->db, text, tail, err) : error_nomem(err);
	sqlite3_free(text);
	return rc;
}

/*
 * Of sampled stacks: first what is chosen by anything else, so that shares are of what the report is about; then its
 * split over stacks, which may choose, too.
 */
static int select_estimated(struct report *r, const char *name, const char *source,
			    struct error *err)
{
	sqlite3_str *s = sqlite3_str_new(r->db);
	char *chosen = sqlite3_mprintf("%s_chosen", name),
	     *split = sqlite3_mprintf("%s_split", name), *sql, *view;
	int rc;

	sqlite3_str_appendf(
		s,
		"DROP TABLE IF EXISTS temp.\"%w\";"
		"CREATE TEMP TABLE \"%w\" AS SELECT p.* FROM %s p"
		" JOIN alloc_site a ON a.id = p.alloc_site JOIN event e ON e.id = a.event"
		" WHERE %s",
		chosen, chosen, source, r->options->include_self ? "1" : "p.self = 0");
	append_facts(r, s);
	sql = sqlite3_str_finish(s);
	view = sqlite3_mprintf(
		"CREATE TEMP VIEW \"%w\" AS SELECT p.* FROM temp.\"%w\" p%s", name, split,
		r->options->branch.dirs.count ?
			" WHERE p.alloc_site IN (SELECT site FROM temp.branch_site)" :
			"");
	rc = chosen && split && sql && view ? query_run(r->db, sql, err) : error_nomem(err);
	if (rc == 0)
		rc = estimate_pairs(r->estimate, chosen, split, err);
	if (rc == 0)
		rc = branch_sites(&r->options->branch, r->db, err);
	if (rc == 0)
		rc = by_sites(&r->by, r->db, err);
	if (rc == 0)
		rc = query_run(r->db, view, err);
	sqlite3_free(chosen);
	sqlite3_free(split);
	sqlite3_free(sql);
	sqlite3_free(view);
	return rc;
}

int report_select_pairs_of(struct report *r, const char *name, const char *source,
			   struct error *err)
{
	sqlite3_str *s;
	char *sql;
	int rc;

	if (r->estimate)
		return select_estimated(r, name, source, err);
	s = sqlite3_str_new(r->db);
	sqlite3_str_appendf(
		s,
		"CREATE TEMP VIEW \"%w\" AS SELECT p.* FROM %s p"
		" JOIN alloc_site a ON a.id = p.alloc_site JOIN event e ON e.id = a.event"
		" WHERE %s",
		name, source, r->options->include_self ? "1" : "p.self = 0");
	report_append_sites(r, s);
	sql = sqlite3_str_finish(s);
	rc = sql ? query_run(r->db, sql, err) : error_nomem(err);
	sqlite3_free(sql);
	return rc;
}
