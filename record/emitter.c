#include "record/emitter.h"

#include <stdlib.h>

#define GENERATION_FILE_BYTES  (16u << 20)
#define GENERATION_TABLE_BYTES (64u << 20)

/* A dictionary section is put on its own when it gets near the limit of a block. */
#define DICT_SECTION_BYTES (4u << 20)

int emitter_init(struct emitter *e, struct capture_writer *writer, uint16_t id,
		 const struct event_plan *plan, struct error *err)
{
	*e = (struct emitter){
		.writer = writer,
		.id = id,
		.plan = plan,
		.events_encoder = { .clock_step = capture_writer_clock_step(writer) },
		.generation_start = capture_writer_bytes(writer),
		.values = calloc(EVENT_FIELDS_MAX, sizeof(*e->values)),
		.frames = calloc(STACK_FRAMES_MAX, sizeof(*e->frames)),
	};
	if (e->values && e->frames)
		return 0;
	emitter_release(e);
	return error_nomem(err);
}

void emitter_release(struct emitter *e)
{
	intern_release(&e->stacks);
	intern_release(&e->tuples);
	images_release(&e->images);
	intern_release(&e->addresses);
	stack_encoder_release(&e->stack_encoder);
	tuple_encoder_release(&e->tuple_encoder);
	events_encoder_release(&e->events_encoder);
	block_body_release(&e->body);
	free(e->values);
	free(e->frames);
	*e = (struct emitter){ 0 };
}

static int put_section(struct emitter *e, enum section_kind kind, uint32_t first, uint32_t count,
		       const struct buf *bytes, struct error *err)
{
	struct block_header h = {
		.type = BLOCK_DICT,
		.writer = e->id,
		.cpu = CPU_NONE,
		.generation = e->generation,
	};

	if (bytes->oom)
		return error_nomem(err);
	block_body_clear(&e->body);
	block_body_add(&e->body, kind, first, count, bytes->data, bytes->len);
	return capture_writer_put(e->writer, &h, &e->body, err);
}

static int put_stacks(struct emitter *e, struct error *err)
{
	struct stack_encoder *s = &e->stack_encoder;
	int rc;

	if (!s->count && !s->bytes.oom)
		return 0;
	rc = put_section(e, SECTION_STACKS, e->stacks_put, s->count, &s->bytes, err);
	e->stacks_put += s->count;
	stack_encoder_clear(s);
	return rc;
}

static int put_tuples(struct emitter *e, struct error *err)
{
	struct tuple_encoder *t = &e->tuple_encoder;
	int rc;

	if (!t->count && !t->bytes.oom)
		return 0;
	rc = put_section(e, SECTION_TUPLES, e->tuples_put, t->count, &t->bytes, err);
	e->tuples_put += t->count;
	tuple_encoder_clear(t);
	return rc;
}

static uint32_t emit_failed(struct emitter *e)
{
	error_nomem(&e->failure); /* keeps what is there already */
	return EMIT_FAILED;
}

static bool remember_address(struct emitter *e, uint64_t address)
{
	bool is_new;

	return intern(&e->addresses, &address, sizeof(address), &is_new) != INTERN_FULL;
}

/* Stack n is new: its frames are in e->frames. */
static uint32_t put_new_stack(struct emitter *e, uint32_t n, uint32_t depth)
{
	if (n == INTERN_FULL)
		return emit_failed(e);
	for (uint32_t i = 0; i < depth && e->frames[i] != STACK_USER; i++)
		if (!remember_address(e, e->frames[i]))
			return emit_failed(e);
	stack_encode(&e->stack_encoder, e->frames, depth);
	if (e->stack_encoder.bytes.oom)
		return emit_failed(e);
	if (e->stack_encoder.bytes.len > DICT_SECTION_BYTES && put_stacks(e, &e->failure) < 0)
		return emit_failed(e);
	return n;
}

uint32_t emitter_stack(struct emitter *e, const uint8_t *raw, uint32_t depth)
{
	unsigned int size = e->plan->layout.long_size;
	bool is_new;
	uint32_t n = intern_after(&e->stacks, &e->last_stack, raw, depth * size, &is_new);

	if (!is_new)
		return n;
	for (uint32_t i = 0; i < depth; i++)
		e->frames[i] = plan_number(&e->plan->layout, raw + (size_t)i * size, size);
	return put_new_stack(e, n, depth);
}

uint32_t emitter_frames(struct emitter *e, const uint64_t *frames, uint32_t depth)
{
	bool is_new;
	uint32_t n = intern_after(&e->stacks, &e->last_stack, frames,
				  depth * (uint32_t)sizeof(*frames), &is_new);

	if (!is_new)
		return n;
	memcpy(e->frames, frames, depth * sizeof(*frames));
	return put_new_stack(e, n, depth);
}

uint32_t emitter_tuple(struct emitter *e, const struct plan_type *type, const uint8_t *key,
		       uint32_t len)
{
	const struct event_type *event = &e->plan->types[type->index];
	const uint8_t *common = key + KEY_HEAD;
	struct tuple tuple = {
		.type = type->index,
		.flags = common[e->plan->flags_offset],
		.preempt_count = common[e->plan->preempt_offset],
	};
	bool is_new;
	uint32_t n = intern_after(&e->tuples, &e->last_tuple, key, len, &is_new);

	if (!is_new)
		return n;
	if (n == INTERN_FULL)
		return emit_failed(e);
	memcpy(&tuple.stack, key, sizeof(tuple.stack));
	plan_key_values(e->plan, type, key, e->values);
	tuple.values = e->values;
	for (uint16_t i = 0; i < type->key_field_count; i++)
		if (event->fields[type->key_fields[i].field].offset == type->call_site_offset &&
		    !remember_address(e, e->values[i].number))
			return emit_failed(e);
	tuple_encode(&e->tuple_encoder, event, &tuple);
	if (e->tuple_encoder.bytes.oom)
		return emit_failed(e);
	if (e->tuple_encoder.bytes.len > DICT_SECTION_BYTES && put_tuples(e, &e->failure) < 0)
		return emit_failed(e);
	return n;
}

int emitter_put_dictionary(struct emitter *e, struct error *err)
{
	int rc = put_stacks(e, err);

	return rc < 0 ? rc : put_tuples(e, err);
}

int emitter_put_events(struct emitter *e, const struct event_block *block, uint32_t cpu,
		       uint16_t ring, uint64_t lost_before, struct error *err)
{
	struct block_header h = {
		.type = BLOCK_EVENTS,
		.writer = e->id,
		.cpu = (int32_t)cpu,
		.ring = ring,
		.lost_before = lost_before,
		.event_count = block->count,
		.generation = e->generation,
	};
	int rc = emitter_put_dictionary(e, err);

	if (rc < 0)
		return rc;
	block_body_clear(&e->body);
	if (block->count) {
		h.first_time = block->rows[0].time;
		h.last_time = block->rows[block->count - 1].time;
		rc = events_encode(&e->events_encoder, block, e->plan->types, &e->body, err);
	}
	return rc < 0 ? rc : capture_writer_put(e->writer, &h, &e->body, err);
}

bool emitter_wants_generation(const struct emitter *e)
{
	return capture_writer_bytes(e->writer) - e->generation_start > GENERATION_FILE_BYTES ||
	       intern_size(&e->stacks) + intern_size(&e->tuples) + images_size(&e->images) >
		       GENERATION_TABLE_BYTES;
}

void emitter_new_generation(struct emitter *e)
{
	intern_clear(&e->stacks);
	intern_clear(&e->tuples);
	images_clear(&e->images);
	stack_encoder_clear(&e->stack_encoder);
	tuple_encoder_clear(&e->tuple_encoder);
	e->stacks_put = e->tuples_put = 0;
	e->last_stack = e->last_tuple = 0;
	e->generation++;
	e->generation_start = capture_writer_bytes(e->writer);
}

int emitter_renew(struct emitter *e, struct emitter_past *past, struct error *err)
{
	*past = (struct emitter_past){ .stacks = e->stacks, .tuples = e->tuples };
	e->stacks = e->tuples = (struct intern){ 0 };
	emitter_new_generation(e);
	past->numbers = calloc(past->tuples.count + 1u, sizeof(*past->numbers));
	return past->numbers ? 0 : error_nomem(err);
}

uint32_t emitter_again(struct emitter *e, struct emitter_past *past, uint32_t tuple)
{
	uint32_t len, stack, type, n;
	const uint8_t *key = intern_bytes(&past->tuples, tuple, &len);

	if (past->numbers[tuple])
		return past->numbers[tuple] - 1;
	buf_clear(&past->key);
	buf_bytes(&past->key, key, len);
	if (past->key.oom)
		return emit_failed(e);
	memcpy(&stack, key, sizeof(stack));
	memcpy(&type, key + sizeof(stack), sizeof(type));
	if (stack >= STACK_FIRST) {
		const uint8_t *frames = intern_bytes(&past->stacks, stack - STACK_FIRST, &len);

		stack = emitter_stack(e, frames, len / e->plan->layout.long_size);
		if (stack == EMIT_FAILED)
			return EMIT_FAILED;
		stack += STACK_FIRST;
		memcpy(past->key.data, &stack, sizeof(stack));
	}
	n = emitter_tuple(e, &e->plan->plans[type], past->key.data, (uint32_t)past->key.len);
	if (n != EMIT_FAILED)
		past->numbers[tuple] = n + 1;
	return n;
}

void emitter_past_release(struct emitter_past *past)
{
	intern_release(&past->stacks);
	intern_release(&past->tuples);
	buf_release(&past->key);
	free(past->numbers);
	*past = (struct emitter_past){ 0 };
}

void emitter_change(struct emitter *e, struct capture_writer *writer)
{
	e->writer = writer;
	emitter_new_generation(e);
}
