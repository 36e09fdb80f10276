/*
 * load_script.h - a script of mkcapture, loaded, and questions to the database: a case of the
 * loader as one can read it.
 *
 *	sqlite3 *db = load_script("10 0 11 kmalloc ptr=0x1000 bytes_alloc=8\n");
 *
 *	CHECK(answers(db, "SELECT count(*) FROM live", "1"));	// rows joined by ' ', columns by '|'
 *	load_script_done(db);
 */
#ifndef TESTS_UNIT_LOAD_SCRIPT_H
#define TESTS_UNIT_LOAD_SCRIPT_H

#define MKCAPTURE_NO_MAIN
#include "tests/tools/mkcapture.c"

#include <sqlite3.h>
#include <sys/stat.h>

#include "analyze/db_open.h"
#include "analyze/load.h"
#include "tests/unit/check.h"

static char script_dir[CHECK_PATH_BYTES], script_capture[300], script_db[300];

/* script_capture is the capture afterwards; nothing is loaded. */
static inline void make_script(const char *script)
{
	FILE *in;

	check_hold_memory(true);
	in = fmemopen((void *)(uintptr_t)script, strlen(script), "r");
	check_path(script_dir);
	MUST(in && mkdtemp(script_dir));
	snprintf(script_capture, sizeof(script_capture), "%s/c.kmem", script_dir);
	snprintf(script_db, sizeof(script_db), "%s/c.kmem.db", script_dir);
	make_capture("script", in, script_capture);
	fclose(in);
	check_hold_memory(false);
}

/* NULL, and the reason printed, when the load fails. */
static inline sqlite3 *load_script(const char *script)
{
	struct load_options options = { .capture = script_capture };
	struct error err = { 0 };
	sqlite3 *db = NULL;

	make_script(script);
	if (load_capture(&options, NULL, &err) < 0 || db_open_database(&db, script_db, &err) < 0)
		printf("# %s\n", err.text);
	return db;
}

static inline void load_script_done(sqlite3 *db)
{
	sqlite3_close(db);
	unlink(script_db);
	unlink(script_capture);
	rmdir(script_dir);
}

static inline bool answers(sqlite3 *db, const char *sql, const char *expected)
{
	char text[4096] = "";
	sqlite3_stmt *stmt = NULL;
	size_t len = 0;

	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK) {
		printf("# %s: %s\n", sql, sqlite3_errmsg(db));
		return false;
	}
	while (sqlite3_step(stmt) == SQLITE_ROW) {
		for (int i = 0; i < sqlite3_column_count(stmt) && len < sizeof(text) - 256; i++) {
			const char *value = (const char *)sqlite3_column_text(stmt, i);

			len += (size_t)snprintf(text + len, 256, "%s%s",
						i   ? "|" :
						len ? " " :
						      "",
						value ? value : "-");
		}
	}
	sqlite3_finalize(stmt);
	if (!strcmp(text, expected))
		return true;
	printf("# %s\n#  gives    %s\n#  expected %s\n", sql, text, expected);
	return false;
}

/* A value of the table `capture`. */
static inline bool fact_is(sqlite3 *db, const char *key, const char *expected)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "SELECT value FROM capture WHERE key = '%s'", key);
	return answers(db, sql, expected);
}

#endif
