#include "analyze/other_table.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "analyze/id_index.h"
#include "format/base/cursor.h"
#include "format/base/hash.h"

#define NAME_MAX_LEN  96
#define FIXED_COLUMNS 5

/* Of tables, or of the columns of one: no two differ in case alone. */
struct names {
	char (*list)[NAME_MAX_LEN];
	unsigned int *last; /* the number behind each name that was given last */
	size_t count;
	struct id_index index;
};

struct name_key {
	const struct names *names;
	const char *name;
};

static bool same_name(const void *arg, uint32_t id)
{
	const struct name_key *k = arg;

	return !strcasecmp(k->names->list[id - 1], k->name);
}

static uint64_t name_hash(const char *name)
{
	char lower[NAME_MAX_LEN];
	size_t len = 0;

	for (; name[len]; len++)
		lower[len] = (char)tolower((unsigned char)name[len]);
	return hash_bytes(0, lower, len);
}

static uint64_t rehash_name(const void *arg, uint32_t id)
{
	return name_hash(((const struct names *)arg)->list[id - 1]);
}

/* Which name that is, from 1; 0: none yet. */
static uint32_t taken(const struct names *n, const char *name)
{
	return id_index_find(&n->index, name_hash(name), same_name, &(struct name_key){ n, name });
}

static bool names_init(struct names *n, size_t most)
{
	*n = (struct names){ .list = calloc(most, sizeof(*n->list)),
			     .last = calloc(most, sizeof(*n->last)) };
	return n->list && n->last;
}

static void names_release(struct names *n)
{
	free(n->list);
	free(n->last);
	id_index_release(&n->index);
}

static bool take_name(struct names *n)
{
	n->count++;
	return id_index_add(&n->index, name_hash(n->list[n->count - 1]), (uint32_t)n->count,
			    rehash_name, n);
}

/* The name made safe, and different from those before it; NULL: no memory. */
static const char *safe_name(struct names *names, const char *prefix, const char *text)
{
	char *ret = names->list[names->count];
	size_t len;
	uint32_t first;

	len = (size_t)snprintf(ret, NAME_MAX_LEN - 8, "%s%s", prefix, text);
	if (len >= NAME_MAX_LEN - 8)
		len = NAME_MAX_LEN - 9;
	for (size_t i = 0; i < len; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_",
			    ret[i]))
			ret[i] = '_';
	first = taken(names, ret);
	if (first && !names->last[first - 1])
		names->last[first - 1] = 1;
	while (first && taken(names, ret))
		snprintf(ret + len, 8, "_%u", ++names->last[first - 1]);
	return take_name(names) ? ret : NULL;
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
	struct names names;
	bool good = names_init(&names, FIXED_COLUMNS + EVENT_FIELDS_MAX);
	sqlite3_str *create = sqlite3_str_new(NULL), *insert = sqlite3_str_new(NULL);
	char *create_sql, *insert_sql;
	int rc;

	sqlite3_str_appendf(create,
			    "CREATE TABLE %s(id INTEGER PRIMARY KEY, time INTEGER NOT NULL, "
			    "cpu INTEGER NOT NULL, task INTEGER NOT NULL REFERENCES task, "
			    "stack INTEGER REFERENCES stack",
			    table);
	sqlite3_str_appendf(insert, "INSERT INTO %s VALUES(NULL,?,?,?,?", table);
	for (size_t k = 0; good && k < FIXED_COLUMNS; k++)
		good = safe_name(&names, "", fixed[k]);
	for (uint16_t k = 0; good && k < type->field_count; k++) {
		const struct event_field *f = &type->fields[k];
		const char *name;

		if (f->place == PLACE_COMMON)
			continue;
		name = safe_name(&names, "", f->name);
		good = name;
		sqlite3_str_appendf(create, ", \"%w\" %s", name, column_type(f));
		sqlite3_str_appendall(insert, ",?");
	}
	sqlite3_str_appendall(create, ")");
	sqlite3_str_appendall(insert, ")");
	create_sql = sqlite3_str_finish(create);
	insert_sql = sqlite3_str_finish(insert);
	if (!good || !create_sql || !insert_sql)
		rc = error_nomem(err);
	else
		rc = db_writer_run(o->writer, create_sql, err);
	if (rc == 0)
		rc = db_prepare(o->writer, &o->insert[i], insert_sql, err);
	sqlite3_free(create_sql);
	sqlite3_free(insert_sql);
	names_release(&names);
	return rc;
}

int other_tables_create(struct other_tables *o, struct error *err)
{
	struct names names;
	int rc = names_init(&names, o->type_count + 1) ? 0 : error_nomem(err);

	o->insert = calloc(o->type_count + 1, sizeof(*o->insert));
	if (!o->insert)
		rc = error_nomem(err);
	for (size_t i = 0; i < o->type_count && rc == 0; i++) {
		char text[NAME_MAX_LEN];
		const char *name;

		if (!has_table(o, i))
			continue;
		snprintf(text, sizeof(text), "%s_%s", o->types[i].system, o->types[i].name);
		name = safe_name(&names, "event_", text);
		rc = name ? create_table(o, i, name, err) : error_nomem(err);
	}
	names_release(&names);
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
