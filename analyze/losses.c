#include "analyze/losses.h"

#include <stdlib.h>
#include <string.h>

#include "analyze/array_room.h"
#include "analyze/id_index.h"

bool losses_add(struct losses *l, const struct loss *loss)
{
	if (!array_room((void **)&l->list, &l->cap, l->count, sizeof(*l->list)))
		return false;
	l->list[l->count++] = *loss;
	return true;
}

static int by_from(const void *a, const void *b)
{
	const struct loss *x = a, *y = b;

	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	if (x->to != y->to)
		return x->to < y->to ? -1 : 1;
	return (x->cpu > y->cpu) - (x->cpu < y->cpu);
}

void losses_sort(struct losses *l)
{
	if (l->count)
		qsort(l->list, l->count, sizeof(*l->list), by_from);
}

bool losses_insert(struct losses *l, const struct loss *loss)
{
	size_t at = l->count;

	if (!array_room((void **)&l->list, &l->cap, l->count, sizeof(*l->list)))
		return false;
	while (at > l->begun && l->list[at - 1].from > loss->from)
		at--;
	memmove(&l->list[at + 1], &l->list[at], (l->count - at) * sizeof(*l->list));
	l->list[at] = *loss;
	l->count++;
	return true;
}

void losses_advance(struct losses *l, int64_t now)
{
	for (; l->begun < l->count && l->list[l->begun].from <= now; l->begun++)
		if (!l->begun || l->list[l->begun].to > l->latest_to)
			l->latest_to = l->list[l->begun].to;
}

void losses_release(struct losses *l)
{
	free(l->list);
	*l = (struct losses){ 0 };
}
