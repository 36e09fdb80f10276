#include "analyze/query.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/db_memory.h"

int query_error(sqlite3 *db, struct error *err)
{
	int code = sqlite3_errcode(db);
	const char *file = sqlite3_db_filename(db, "main");

	if (code == SQLITE_NOMEM || db_memory_failed())
		return error_nomem(err);
	if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
		return error_set(err, ERR_DAMAGED,
				 "the database '%s' is damaged (%s); load its capture again with "
				 "kmem-analyze load -f",
				 file ? file : "?", sqlite3_errmsg(db));
	if (code == SQLITE_INTERRUPT)
		return error_set(err, ERR_INTERRUPTED, "interrupted");
	return error_set(err, code == SQLITE_FULL ? ERR_FULL : ERR_IO, "database '%s': %s",
			 file ? file : "?", sqlite3_errmsg(db));
}

/*
 * A file of schema/query ends with a semicolon so that it runs alone in the shell; as a subquery it
 * must not. Length of the SQL without what follows its last statement.
 */
static size_t without_semicolon(const char *sql)
{
	size_t n = strlen(sql);

	while (n && strchr(" \t\n;", sql[n - 1]))
		n--;
	return n;
}

int query_init(struct query *q, sqlite3 *db, const char *sql, const char *tail, struct error *err)
{
	char *text = NULL;
	int rc;

	*q = (struct query){ .db = db };
	if (tail) {
		text = sqlite3_mprintf("SELECT * FROM (%.*s\n) %s", (int)without_semicolon(sql),
				       sql, tail);
		if (!text)
			return error_nomem(err);
	}
	rc = sqlite3_prepare_v2(db, text ? text : sql, -1, &q->stmt, NULL);
	sqlite3_free(text);
	return rc == SQLITE_OK ? 0 : query_error(db, err);
}

void query_release(struct query *q)
{
	sqlite3_finalize(q->stmt);
	q->stmt = NULL;
}

void query_reset(struct query *q)
{
	sqlite3_reset(q->stmt);
}

void query_bind_int(struct query *q, const char *name, int64_t value)
{
	sqlite3_bind_int64(q->stmt, sqlite3_bind_parameter_index(q->stmt, name), value);
}

void query_bind_text(struct query *q, const char *name, const char *value)
{
	int i = sqlite3_bind_parameter_index(q->stmt, name);

	if (value)
		sqlite3_bind_text(q->stmt, i, value, -1, SQLITE_TRANSIENT);
	else
		sqlite3_bind_null(q->stmt, i);
}

int query_step(struct query *q, struct error *err)
{
	int code = sqlite3_step(q->stmt);

	if (db_memory_failed())
		return error_nomem(err);
	switch (code) {
	case SQLITE_ROW: return 1;
	case SQLITE_DONE: return 0;
	default: return query_error(q->db, err);
	}
}

bool query_is_null(const struct query *q, int column)
{
	return sqlite3_column_type(q->stmt, column) == SQLITE_NULL;
}

int64_t query_int(const struct query *q, int column)
{
	return sqlite3_column_int64(q->stmt, column);
}

double query_double(const struct query *q, int column)
{
	return sqlite3_column_double(q->stmt, column);
}

const char *query_text(const struct query *q, int column)
{
	const char *text = (const char *)sqlite3_column_text(q->stmt, column);

	return text ? text : "";
}

int query_run(sqlite3 *db, const char *sql, struct error *err)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : query_error(db, err);
}

int query_materialise(sqlite3 *db, const char *name, const char *sql, const char *parameter,
		      int64_t value, struct error *err)
{
	char *drop = sqlite3_mprintf("DROP TABLE IF EXISTS temp.\"%w\"", name);
	char *create = sqlite3_mprintf("CREATE TEMP TABLE \"%w\" AS SELECT * FROM (%.*s\n)", name,
				       (int)without_semicolon(sql), sql);
	struct query q = { 0 };
	int rc = drop && create ? query_run(db, drop, err) : error_nomem(err);

	if (rc == 0)
		rc = query_init(&q, db, create, NULL, err);
	if (rc == 0) {
		if (parameter)
			query_bind_int(&q, parameter, value);
		rc = query_step(&q, err);
	}
	query_release(&q);
	sqlite3_free(drop);
	sqlite3_free(create);
	return rc;
}

static bool capture_value(sqlite3 *db, const char *key, struct query *q)
{
	if (query_init(q, db, "SELECT value FROM capture WHERE key = :key", NULL, NULL) < 0)
		return false;
	query_bind_text(q, ":key", key);
	return query_step(q, NULL) == 1;
}

int64_t capture_int(sqlite3 *db, const char *key, int64_t missing)
{
	struct query q;
	int64_t v = capture_value(db, key, &q) ? query_int(&q, 0) : missing;

	query_release(&q);
	return v;
}

int64_t capture_base_ns(sqlite3 *db)
{
	int64_t ns;

	if (__builtin_add_overflow(capture_int(db, "clock.start.wall_ns", 0),
				   capture_int(db, "time.base_ns", 0), &ns) ||
	    __builtin_sub_overflow(ns, capture_int(db, "clock.start.trace_ns", 0), &ns) || ns < 0)
		return 0;
	return ns;
}

bool capture_text(sqlite3 *db, const char *key, char *text, size_t room)
{
	struct query q;
	bool there = capture_value(db, key, &q);

	if (there)
		snprintf(text, room, "%s", query_text(&q, 0));
	query_release(&q);
	return there;
}
