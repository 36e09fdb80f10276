/* Which allocations a report is about. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/object_filter.h"
#include "analyze/report.h"
#include "analyze/row_pairs.h"
#include "schema_sql.h"

const char *const report_domains[] = { "slab", "page", "percpu", "vmalloc", NULL };

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

	sqlite3_str_appendall(s, "CREATE TEMP VIEW chosen AS SELECT ");
	if (r->options->at)
		sqlite3_str_appendf(s, AT_COLUMNS, (long long)r->end_ns);
	else
		sqlite3_str_appendall(s, COLUMNS);
	sqlite3_str_appendf(s, " FROM %s a WHERE time >= %lld AND time < %lld",
			    object_filter_source(f, r->filter_sites), (long long)r->from_ns,
			    (long long)r->to_ns);
	if (r->options->at)
		sqlite3_str_appendf(
			s, " AND time <= %lld AND (lifetime IS NULL OR time + lifetime > %lld)",
			(long long)r->end_ns, (long long)r->end_ns);
	object_filter_append(f, r->filter_sites, s);
	sql = sqlite3_str_finish(s);
	rc = sql ? query_run(r->db, sql, err) : error_nomem(err);
	sqlite3_free(sql);
	return rc;
}

const char *report_rows(const struct report *r)
{
	return r->filtered ? "temp.chosen" : "allocation";
}

int report_prepare_selection(struct report *r, struct error *err)
{
	const struct report_options *o = r->options;
	bool rows = false;
	int rc = object_filter_prepare(&o->filter, r->db, &r->filter_sites, &rows, err);

	r->filtered = r->windowed || o->at || rows;
	if (rc == 0 && r->filtered)
		rc = make_chosen(r, err);
	return rc;
}

static int select_from_rows(struct report *r, struct error *err)
{
	const struct row_pairs how = { .source = report_rows(r),
				       .task = r->by.task,
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

bool report_selects_sites(const struct report *r)
{
	return r->options->branch.dirs.count || r->options->filter.where;
}

void report_append_sites(const struct report *r, sqlite3_str *sql)
{
	const char *api = report_api(r->options);

	if (!r->all_domains)
		sqlite3_str_appendf(sql, " AND e.domain = %Q", report_domain(r->options));
	if (api)
		sqlite3_str_appendf(sql, " AND e.api = %Q", api);
	if (r->options->branch.dirs.count)
		sqlite3_str_appendall(sql, " AND a.id IN (SELECT site FROM temp.branch_site)");
	if (r->filter_sites)
		sqlite3_str_appendall(sql, " AND a.id IN (SELECT site FROM temp.filter_site)");
}

int report_select_pairs_of(struct report *r, const char *name, const char *source,
			   struct error *err)
{
	sqlite3_str *s = sqlite3_str_new(r->db);
	char *sql;
	int rc;

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
