/* The step of a clock, from what it showed. */
#include "tests/unit/check.h"

#include <stdbool.h>
#include <stdlib.h>

#include "record/clock_step.h"

#define READINGS 4096

static uint64_t times[READINGS];

/* Read every 20 to 42 ns, and sometimes much later; it goes on by step ns. */
static double found(double step, unsigned int far)
{
	double now = 123456789.3;

	srand(7);
	for (int i = 0; i < READINGS; i++) {
		now += 20 + rand() % 23;
		if (far && i % 100 == 99)
			now += rand() % far;
		times[i] = (uint64_t)((double)(uint64_t)(now / step) * step);
	}
	return clock_step_of(times, READINGS) / 1048576.0;
}

static bool about(double x, double y, double part)
{
	return x > y * (1 - part) && x < y * (1 + part);
}

static void test_steps(void)
{
	static const double steps[] = { 5, 8, 10.01493, 16, 18.5185, 41.6667, 52.0833, 100, 1000 };

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		CHECK(about(found(steps[i], 0), steps[i], 1e-5));
		CHECK(about(found(steps[i], 3000000), steps[i], 4e-4));
	}
	CHECK(about(found(30517.578, 50000) * 8, 30517.578, 1e-3));
}

static void test_none(void)
{
	CHECK(found(0.385, 0) == 0);
	CHECK(found(1, 0) == 0);
	CHECK(found(2.5, 0) == 0);
	CHECK(found(4000000, 100000) == 0);
	CHECK(clock_step_of(times, 0) == 0);
	CHECK(clock_step_of(times, 1) == 0);
	for (int i = 0; i < READINGS; i++)
		times[i] = 5;
	CHECK(clock_step_of(times, READINGS) == 0);
	for (int i = 0; i < READINGS; i++)
		times[i] = (uint64_t)(READINGS - i) * 10;
	CHECK(clock_step_of(times, READINGS) == 0);
}

int main(void)
{
	RUN(test_steps);
	RUN(test_none);
	return check_done();
}
