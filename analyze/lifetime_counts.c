#include "analyze/lifetime_counts.h"

#include <stdlib.h>

#include "format/base/hash.h"

/* A class in a key: below 100 the lifetime, above two digits and how many zeros are behind them. */
#define CLASS_BITS 11
#define EXACT	   100 /* ns */
#define DIGITS	   90  /* 10 to 99 */

static const uint64_t powers[] = { 1u,
				   10u,
				   100u,
				   1000u,
				   10000u,
				   100000u,
				   1000000u,
				   10000000u,
				   100000000u,
				   1000000000u,
				   10000000000u,
				   100000000000u,
				   1000000000000u,
				   10000000000000u,
				   100000000000000u,
				   1000000000000000u,
				   10000000000000000u,
				   100000000000000000u,
				   1000000000000000000u,
				   10000000000000000000u };

/* How many decimal digits follow the first two; ns >= 100. */
static unsigned int zeros_of(uint64_t ns)
{
	/* 1233 / 4096 is a little less than the logarithm of 2: never one too many */
	unsigned int digits = (unsigned int)((64 - __builtin_clzll(ns)) * 1233) >> 12;

	return digits - (ns < powers[digits]) - 1;
}

static uint32_t class_of(uint64_t ns)
{
	unsigned int zeros;

	if (ns < EXACT)
		return (uint32_t)ns;
	zeros = zeros_of(ns);
	return EXACT + (zeros - 1) * DIGITS + (uint32_t)(ns / powers[zeros]) - 10;
}

static uint64_t shortest_of(uint32_t class)
{
	if (class < EXACT)
		return class;
	return ((class - EXACT) % DIGITS + 10) * powers[(class - EXACT) / DIGITS + 1];
}

uint64_t lifetime_class(uint64_t ns)
{
	return shortest_of(class_of(ns));
}

uint64_t lifetime_class_limit(uint64_t shortest)
{
	return shortest < EXACT ? shortest : shortest + powers[zeros_of(shortest)];
}

static bool grow(struct lifetime_counts *c)
{
	size_t size = c->slots ? (c->mask + 1) * 2 : 1024;
	struct lifetime_slot *slots = calloc(size, sizeof(*slots));

	if (!slots)
		return false;
	for (size_t o = 0; c->slots && o <= c->mask; o++) {
		size_t i = (size_t)hash_mix(c->slots[o].key, 0) & (size - 1);

		if (!c->slots[o].key)
			continue;
		while (slots[i].key)
			i = (i + 1) & (size - 1);
		slots[i] = c->slots[o];
	}
	free(c->slots);
	c->slots = slots;
	c->mask = size - 1;
	return true;
}

static bool count(struct lifetime_counts *c, uint64_t key)
{
	size_t i;

	if ((!c->slots || c->used > c->mask / 2) && !grow(c))
		return false;
	i = (size_t)hash_mix(key, 0) & c->mask;
	while (c->slots[i].key && c->slots[i].key != key)
		i = (i + 1) & c->mask;
	c->used += !c->slots[i].key;
	c->slots[i].key = key;
	c->slots[i].objects++;
	return true;
}

bool lifetime_counts_add(struct lifetime_counts *c, uint32_t site, bool self, bool in_doubt,
			 uint64_t ns)
{
	uint64_t key = ((uint64_t)site << 2 | (uint64_t)self << 1 | in_doubt) << CLASS_BITS |
		       class_of(ns);
	uint64_t *turn = &c->waiting[c->turn++ % LIFETIMES_WAITING], next = *turn;

	if (c->slots)
		__builtin_prefetch(&c->slots[hash_mix(key, 0) & c->mask]);
	*turn = key;
	return !next || count(c, next);
}

static int by_key(const void *a, const void *b)
{
	const struct lifetime_slot *x = a, *y = b;

	return (x->key > y->key) - (x->key < y->key);
}

bool lifetime_counts_sort(struct lifetime_counts *c)
{
	size_t used = 0;

	for (int i = 0; i < LIFETIMES_WAITING; i++)
		if (c->waiting[i] && !count(c, c->waiting[i]))
			return false;
	for (size_t i = 0; c->slots && i <= c->mask; i++)
		if (c->slots[i].key)
			c->slots[used++] = c->slots[i];
	if (used)
		qsort(c->slots, used, sizeof(*c->slots), by_key);
	return true;
}

struct lifetime_count lifetime_count(const struct lifetime_counts *c, size_t i)
{
	uint64_t key = c->slots[i].key;

	return (struct lifetime_count){
		.site = (uint32_t)(key >> (CLASS_BITS + 2)),
		.self = key >> (CLASS_BITS + 1) & 1,
		.in_doubt = key >> CLASS_BITS & 1,
		.ns = shortest_of(key & ((1u << CLASS_BITS) - 1)),
		.objects = c->slots[i].objects,
	};
}

void lifetime_counts_release(struct lifetime_counts *c)
{
	free(c->slots);
	*c = (struct lifetime_counts){ 0 };
}
