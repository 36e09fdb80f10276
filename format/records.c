#include "format/records.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "format/base/cursor.h"

static int damaged(struct error *err, const char *record, const struct cursor *c)
{
	return error_set(err, ERR_DAMAGED, "%s record: malformed at byte %zu", record,
			 cursor_offset(c));
}

static struct text take_text(struct cursor *c)
{
	struct text t = { "", 0 };
	const uint8_t *p = cursor_blob(c, &t.len);

	if (p)
		t.data = (const char *)p;
	return t;
}

static void put_text(struct buf *b, struct text t)
{
	buf_blob(b, t.data, t.len);
}

/* ---- INFO ---- */

void info_encode(struct buf *b, const char *key, const char *value)
{
	buf_str(b, key);
	buf_str(b, value);
}

void info_encode_u64(struct buf *b, const char *key, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	info_encode(b, key, text);
}

int info_decode(const void *data, size_t len,
		int (*pair)(void *arg, struct text key, struct text value), void *arg,
		struct error *err)
{
	struct cursor c = cursor_of(data, len);
	int rc;

	while (cursor_left(&c)) {
		struct text key = take_text(&c), value = take_text(&c);

		if (c.bad)
			return damaged(err, "INFO", &c);
		rc = pair(arg, key, value);
		if (rc)
			return rc;
	}
	return 0;
}

/* ---- FILE ---- */

void file_encode(struct buf *b, const struct file_part *part)
{
	put_text(b, part->name);
	put_text(b, part->moment);
	buf_varint(b, part->offset);
	buf_u8(b, part->last);
	put_text(b, part->bytes);
}

int file_decode(const void *data, size_t len, struct file_part *ret, struct error *err)
{
	struct cursor c = cursor_of(data, len);
	struct file_part part;

	part.name = take_text(&c);
	part.moment = take_text(&c);
	part.offset = cursor_varint(&c);
	part.last = cursor_u8(&c) != 0;
	part.bytes = take_text(&c);
	if (c.bad)
		return damaged(err, "FILE", &c);
	*ret = part;
	return 0;
}

/* ---- TYPES ---- */

void type_encode(struct buf *b, const struct event_type *type)
{
	buf_varint(b, type->id);
	buf_str(b, type->system);
	buf_str(b, type->name);
	buf_u8(b, type->has_stack);
	buf_varint(b, type->field_count);
	for (uint16_t i = 0; i < type->field_count; i++) {
		const struct event_field *f = &type->fields[i];

		buf_str(b, f->name);
		buf_str(b, f->type);
		buf_varint(b, f->offset);
		buf_varint(b, f->size);
		buf_u8(b, f->kind);
		buf_u8(b, f->place);
	}
}

void event_type_release(struct event_type *type)
{
	for (uint16_t i = 0; type->fields && i < type->field_count; i++) {
		free(type->fields[i].name);
		free(type->fields[i].type);
	}
	free(type->fields);
	free(type->system);
	free(type->name);
	*type = (struct event_type){ 0 };
}

/* A name that came with a NUL inside would read differently in C than it stands in the file. */
static char *take_string(struct cursor *c)
{
	struct text t = take_text(c);
	char *s;

	if (c->bad || memchr(t.data, '\0', t.len)) {
		c->bad = true;
		return NULL;
	}
	s = malloc(t.len + 1);
	if (s) {
		memcpy(s, t.data, t.len);
		s[t.len] = '\0';
	}
	return s;
}

static uint16_t take_u16_varint(struct cursor *c)
{
	uint64_t v = cursor_varint(c);

	if (v > UINT16_MAX)
		c->bad = true;
	return (uint16_t)v;
}

static bool field_is_sound(const struct event_field *f)
{
	bool number = f->kind == FIELD_UNSIGNED || f->kind == FIELD_SIGNED;

	if (f->kind < FIELD_UNSIGNED || f->kind > FIELD_FIXED_STRING)
		return false;
	if (f->place < PLACE_TUPLE || f->place > PLACE_COMMON)
		return false;
	if (f->place == PLACE_ADDRESS && !number)
		return false;
	return !number || f->size == 1 || f->size == 2 || f->size == 4 || f->size == 8;
}

static int take_fields(struct cursor *c, struct event_type *type, struct error *err)
{
	uint64_t count = cursor_varint(c);
	unsigned int addresses = 0;

	/* a field takes at least six bytes: a count that the section cannot hold never allocates */
	if (c->bad || count > EVENT_FIELDS_MAX || count > cursor_left(c) / 6) {
		c->bad = true;
		return 0;
	}
	type->fields = calloc(count ? count : 1, sizeof(*type->fields));
	if (!type->fields)
		return error_nomem(err);
	type->field_count = (uint16_t)count;
	for (uint16_t i = 0; i < count && !c->bad; i++) {
		struct event_field *f = &type->fields[i];

		f->name = take_string(c);
		f->type = take_string(c);
		f->offset = take_u16_varint(c);
		f->size = take_u16_varint(c);
		f->kind = cursor_u8(c);
		f->place = cursor_u8(c);
		if (!c->bad && (!f->name || !f->type))
			return error_nomem(err);
		addresses += f->place == PLACE_ADDRESS;
		if (!field_is_sound(f) || addresses > 1)
			c->bad = true;
	}
	return 0;
}

int types_decode(const void *data, size_t len, int (*add)(void *arg, struct event_type *type),
		 void *arg, struct error *err)
{
	struct cursor c = cursor_of(data, len);
	int rc = 0;

	while (!rc && cursor_left(&c)) {
		struct event_type type = { 0 };

		type.id = take_u16_varint(&c);
		type.system = take_string(&c);
		type.name = take_string(&c);
		type.has_stack = cursor_u8(&c) != 0;
		rc = take_fields(&c, &type, err);
		if (!rc && c.bad)
			rc = damaged(err, "TYPES", &c);
		if (!rc && (!type.system || !type.name))
			rc = error_nomem(err);
		if (rc)
			event_type_release(&type);
		else
			rc = add(arg, &type);
	}
	return rc;
}

/* ---- TASKS ---- */

void task_encode(struct buf *b, const struct task_record *task)
{
	buf_varint(b, (uint32_t)task->pid);
	buf_varint(b, (uint32_t)task->tgid);
	buf_varint(b, (uint32_t)task->ppid);
	put_text(b, task->comm);
}

static int32_t take_pid(struct cursor *c)
{
	uint64_t v = cursor_varint(c);

	if (v > INT32_MAX)
		c->bad = true;
	return (int32_t)v;
}

int tasks_decode(const void *data, size_t len,
		 int (*task)(void *arg, const struct task_record *task), void *arg,
		 struct error *err)
{
	struct cursor c = cursor_of(data, len);
	int rc;

	while (cursor_left(&c)) {
		struct task_record t;

		t.pid = take_pid(&c);
		t.tgid = take_pid(&c);
		t.ppid = take_pid(&c);
		t.comm = take_text(&c);
		if (c.bad)
			return damaged(err, "TASKS", &c);
		rc = task(arg, &t);
		if (rc)
			return rc;
	}
	return 0;
}

/* ---- STATS ---- */

void stats_encode_moment(struct buf *b, enum stats_moment moment)
{
	buf_u8(b, (uint8_t)moment);
}

void stats_encode(struct buf *b, const struct ring_stats *s)
{
	buf_varint(b, s->cpu);
	buf_varint(b, s->entries);
	buf_varint(b, s->overrun);
	buf_varint(b, s->commit_overrun);
	buf_varint(b, s->dropped);
	buf_varint(b, s->read);
	buf_varint(b, s->decoded);
	buf_varint(b, s->events);
	buf_varint(b, s->stacks);
	buf_varint(b, s->orphan_stacks);
	buf_varint(b, s->missing_stacks);
	buf_varint(b, s->bytes);
}

int stats_decode(const void *data, size_t len, enum stats_moment *ret_moment,
		 int (*cpu)(void *arg, const struct ring_stats *stats), void *arg,
		 struct error *err)
{
	struct cursor c = cursor_of(data, len);
	uint8_t moment = cursor_u8(&c);
	int rc;

	if (c.bad || moment > STATS_END)
		return damaged(err, "STATS", &c);
	*ret_moment = (enum stats_moment)moment;
	while (cursor_left(&c)) {
		struct ring_stats s = { 0 };
		uint64_t number = cursor_varint(&c);

		if (number >= CPU_MAX)
			c.bad = true;
		s.cpu = (uint32_t)number;
		s.entries = cursor_varint(&c);
		s.overrun = cursor_varint(&c);
		s.commit_overrun = cursor_varint(&c);
		s.dropped = cursor_varint(&c);
		s.read = cursor_varint(&c);
		s.decoded = cursor_varint(&c);
		s.events = cursor_varint(&c);
		s.stacks = cursor_varint(&c);
		s.orphan_stacks = cursor_varint(&c);
		s.missing_stacks = cursor_varint(&c);
		s.bytes = cursor_varint(&c);
		if (c.bad)
			return damaged(err, "STATS", &c);
		rc = cpu(arg, &s);
		if (rc)
			return rc;
	}
	return 0;
}

/* ---- MARKS ---- */

void mark_encode(struct buf *b, uint64_t before, const struct mark_record *mark)
{
	struct buf body = { 0 };

	if (mark->kind == MARK_NAMED)
		put_text(&body, mark->text);
	buf_varint(b, mark->kind);
	buf_svarint(b, (int64_t)(mark->time - before));
	buf_blob(b, body.data, body.len);
	b->oom |= body.oom;
	buf_release(&body);
}

int marks_decode(const void *data, size_t len, uint64_t first_time,
		 int (*mark)(void *arg, const struct mark_record *mark), void *arg,
		 struct error *err)
{
	struct cursor c = cursor_of(data, len);
	uint64_t time = first_time;

	while (cursor_left(&c)) {
		uint64_t kind = cursor_varint(&c);
		struct mark_record m = { .text = { "", 0 } };
		struct text body;
		int rc;

		time += (uint64_t)cursor_svarint(&c);
		body = take_text(&c);
		if (!c.bad && kind == MARK_NAMED) {
			struct cursor inner = cursor_of(body.data, body.len);

			m.text = take_text(&inner);
			c.bad = inner.bad;
		}
		if (c.bad)
			return damaged(err, "MARKS", &c);
		if (kind < MARK_NAMED || kind > MARK_RESUME)
			continue;
		m.kind = (uint8_t)kind;
		m.time = time;
		rc = mark(arg, &m);
		if (rc)
			return rc;
	}
	return 0;
}

/* ---- END ---- */

void end_encode(struct buf *b, const struct end_totals *totals, const struct end_entry *entries)
{
	uint64_t offset = 0;

	buf_varint(b, totals->events);
	buf_varint(b, totals->lost);
	buf_varint(b, totals->bytes);
	buf_varint(b, totals->block_count);
	for (uint64_t i = 0; i < totals->block_count; i++) {
		const struct end_entry *e = &entries[i];

		buf_varint(b, e->offset - offset);
		buf_varint(b, e->cpu);
		buf_varint(b, e->event_count);
		buf_varint(b, e->first_time);
		buf_varint(b, e->last_time - e->first_time);
		offset = e->offset;
	}
}

int end_decode(const void *data, size_t len, struct end_totals *ret,
	       int (*entry)(void *arg, const struct end_entry *entry), void *arg, struct error *err)
{
	struct cursor c = cursor_of(data, len);
	struct end_totals totals;
	uint64_t offset = 0;
	int rc;

	totals.events = cursor_varint(&c);
	totals.lost = cursor_varint(&c);
	totals.bytes = cursor_varint(&c);
	totals.block_count = cursor_varint(&c);
	for (uint64_t i = 0; i < totals.block_count && !c.bad && entry; i++) {
		struct end_entry e;
		uint64_t cpu, count;

		offset += cursor_varint(&c);
		e.offset = offset;
		cpu = cursor_varint(&c);
		count = cursor_varint(&c);
		e.first_time = cursor_varint(&c);
		e.last_time = e.first_time + cursor_varint(&c);
		if (cpu >= CPU_MAX || count > BLOCK_EVENTS_MAX)
			c.bad = true;
		if (c.bad)
			break;
		e.cpu = (uint32_t)cpu;
		e.event_count = (uint32_t)count;
		rc = entry(arg, &e);
		if (rc)
			return rc;
	}
	if (c.bad)
		return damaged(err, "END", &c);
	*ret = totals;
	return 0;
}
