#include "analyze/other_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "format/base/cursor.h"

#define NAME_MAX_LEN  96
#define FIXED_COLUMNS 5

/* A name made safe, and different from the `count` names before it. */
static void safe_name(char *ret, const char *prefix, const char *text, char (*names)[NAME_MAX_LEN],
		      size_t count)
{
	size_t len;
	unsigned int n = 1;

	len = (size_t)snprintf(ret, NAME_MAX_LEN - 8, "%s%s", prefix, text);
	if (len >= NAME_MAX_LEN - 8)
		len = NAME_MAX_LEN - 9;
	for (size_t i = 0; i < len; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_",
			    ret[i]))
			ret[i] = '_';
	for (size_t i = 0; i < count; i++) {
		if (strcasecmp(names[i], ret))
			continue;
		snprintf(ret + len, 8, "_%u", ++n);
		i = (size_t)-1; /* look at all of them again */
	}
}

static bool has_table(const struct other_tables *o, size_t type)
{
	return o->roles[type].kind != ROLE_ALLOC && o->roles[type].kind != ROLE_FREE;
}

static const char *column_type(const struct event_field *f)
{
	if (f->kind == FIELD_UNSIGNED || f->kind == FIELD_SIGNED)
		return "INTEGER";
	return f->kind == FIELD_BYTES ? "BLOB" : "TEXT";
}

static int create_table(struct other_tables *o, size_t i, const char *table, struct error *err)
{
	static const char *const fixed[FIXED_COLUMNS] = { "id", "time", "cpu", "task", "stack" };
	const struct event_type *type = &o->types[i];
	char(*names)[NAME_MAX_LEN] = calloc(FIXED_COLUMNS + EVENT_FIELDS_MAX, sizeof(*names));
	sqlite3_str *create = sqlite3_str_new(NULL), *insert = sqlite3_str_new(NULL);
	char *create_sql, *insert_sql;
	size_t count = 0;
	int rc;

	sqlite3_str_appendf(create,
			    "CREATE TABLE %s(id INTEGER PRIMARY KEY, time INTEGER NOT NULL, "
			    "cpu INTEGER NOT NULL, task INTEGER NOT NULL REFERENCES task, "
			    "stack INTEGER REFERENCES stack",
			    table);
	sqlite3_str_appendf(insert, "INSERT INTO %s VALUES(NULL,?,?,?,?", table);
	for (; names && count < FIXED_COLUMNS; count++)
		strcpy(names[count], fixed[count]);
	for (uint16_t k = 0; names && k < type->field_count; k++) {
		const struct event_field *f = &type->fields[k];

		if (f->place == PLACE_COMMON)
			continue;
		safe_name(names[count], "", f->name, names, count);
		sqlite3_str_appendf(create, ", \"%w\" %s", names[count++], column_type(f));
		sqlite3_str_appendall(insert, ",?");
	}
	sqlite3_str_appendall(create, ")");
	sqlite3_str_appendall(insert, ")");
	create_sql = sqlite3_str_finish(create);
	insert_sql = sqlite3_str_finish(insert);
	if (!names || !create_sql || !insert_sql)
		rc = error_nomem(err);
	else
		rc = db_writer_run(o->writer, create_sql, err);
	if (rc == 0)
		rc = db_prepare(o->writer, &o->insert[i], insert_sql, err);
	sqlite3_free(create_sql);
	sqlite3_free(insert_sql);
	free(names);
	return rc;
}

int other_tables_create(struct other_tables *o, struct error *err)
{
	char(*names)[NAME_MAX_LEN] = calloc(o->type_count + 1, sizeof(*names));
	size_t count = 0;
	int rc = 0;

	o->insert = calloc(o->type_count + 1, sizeof(*o->insert));
	if (!names || !o->insert)
		rc = error_nomem(err);
	for (size_t i = 0; i < o->type_count && rc == 0; i++) {
		char text[NAME_MAX_LEN];

		if (!has_table(o, i))
			continue;
		snprintf(text, sizeof(text), "%s_%s", o->types[i].system, o->types[i].name);
		safe_name(names[count], "event_", text, names, count);
		rc = create_table(o, i, names[count++], err);
	}
	free(names);
	return rc;
}

static void bind_value(sqlite3_stmt *stmt, int column, const struct event_field *f,
		       struct cursor *c)
{
	uint8_t kind = cursor_u8(c);
	const uint8_t *bytes;
	size_t len;

	if (kind == 1) {
		sqlite3_bind_int64(stmt, column, (int64_t)cursor_u64(c));
	} else if (kind == 2) {
		bytes = cursor_blob(c, &len);
		if (!bytes || !len)
			bytes = (const uint8_t *)"";
		if (f->kind == FIELD_BYTES)
			sqlite3_bind_blob64(stmt, column, bytes, len, SQLITE_STATIC);
		else
			sqlite3_bind_text64(stmt, column, (const char *)bytes,
					    strnlen((const char *)bytes, len), SQLITE_STATIC,
					    SQLITE_UTF8);
	}
}

int other_tables_batch(struct other_tables *o, const struct feed_batch *batch, struct error *err)
{
	struct cursor c = cursor_of(batch->bytes.data, batch->bytes.len);

	/* its last row is half a row */
	if (batch->bytes.oom)
		return error_nomem(err);
	for (uint32_t n = 0; n < batch->count; n++) {
		uint16_t index = cursor_u16(&c);
		const struct event_type *type = &o->types[index];
		sqlite3_stmt *stmt = o->insert[index];
		uint32_t stack;
		int column = 5;

		sqlite3_clear_bindings(stmt);
		sqlite3_bind_int64(stmt, 1, (int64_t)cursor_u64(&c));
		sqlite3_bind_int64(stmt, 2, (int32_t)cursor_u32(&c));
		sqlite3_bind_int64(stmt, 3, cursor_u32(&c));
		stack = cursor_u32(&c);
		if (stack)
			sqlite3_bind_int64(stmt, 4, stack);
		for (uint16_t i = 0; i < type->field_count; i++)
			if (type->fields[i].place != PLACE_COMMON)
				bind_value(stmt, column++, &type->fields[i], &c);
		if (sqlite3_step(stmt) != SQLITE_DONE)
			return db_writer_error(o->writer, err);
		sqlite3_reset(stmt);
	}
	return 0;
}

void other_tables_release(struct other_tables *o)
{
	for (size_t i = 0; o->insert && i < o->type_count; i++)
		sqlite3_finalize(o->insert[i]);
	free(o->insert);
	o->insert = NULL;
}
