/*
 * db_open.h - from the name of a capture or of a database to an open, read-only database that fits
 * it.
 *
 * Which of the two a file is, its content says, never its name. A capture is loaded when it has no
 * database yet or the one it has is of another state of it (a capture that was still growing); a
 * database is used as it is. A segment of a series stands for all of them that lie beside it, and so
 * does the name that was given to kmem-record (series.h). Nothing is printed: what the user should know (where the database was
 * put, that it was loaded) goes to `note`.
 *
 *	struct db_open_options options = { .note = print_note, .progress = true };
 *	sqlite3 *db;
 *
 *	if (db_open(&db, "cap.kmem", &options, &err) < 0)
 *		...
 *	sqlite3_close(db);
 */
#ifndef KMEM_ANALYZE_DB_OPEN_H
#define KMEM_ANALYZE_DB_OPEN_H

#include <stdbool.h>
#include <stddef.h>
#include <sqlite3.h>

#include "format/base/error.h"

#define DB_APPLICATION_ID 0x4b4d454d /* "KMEM"; tables.sql sets the same */
#define DB_USER_VERSION	  6
/*
 * Counts up when the loader gives a number or a row another meaning, or finds what older ones did not, while the tables stay
 * as they are: reports would be wrong, or claim too much, of a database that an older one made.
 */
#define DB_LOAD_VERSION 7

struct db_open_options {
	const char
		*db; /* where a capture's database is or goes; NULL: CAPTURE.db, or the user's cache
				 * directory ($XDG_CACHE_HOME, ~/.cache, TMPDIR) where that cannot be written */
	bool force;  /* replace a file under that name that is not this capture's database */
	bool progress;				   /* of a load, on a terminal */
	void (*note)(void *arg, const char *text); /* may be NULL; one sentence, no newline */
	void *arg;
};

enum db_path_kind { DB_PATH_CAPTURE = 1, DB_PATH_DATABASE, DB_PATH_TEXT };

/* What a file is, by its first bytes, or a log by its first lines. ERR_FORMAT when it is nothing of these. */
int db_path_kind(const char *path, enum db_path_kind *ret, struct error *err);

/*
 * *ret is the caller's to close. ERR_EXISTS: the file where the database would go is not ours, or
 * belongs to another capture. ERR_FORMAT: a database of another program, or of a newer version of
 * this one.
 */
int db_open(sqlite3 **ret, const char *path, const struct db_open_options *options,
	    struct error *err);

/* Exactly these segments of one series; a single path as db_open. */
int db_open_several(sqlite3 **ret, char *const *paths, size_t count,
		    const struct db_open_options *options, struct error *err);

/* Opens a file that is our database already; no loading. */
int db_open_database(sqlite3 **ret, const char *path, struct error *err);

#endif
