/*
 * merge.h - the events of all CPUs and rings in one order of time, without ever changing the order
 * within a ring.
 *
 * The next event is the earliest among the heads of the CPUs. Of heads with the same time, that of
 * the lowest CPU and ring comes first, unless it allocates an address that another of these heads frees:
 * then the free comes first, because memory is given out only after it was given back (of more than 1024 heads of
 * one time, not all are looked at). Times within
 * a CPU may repeat or step back (ref. clocks of early boot): such an event comes when its turn is
 * in its CPU.
 *
 *	struct merge m = { .streams = &streams, .roles = roles };
 *
 *	while ((rc = merge_next(&m, &stream, &count, &err)) > 0)
 *		for (; count--; stream->next++)		// the caller moves on over exactly these
 *			use(cpu_stream_head(stream));
 *	merge_release(&m);
 */
#ifndef KMEM_ANALYZE_MERGE_H
#define KMEM_ANALYZE_MERGE_H

#include "analyze/cpu_stream.h"
#include "analyze/roles.h"

struct merge {
	struct cpu_streams *streams;
	const struct role *roles; /* one per event type */
	struct cpu_stream **heap; /* by (time of head, CPU, ring) */
	size_t count;
	size_t used; /* place in the heap of the stream handed out last */
	bool started;
};

/* 1: the next *ret_count events all come from *ret; 0: no more events. */
int merge_next(struct merge *m, struct cpu_stream **ret, uint32_t *ret_count, struct error *err);
void merge_release(struct merge *m);

#endif
