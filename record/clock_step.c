#include "record/clock_step.h"

#include <stdlib.h>
#include <time.h>

#include "format/clock_steps.h"

#define READINGS     16384u
#define STEP_LEAST   4u /* ns: below, rounding to ns hides it */
#define STEP_MOST    4095u
#define DIVISORS_MAX 16u /* the shortest difference is at most so many steps */

/* How far one may jump without losing count of steps, when one is known from so many ns, to 1.5 ns. */
static double leap(double step, double known)
{
	double far = known * step / 8;

	return far > 16 * step ? far : 16 * step;
}

/*
 * Whether times are multiples of about step ns apart; the step as all of them together have it, or 0. Each time is rounded to
 * ns, and the way from the tick to the ns has a fraction of its own: 1 ns more or less is none.
 */
static double fit(const uint64_t *times, size_t count, double step)
{
	uint64_t start = times[0];
	double known = 0;
	size_t off = 0;

	for (size_t i = 1; i < count; i++) {
		double passed = (double)(times[i] - start), ticks, rest;

		if ((double)(times[i] - times[i - 1]) > leap(step, known)) {
			start = times[i];
			continue;
		}
		ticks = (double)(uint64_t)(passed / step + 0.5);
		rest = passed - ticks * step;
		off += rest > 1.5 || rest < -1.5;
		if (ticks >= 1 && passed > known) {
			known = passed;
			step = passed / ticks;
		}
	}
	return off * 64 > count ? 0 : step;
}

uint32_t clock_step_of(const uint64_t *times, size_t count)
{
	uint64_t least = UINT64_MAX;

	for (size_t i = 1; i < count; i++)
		if (times[i] > times[i - 1] && times[i] - times[i - 1] < least)
			least = times[i] - times[i - 1];
	for (uint32_t n = 1; count > 1 && n <= DIVISORS_MAX && least / n >= STEP_LEAST; n++) {
		double step = fit(times, count, (double)least / n);

		if (step >= STEP_LEAST && step <= STEP_MOST)
			return (uint32_t)(step * (1 << CLOCK_STEP_BITS) + 0.5);
	}
	return 0;
}

uint32_t clock_step_measure(void)
{
	uint64_t *times = malloc(READINGS * sizeof(*times));
	uint32_t step;

	if (!times)
		return 0;
	for (size_t i = 0; i < READINGS; i++) {
		struct timespec t;

		clock_gettime(CLOCK_MONOTONIC, &t);
		times[i] = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
	}
	step = clock_step_of(times, READINGS);
	free(times);
	return step;
}
