/* What estimates from sampled stacks are made of: intervals, and whole things split by weights. */
#include <stdbool.h>
#include <stdlib.h>

#include "analyze/apportion.h"
#include "analyze/sample_interval.h"
#include "tests/unit/check.h"

static bool interval_is(uint64_t all, uint64_t taken, uint64_t seen, uint64_t low, uint64_t high)
{
	uint64_t l, h;

	sample_interval(all, taken, seen, &l, &h);
	if (l == low && h == high)
		return true;
	printf("# %llu of %llu of %llu: %llu..%llu instead of %llu..%llu\n",
	       (unsigned long long)seen, (unsigned long long)taken, (unsigned long long)all,
	       (unsigned long long)l, (unsigned long long)h, (unsigned long long)low,
	       (unsigned long long)high);
	return false;
}

/* By definition, with all the counts that there can be: C(m, k) C(a-m, t-k) / C(a, t). */
static double ways(int n, int k)
{
	double w = 1;

	if (k < 0 || k > n)
		return 0;
	for (int i = 1; i <= k; i++)
		w = w * (n - k + i) / i;
	return w;
}

static bool interval_by_definition(int all, int taken, int seen)
{
	int low = all, high = 0;

	for (int there = 0; there <= all; there++) {
		double at_least = 0, at_most = 0;

		for (int k = 0; k <= taken; k++) {
			double p = ways(there, k) * ways(all - there, taken - k) / ways(all, taken);

			at_least += k >= seen ? p : 0;
			at_most += k <= seen ? p : 0;
		}
		if (at_least > 0.025 && there < low)
			low = there;
		if (at_most > 0.025 && there > high)
			high = there;
	}
	return interval_is((uint64_t)all, (uint64_t)taken, (uint64_t)seen, (uint64_t)low,
			   (uint64_t)high);
}

static void test_interval(void)
{
	bool same = true;

	for (int all = 1; all <= 40; all++)
		for (int taken = 1; taken <= all; taken++)
			for (int seen = 0; seen <= taken; seen++)
				same &= interval_by_definition(all, taken, seen);
	CHECK(same);
	CHECK(interval_is(17, 17, 5, 5, 5));
	CHECK(interval_is(17, 0, 0, 0, 17));
	CHECK(interval_is(17, 3, 4, 0, 17));
	CHECK(interval_is(3, 17, 4, 0, 3));
	CHECK(interval_is(0, 0, 0, 0, 0));
}

static void test_large_interval(void)
{
	uint64_t low, high;

	/* as the normal distribution has it: 0.25 +- 1.96 sqrt(0.25 * 0.75 / 10^6 * 15/16) */
	sample_interval(16000000, 1000000, 250000, &low, &high);
	CHECK(low > 3986700 && low < 3986900 && high > 4013100 && high < 4013300);
	/* and beyond a million, where it is used, as just below */
	sample_interval(40000000, 4000000, 1000000, &low, &high);
	CHECK(low > 9983800 && low < 9984000 && high > 10016000 && high < 10016200);
	sample_interval(40000400, 4000040, 1000010, &low, &high);
	CHECK(low > 9983900 && low < 9984100 && high > 10016100 && high < 10016300);
	sample_interval(UINT64_MAX / 2, UINT64_MAX / 4, UINT64_MAX / 8, &low, &high);
	CHECK(low <= high);
	sample_interval(UINT64_MAX / 2, UINT64_MAX / 4, 1, &low, &high);
	CHECK(low <= high);
	sample_interval(UINT64_MAX, UINT64_MAX, UINT64_MAX, &low, &high);
	CHECK(low <= high);
}

static bool splits(struct apportion *a, uint64_t things, const uint64_t *expected)
{
	uint64_t sum = 0;
	bool same = true;

	apportion(a, things);
	for (size_t i = 0; i < a->count; i++) {
		sum += a->parts[i].got;
		same &= !expected || a->parts[i].got == expected[i];
	}
	return same && sum == things;
}

static void test_apportion(void)
{
	struct apportion_part parts[3] = { { .weight = 3 }, { .weight = 2 }, { .weight = 1 } };
	struct apportion_rank order[3];
	struct apportion a = { parts, order, 3 };
	uint64_t sums[3] = { 0 };

	/* 7 things: 3.5, 2.33, 1.17 */
	CHECK(splits(&a, 7, (uint64_t[]){ 4, 2, 1 }));
	/* then one: 0.5 - 0.5, 0.33 + 0.33, 0.17 + 0.17 */
	CHECK(splits(&a, 1, (uint64_t[]){ 0, 1, 0 }));
	CHECK(splits(&a, 0, (uint64_t[]){ 0, 0, 0 }));
	for (int i = 0; i < 3; i++)
		parts[i].owed = 0;
	for (int i = 0; i < 600; i++) {
		CHECK(splits(&a, 1, NULL));
		for (int k = 0; k < 3; k++)
			sums[k] += parts[k].got;
	}
	CHECK(sums[0] == 300 && sums[1] == 200 && sums[2] == 100);
}

static void test_apportion_many(void)
{
	struct apportion_part parts[50];
	struct apportion_rank order[50];
	struct apportion a = { parts, order, 50 };
	uint64_t sums[50] = { 0 }, all = 0, total = 0;
	bool sound = true, near = true;

	srand(7);
	for (int i = 0; i < 50; i++) {
		parts[i] = (struct apportion_part){ .weight = 1 + (uint64_t)rand() % 40 };
		total += parts[i].weight;
	}
	for (int n = 0; n < 3000; n++) {
		uint64_t things = (uint64_t)rand() % (n % 3 ? 5 : 3000);

		sound &= splits(&a, things, NULL);
		all += things;
		for (int i = 0; i < 50; i++) {
			double due = (double)all * (double)parts[i].weight / (double)total;

			sums[i] += parts[i].got;
			near &= (double)sums[i] > due - 3 && (double)sums[i] < due + 3;
		}
	}
	CHECK(sound);
	CHECK(near);
	/* as large as numbers of a damaged database can be */
	for (int i = 0; i < 50; i++)
		parts[i] = (struct apportion_part){ .weight = INT64_MAX };
	CHECK(splits(&a, INT64_MAX, NULL));
	CHECK(splits(&a, 1, NULL));
	parts[7].weight = 0;
	CHECK(splits(&a, 12345, NULL) && !parts[7].got);
}

static void test_share(void)
{
	CHECK(apportion_share(10, 1, 3) == 3);
	CHECK(apportion_share(-10, 1, 3) == -3);
	CHECK(apportion_share(300, 1, 3) == 100);
	CHECK(apportion_share(INT64_MAX, INT64_MAX, INT64_MAX) == INT64_MAX);
	CHECK(apportion_share(INT64_MAX, INT64_MAX - 1, INT64_MAX) == INT64_MAX - 1);
	CHECK(apportion_share(INT64_MIN, INT64_MAX - 1, INT64_MAX) == -9223372036854775806);
	CHECK(apportion_share(INT64_MAX, 1, INT64_MAX) == 1);
	CHECK(apportion_share(4611686018427387903, 3074457345618258602, 7378697629483820644) ==
	      1921535841011411626);
	CHECK(apportion_share(7, 0, 9) == 0);
	CHECK(apportion_share(123456789012345678, 987654321098765, 1234567890123456789) ==
	      98765432109876);
}

int main(void)
{
	RUN(test_interval);
	RUN(test_large_interval);
	RUN(test_apportion);
	RUN(test_apportion_many);
	RUN(test_share);
	return check_done();
}
