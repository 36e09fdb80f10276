#include "analyze/feed_table.h"

#include <stdlib.h>

enum column {
	COLUMN_TIME,
	COLUMN_LIFETIME,
	COLUMN_ADDRESS,
	COLUMN_ALLOC_SITE,
	COLUMN_FREE_SITE,
	COLUMN_TASK,
	COLUMN_FREE_TASK,
	COLUMN_CPU,
	COLUMN_FREE_CPU,
	COLUMN_END
};

struct feed_vtab {
	sqlite3_vtab base;
	const struct feed_batch **batch;
};

struct feed_cursor {
	sqlite3_vtab_cursor base;
	const struct feed_batch *batch;
	uint32_t at;
};

static int on_connect(sqlite3 *db, void *arg, int argc, const char *const *argv, sqlite3_vtab **ret,
		      char **msg)
{
	struct feed_vtab *v;
	int rc;

	(void)argc, (void)argv, (void)msg;
	rc = sqlite3_declare_vtab(
		db, "CREATE TABLE feed(time, lifetime, address, alloc_site, free_site, task, "
		    "free_task, cpu, free_cpu, end)");
	if (rc != SQLITE_OK)
		return rc;
	v = sqlite3_malloc(sizeof(*v));
	if (!v)
		return SQLITE_NOMEM;
	*v = (struct feed_vtab){ .batch = arg };
	*ret = &v->base;
	return SQLITE_OK;
}

static int on_disconnect(sqlite3_vtab *v)
{
	sqlite3_free(v);
	return SQLITE_OK;
}

static int on_best_index(sqlite3_vtab *v, sqlite3_index_info *info)
{
	(void)v;
	info->estimatedCost = 10000;
	return SQLITE_OK;
}

static int on_open(sqlite3_vtab *v, sqlite3_vtab_cursor **ret)
{
	struct feed_cursor *c = sqlite3_malloc(sizeof(*c));

	(void)v;
	if (!c)
		return SQLITE_NOMEM;
	*c = (struct feed_cursor){ .at = 0 };
	*ret = &c->base;
	return SQLITE_OK;
}

static int on_close(sqlite3_vtab_cursor *c)
{
	sqlite3_free(c);
	return SQLITE_OK;
}

static int on_filter(sqlite3_vtab_cursor *base, int plan, const char *name, int argc,
		     sqlite3_value **argv)
{
	struct feed_cursor *c = (struct feed_cursor *)base;

	(void)plan, (void)name, (void)argc, (void)argv;
	c->batch = *((struct feed_vtab *)base->pVtab)->batch;
	c->at = 0;
	return SQLITE_OK;
}

static int on_next(sqlite3_vtab_cursor *base)
{
	((struct feed_cursor *)base)->at++;
	return SQLITE_OK;
}

static int on_eof(sqlite3_vtab_cursor *base)
{
	const struct feed_cursor *c = (const struct feed_cursor *)base;

	return !c->batch || c->at >= c->batch->count;
}

/* A number, or NULL (SQLite's default) where there is none. */
static void number_or_null(sqlite3_context *x, bool there, int64_t value)
{
	if (there)
		sqlite3_result_int64(x, value);
}

static int on_column(sqlite3_vtab_cursor *base, sqlite3_context *x, int column)
{
	const struct feed_cursor *c = (const struct feed_cursor *)base;
	const struct feed_row *row = &c->batch->rows[c->at];

	switch ((enum column)column) {
	case COLUMN_TIME: sqlite3_result_int64(x, row->time); break;
	case COLUMN_LIFETIME: number_or_null(x, !row->live, row->lifetime); break;
	case COLUMN_ADDRESS: sqlite3_result_int64(x, (int64_t)row->address); break;
	case COLUMN_ALLOC_SITE: sqlite3_result_int64(x, row->alloc_site); break;
	case COLUMN_FREE_SITE: number_or_null(x, row->free_site, row->free_site); break;
	case COLUMN_TASK: sqlite3_result_int64(x, row->task); break;
	case COLUMN_FREE_TASK: number_or_null(x, row->free_task, row->free_task); break;
	case COLUMN_CPU: sqlite3_result_int64(x, row->cpu); break;
	case COLUMN_FREE_CPU: number_or_null(x, row->free_task, row->free_cpu); break;
	case COLUMN_END: sqlite3_result_int64(x, row->end); break;
	}
	return SQLITE_OK;
}

static int on_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *ret)
{
	const struct feed_cursor *c = (const struct feed_cursor *)base;

	*ret = c->batch->first_id + c->at;
	return SQLITE_OK;
}

static const sqlite3_module feed_module = {
	.xConnect = on_connect,
	.xDisconnect = on_disconnect,
	.xBestIndex = on_best_index,
	.xOpen = on_open,
	.xClose = on_close,
	.xFilter = on_filter,
	.xNext = on_next,
	.xEof = on_eof,
	.xColumn = on_column,
	.xRowid = on_rowid,
};

int feed_table_register(sqlite3 *db, const struct feed_batch **batch, struct error *err)
{
	if (sqlite3_create_module(db, "feed", &feed_module, batch) != SQLITE_OK)
		return error_set(err, ERR_NOMEM, "cannot prepare the database: %s",
				 sqlite3_errmsg(db));
	return 0;
}
