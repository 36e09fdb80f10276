#include "analyze/timed.h"

#include <string.h>

#define DIGIT_BITS 11
#define DIGITS	   (1u << DIGIT_BITS)

/* The lowest time; and how many bits the others are above it at most, 0 if they are in order. */
static int64_t range(const struct timed_list *l, unsigned int *ret_bits)
{
	int64_t least = INT64_MAX, most = INT64_MIN;
	bool sorted = true;

	for (size_t i = 0; i < l->count; i++) {
		int64_t time = l->items[i].time;

		sorted &= i == 0 || l->items[i - 1].time <= time;
		least = time < least ? time : least;
		most = time > most ? time : most;
	}
	*ret_bits = sorted ? 0 :
			     64 - (unsigned int)__builtin_clzll((uint64_t)most - (uint64_t)least);
	return least;
}

static void sort_digit(const struct timed *from, struct timed *to, size_t count, int64_t least,
		       unsigned int shift)
{
	size_t starts[DIGITS] = { 0 }, sum = 0;

	for (size_t i = 0; i < count; i++)
		starts[((uint64_t)from[i].time - (uint64_t)least) >> shift & (DIGITS - 1)]++;
	for (size_t d = 0; d < DIGITS; d++) {
		size_t n = starts[d];

		starts[d] = sum;
		sum += n;
	}
	for (size_t i = 0; i < count; i++)
		to[starts[((uint64_t)from[i].time - (uint64_t)least) >> shift & (DIGITS - 1)]++] =
			from[i];
}

bool timed_sort(struct timed_list *l)
{
	unsigned int bits;
	int64_t least = range(l, &bits);
	struct timed *other = bits ? malloc(l->count * sizeof(*other)) : NULL;

	if (!bits)
		return true;
	if (!other)
		return false;
	for (unsigned int shift = 0; shift < bits; shift += DIGIT_BITS) {
		struct timed *sorted = other;

		sort_digit(l->items, sorted, l->count, least, shift);
		other = l->items;
		l->items = sorted;
		l->cap = l->count;
	}
	free(other);
	return true;
}

void timed_release(struct timed_list *l)
{
	free(l->items);
	*l = (struct timed_list){ 0 };
}
