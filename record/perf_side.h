/*
 * perf_side.h - what a perf ring tells besides samples: tasks that begin, end and take names, memory
 * that they map executable. It becomes records of PROCESS blocks (format/process.h).
 *
 *	perf_side_record(&side, &rec);			// false: not one of these, or damaged
 *	if (process_encoder_full(&side.encoder)) ...	// its user puts and clears it
 *	perf_side_release(&side);
 */
#ifndef KMEM_RECORD_PERF_SIDE_H
#define KMEM_RECORD_PERF_SIDE_H

#include "format/process.h"
#include "record/build_id.h"
#include "record/perf_ring.h"

/* Zeroed memory is a new one. */
struct perf_side {
	struct process_encoder encoder;
	struct build_ids build_ids; /* of files that the kernel gave without */
	int exits_fd; /* 0: nobody; else a pipe that is told the tgid (int32_t) of each
				     * process that ends, as long as there is room */
};

bool perf_side_record(struct perf_side *side, const struct perf_ring_record *rec);
void perf_side_release(struct perf_side *side);

#endif
