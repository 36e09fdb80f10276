#include "format/dict.h"

#include <stdlib.h>

#include "format/base/cursor.h"

/* ---- stacks ---- */

/*
 * How many outermost frames two stacks have in common: calls from one syscall share most of them.
 */
static uint32_t shared_frames(const uint64_t *a, uint32_t na, const uint64_t *b, uint32_t nb)
{
	uint32_t most = na < nb ? na : nb, n = 0;

	while (n < most && a[na - 1 - n] == b[nb - 1 - n])
		n++;
	return n;
}

void stack_encode(struct stack_encoder *e, const uint64_t *frames, uint32_t depth)
{
	uint32_t shared = shared_frames(frames, depth, e->last, e->last_depth);

	buf_varint(&e->bytes, depth);
	buf_varint(&e->bytes, shared);
	for (uint32_t i = 0; i < depth - shared; i++) {
		buf_svarint(&e->bytes, (int64_t)(frames[i] - e->last_frame));
		e->last_frame = frames[i];
	}
	memcpy(e->last, frames, depth * sizeof(*frames));
	e->last_depth = depth;
	e->count++;
}

void stack_encoder_clear(struct stack_encoder *e)
{
	buf_clear(&e->bytes);
	e->bytes.oom = false;
	e->count = 0;
	e->last_depth = 0;
	e->last_frame = 0;
}

void stack_encoder_release(struct stack_encoder *e)
{
	buf_release(&e->bytes);
	*e = (struct stack_encoder){ 0 };
}

static int dict_damaged(struct error *err, const char *what, uint32_t number)
{
	return error_set(err, ERR_DAMAGED, "dictionary: %s %u is malformed", what, number);
}

int stacks_decode(const struct section *section,
		  int (*stack)(void *arg, uint32_t number, const uint64_t *frames, uint32_t depth),
		  void *arg, struct error *err)
{
	uint64_t frames[2][STACK_FRAMES_MAX], frame = 0;
	struct cursor c = cursor_of(section->data, section->len);
	uint32_t last_depth = 0;
	int rc;

	if ((uint64_t)section->a + section->b > DICT_ENTRIES_MAX)
		return dict_damaged(err, "stack", section->a);
	for (uint32_t n = 0; n < section->b; n++) {
		uint64_t *now = frames[n & 1], *last = frames[~n & 1];
		uint64_t depth = cursor_varint(&c), shared = cursor_varint(&c);

		if (c.bad || depth < 1 || depth > STACK_FRAMES_MAX || shared > depth ||
		    shared > last_depth)
			return dict_damaged(err, "stack", section->a + n);
		for (uint64_t i = 0; i < depth - shared; i++) {
			frame += (uint64_t)cursor_svarint(&c);
			now[i] = frame;
		}
		if (c.bad)
			return dict_damaged(err, "stack", section->a + n);
		memcpy(now + (depth - shared), last + (last_depth - shared), shared * sizeof(*now));
		last_depth = (uint32_t)depth;
		rc = stack(arg, section->a + n, now, last_depth);
		if (rc)
			return rc;
	}
	return 0;
}

/* ---- tuples ---- */

/* Numbers of the tuple before, per event type: fields of a type tend to repeat or to lie close. */
struct tuple_last {
	uint64_t *numbers; /* one per field */
};

static bool field_is_number(const struct event_field *f)
{
	return f->kind == FIELD_UNSIGNED || f->kind == FIELD_SIGNED;
}

static uint64_t *last_numbers(struct tuple_last **last, size_t *count, uint16_t index,
			      uint16_t fields)
{
	if (index >= *count) {
		size_t want = (size_t)index + 16;
		struct tuple_last *p = realloc(*last, want * sizeof(*p));

		if (!p)
			return NULL;
		memset(p + *count, 0, (want - *count) * sizeof(*p));
		*last = p;
		*count = want;
	}
	if (!(*last)[index].numbers)
		(*last)[index].numbers = calloc(fields ? fields : 1, sizeof(uint64_t));
	return (*last)[index].numbers;
}

static void last_release(struct tuple_last *last, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(last[i].numbers);
	free(last);
}

void tuple_encode(struct tuple_encoder *e, const struct event_type *type, const struct tuple *tuple)
{
	uint64_t *last = last_numbers(&e->last, &e->last_count, tuple->type, type->field_count);
	const struct value *v = tuple->values;

	if (!last) {
		e->bytes.oom = true;
		return;
	}
	buf_varint(&e->bytes, tuple->type);
	buf_u8(&e->bytes, tuple->flags);
	buf_u8(&e->bytes, tuple->preempt_count);
	buf_varint(&e->bytes, tuple->stack);
	for (uint16_t i = 0; i < type->field_count; i++) {
		const struct event_field *f = &type->fields[i];

		if (f->place != PLACE_TUPLE)
			continue;
		if (field_is_number(f)) {
			buf_svarint(&e->bytes, (int64_t)(v->number - last[i]));
			last[i] = v->number;
		} else {
			buf_blob(&e->bytes, v->bytes, v->len);
		}
		v++;
	}
	e->count++;
}

void tuple_encoder_clear(struct tuple_encoder *e)
{
	last_release(e->last, e->last_count);
	e->last = NULL;
	e->last_count = 0;
	buf_clear(&e->bytes);
	e->bytes.oom = false;
	e->count = 0;
}

void tuple_encoder_release(struct tuple_encoder *e)
{
	tuple_encoder_clear(e);
	buf_release(&e->bytes);
}

/* values: room for EVENT_FIELDS_MAX. */
static void take_values(struct cursor *c, const struct event_type *type, uint64_t *last,
			struct value *values)
{
	struct value *v = values;

	for (uint16_t i = 0; i < type->field_count; i++) {
		const struct event_field *f = &type->fields[i];

		if (f->place != PLACE_TUPLE)
			continue;
		*v = (struct value){ 0 };
		if (field_is_number(f)) {
			last[i] += (uint64_t)cursor_svarint(c);
			v->number = last[i];
		} else {
			v->bytes = cursor_blob(c, &v->len);
		}
		v++;
	}
}

int tuples_decode(const struct section *section, const struct event_type *types, size_t type_count,
		  int (*callback)(void *arg, uint32_t number, const struct tuple *tuple), void *arg,
		  struct error *err)
{
	struct cursor c = cursor_of(section->data, section->len);
	struct value values[EVENT_FIELDS_MAX];
	struct tuple_last *last = NULL;
	size_t last_count = 0;
	int rc = 0;

	if ((uint64_t)section->a + section->b > DICT_ENTRIES_MAX)
		return dict_damaged(err, "tuple", section->a);
	for (uint32_t n = 0; n < section->b && !rc; n++) {
		struct tuple t = { .values = values };
		uint64_t type = cursor_varint(&c), stack;
		uint64_t *numbers;

		t.flags = cursor_u8(&c);
		t.preempt_count = cursor_u8(&c);
		stack = cursor_varint(&c);
		if (c.bad || type >= type_count || stack >= STACK_FIRST + DICT_ENTRIES_MAX) {
			rc = dict_damaged(err, "tuple", section->a + n);
			break;
		}
		t.type = (uint16_t)type;
		t.stack = (uint32_t)stack;
		numbers = last_numbers(&last, &last_count, t.type, types[type].field_count);
		if (!numbers) {
			rc = error_nomem(err);
			break;
		}
		take_values(&c, &types[type], numbers, values);
		if (c.bad)
			rc = dict_damaged(err, "tuple", section->a + n);
		else
			rc = callback(arg, section->a + n, &t);
	}
	last_release(last, last_count);
	return rc;
}
