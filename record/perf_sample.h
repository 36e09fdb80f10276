/*
 * perf_sample.h - one sample of a perf ring taken apart. Which parts it has follows from how its
 * event was opened (perf_event.h). Lengths are checked; what a sample means is for others.
 *
 *	id = perf_sample_id(&rec);					// whose it is
 *	perf_sample_parse(&sample, kind, has_stack, &rec);		// false: damaged
 *	depth = perf_sample_frames(&sample, frames, max);
 */
#ifndef KMEM_RECORD_PERF_SAMPLE_H
#define KMEM_RECORD_PERF_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "format/capture.h" /* STACK_USER */
#include "record/perf_event.h"
#include "record/perf_ring.h"

struct perf_sample {
	uint64_t time;	      /* ns, CLOCK_MONOTONIC */
	uint64_t ip, address; /* software events */
	int32_t pid, tid;     /* software events */
	const uint8_t *chain; /* frames and markers, u64 each */
	uint64_t chain_len;   /* how many of them */
	const uint8_t *raw;   /* tracepoints: the record, common fields first; 4-byte aligned */
	uint32_t raw_len;
};

static inline uint64_t perf_sample_id(const struct perf_ring_record *rec)
{
	uint64_t id = 0;

	if (rec->len >= sizeof(id))
		memcpy(&id, rec->body, sizeof(id));
	return id;
}

bool perf_sample_parse(struct perf_sample *ret, enum perf_kind kind, bool has_stack,
		       const struct perf_ring_record *rec);

/*
 * Kernel frames, innermost first; then, if there are any, STACK_USER and those of the
 * program. At most max; how many.
 */
uint32_t perf_sample_frames(const struct perf_sample *sample, uint64_t *frames, uint32_t max);

#endif
