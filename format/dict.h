/*
 * dict.h - the dictionary of a capture: stacks (frames, innermost first) and tuples (what repeats
 * in events: type, flags, stack and the fields of PLACE_TUPLE).
 *
 * Encoding, one struct per kind; interning (have I seen this before?) is the caller's:
 *
 *	struct stack_encoder s = { 0 };
 *	stack_encode(&s, frames, depth);
 *	block_body_add(&body, SECTION_STACKS, first_number, s.count, s.bytes.data, s.bytes.len);
 *	stack_encoder_clear(&s);
 *
 * Decoding calls back once per entry, in order.
 */
#ifndef KMEM_FORMAT_DICT_H
#define KMEM_FORMAT_DICT_H

#include "format/base/buf.h"
#include "format/base/error.h"
#include "format/capture.h"

struct stack_encoder {
	struct buf bytes;
	uint32_t count;
	uint64_t last[STACK_FRAMES_MAX]; /* the stack before */
	uint32_t last_depth;
	uint64_t last_frame; /* the frame written before */
};

/* depth: 1 to STACK_FRAMES_MAX. */
void stack_encode(struct stack_encoder *e, const uint64_t *frames, uint32_t depth);
void stack_encoder_clear(struct stack_encoder *e); /* ready for the next section */
void stack_encoder_release(struct stack_encoder *e);

/* frames live until the callback returns. number: of the stack in its dictionary. */
int stacks_decode(const struct section *section,
		  int (*stack)(void *arg, uint32_t number, const uint64_t *frames, uint32_t depth),
		  void *arg, struct error *err);

struct tuple {
	uint16_t type; /* index of the event type */
	uint8_t flags; /* common_flags: TRACE_FLAG_* of the kernel */
	uint8_t preempt_count;
	uint32_t stack;		    /* STACK_NONE, STACK_LOST or STACK_FIRST + number */
	const struct value *values; /* one per field of PLACE_TUPLE, in the type's order */
};

struct tuple_encoder {
	struct buf bytes;
	uint32_t count;
	struct tuple_last *last; /* per event type: numbers of the tuple before */
	size_t last_count;
};

void tuple_encode(struct tuple_encoder *e, const struct event_type *type,
		  const struct tuple *tuple);
void tuple_encoder_clear(struct tuple_encoder *e);
void tuple_encoder_release(struct tuple_encoder *e);

/* types: all event types so far. The tuple and its values live until the callback returns. */
int tuples_decode(const struct section *section, const struct event_type *types, size_t type_count,
		  int (*tuple)(void *arg, uint32_t number, const struct tuple *tuple), void *arg,
		  struct error *err);

#endif
