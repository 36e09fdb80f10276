/*
 * timed.h - many moments in the order of time.
 *
 *	struct timed_list list = { 0 };
 *
 *	timed_add(&list, time, item, 0);		// false: no memory
 *	timed_sort(&list);			// false: no memory; equal times stay in the order they came
 *	for (size_t i = 0; i < list.count; i++) ... list.items[i].time
 *	timed_release(&list);
 */
#ifndef KMEM_ANALYZE_TIMED_H
#define KMEM_ANALYZE_TIMED_H

#include <stdbool.h>
#include <stdint.h>

#include "analyze/array_room.h"

struct timed {
	int64_t time;
	uint32_t item, kind; /* the caller's */
};

struct timed_list {
	struct timed *items;
	size_t count, cap;
};

static inline bool timed_add(struct timed_list *l, int64_t time, uint32_t item, uint32_t kind)
{
	if (!array_room((void **)&l->items, &l->cap, l->count, sizeof(*l->items)))
		return false;
	l->items[l->count++] = (struct timed){ time, item, kind };
	return true;
}

/* Takes as much memory again while it runs, but none where the list is sorted already. */
bool timed_sort(struct timed_list *l);
void timed_release(struct timed_list *l);

#endif
