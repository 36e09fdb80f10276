/*
 * clock_step.h - how coarse the clock is.
 *
 * Many machines count time in steps of several ns (100 MHz on some x86, 19 to 62 MHz on most arm64), and the kernel makes
 * ns of them. Who knows the step counts steps instead of ns: events.h, events_encoder.
 */
#ifndef KMEM_RECORD_CLOCK_STEP_H
#define KMEM_RECORD_CLOCK_STEP_H

#include <stddef.h>
#include <stdint.h>

/* Of CLOCK_MONOTONIC, in 2^-20 ns; a part of it if it is coarser than 4 us. 0: finer than 4 ns, or none. Takes about a millisecond. */
uint32_t clock_step_measure(void);

/* The same of count readings, ns, in order. */
uint32_t clock_step_of(const uint64_t *times, size_t count);

#endif
