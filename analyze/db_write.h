/*
 * db_write.h - a new database in the making: a temporary file beside the target, the schema, fast
 * inserts, and the atomic move to its name. Knows rows and statements; which rows a capture makes
 * is db_tables.h and load.h.
 *
 *	struct db_writer *w;
 *
 *	db_writer_new(&w, "cap.kmem.db", force, &err);		// ERR_EXISTS unless force
 *	db_writer_batch(w, batch, &err);			// rows of the feed
 *	db_writer_rows_end(w, &err);				// no more of these; the table allocation may be read
 *	db_prepare(w, &stmt, "INSERT INTO cache VALUES (?,?)", &err);
 *	db_put(w, stmt, &err, "it", (int64_t)1, name, len);
 *	db_writer_run(w, schema_views_sql, &err);
 *	db_writer_commit(w, &bytes, &err);			// on disk, under its name
 *	db_writer_free(w);					// not committed: nothing stays behind
 *
 * The temporary file is created with O_EXCL, mode 0600 and a random name. Until it is committed
 * nothing protects it against a crash (no journal, no syncs): a half-built database never has the
 * final name.
 */
#ifndef KMEM_ANALYZE_DB_WRITE_H
#define KMEM_ANALYZE_DB_WRITE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "analyze/feed.h"
#include "format/base/error.h"

struct db_writer;

int db_writer_new(struct db_writer **ret, const char *target, bool force, struct error *err);

/* The same with a copy of a database that is there, to change it: it is replaced when committed. */
int db_writer_copy(struct db_writer **ret, const char *target, struct error *err);
void db_writer_free(struct db_writer *w);

sqlite3 *db_writer_db(struct db_writer *w);

/* Statements that stop with SQLITE_INTERRUPT once *flag is set (by a signal handler). */
void db_writer_watch(struct db_writer *w, const int *flag);

/* FEED_ALLOCATION or FEED_UNMATCHED. */
int db_writer_batch(struct db_writer *w, const struct feed_batch *batch, struct error *err);
/* Must stand between the last batch and the commit. */
int db_writer_rows_end(struct db_writer *w, struct error *err);
int db_writer_run(struct db_writer *w, const char *sql, struct error *err);
int db_writer_commit(struct db_writer *w, uint64_t *ret_bytes, struct error *err);

/* The failure that SQLite last reported; a full disk is ERR_FULL, an interrupt ERR_INTERRUPTED. */
int db_writer_error(struct db_writer *w, struct error *err);

int db_prepare(struct db_writer *w, sqlite3_stmt **ret, const char *sql, struct error *err);

/*
 * Binds one value per letter and runs the statement: i int64_t; n uint32_t, 0 is NULL; N bool
 * there, int64_t; t const void *, size_t: text up to its first NUL, a NULL pointer is NULL; b the
 * same as a blob; s const char *; S const struct ns_sum *.
 */
int db_put(struct db_writer *w, sqlite3_stmt *stmt, struct error *err, const char *kinds, ...);

#endif
