/* Whether perf events were on all the time, by clocks that are not the same. */
#include "tests/unit/check.h"

#include "record/perf_presence.h"

#define MS 1000000ull

static double rate_of(const struct perf_presence *list, size_t count)
{
	double rate = 0;

	for (size_t i = 0; i < count; i++)
		rate = perf_presence_rate(rate, &list[i]);
	return rate;
}

static void test_all_stayed(void)
{
	/* the kernel's clock runs 1 % faster than ours */
	const struct perf_presence cpus[] = {
		{ 1010 * MS, 999 * MS, 1000 * MS },
		{ 1009 * MS, 998 * MS, 1000 * MS },
	};

	for (size_t i = 0; i < 2; i++)
		CHECK(!perf_presence_ended(rate_of(cpus, 2), &cpus[i]));
}

static void test_one_went(void)
{
	const struct perf_presence cpus[] = {
		{ 700 * MS, 999 * MS, 1000 * MS }, /* for 0.3 s, or for good */
		{ 1010 * MS, 999 * MS, 1000 * MS },
		{ 1006 * MS, 999 * MS, 1000 * MS }, /* for 3 ms */
	};
	double rate = rate_of(cpus, 3);

	CHECK(perf_presence_ended(rate, &cpus[0]));
	CHECK(!perf_presence_ended(rate, &cpus[1]));
	CHECK(perf_presence_ended(rate, &cpus[2]));
}

static void test_a_kernel_that_does_not_say(void)
{
	const struct perf_presence none = { 0, 999 * MS, 1000 * MS };

	CHECK(perf_presence_ended(rate_of(&none, 1), &none));
}

int main(void)
{
	RUN(test_all_stayed);
	RUN(test_one_went);
	RUN(test_a_kernel_that_does_not_say);
	return check_done();
}
