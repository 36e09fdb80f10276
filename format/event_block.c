#include "format/events.h"

#include <stdlib.h>

#include "format/base/hash.h"

bool event_block_grow(struct event_block *b)
{
	uint32_t cap = b->cap ? b->cap * 2 : 512;
	struct event_row *rows;

	if (b->cap >= BLOCK_EVENTS_MAX)
		return false;
	rows = realloc(b->rows, cap * sizeof(*rows));
	if (!rows)
		return false;
	b->rows = rows;
	b->cap = cap;
	return true;
}

#define COLUMNS_MAX (1u << 16)

/*
 * Slot of (type, field) in the hash table over columns: holds index + 1, or 0 where there is none.
 */
static uint32_t *column_slot(const struct event_block *b, uint16_t type, uint16_t field)
{
	uint32_t mask = b->slot_cap - 1,
		 i = (uint32_t)hash_u64((uint64_t)type << 16 | field) & mask;

	for (; b->slots[i]; i = (i + 1) & mask) {
		const struct event_column *col = &b->columns[b->slots[i] - 1];

		if (col->type == type && col->field == field)
			break;
	}
	return &b->slots[i];
}

static struct event_column *find_column(const struct event_block *b, uint16_t type, uint16_t field)
{
	uint32_t *slot = b->slot_cap ? column_slot(b, type, field) : NULL;

	return slot && *slot ? &b->columns[*slot - 1] : NULL;
}

/* Twice the columns; the table stays at most half full. */
static bool grow_columns(struct event_block *b)
{
	uint32_t cap = b->column_cap ? b->column_cap * 2 : 16;
	struct event_column *columns;
	uint32_t *slots;

	if (cap > COLUMNS_MAX)
		return false;
	columns = realloc(b->columns, cap * sizeof(*columns));
	if (!columns)
		return false;
	b->columns = columns;
	slots = calloc(cap * 2, sizeof(*slots));
	if (!slots)
		return false;
	free(b->slots);
	b->slots = slots;
	b->slot_cap = cap * 2;
	b->column_cap = cap;
	for (uint32_t i = 0; i < b->column_count; i++)
		*column_slot(b, columns[i].type, columns[i].field) = i + 1;
	return true;
}

struct event_column *event_block_column(struct event_block *b, uint16_t type, uint16_t field)
{
	struct event_column *col = find_column(b, type, field);

	if (col)
		return col;
	if (b->column_count == b->column_cap && !grow_columns(b)) {
		b->oom = true;
		return NULL;
	}
	*column_slot(b, type, field) = b->column_count + 1;
	col = &b->columns[b->column_count++];
	*col = (struct event_column){ .type = type, .field = field };
	return col;
}

void event_block_put_number(struct event_block *b, uint16_t type, uint16_t field, uint64_t value)
{
	struct event_column *col = event_block_column(b, type, field);

	if (!col)
		return;
	buf_svarint(&col->bytes, (int64_t)(value - col->last));
	col->last = value;
}

void event_block_put_bytes(struct event_block *b, uint16_t type, uint16_t field, const void *p,
			   size_t n)
{
	struct event_column *col = event_block_column(b, type, field);

	if (col)
		buf_blob(&col->bytes, p, n);
}

void event_block_clear(struct event_block *b)
{
	b->count = 0;
	b->oom = false;
	for (uint32_t i = 0; i < b->column_count; i++) {
		struct event_column *col = &b->columns[i];

		buf_clear(&col->bytes);
		col->bytes.oom = false;
		col->last = 0;
		col->cursor = (struct cursor){ 0 };
	}
}

void event_block_release(struct event_block *b)
{
	for (uint32_t i = 0; i < b->column_count; i++)
		buf_release(&b->columns[i].bytes);
	free(b->columns);
	free(b->slots);
	free(b->rows);
	*b = (struct event_block){ 0 };
}

int event_block_value(struct event_block *b, const struct event_type *type, uint16_t type_index,
		      uint16_t field, struct value *ret, struct error *err)
{
	struct event_column *col = find_column(b, type_index, field);
	const struct event_field *f = &type->fields[field];
	struct value v = { 0 };

	if (!col || !col->cursor.start)
		return error_set(err, ERR_DAMAGED, "events: a column of a field is missing");
	if (f->kind == FIELD_UNSIGNED || f->kind == FIELD_SIGNED) {
		col->last += (uint64_t)cursor_svarint(&col->cursor);
		v.number = col->last;
	} else {
		v.bytes = cursor_blob(&col->cursor, &v.len);
	}
	if (col->cursor.bad)
		return error_set(err, ERR_DAMAGED, "events: a column ends too early");
	*ret = v;
	return 0;
}
