#include "analyze/apportion.h"

#include <stdlib.h>

/* Products of one weight and all together stay within 63 bits. */
#define TOTAL_BITS 30
#define FINE_BITS  20

static int by_rest(const void *a, const void *b)
{
	const struct apportion_rank *x = a, *y = b;

	if (x->rest != y->rest)
		return x->rest < y->rest ? 1 : -1;
	return x->part > y->part ? 1 : x->part < y->part ? -1 : 0;
}

/* Huge weights are made coarser. */
static uint64_t limit_weights(struct apportion *a)
{
	uint64_t total = 0;
	int shift = 0;

	for (size_t i = 0; i < a->count; i++)
		total += a->parts[i].weight >> FINE_BITS;
	while (total >> (TOTAL_BITS - FINE_BITS) >> shift)
		shift++;
	total = 0;
	for (size_t i = 0; i < a->count; i++) {
		a->parts[i].weight >>= shift;
		total += a->parts[i].weight;
	}
	return total;
}

void apportion(struct apportion *a, uint64_t things)
{
	uint64_t total = limit_weights(a), given = 0;

	if (!total) { /* made too coarse by one another: the first gets all */
		for (size_t i = 0; i < a->count; i++)
			a->parts[i].got = i ? 0 : things;
		return;
	}
	for (size_t i = 0; i < a->count; i++) {
		struct apportion_part *p = &a->parts[i];
		int64_t due = (int64_t)(things % total * p->weight) + p->owed;
		int64_t whole = due > 0 ? due / (int64_t)total : 0;

		p->got = things / total * p->weight + (uint64_t)whole;
		p->owed = due - whole * (int64_t)total;
		given += p->got;
		a->order[i] = (struct apportion_rank){ p->owed, i };
	}
	if (given == things)
		return;
	qsort(a->order, a->count, sizeof(*a->order), by_rest);
	for (size_t i = 0; given < things; i = (i + 1) % a->count, given++) {
		struct apportion_part *p = &a->parts[a->order[i].part];

		p->got++;
		p->owed -= (int64_t)total;
	}
	for (size_t i = a->count; given > things; i = i ? i - 1 : a->count - 1) {
		struct apportion_part *p = i < a->count ? &a->parts[a->order[i].part] : NULL;

		if (!p || !p->got)
			continue;
		p->got--;
		p->owed += (int64_t)total;
		given--;
	}
}

/* Where the product has more than 64 bits: part's binary digits by turns, as one multiplies on paper. */
static uint64_t long_share(uint64_t whole, uint64_t part, uint64_t all)
{
	uint64_t quotient = 0, rest = 0; /* of the digits so far */

	for (int bit = 63; bit >= 0; bit--) {
		quotient = 2 * quotient + (2 * rest >= all);
		rest = 2 * rest - (2 * rest >= all ? all : 0);
		if (!(part >> bit & 1))
			continue;
		quotient += rest + whole >= all;
		rest = rest + whole - (rest + whole >= all ? all : 0);
	}
	return quotient;
}

int64_t apportion_share(int64_t whole, int64_t part, int64_t all)
{
	uint64_t size = whole < 0 ? 0 - (uint64_t)whole : (uint64_t)whole,
		 rest = size % (uint64_t)all, share;

	if (__builtin_mul_overflow(rest, (uint64_t)part, &share))
		share = long_share(rest, (uint64_t)part, (uint64_t)all);
	else
		share /= (uint64_t)all;
	share += size / (uint64_t)all * (uint64_t)part;
	return whole < 0 ? (int64_t)(0 - share) : (int64_t)share;
}
