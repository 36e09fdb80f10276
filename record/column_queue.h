/*
 * column_queue.h - values of columns that wait with their events: first in, first out.
 *
 * An event block keeps the values of its columns encoded, one after the other, and cannot give up
 * an event in its middle. Events that are held back have their values here until they reach a
 * block.
 *
 *	struct column_queue q = { 0 };
 *	column_queue_number(&q, value);			// in the order of the event's columns
 *	column_queue_bytes(&q, p, n);
 *	column_queue_move(&q, type, &block);		// all values of the first event, into a block
 *	column_queue_release(&q);			// q.bytes.oom: no memory, sticky
 */
#ifndef KMEM_RECORD_COLUMN_QUEUE_H
#define KMEM_RECORD_COLUMN_QUEUE_H

#include "format/events.h"
#include "record/event_plan.h"

struct column_queue {
	struct buf bytes;
	size_t head; /* of the first event */
};

void column_queue_number(struct column_queue *q, uint64_t value);
void column_queue_bytes(struct column_queue *q, const void *p, size_t n);

/* Returns how many bytes the values take. */
size_t column_queue_move(struct column_queue *q, const struct plan_type *type,
			 struct event_block *block);
void column_queue_release(struct column_queue *q);

#endif
