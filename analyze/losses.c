#include "analyze/losses.h"

#include <stdlib.h>

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

/* ---- found late ---- */

static void swap(struct losses *l, size_t i, size_t k)
{
	struct loss other = l->late[i];

	l->late[i] = l->late[k];
	l->late[k] = other;
}

bool losses_insert(struct losses *l, const struct loss *loss)
{
	size_t i = l->late_waiting;

	if (!array_room((void **)&l->late, &l->late_cap, l->late_count, sizeof(*l->late)))
		return false;
	l->late[l->late_count++] = l->late[i];
	l->late[i] = *loss;
	for (l->late_waiting++; i && by_from(&l->late[i], &l->late[(i - 1) / 2]) < 0;
	     i = (i - 1) / 2)
		swap(l, i, (i - 1) / 2);
	return true;
}

/* The earliest goes behind those that wait. */
static void take_late(struct losses *l)
{
	size_t i = 0, least = 0;

	swap(l, 0, --l->late_waiting);
	do {
		i = least;
		for (size_t k = 2 * i + 1; k <= 2 * i + 2 && k < l->late_waiting; k++)
			if (by_from(&l->late[k], &l->late[least]) < 0)
				least = k;
		swap(l, i, least);
	} while (least != i);
}

static void begins(struct losses *l, const struct loss *loss)
{
	if ((!l->begun && l->late_waiting == l->late_count) || loss->to > l->latest_to)
		l->latest_to = loss->to;
}

void losses_advance(struct losses *l, int64_t now)
{
	for (; l->begun < l->count && l->list[l->begun].from <= now; l->begun++)
		begins(l, &l->list[l->begun]);
	while (l->late_waiting && l->late[0].from <= now) {
		begins(l, &l->late[0]);
		take_late(l);
	}
}

bool losses_settle(struct losses *l)
{
	for (size_t i = 0; i < l->late_count; i++)
		if (!losses_add(l, &l->late[i]))
			return false;
	l->late_count = l->late_waiting = l->begun = 0;
	losses_sort(l);
	return true;
}

void losses_release(struct losses *l)
{
	free(l->list);
	free(l->late);
	*l = (struct losses){ 0 };
}
