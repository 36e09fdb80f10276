/*
 * emitter.h - one writer of a capture: its dictionary, and the event blocks that refer to it.
 *
 * One thread owns an emitter and serves one or several CPUs with it. Stacks and tuples are numbered
 * when they are first seen and are written, as blocks of their own, before the event block that
 * needs them. It does not know where records come from.
 *
 *	emitter_init(&e, writer, 1, plan, &err);
 *	stack = emitter_stack(&e, frames, depth);		// EMIT_FAILED: e.failure says why
 *	row->tuple = emitter_tuple(&e, type, key, key_len);	// key as in event_plan.h, its stack filled in
 *	emitter_put_events(&e, &block, cpu, ring, lost_before, &err);	// dictionary first, then the block
 *	if (emitter_wants_generation(&e) && every block of this emitter was put)
 *		emitter_new_generation(&e);
 *	emitter_release(&e);
 */
#ifndef KMEM_RECORD_EMITTER_H
#define KMEM_RECORD_EMITTER_H

#include "format/dict.h"
#include "format/events.h"
#include "format/writer.h"
#include "record/event_plan.h"
#include "record/image.h"
#include "record/intern.h"

#define EMIT_FAILED UINT32_MAX

struct emitter {
	struct capture_writer *writer;
	uint16_t id; /* writer number in the capture */
	const struct event_plan *plan;
	uint32_t generation;
	uint64_t generation_start; /* bytes of the file when it began */
	struct intern stacks, tuples;
	uint32_t last_stack, last_tuple; /* intern_after */
	struct images images;		 /* of the tuples */
	struct intern
		addresses; /* u64: every kernel frame and call site seen; outlives generations */
	uint32_t stacks_put, tuples_put; /* numbers below these are in the file */
	struct stack_encoder stack_encoder;
	struct tuple_encoder tuple_encoder;
	struct events_encoder events_encoder;
	struct block_body body;
	struct value *values; /* scratch: EVENT_FIELDS_MAX */
	uint64_t *frames;     /* scratch: STACK_FRAMES_MAX */
	struct error failure; /* why EMIT_FAILED was returned */
};

int emitter_init(struct emitter *e, struct capture_writer *writer, uint16_t id,
		 const struct event_plan *plan, struct error *err);
void emitter_release(struct emitter *e);

/*
 * raw: depth frames as the target wrote them (long_size bytes each). depth: 1 to STACK_FRAMES_MAX.
 */
uint32_t emitter_stack(struct emitter *e, const uint8_t *raw, uint32_t depth);
/* The same of numbers of ours, user frames behind STACK_USER included. One emitter takes one kind. */
uint32_t emitter_frames(struct emitter *e, const uint64_t *frames, uint32_t depth);
uint32_t emitter_tuple(struct emitter *e, const struct plan_type *type, const uint8_t *key,
		       uint32_t len);

/* Also for an empty block, when lost_before is to be told. The block is left as it is. */
int emitter_put_events(struct emitter *e, const struct event_block *block, uint32_t cpu,
		       uint16_t ring, uint64_t lost_before, struct error *err);

/* What was interned since the last time, before a block that refers to it. */
int emitter_put_dictionary(struct emitter *e, struct error *err);

/* The file has grown, or the tables have, so that damage to a DICT block would cost too much. */
bool emitter_wants_generation(const struct emitter *e);
void emitter_new_generation(struct emitter *e);

/*
 * A new generation for events that were not put yet: what they refer to stays at hand, and each
 * tuple gets its new number when it is first asked for.
 *
 *	emitter_renew(e, &past, &err);
 *	row->tuple = emitter_again(e, &past, row->tuple);	// EMIT_FAILED: e->failure says why
 *	emitter_past_release(&past);
 */
struct emitter_past {
	struct intern stacks, tuples;
	uint32_t *numbers; /* new number of each old tuple, plus 1; 0: not asked for */
	struct buf key;	   /* scratch */
};

int emitter_renew(struct emitter *e, struct emitter_past *past, struct error *err);
uint32_t emitter_again(struct emitter *e, struct emitter_past *past, uint32_t tuple);
void emitter_past_release(struct emitter_past *past);

/* The same, in another file: nothing that comes refers to what the file before holds. */
void emitter_change(struct emitter *e, struct capture_writer *writer);

#endif
