/*
 * stream.h - the records of one ring of one CPU, page after page, into rows of an event block.
 *
 * It decodes, pairs stacks with events and counts; it neither reads the ring nor writes the
 * capture, so that a live ring, a saved one and a test feed it in the same way. Rows keep the order
 * of the ring: a row is reserved when its event arrives and is completed when its stack does.
 *
 *	stream_init(&s, cpu, ring, &emitter, &err);
 *	stream_page(&s, bytes, n, lost_in_front, &err);		// ERR_DAMAGED: undecodable
 *	if (stream_full(&s) && !stream_waiting(&s)) put s.block, event_block_clear(&s.block)
 *	stream_give_up(&s, &err);				// events that still wait get STACK_LOST
 *	stream_release(&s);
 */
#ifndef KMEM_RECORD_STREAM_H
#define KMEM_RECORD_STREAM_H

#include "format/events.h"
#include "record/column_queue.h"
#include "record/emitter.h"
#include "record/pairing.h"

#define STREAM_BLOCK_ROWS  32768u
#define STREAM_BLOCK_BYTES (256u << 10)

struct stream {
	uint32_t cpu;
	uint16_t ring;		 /* which of the CPU's rings */
	struct emitter *emitter; /* shared with the other streams of the thread */
	const struct event_plan *plan;
	struct event_block block;
	struct column_queue
		*columns;    /* values of columns go here if there is one, not to the block */
	size_t column_bytes; /* of PLACE_COLUMN values in the block, about */
	struct pairing pairing;
	uint8_t *key; /* scratch for events that wait for nothing */
	/*
	 * For rings that somebody else has set up. stacks_asked (by type index): any event may have a
	 * stack, and of these it is told when one is missing; NULL: as the plan says. learn: adds the
	 * event of that number to the plan if it can; NULL: nobody knows more than the plan.
	 */
	const bool *stacks_asked;
	bool (*learn)(void *arg, uint16_t id);
	void *learn_arg;
	/* the account; FORMAT.md, STATS */
	uint64_t decoded, events, stacks, orphan_stacks, missing_stacks, unknown;
	uint64_t early_stacks; /* of the orphans: before the first event */
	uint64_t
		taken_apart; /* of the events: those that were not known by their bytes (image.h) */
};

int stream_init(struct stream *s, uint32_t cpu, uint16_t ring, struct emitter *emitter,
		struct error *err);
void stream_release(struct stream *s);

/*
 * lost_in_front: records may have been lost between the page before and this one. After ERR_DAMAGED
 * the rows are good up to the damage, and another page may follow.
 */
int stream_page(struct stream *s, const void *bytes, size_t len, bool lost_in_front,
		struct error *err);

/*
 * One event with its stack at hand, where no pairing is needed: kernel frames, STACK_USER, user frames,
 * innermost first; depth 0: it is lost; frames NULL: there is none. rec as in a page. A stack counts
 * as a record of its own.
 */
int stream_event(struct stream *s, const struct ring_record *rec, const uint64_t *frames,
		 uint32_t depth, struct error *err);

/* Events that wait for their stack are told that it is lost. */
int stream_give_up(struct stream *s, struct error *err);

static inline bool stream_waiting(const struct stream *s)
{
	return s->pairing.waiting > 0;
}

static inline bool stream_full(const struct stream *s)
{
	return s->block.count >= STREAM_BLOCK_ROWS || s->column_bytes >= STREAM_BLOCK_BYTES;
}

/* One more page might not fit the block: put it now, waiting events or not. */
bool stream_overfull(const struct stream *s);

/* How many rows stand before the first that waits for its stack. */
uint32_t stream_settled(const struct stream *s);

/* The first n of these rows were taken away (s->columns is set: the block has no values of theirs). */
void stream_taken(struct stream *s, uint32_t n);

void stream_block_done(struct stream *s); /* the block was put: start a new one */

#endif
