/*
 * sample_join.h - the events that sampled stacks belong to (stack_sampler.h), on one CPU.
 *
 * An event's record is written first, then, at the same tracepoint, its sample is taken. Both happen
 * with preemption off: what is recorded on this CPU in between is of interrupts, and of contexts above
 * that of the event. So a sample belongs to an event of its type, address, task and call site that is
 * the last of its context at the sample's time. Contexts are those of pairing.h.
 *
 * An event is a row of the open block at once, as one without a stack; joined, it gets another tuple.
 * So samples are handed in before their block is put, and only those of which it is sure that their
 * event is a row already, not one that is still to be read.
 *
 *	join.sampler = sampler; join.ring = i;
 *	sample_join_until(&join, &stream, time, &err);	// all events before `time` were handed to stream
 */
#ifndef KMEM_RECORD_SAMPLE_JOIN_H
#define KMEM_RECORD_SAMPLE_JOIN_H

#include "record/stack_sampler.h"
#include "record/stream.h"

/*
 * Tracepoints tell a struct page, events a page frame. Where the kernel has all of them in one array,
 * two pairs give its place and the size of an entry, and others confirm them.
 */
struct page_map {
	uint64_t page, frame; /* a pair; 0: none yet */
	uint64_t size;
	uint32_t confirmed;
};

/* Zeroed memory with the first two set is a new one. */
struct sample_join {
	struct stack_sampler *sampler;
	uint32_t ring;	 /* of the sampler */
	uint32_t cursor; /* row of the last sample: samples come nearly in the order of time */
	struct page_map pages;
};

int sample_join_until(struct sample_join *j, struct stream *s, uint64_t until_ns,
		      struct error *err);

#endif
