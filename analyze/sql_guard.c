#include "analyze/sql_guard.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "analyze/query.h"
#include "format/base/units.h"
#include "schema_sql.h"

/* ---- what it may do ---- */

static const char *const harmless_pragmas[] = {
	"table_info",  "table_xinfo",	  "table_list",	   "index_list",
	"index_info",  "function_list",	  "database_list", "integrity_check",
	"quick_check", "compile_options", "user_version",  "application_id",
};

static bool is_harmless(const char *pragma)
{
	for (size_t i = 0; i < sizeof(harmless_pragmas) / sizeof(harmless_pragmas[0]); i++)
		if (!strcmp(pragma, harmless_pragmas[i]))
			return true;
	return false;
}

/* The file is opened read-only in any case; this keeps other files out of reach as well. */
static int authorize(void *arg, int action, const char *a, const char *b, const char *database,
		     const char *by)
{
	(void)arg;
	(void)b;
	(void)by;
	switch (action) {
	case SQLITE_SELECT:
	case SQLITE_READ:
	case SQLITE_RECURSIVE:
	case SQLITE_TRANSACTION:
	case SQLITE_SAVEPOINT:
	case SQLITE_CREATE_TEMP_TABLE:
	case SQLITE_CREATE_TEMP_VIEW:
	case SQLITE_CREATE_TEMP_INDEX:
	case SQLITE_DROP_TEMP_TABLE:
	case SQLITE_DROP_TEMP_VIEW:
	case SQLITE_DROP_TEMP_INDEX: return SQLITE_OK;
	case SQLITE_FUNCTION:
		return b && (!strcmp(b, "load_extension") || !strcmp(b, "writefile") ||
			     !strcmp(b, "readfile") || !strcmp(b, "edit")) ?
			       SQLITE_DENY :
			       SQLITE_OK;
	case SQLITE_INSERT:
	case SQLITE_UPDATE:
	case SQLITE_DELETE:
	case SQLITE_REINDEX: return database && !strcmp(database, "temp") ? SQLITE_OK : SQLITE_DENY;
	case SQLITE_PRAGMA: return a && is_harmless(a) ? SQLITE_OK : SQLITE_DENY;
	default: return SQLITE_DENY;
	}
}

/* ---- functions ---- */

static void bytes_text(sqlite3_context *context, int count, sqlite3_value **values)
{
	char text[UNITS_TEXT], signed_text[UNITS_TEXT + 1];
	int64_t n = sqlite3_value_int64(values[0]);

	(void)count;
	if (sqlite3_value_type(values[0]) == SQLITE_NULL)
		return;
	snprintf(signed_text, sizeof(signed_text), "%s%s", n < 0 ? "-" : "",
		 units_bytes(text, n < 0 ? 0 - (uint64_t)n : (uint64_t)n));
	sqlite3_result_text(context, signed_text, -1, SQLITE_TRANSIENT);
}

static void duration_text(sqlite3_context *context, int count, sqlite3_value **values)
{
	char text[UNITS_TEXT];
	int64_t n = sqlite3_value_int64(values[0]);

	(void)count;
	if (sqlite3_value_type(values[0]) != SQLITE_NULL)
		sqlite3_result_text(context, units_duration(text, n < 0 ? 0 : (uint64_t)n), -1,
				    SQLITE_TRANSIENT);
}

static void address_text(sqlite3_context *context, int count, sqlite3_value **values)
{
	char text[24];

	(void)count;
	if (sqlite3_value_type(values[0]) == SQLITE_NULL)
		return;
	snprintf(text, sizeof(text), "0x%" PRIx64, (uint64_t)sqlite3_value_int64(values[0]));
	sqlite3_result_text(context, text, -1, SQLITE_TRANSIENT);
}

static void stack_text(sqlite3_context *context, int count, sqlite3_value **values)
{
	struct query q = { 0 };
	int rc;

	(void)count;
	if (sqlite3_value_type(values[0]) == SQLITE_NULL)
		return;
	rc = query_init(&q, sqlite3_context_db_handle(context), schema_query_stack_text_sql, NULL,
			NULL);
	if (rc == 0) {
		query_bind_int(&q, ":stack", sqlite3_value_int64(values[0]));
		while ((rc = query_step(&q, NULL)) == 1 && query_is_null(&q, 0))
			continue;
		if (rc == 1)
			sqlite3_result_text(context, query_text(&q, 0), -1, SQLITE_TRANSIENT);
	}
	query_release(&q);
	if (rc < 0)
		sqlite3_result_error(context, "the stack cannot be read", -1);
}

int sql_guard(sqlite3 *db, struct error *err)
{
	static const struct {
		const char *name;
		void (*run)(sqlite3_context *, int, sqlite3_value **);
	} functions[] = { { "bytes_text", bytes_text },
			  { "duration_text", duration_text },
			  { "address_text", address_text },
			  { "stack_text", stack_text } };

	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		if (sqlite3_create_function(db, functions[i].name, 1,
					    SQLITE_UTF8 | SQLITE_DIRECTONLY, NULL, functions[i].run,
					    NULL, NULL) != SQLITE_OK)
			return query_error(db, err);
	sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	sqlite3_set_authorizer(db, authorize, NULL);
	return 0;
}
