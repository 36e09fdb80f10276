/*
 * clock_steps.h - times as numbers of steps of a clock, there and back: what the encoder and the decoder of events have in common.
 *
 * FORMAT.md, EVENTS, sections 41 to 43, says it for other readers. A time that steps do not tell is stored beside them (`rest`), so
 * that a wrong step, or a wrong number of them, costs bytes and never truth. All arithmetic is modulo 2^64.
 *
 *	struct clock_steps c = { .first = header.first_time, .step = step };
 *
 *	time = clock_steps_go(&c, steps);	// ns, so many steps after the event before
 *	rest = row->time - time;
 *	clock_steps_correct(&c, rest);		// also if it is 0
 */
#ifndef KMEM_FORMAT_CLOCK_STEPS_H
#define KMEM_FORMAT_CLOCK_STEPS_H

#include <stdbool.h>
#include <stdint.h>

#define CLOCK_STEP_BITS 20 /* a step is counted in 2^-20 ns */

struct clock_steps {
	uint64_t first; /* ns: the block's first event */
	uint64_t place; /* 2^-20 ns since then */
	uint32_t step;	/* 2^-20 ns; 0: times are counted in ns, and nothing of this is used */
};

static inline uint64_t clock_steps_go(struct clock_steps *c, uint64_t steps)
{
	c->place += steps * c->step;
	return c->first + ((c->place + (1u << CLOCK_STEP_BITS) / 2) >> CLOCK_STEP_BITS);
}

/* One ns or two: rounding on the way from the tick to the ns, or what the step is short of. */
static inline bool clock_steps_rounding(uint64_t rest)
{
	return rest + 2 < 5;
}

/* How far an event that is rest ns away moves the clock: an eighth of that if it can be rounding. */
static inline uint64_t clock_steps_correction(uint64_t rest)
{
	return rest << (clock_steps_rounding(rest) ? CLOCK_STEP_BITS - 3 : CLOCK_STEP_BITS);
}

static inline void clock_steps_correct(struct clock_steps *c, uint64_t rest)
{
	c->place += clock_steps_correction(rest);
}

#endif
