#include "record/stream.h"

#include <stdlib.h>

int stream_init(struct stream *s, uint32_t cpu, uint16_t ring, struct emitter *emitter,
		struct error *err)
{
	const struct ring_layout *layout = &emitter->plan->layout;
	int rc;

	*s = (struct stream){
		.cpu = cpu,
		.ring = ring,
		.emitter = emitter,
		.plan = emitter->plan,
		.key = malloc(KEY_ROOM(layout->subbuf_size)),
	};
	rc = s->key ? pairing_init(&s->pairing, layout, err) : error_nomem(err);
	if (rc < 0)
		stream_release(s);
	return rc;
}

void stream_release(struct stream *s)
{
	event_block_release(&s->block);
	pairing_release(&s->pairing);
	free(s->key);
	*s = (struct stream){ 0 };
}

static int emit_error(struct stream *s, struct error *err)
{
	return error_set(err, s->emitter->failure.code, "%s", s->emitter->failure.text);
}

/* Gives a waiting event its stack reference and thereby its tuple. */
static int settle(struct stream *s, struct waiting_event *w, uint32_t stack, struct error *err)
{
	uint32_t tuple;

	if (stack == STACK_LOST && s->stacks_asked && !s->stacks_asked[w->type->index])
		stack = STACK_NONE;
	memcpy(w->key, &stack, sizeof(stack));
	tuple = emitter_tuple(s->emitter, w->type, w->key, w->key_len);
	pairing_done(&s->pairing, w);
	if (stack == STACK_LOST)
		s->missing_stacks++;
	if (tuple == EMIT_FAILED)
		return emit_error(s, err);
	s->block.rows[w->row].tuple = tuple;
	return 0;
}

int stream_give_up(struct stream *s, struct error *err)
{
	int rc = 0;

	for (unsigned int i = 0; rc == 0 && i < PAIRING_CONTEXTS; i++)
		if (pairing_waits(&s->pairing, i))
			rc = settle(s, &s->pairing.slots[i], STACK_LOST, err);
	return rc;
}

/* The fixed part of a key. The record may end in the middle of its last word. */
static uint8_t *mask_words(const struct plan_type *type, const struct ring_record *rec, uint8_t *to)
{
	uint32_t whole = rec->len / 8 < type->key_words ? rec->len / 8 : type->key_words;
	uint64_t word;

	for (uint32_t i = 0; i < whole; i++, to += 8) {
		memcpy(&word, rec->data + i * 8, 8);
		word &= type->mask[i];
		memcpy(to, &word, 8);
	}
	if (whole < type->key_words) {
		word = 0;
		memcpy(&word, rec->data + whole * 8, rec->len % 8);
		word &= type->mask[whole];
		memcpy(to, &word, 8);
		to += 8;
	}
	return to;
}

/* The key of an event without its stack reference; 0 if the record contradicts itself. */
static uint32_t make_key(const struct stream *s, const struct plan_type *type,
			 const struct ring_record *rec, uint8_t *key)
{
	uint32_t head[2] = { 0, type->index };
	uint8_t *p;

	memcpy(key, head, sizeof(head));
	p = mask_words(type, rec, key + KEY_HEAD);
	for (uint16_t i = 0; i < type->variable_count; i++) {
		const uint8_t *bytes;
		uint16_t len16;
		size_t len;

		if (!plan_field_bytes(&s->plan->layout, &type->variable[i], rec, &bytes, &len) ||
		    (size_t)(p - key) + 2 + len > KEY_ROOM(s->plan->layout.subbuf_size))
			return 0;
		len16 = (uint16_t)len;
		memcpy(p, &len16, sizeof(len16));
		memcpy(p + 2, bytes, len);
		p += 2 + len;
	}
	return (uint32_t)(p - key);
}

/* Before a row is made: columns have a value for each row of their type, or they mean nothing. */
static bool columns_fit(const struct stream *s, const struct plan_type *type,
			const struct ring_record *rec)
{
	for (uint16_t i = 0; i < type->column_count; i++) {
		const struct plan_field *f = &type->columns[i];
		const uint8_t *bytes;
		size_t len;

		if (f->kind != FIELD_UNSIGNED && f->kind != FIELD_SIGNED &&
		    !plan_field_bytes(&s->plan->layout, f, rec, &bytes, &len))
			return false;
	}
	return true;
}

static void put_number(struct stream *s, const struct plan_type *type, uint16_t field,
		       uint64_t value)
{
	if (s->columns)
		column_queue_number(s->columns, value);
	else
		event_block_put_number(&s->block, type->index, field, value);
}

static void put_bytes(struct stream *s, const struct plan_type *type, uint16_t field,
		      const uint8_t *bytes, size_t len)
{
	if (s->columns)
		column_queue_bytes(s->columns, bytes, len);
	else
		event_block_put_bytes(&s->block, type->index, field, bytes, len);
}

static void put_columns(struct stream *s, const struct plan_type *type,
			const struct ring_record *rec)
{
	const struct ring_layout *layout = &s->plan->layout;

	for (uint16_t i = 0; i < type->column_count; i++) {
		const struct plan_field *f = &type->columns[i];
		const uint8_t *bytes = rec->data;
		size_t len = f->size;

		if (f->kind == FIELD_UNSIGNED || f->kind == FIELD_SIGNED) {
			put_number(s, type, f->field,
				   plan_signed_number(layout, rec->data + f->offset, f->size,
						      f->kind));
		} else {
			plan_field_bytes(layout, f, rec, &bytes, &len);
			put_bytes(s, type, f->field, bytes, len);
		}
		s->column_bytes += len + 2;
	}
}

static int damaged(const struct stream *s, const struct ring_record *rec, struct error *err)
{
	return error_set(err, ERR_DAMAGED,
			 "CPU %u: a record of %u bytes (event number %u) is not what its format "
			 "says",
			 s->cpu, rec->len,
			 (unsigned int)plan_number(&s->plan->layout,
						   rec->data + s->plan->type_offset, 2));
}

/* The row of a record, and its columns; the tuple is still to come. */
static int add_row(struct stream *s, const struct plan_type *type, const struct ring_record *rec,
		   int32_t pid, struct event_row **ret, struct error *err)
{
	struct event_row *row;

	if (!columns_fit(s, type, rec))
		return damaged(s, rec, err);
	row = event_block_add(&s->block);
	if (!row)
		return error_nomem(err);
	*row = (struct event_row){ .time = rec->time, .pid = pid, .type = type->index };
	if (type->address_offset != NO_OFFSET)
		row->address = plan_number(&s->plan->layout, rec->data + type->address_offset,
					   type->address_size);
	put_columns(s, type, rec);
	s->events++;
	*ret = row;
	return 0;
}

static int add_event(struct stream *s, const struct plan_type *type, const struct ring_record *rec,
		     int32_t pid, struct error *err)
{
	const struct ring_layout *layout = &s->plan->layout;
	bool waits = type->wants_stack || s->stacks_asked;
	unsigned int context = pairing_context(rec->data[s->plan->flags_offset]);
	uint8_t *key = waits ? s->pairing.slots[context].key : s->key;
	uint32_t key_len = make_key(s, type, rec, key);
	struct waiting_event *w;
	struct event_row *row;
	int rc;

	if (!key_len)
		return damaged(s, rec, err);
	s->taken_apart++;
	rc = add_row(s, type, rec, pid, &row, err);
	if (rc < 0)
		return rc;
	if (!waits) {
		row->tuple = emitter_tuple(s->emitter, type, key, key_len);
		if (row->tuple == EMIT_FAILED)
			return emit_error(s, err);
		images_learn(&s->emitter->images, s->plan, type, row->tuple, rec, NULL);
		return 0;
	}
	w = pairing_wait(&s->pairing, context);
	w->row = s->block.count - 1;
	w->pid = pid;
	w->ordinal = s->decoded;
	w->type = type;
	w->record = *rec;
	w->key_len = key_len;
	if (type->call_site_offset != NO_OFFSET)
		w->call_site = plan_number(layout, rec->data + type->call_site_offset,
					   layout->long_size);
	return 0;
}

int stream_event(struct stream *s, const struct ring_record *rec, const uint64_t *frames,
		 uint32_t depth, struct error *err)
{
	const struct event_plan *plan = s->plan;
	const struct plan_type *type = NULL;
	uint32_t key_len, stack = STACK_NONE;
	struct event_row *row;
	int rc;

	s->decoded++;
	if (rec->len >= 8)
		type = event_plan_find(plan,
				       (uint16_t)plan_number(&plan->layout,
							     rec->data + plan->type_offset, 2));
	if (!type) {
		s->unknown++;
		return 0;
	}
	if (rec->len < type->min_len)
		return damaged(s, rec, err);
	key_len = make_key(s, type, rec, s->key);
	if (!key_len)
		return damaged(s, rec, err);
	rc = add_row(s, type, rec,
		     (int32_t)plan_number(&plan->layout, rec->data + plan->pid_offset, 4), &row,
		     err);
	if (rc < 0)
		return rc;
	if (type->wants_stack && depth) {
		stack = emitter_frames(s->emitter, frames, depth);
		if (stack == EMIT_FAILED)
			return emit_error(s, err);
		stack += STACK_FIRST;
		s->decoded++;
		s->stacks++;
	} else if (type->wants_stack && frames) {
		stack = STACK_LOST;
		s->missing_stacks++;
	}
	memcpy(s->key, &stack, sizeof(stack));
	row->tuple = emitter_tuple(s->emitter, type, s->key, key_len);
	return row->tuple == EMIT_FAILED ? emit_error(s, err) : 0;
}

/* How many frames a stack record really has: it declares 8 and holds as many as there were. */
static uint32_t stack_depth(const struct stream *s, const struct ring_record *rec)
{
	const struct event_plan *plan = s->plan;
	unsigned int size = plan->layout.long_size;
	uint32_t room, depth = 0;

	if (rec->len < plan->stack_caller_offset)
		return 0;
	room = (rec->len - plan->stack_caller_offset) / size;
	if (plan->stack_size_offset != NO_OFFSET) {
		depth = (uint32_t)plan_number(&plan->layout, rec->data + plan->stack_size_offset,
					      4);
	} else { /* before 5.6: ended by ULONG_MAX */
		const uint8_t *frames = rec->data + plan->stack_caller_offset;
		uint64_t end = size == 8 ? UINT64_MAX : UINT32_MAX;

		while (depth < room &&
		       plan_number(&plan->layout, frames + (size_t)depth * size, size) != end)
			depth++;
	}
	if (depth > room)
		return 0;
	return depth < STACK_FRAMES_MAX ? depth : STACK_FRAMES_MAX;
}

static int add_stack(struct stream *s, const struct ring_record *rec, int32_t pid,
		     struct error *err)
{
	const uint8_t *frames = rec->data + s->plan->stack_caller_offset;
	uint32_t depth = stack_depth(s, rec), stack;
	struct waiting_event *w = pairing_match(&s->pairing, &s->plan->layout,
						rec->data[s->plan->flags_offset], pid, s->decoded,
						frames, depth);
	bool at_once;
	int rc;

	if (!w) {
		s->orphan_stacks++;
		s->early_stacks += !s->events;
		return 0;
	}
	if (w->type->max_stack && depth > w->type->max_stack)
		depth = w->type->max_stack;
	stack = emitter_stack(s->emitter, frames, depth);
	if (stack == EMIT_FAILED)
		return emit_error(s, err);
	s->stacks++;
	at_once = w->ordinal + 1 == s->decoded && w->record.data;
	rc = settle(s, w, STACK_FIRST + stack, err);
	if (rc == 0 && at_once)
		images_learn(&s->emitter->images, s->plan, w->type, s->block.rows[w->row].tuple,
			     &w->record, rec);
	return rc;
}

static int add_record(struct stream *s, const struct ring_record *rec, struct error *err)
{
	const struct event_plan *plan = s->plan;
	const struct plan_type *type;
	struct waiting_event *w;
	unsigned int context;
	uint16_t id;
	int32_t pid;
	int rc;

	s->decoded++;
	if (rec->len < 8)
		return error_set(err, ERR_DAMAGED, "CPU %u: a record of %u bytes is too short",
				 s->cpu, rec->len);
	id = (uint16_t)plan_number(&plan->layout, rec->data + plan->type_offset, 2);
	pid = (int32_t)plan_number(&plan->layout, rec->data + plan->pid_offset, 4);
	context = pairing_context(rec->data[plan->flags_offset]);
	while ((w = pairing_overdue(&s->pairing, context, id != plan->stack_id))) {
		rc = settle(s, w, STACK_LOST, err);
		if (rc < 0)
			return rc;
	}
	if (id == plan->stack_id)
		return add_stack(s, rec, pid, err);
	type = event_plan_find(plan, id);
	if (!type && s->learn && s->learn(s->learn_arg, id))
		type = event_plan_find(plan, id);
	if (!type) {
		s->unknown++;
		return 0;
	}
	return rec->len < type->min_len ? damaged(s, rec, err) : add_event(s, type, rec, pid, err);
}

/*
 * The image of a record, if it is one of the two to be expected, and the stack record behind it, if the
 * image has one: then both are what it shows.
 */
static inline const struct image *look_up(const struct stream *s, const struct ring_page *page,
					  const struct ring_record *rec, struct ring_record *stack)
{
	const struct images *images = &s->emitter->images;

	for (int which = 0; which < 2; which++) {
		const struct image *i = image_expected(images, which);

		if (!i)
			break;
		if (image_is(images, i, rec, (size_t)(page->end - rec->data)) &&
		    (!i->stack_len || (ring_page_peek(page, stack) &&
				       image_stack_is(images, s->plan, i, rec, stack))))
			return i;
	}
	return NULL;
}

/*
 * An event that looks as expected, and its stack, in one go: what add_record would make of them. Where an
 * event waits for its stack there is more to find out. False: nothing was taken.
 */
static inline bool add_as_expected(struct stream *s, struct ring_page *page,
				   const struct ring_record *rec)
{
	const struct event_plan *plan = s->plan;
	struct ring_record stack = { 0 };
	const struct image *i = s->pairing.waiting ? NULL : look_up(s, page, rec, &stack);
	struct event_row *row = i ? event_block_add(&s->block) : NULL;
	const struct plan_type *type;

	if (!row)
		return false;
	type = &plan->plans[i->type];
	*row = (struct event_row){
		.time = rec->time,
		.pid = (int32_t)plan_number(&plan->layout, rec->data + plan->pid_offset, 4),
		.tuple = image_tuple(&s->emitter->images, i),
		.type = i->type,
	};
	if (type->address_offset != NO_OFFSET)
		row->address = plan_number(&plan->layout, rec->data + type->address_offset,
					   type->address_size);
	images_follow(&s->emitter->images, row->tuple);
	s->decoded++;
	s->events++;
	if (i->stack_len) {
		s->decoded++;
		s->stacks++;
		ring_page_take(page, &stack);
	}
	return true;
}

int stream_page(struct stream *s, const void *bytes, size_t len, bool lost_in_front,
		struct error *err)
{
	struct ring_record rec;
	struct ring_page page;
	int rc, failed = 0;

	rc = ring_page_open(&page, &s->plan->layout, bytes, len, err);
	if (rc == 0 && (lost_in_front || page.missed))
		rc = stream_give_up(s, err);
	if (rc < 0)
		return rc;
	while ((rc = ring_page_next(&page, &rec)) > 0)
		if (!add_as_expected(s, &page, &rec) && (failed = add_record(s, &rec, err)) < 0)
			break;
	if (rc < 0)
		failed = error_set(err, rc, "CPU %u: a ring-buffer page is malformed at byte %zu",
				   s->cpu, (size_t)(page.pos - page.start));
	for (unsigned int i = 0; i < PAIRING_CONTEXTS; i++)
		if (pairing_waits(&s->pairing, i))
			s->pairing.slots[i].record.data = NULL;
	return failed;
}

/* The smallest record is 12 bytes: the word in front and the common fields. */
bool stream_overfull(const struct stream *s)
{
	return s->block.count + s->plan->layout.subbuf_size / 12 > BLOCK_EVENTS_MAX;
}

void stream_block_done(struct stream *s)
{
	event_block_clear(&s->block);
	s->column_bytes = 0;
}

uint32_t stream_settled(const struct stream *s)
{
	uint32_t n = s->block.count;

	for (unsigned int i = 0; i < PAIRING_CONTEXTS; i++)
		if (pairing_waits(&s->pairing, i) && s->pairing.slots[i].row < n)
			n = s->pairing.slots[i].row;
	return n;
}

void stream_taken(struct stream *s, uint32_t n)
{
	struct event_block *b = &s->block;

	b->count -= n;
	if (b->count)
		memmove(b->rows, b->rows + n, b->count * sizeof(*b->rows));
	for (unsigned int i = 0; i < PAIRING_CONTEXTS; i++)
		if (pairing_waits(&s->pairing, i))
			s->pairing.slots[i].row -= n;
	s->column_bytes = 0;
}
