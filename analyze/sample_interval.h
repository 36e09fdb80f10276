/*
 * sample_interval.h - how many of N things are of a kind, when of `taken` things that were taken at random `seen` are:
 * the 95 % interval, exact for a population without replacement (hypergeometric, 2.5 % on each side), so that it
 * holds for one thing seen as well as for a million.
 *
 *	sample_interval(1600, 100, 1, &low, &high);	// low 1, high 86: 16 is what one would say
 */
#ifndef KMEM_ANALYZE_SAMPLE_INTERVAL_H
#define KMEM_ANALYZE_SAMPLE_INTERVAL_H

#include <stdint.h>

/* seen <= taken <= all; else, as after nothing was taken, 0 and all. */
void sample_interval(uint64_t all, uint64_t taken, uint64_t seen, uint64_t *ret_low,
		     uint64_t *ret_high);

#endif
