/*
 * apportion.h - whole things split by weights: the largest remainder, and what a part got too much or too little
 * one time it pays or gets back the next time, so that many small splits add up as one large split does.
 *
 *	struct apportion a = { .parts = parts, .order = room_for_as_many, .count = n };	// weights set, all else 0
 *
 *	apportion(&a, 7);		// parts[i].got adds up to 7
 *	apportion(&a, 1);		// and now to 1
 */
#ifndef KMEM_ANALYZE_APPORTION_H
#define KMEM_ANALYZE_APPORTION_H

#include <stddef.h>
#include <stdint.h>

struct apportion_part {
	uint64_t weight;
	uint64_t got;
	int64_t owed; /* from before, in shares: as many as all weights together are one thing */
};

struct apportion_rank {
	int64_t rest;
	size_t part;
};

struct apportion {
	struct apportion_part *parts;
	struct apportion_rank *order;
	size_t count;
};

/* The weights: not all 0. Of equals the earlier part comes first. */
void apportion(struct apportion *a, uint64_t things);

/* whole * part / all towards 0, exact whatever their sizes: 0 <= part <= all, all > 0. */
int64_t apportion_share(int64_t whole, int64_t part, int64_t all);

#endif
