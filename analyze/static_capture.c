#include "analyze/static_capture.h"

#include <stdio.h>

#include "analyze/query.h"
#include "analyze/static_load.h"
#include "format/process.h"

/* 1: its rows are there; 0: no file. */
static int load_module(sqlite3 *db, const char *name, const char *id_text,
		       struct debug_search *search, struct source_tree *tree, struct error *err)
{
	struct static_file file = { .tree = tree, .module = name };
	uint8_t id[BUILD_ID_MAX];
	unsigned int byte;
	size_t len = 0;
	int rc;

	for (; len < sizeof(id) && sscanf(id_text, "%2x", &byte) == 1; id_text += 2)
		id[len++] = (uint8_t)byte;
	rc = debug_search_module(search, name, id, len, &file.debug, err);
	if (rc <= 0)
		return rc;
	rc = static_load(db, &file, err);
	debug_file_close(file.debug);
	return rc < 0 ? rc : 1;
}

/* All rows of a file or none: a file that cannot be understood must not leave half of it. */
static int load_whole(sqlite3 *db, struct query *q, struct debug_search *search,
		      struct source_tree *tree, struct error *err)
{
	struct error why = { 0 };
	int rc = query_run(db, "SAVEPOINT module", err);

	if (rc < 0)
		return rc;
	rc = load_module(db, query_text(q, 0), query_text(q, 1), search, tree, &why);
	if (rc == ERR_FORMAT || rc == ERR_DAMAGED || rc == ERR_TRUNCATED)
		rc = query_run(db, "ROLLBACK TO module", err);
	else if (rc < 0)
		*err = why;
	return query_run(db, "RELEASE module", rc < 0 ? NULL : err) < 0 ? ERR_IO : rc;
}

static int put_count(sqlite3 *db, const char *key, int64_t count, struct error *err)
{
	struct query q = { 0 };
	int rc = query_init(&q, db, "INSERT OR REPLACE INTO capture VALUES (:key, :count)", NULL,
			    err);

	if (rc == 0) {
		query_bind_text(&q, ":key", key);
		query_bind_int(&q, ":count", count);
		rc = query_step(&q, err);
	}
	query_release(&q);
	return rc < 0 ? rc : 0;
}

int static_capture(sqlite3 *db, struct debug_file *kernel, struct debug_search *search,
		   struct source_tree *tree, struct error *err)
{
	struct static_file file = { .debug = kernel, .tree = tree };
	int64_t modules = 0, missing = 0;
	struct query q = { 0 };
	int rc;

	if (!kernel)
		return 0;
	rc = static_load(db, &file, err);
	if (rc == 0)
		rc = query_init(&q, db,
				"SELECT module, coalesce(max(build_id), '') FROM code_section"
				" GROUP BY module ORDER BY module",
				NULL, err);
	while (rc == 0 && (rc = query_step(&q, err)) == 1) {
		rc = load_whole(db, &q, search, tree, err);
		modules += rc > 0;
		missing += rc == 0;
		rc = rc < 0 ? rc : 0;
	}
	query_release(&q);
	if (rc == 0)
		rc = put_count(db, "static.modules", modules, err);
	return rc < 0 ? rc : put_count(db, "static.missing", missing, err);
}
