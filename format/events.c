#include "format/events.h"

#include <stdlib.h>

#include "format/base/hash.h"

/* ---- the block: rows and columns ---- */

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

/* Columns are made once per (type, field) and kept with the block's memory. */
static struct event_column *get_column(struct event_block *b, uint16_t type, uint16_t field)
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
	struct event_column *col = get_column(b, type, field);

	if (!col)
		return;
	buf_svarint(&col->bytes, (int64_t)(value - col->last));
	col->last = value;
}

void event_block_put_bytes(struct event_block *b, uint16_t type, uint16_t field, const void *p,
			   size_t n)
{
	struct event_column *col = get_column(b, type, field);

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

static bool type_has_address(const struct event_type *type)
{
	for (uint16_t i = 0; i < type->field_count; i++)
		if (type->fields[i].place == PLACE_ADDRESS)
			return true;
	return false;
}

/* ---- encoding ---- */

#define PREFETCH_ROWS 8 /* so far ahead the place of an address is asked for */

struct seen_address {
	uint64_t address;
	uint32_t ordinal; /* of its last event, counting events with an address */
	uint32_t stamp;	  /* the block that put it here: saves clearing the table */
};

struct local_id {
	uint32_t stamp;
	uint32_t number;
};

struct events_scratch {
	uint32_t stamp;
	struct local_id *local; /* by tuple number */
	size_t local_cap;
	struct seen_address *seen; /* open addressing, a power of two, at most half full */
	size_t seen_cap;
	uint64_t *last_address; /* by local id */
	bool *has_address;	/* by local id */
	uint8_t *id_low, *id_high, *time_low;
	struct buf idmap, time_high, pid, code, fresh;
};

static struct events_scratch *scratch_new(void)
{
	struct events_scratch *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->last_address = malloc(BLOCK_EVENTS_MAX * sizeof(*s->last_address));
	s->has_address = malloc(BLOCK_EVENTS_MAX * sizeof(*s->has_address));
	s->id_low = malloc(BLOCK_EVENTS_MAX);
	s->id_high = malloc(BLOCK_EVENTS_MAX);
	s->time_low = malloc(BLOCK_EVENTS_MAX);
	return s;
}

void events_encoder_release(struct events_encoder *e)
{
	struct events_scratch *s = e->scratch;

	if (!s)
		return;
	free(s->local);
	free(s->seen);
	free(s->last_address);
	free(s->has_address);
	free(s->id_low);
	free(s->id_high);
	free(s->time_low);
	buf_release(&s->idmap);
	buf_release(&s->time_high);
	buf_release(&s->pid);
	buf_release(&s->code);
	buf_release(&s->fresh);
	free(s);
	e->scratch = NULL;
}

static bool scratch_prepare(struct events_scratch *s, const struct event_block *b)
{
	size_t want = 1024;
	uint32_t max_tuple = 0;

	if (!s->last_address || !s->has_address || !s->id_low || !s->id_high || !s->time_low)
		return false;
	while (want < 2 * (size_t)b->count)
		want *= 2;
	if (want > s->seen_cap) {
		free(s->seen);
		s->seen = calloc(want, sizeof(*s->seen));
		s->seen_cap = s->seen ? want : 0;
		if (!s->seen)
			return false;
	}
	for (uint32_t i = 0; i < b->count; i++)
		if (b->rows[i].tuple > max_tuple)
			max_tuple = b->rows[i].tuple;
	if (max_tuple >= s->local_cap) {
		size_t cap = (size_t)max_tuple + max_tuple / 2 + 1024;
		struct local_id *p = realloc(s->local, cap * sizeof(*p));

		if (!p)
			return false;
		memset(p + s->local_cap, 0, (cap - s->local_cap) * sizeof(*p));
		s->local = p;
		s->local_cap = cap;
	}
	s->stamp++; /* 0 marks entries that were never used */
	buf_clear(&s->idmap);
	buf_clear(&s->time_high);
	buf_clear(&s->pid);
	buf_clear(&s->code);
	buf_clear(&s->fresh);
	/* room for the worst case once per block, so that the loops below need no checks */
	return buf_reserve(&s->idmap, (size_t)b->count * 2 * VARINT_MAX_LEN) &&
	       buf_reserve(&s->time_high, (size_t)b->count * VARINT_MAX_LEN) &&
	       buf_reserve(&s->pid, (size_t)b->count * 2 * VARINT_MAX_LEN) &&
	       buf_reserve(&s->code, (size_t)b->count * VARINT_MAX_LEN) &&
	       buf_reserve(&s->fresh, (size_t)b->count * (VARINT_MAX_LEN + 1));
}

static void put(struct buf *b, uint64_t v)
{
	b->len = (size_t)(varint_put(b->data + b->len, v) - b->data);
}

/*
 * An address not seen before in the block, against its base. Kernel objects are aligned to 8 bytes.
 */
static void put_fresh_address(struct buf *b, uint64_t address, uint64_t base)
{
	int64_t delta = (int64_t)(address - base);
	uint64_t rest = (uint64_t)delta & 7;

	put(b, zigzag(delta >> 3) << 1 | (rest != 0));
	if (rest)
		b->data[b->len++] = (uint8_t)rest;
}

static struct seen_address *seen_slot(const struct events_scratch *s, uint64_t address)
{
	return &s->seen[hash_u64(address) & (s->seen_cap - 1)];
}

/* The slot of address in the table of this block: its entry, or a free one. */
static struct seen_address *find_seen(struct events_scratch *s, uint64_t address)
{
	size_t mask = s->seen_cap - 1, i = (size_t)(seen_slot(s, address) - s->seen);

	while (s->seen[i].stamp == s->stamp && s->seen[i].address != address)
		i = (i + 1) & mask;
	return &s->seen[i];
}

struct pid_run {
	int32_t pid, last; /* of this run, of the run before */
	uint32_t length;
};

static void end_run(struct events_scratch *s, struct pid_run *run)
{
	put(&s->pid, zigzag((int64_t)run->pid - run->last));
	put(&s->pid, run->length);
	run->last = run->pid;
	run->length = 0;
}

/* What predicts ids and addresses. */
struct id_state {
	uint32_t ids, ordinal, last_tuple;
	uint64_t last_fresh;
};

/* The local id of a row, as a new one if it is the first of its tuple. */
static uint32_t encode_id(struct events_scratch *s, struct id_state *state,
			  const struct event_row *row, uint32_t i, const struct event_type *types,
			  bool *ret_first)
{
	struct local_id *local = &s->local[row->tuple];
	uint32_t id;

	*ret_first = local->stamp != s->stamp;
	if (*ret_first) {
		*local = (struct local_id){ s->stamp, state->ids };
		s->has_address[state->ids++] = type_has_address(&types[row->type]);
		put(&s->idmap, zigzag((int64_t)row->tuple - state->last_tuple));
		put(&s->idmap, row->type);
		state->last_tuple = row->tuple;
	}
	id = local->number;
	s->id_low[i] = (uint8_t)id;
	s->id_high[i] = (uint8_t)(id >> 8);
	return id;
}

/* Addresses are predicted per local id. */
static void encode_address(struct events_scratch *s, struct id_state *state, uint64_t address,
			   uint32_t id, bool first)
{
	struct seen_address *seen = find_seen(s, address);

	if (!first && s->last_address[id] == address) {
		put(&s->code, 0);
	} else if (seen->stamp == s->stamp) {
		put(&s->code, state->ordinal - seen->ordinal + 1);
	} else {
		put(&s->code, 1);
		put_fresh_address(&s->fresh, address,
				  first ? state->last_fresh : s->last_address[id]);
		state->last_fresh = address;
	}
	*seen = (struct seen_address){ address, state->ordinal++, s->stamp };
	s->last_address[id] = address;
}

/*
 * All columns in one walk: the rows of a block fill a second-level cache. Returns how many ids. Any
 * byte that is written might be one of *scratch, as far as a compiler knows, which would read it all
 * again; what nobody else can see stays in registers.
 */
static uint32_t encode_rows(struct events_scratch *scratch, const struct event_block *b,
			    const struct event_type *types)
{
	struct events_scratch own = *scratch, *s = &own;
	struct pid_run run = { .pid = b->rows[0].pid };
	struct id_state state = { 0 };
	uint64_t last = b->rows[0].time;

	for (uint32_t i = 0; i < b->count; i++) {
		const struct event_row *row = &b->rows[i];
		uint64_t delta = row->time - last;
		bool first;
		uint32_t id;

		if (i + PREFETCH_ROWS < b->count)
			__builtin_prefetch(seen_slot(s, row[PREFETCH_ROWS].address));
		last = row->time;
		s->time_low[i] = (uint8_t)delta;
		put(&s->time_high, delta >> 8);
		if (row->pid != run.pid) {
			end_run(s, &run);
			run.pid = row->pid;
		}
		run.length++;
		id = encode_id(s, &state, row, i, types, &first);
		if (s->has_address[id])
			encode_address(s, &state, row->address, id, first);
	}
	end_run(s, &run);
	*scratch = own;
	return state.ids;
}

static bool add_columns(const struct event_block *b, struct block_body *body)
{
	if (b->oom)
		return false;
	for (uint32_t i = 0; i < b->column_count; i++) {
		const struct event_column *col = &b->columns[i];

		if (col->bytes.oom)
			return false;
		if (col->bytes.len)
			block_body_add(body, SECTION_EVENT_COLUMN, col->type, col->field,
				       col->bytes.data, col->bytes.len);
	}
	return true;
}

int events_encode(struct events_encoder *e, const struct event_block *b,
		  const struct event_type *types, struct block_body *body, struct error *err)
{
	struct events_scratch *s = e->scratch;
	struct buf head = { 0 };
	bool ok;
	uint32_t ids;

	if (!b->count)
		return 0;
	if (!s)
		s = e->scratch = scratch_new();
	if (!s || !scratch_prepare(s, b))
		return error_nomem(err);
	ids = encode_rows(s, b, types);

	buf_varint(&head, ids);
	buf_bytes(&head, s->idmap.data, s->idmap.len);
	block_body_add(body, SECTION_EVENT_IDMAP, 0, 0, head.data, head.len);
	block_body_add(body, SECTION_EVENT_ID_LOW, 0, 0, s->id_low, b->count);
	if (ids > 256)
		block_body_add(body, SECTION_EVENT_ID_HIGH, 0, 0, s->id_high, b->count);
	block_body_add(body, SECTION_EVENT_TIME_LOW, 0, 0, s->time_low, b->count);
	block_body_add(body, SECTION_EVENT_TIME_HIGH, 0, 0, s->time_high.data, s->time_high.len);
	block_body_add(body, SECTION_EVENT_PID, 0, 0, s->pid.data, s->pid.len);
	if (s->code.len)
		block_body_add(body, SECTION_EVENT_ADDRESS_CODE, 0, 0, s->code.data, s->code.len);
	if (s->fresh.len)
		block_body_add(body, SECTION_EVENT_ADDRESS_NEW, 0, 0, s->fresh.data, s->fresh.len);
	ok = add_columns(b, body) && !head.oom && !body->failed;
	buf_release(&head);
	return ok ? 0 : error_nomem(err);
}

/* ---- decoding ---- */

struct local_decode {
	uint32_t tuple;
	uint16_t type;
	bool has_address, used;
	uint64_t last_address;
};

struct event_sections {
	struct cursor idmap, time_high, pid, code, fresh;
	const uint8_t *id_low, *id_high, *time_low;
};

static int events_damaged(struct error *err, const char *what)
{
	return error_set(err, ERR_DAMAGED, "events: %s", what);
}

/* A section that holds one byte per event, or NULL. */
static const uint8_t *plane(const struct section *s, uint32_t count)
{
	return s->len >= count ? s->data : NULL;
}

static int find_sections(const struct section *sections, size_t n, uint32_t count,
			 const struct event_type *types, size_t type_count,
			 struct event_sections *ret, struct event_block *b, struct error *err)
{
	bool id_high = false;

	*ret = (struct event_sections){ 0 };
	for (size_t i = 0; i < n; i++) {
		const struct section *s = &sections[i];
		struct cursor c = cursor_of(s->data, s->len);
		struct event_column *col;

		switch (s->kind) {
		case SECTION_EVENT_IDMAP: ret->idmap = c; break;
		case SECTION_EVENT_ID_LOW: ret->id_low = plane(s, count); break;
		case SECTION_EVENT_ID_HIGH:
			ret->id_high = plane(s, count);
			id_high = true;
			break;
		case SECTION_EVENT_TIME_LOW: ret->time_low = plane(s, count); break;
		case SECTION_EVENT_TIME_HIGH: ret->time_high = c; break;
		case SECTION_EVENT_PID: ret->pid = c; break;
		case SECTION_EVENT_ADDRESS_CODE: ret->code = c; break;
		case SECTION_EVENT_ADDRESS_NEW: ret->fresh = c; break;
		case SECTION_EVENT_COLUMN:
			if (s->a >= type_count || s->b >= types[s->a].field_count ||
			    types[s->a].fields[s->b].place != PLACE_COLUMN)
				return events_damaged(err, "a column of no field");
			col = get_column(b, (uint16_t)s->a, (uint16_t)s->b);
			if (!col)
				return error_nomem(err);
			col->cursor = c;
			break;
		}
	}
	if (!ret->id_low || !ret->time_low || (id_high && !ret->id_high))
		return events_damaged(err,
				      "a column is missing or shorter than the number of events");
	return 0;
}

/* Reads the id map. *ret is the caller's to free. */
static int decode_idmap(struct cursor *c, uint32_t event_count, const struct event_type *types,
			size_t type_count, struct local_decode **ret, uint32_t *ret_count,
			struct error *err)
{
	uint64_t count = cursor_varint(c);
	struct local_decode *local;
	uint32_t tuple = 0;

	if (c->bad || !count || count > event_count)
		return events_damaged(err, "the id map does not fit the number of events");
	local = calloc(count, sizeof(*local));
	if (!local)
		return error_nomem(err);
	for (uint64_t i = 0; i < count; i++) {
		uint64_t type;

		tuple += (uint32_t)cursor_svarint(c);
		type = cursor_varint(c);
		if (c->bad || type >= type_count) {
			free(local);
			return events_damaged(err,
					      "the id map names an event type that is not there");
		}
		local[i].tuple = tuple;
		local[i].type = (uint16_t)type;
		local[i].has_address = type_has_address(&types[type]);
	}
	*ret = local;
	*ret_count = (uint32_t)count;
	return 0;
}

struct address_decode {
	uint64_t *history; /* addresses in order: distances count only events that have one */
	uint32_t count;
	uint64_t last_fresh;
};

static uint64_t take_fresh(struct cursor *c, uint64_t base)
{
	uint64_t v = cursor_varint(c), rest = v & 1 ? cursor_u8(c) : 0;

	if (rest > 7)
		c->bad = true;
	return base + (uint64_t)unzigzag(v >> 1) * 8 + rest;
}

static uint64_t take_address(struct event_sections *s, struct address_decode *a,
			     struct local_decode *id)
{
	uint64_t code = cursor_varint(&s->code), address = 0;

	if (code == 0) {
		s->code.bad |= !id->used;
		address = id->last_address;
	} else if (code == 1) {
		address = take_fresh(&s->fresh, id->used ? id->last_address : a->last_fresh);
		a->last_fresh = address;
	} else if (code - 1 <= a->count) {
		address = a->history[a->count - (code - 1)];
	} else {
		s->code.bad = true;
	}
	a->history[a->count++] = address;
	id->last_address = address;
	id->used = true;
	return address;
}

static int decode_rows(const struct block_header *header, struct event_sections *s,
		       struct local_decode *local, uint32_t ids, struct address_decode *a,
		       struct event_block *b, struct error *err)
{
	uint64_t time = header->first_time, run = 0;
	int64_t pid = 0;

	for (uint32_t i = 0; i < b->count; i++) {
		struct event_row *row = &b->rows[i];
		uint32_t id = s->id_low[i] | (s->id_high ? (uint32_t)s->id_high[i] << 8 : 0);

		if (id >= ids)
			return events_damaged(err, "an event has an id that the id map has not");
		time += s->time_low[i] | cursor_varint(&s->time_high) << 8;
		if (!run) {
			pid += cursor_svarint(&s->pid);
			run = cursor_varint(&s->pid);
			if (s->pid.bad || !run || run > b->count - i || pid != (int32_t)pid)
				return events_damaged(err, "the runs of pids are malformed");
		}
		run--;
		row->time = time;
		row->tuple = local[id].tuple;
		row->type = local[id].type;
		row->pid = (int32_t)pid;
		row->address = local[id].has_address ? take_address(s, a, &local[id]) : 0;
	}
	if (s->time_high.bad || time != header->last_time)
		return events_damaged(err, "the times do not end where the header says");
	if (s->code.bad || s->fresh.bad)
		return events_damaged(err, "the addresses are malformed");
	return 0;
}

int events_decode(const struct block_header *header, const struct section *sections,
		  size_t section_count, const struct event_type *types, size_t type_count,
		  struct event_block *b, struct error *err)
{
	struct address_decode a = { 0 };
	struct local_decode *local = NULL;
	struct event_sections s;
	uint32_t ids = 0;
	int rc;

	event_block_clear(b);
	if (header->event_count > BLOCK_EVENTS_MAX)
		return events_damaged(err, "more events than a block may hold");
	if (!header->event_count)
		return 0;
	rc = find_sections(sections, section_count, header->event_count, types, type_count, &s, b,
			   err);
	if (rc < 0)
		goto out;
	rc = decode_idmap(&s.idmap, header->event_count, types, type_count, &local, &ids, err);
	if (rc < 0)
		goto out;
	while (b->cap < header->event_count)
		if (!event_block_grow(b))
			break;
	a.history = malloc(header->event_count * sizeof(*a.history));
	if (b->cap < header->event_count || !a.history) {
		rc = error_nomem(err);
		goto out;
	}
	b->count = header->event_count;
	rc = decode_rows(header, &s, local, ids, &a, b, err);
	if (rc == 0 && b->rows[0].time != header->first_time)
		rc = events_damaged(err, "the times do not begin where the header says");
out:
	if (rc < 0)
		event_block_clear(b);
	free(a.history);
	free(local);
	return rc;
}

int event_block_value(struct event_block *b, const struct event_type *type, uint16_t type_index,
		      uint16_t field, struct value *ret, struct error *err)
{
	struct event_column *col = find_column(b, type_index, field);
	const struct event_field *f = &type->fields[field];
	struct value v = { 0 };

	if (!col || !col->cursor.start)
		return events_damaged(err, "a column of a field is missing");
	if (f->kind == FIELD_UNSIGNED || f->kind == FIELD_SIGNED) {
		col->last += (uint64_t)cursor_svarint(&col->cursor);
		v.number = col->last;
	} else {
		v.bytes = cursor_blob(&col->cursor, &v.len);
	}
	if (col->cursor.bad)
		return events_damaged(err, "a column ends too early");
	*ret = v;
	return 0;
}
