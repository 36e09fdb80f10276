#include "analyze/object_filter.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/db_memory.h"
#include "analyze/query.h"
#include "analyze/report.h"
#include "schema_sql.h"

static bool any_task(const struct object_filter *f)
{
	return f->comms.count || f->pids || f->tids;
}

/* "3,7-9" as "(column BETWEEN 3 AND 3 OR column BETWEEN 7 AND 9)"; NULL s: only looks whether it is a list. */
static int append_list(sqlite3_str *s, const char *column, const char *list, const char *option,
		       struct error *err)
{
	const char *p = list, *glue = "(";

	do {
		uint64_t first, last;
		char *end;

		if (*p < '0' || *p > '9')
			goto bad;
		first = last = strtoull(p, &end, 10);
		if (*end == '-' && end[1] >= '0' && end[1] <= '9')
			last = strtoull(end + 1, &end, 10);
		if (first > last || last > INT32_MAX || (*end && *end != ','))
			goto bad;
		if (s)
			sqlite3_str_appendf(s, "%s%s BETWEEN %d AND %d", glue, column, (int)first,
					    (int)last);
		glue = " OR ";
		p = *end ? end + 1 : NULL;
	} while (p);
	if (s)
		sqlite3_str_appendall(s, ")");
	return 0;
bad:
	return error_set(err, ERR_USAGE, "%s: '%s' is no list of numbers such as 3 or 0-3,8",
			 option, list);
}

/*
 * The condition as part of a statement. It stands alone in it, so that an unbalanced parenthesis cannot reach out
 * of it; a second statement is refused.
 */
static int prepare_where(sqlite3 *db, const char *source, const char *where, sqlite3_stmt **ret,
			 const char **ret_why)
{
	char *sql = sqlite3_mprintf("SELECT 1 FROM (%s) WHERE (%s\n)", source, where);
	const char *rest = NULL;
	int rc = sql ? sqlite3_prepare_v2(db, sql, -1, ret, &rest) : SQLITE_NOMEM;

	*ret_why = rc ? sqlite3_errmsg(db) : "";
	if (rc == SQLITE_OK && rest && *rest) {
		rc = SQLITE_ERROR;
		*ret_why = "one condition is wanted, not a statement";
	}
	sqlite3_free(sql);
	return rc;
}

static int fail_where(const struct object_filter *f, const char *why, struct error *err)
{
	char safe[200], reason[200];

	if (db_memory_failed())
		return error_nomem(err);
	return error_set(
		err, ERR_USAGE,
		"--where '%s': %s; it is a condition of SQL on columns of the view object, such as"
		" \"cache = 'dentry' AND lifetime > 1e9\" (schema/README.md lists them)",
		report_safe(safe, sizeof(safe), f->where),
		report_safe(reason, sizeof(reason), why));
}

/* Of the sites alone (*ret_sites), or of the rows, as the view object_row. */
static int check_where(const struct object_filter *f, sqlite3 *db, bool *ret_sites,
		       struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	const char *why;
	char *sql;
	int rc;

	/* otherwise a name in double quotes that is no column counts as text, and nothing is found */
	sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	rc = prepare_where(db, "SELECT * FROM temp.site_fact", f->where, &stmt, &why);
	sqlite3_finalize(stmt);
	*ret_sites = rc == SQLITE_OK;
	if (*ret_sites)
		return 0;
	sql = sqlite3_mprintf("CREATE TEMP VIEW object_row AS %s", schema_query_where_object_sql);
	rc = sql ? query_run(db, sql, err) : error_nomem(err);
	sqlite3_free(sql);
	stmt = NULL;
	if (rc == 0 && prepare_where(db, "SELECT * FROM temp.object_row", f->where, &stmt, &why))
		rc = fail_where(f, why, err);
	sqlite3_finalize(stmt);
	return rc;
}

static int choose_sites(const struct object_filter *f, sqlite3 *db, struct error *err)
{
	char *sql = sqlite3_mprintf("CREATE TEMP TABLE filter_site AS SELECT site FROM"
				    " temp.site_fact WHERE (%s\n);"
				    "CREATE INDEX temp.filter_site_site ON filter_site (site)",
				    f->where);
	int rc = sql ? query_run(db, sql, err) : error_nomem(err);

	sqlite3_free(sql);
	return rc;
}

static int make_site_facts(sqlite3 *db, struct error *err)
{
	char *sql =
		sqlite3_mprintf("CREATE TEMP TABLE site_fact (site INTEGER PRIMARY KEY, bytes_req,"
				" bytes_alloc, event, domain, api, caller, function, module,"
				" cache, node, gfp, context, stack, stack_lost, directory, file,"
				" line, unit); INSERT INTO temp.site_fact %s",
				schema_query_where_site_sql);
	int rc = sql ? query_run(db, sql, err) : error_nomem(err);

	sqlite3_free(sql);
	return rc;
}

int object_filter_prepare(const struct object_filter *f, sqlite3 *db, bool *ret_sites,
			  bool *ret_rows, struct error *err)
{
	int rc = 0;

	*ret_sites = false;
	if (f->pids)
		rc = append_list(NULL, NULL, f->pids, "--only-pid", err);
	if (rc == 0 && f->tids)
		rc = append_list(NULL, NULL, f->tids, "--only-tid", err);
	if (rc == 0 && f->cpus)
		rc = append_list(NULL, NULL, f->cpus, "--only-cpu", err);
	if (rc == 0 && f->where)
		rc = make_site_facts(db, err);
	if (rc == 0 && f->where)
		rc = check_where(f, db, ret_sites, err);
	if (rc == 0 && *ret_sites)
		rc = choose_sites(f, db, err);
	*ret_rows = (f->where && !*ret_sites) || any_task(f) || f->cpus;
	return rc;
}

const char *object_filter_source(const struct object_filter *f, bool sites)
{
	return f->where && !sites ? "temp.object_row" : "allocation";
}

/* Tasks that match, once, instead of a look at every row's. */
static void append_tasks(const struct object_filter *f, sqlite3_str *sql)
{
	sqlite3_str_appendall(sql, " AND a.task IN (SELECT id FROM task WHERE ");
	if (f->comms.count) {
		sqlite3_str_appendall(sql, "comm IN (");
		for (size_t i = 0; i < f->comms.count; i++)
			sqlite3_str_appendf(sql, "%s%Q", i ? ", " : "", f->comms.items[i]);
		sqlite3_str_appendall(sql, ")");
	}
	if (f->pids) {
		sqlite3_str_appendall(sql, f->comms.count ? " AND " : "");
		append_list(sql, "coalesce(tgid, pid)", f->pids, "", NULL);
	}
	if (f->tids) {
		sqlite3_str_appendall(sql, f->comms.count || f->pids ? " AND " : "");
		append_list(sql, "pid", f->tids, "", NULL);
	}
	/* in an interrupt the task that runs did not ask */
	sqlite3_str_appendall(
		sql, ") AND a.alloc_site IN (SELECT id FROM alloc_site WHERE context = 0)");
}

void object_filter_append(const struct object_filter *f, bool sites, sqlite3_str *sql)
{
	if (any_task(f))
		append_tasks(f, sql);
	if (f->cpus) {
		sqlite3_str_appendall(sql, " AND ");
		append_list(sql, "a.cpu", f->cpus, "", NULL);
	}
	if (f->where && !sites)
		sqlite3_str_appendf(sql, " AND (%s\n)", f->where);
}

void object_filter_header(const struct object_filter *f, FILE *out)
{
	char safe[300];

	for (size_t i = 0; i < f->comms.count; i++)
		fprintf(out, "%s%s%s", i ? ", " : "# only objects allocated by tasks called ",
			report_safe(safe, sizeof(safe), f->comms.items[i]),
			i + 1 == f->comms.count ? "\n" : "");
	if (f->pids)
		fprintf(out, "# only objects allocated by processes %s\n", f->pids);
	if (f->tids)
		fprintf(out, "# only objects allocated by threads %s\n", f->tids);
	if (f->cpus)
		fprintf(out, "# only objects allocated on CPUs %s\n", f->cpus);
	if (f->where)
		fprintf(out, "# only objects where %s\n",
			report_safe(safe, sizeof(safe), f->where));
}

void object_filter_release(struct object_filter *f)
{
	option_list_release(&f->comms);
}
