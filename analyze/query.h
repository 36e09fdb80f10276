/*
 * query.h - running SQL of schema/query against an open database.
 *
 *	struct query q;
 *
 *	query_init(&q, db, schema_query_account_sql, "ORDER BY net DESC LIMIT 10", &err);
 *	query_bind_text(&q, ":api", "malloc");			// NULL binds NULL
 *	while ((rc = query_step(&q, &err)) == 1)
 *		printf("%lld\n", (long long)query_int(&q, 0));
 *	query_release(&q);
 *
 * With a tail the SQL becomes a subquery: SELECT * FROM (SQL) TAIL. A tail is never made from user
 * input, only from fixed texts; values go through the binds.
 */
#ifndef KMEM_ANALYZE_QUERY_H
#define KMEM_ANALYZE_QUERY_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/base/error.h"

struct query {
	sqlite3 *db;
	sqlite3_stmt *stmt;
};

int query_init(struct query *q, sqlite3 *db, const char *sql, const char *tail, struct error *err);
void query_release(struct query *q);
void query_reset(struct query *q);

/* A name that the SQL does not use is ignored, so that queries can share their binds. */
void query_bind_int(struct query *q, const char *name, int64_t value);
void query_bind_text(struct query *q, const char *name, const char *value);

/* 1: a row is there; 0: no more; negative: failed. */
int query_step(struct query *q, struct error *err);

bool query_is_null(const struct query *q, int column);
int64_t query_int(const struct query *q, int column);
double query_double(const struct query *q, int column);
const char *query_text(const struct query *q, int column); /* "" for NULL; until the next step */

/* Runs statements that return nothing. */
int query_run(sqlite3 *db, const char *sql, struct error *err);

/*
 * CREATE TEMP TABLE name AS sql, dropping an older one; parameter (may be NULL) is bound to value.
 * The main database is read-only, its temporary schema is not.
 */
int query_materialise(sqlite3 *db, const char *name, const char *sql, const char *parameter,
		      int64_t value, struct error *err);

/* A value of the table `capture`; `missing` where the key is not there. */
int64_t capture_int(sqlite3 *db, const char *key, int64_t missing);
/* The same as text into `room` bytes at `text`; false where the key is not there. */
bool capture_text(sqlite3 *db, const char *key, char *text, size_t room);
/*
 * The wall clock at time 0 of the database; the trace clock where nothing tells the wall clock's. 0 if what the
 * capture says of its clocks cannot be.
 */
int64_t capture_base_ns(sqlite3 *db);

int query_error(sqlite3 *db, struct error *err);

#endif
