#include "analyze/losses.h"

#include <stdlib.h>
#include <string.h>

#include "analyze/id_index.h"

bool losses_add(struct losses *l, const struct loss *loss)
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
