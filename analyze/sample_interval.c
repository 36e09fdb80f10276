#include "analyze/sample_interval.h"

#include <math.h>
#include <stdbool.h>

#define ONE_SIDE   0.025
#define NEGLIGIBLE 1e-10
#define MANY	   1e6	    /* seen: of so many the normal distribution says the same, */
#define DEVIATIONS 1.959964 /* and this is its 2.5 % */

/* Of n things in C(n, k) ways, as a logarithm. */
static double log_ways(double n, double k)
{
	return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1);
}

/* Whether, if `there` of them were of the kind, `seen` or more would be no surprise. */
static bool is_plausible(double all, double taken, double seen, double there)
{
	double chance, sum; /* of exactly so many, and of as many or more */

	if (seen <= taken * there / all)
		return true; /* no more than is to be expected */
	if (seen + (all - there) < taken)
		return false; /* unreachable below what is to be expected; never the logarithm of nothing */
	if (seen > MANY) {
		double share = there / all;

		return seen - 0.5 <= taken * share + DEVIATIONS * sqrt(taken * share * (1 - share) *
								       ((all - taken) / (all - 1)));
	}
	chance = exp(log_ways(there, seen) + log_ways(all - there, taken - seen) -
		     log_ways(all, taken));
	/* beyond what is to be expected chances only fall */
	for (sum = 0; chance > NEGLIGIBLE * sum && sum <= ONE_SIDE; seen++) {
		sum += chance;
		chance *= (there - seen) * (taken - seen) /
			  ((seen + 1) * (all - there - taken + seen + 1));
	}
	return sum > ONE_SIDE;
}

/* The fewest that make it plausible. */
static uint64_t fewest(uint64_t all, uint64_t taken, uint64_t seen)
{
	uint64_t low = seen, high = all;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (is_plausible((double)all, (double)taken, (double)seen, (double)middle))
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

void sample_interval(uint64_t all, uint64_t taken, uint64_t seen, uint64_t *ret_low,
		     uint64_t *ret_high)
{
	*ret_low = 0;
	*ret_high = all;
	if (!taken || seen > taken || taken > all)
		return;
	*ret_low = fewest(all, taken, seen);
	*ret_high = all - fewest(all, taken, taken - seen);
}
