/*
 * array_room.h - arrays that grow by doubling.
 *
 *	if (!array_room((void **)&list->items, &list->cap, list->count, sizeof(*list->items)))
 *		return error_nomem(err);
 *	list->items[list->count++] = item;
 */
#ifndef KMEM_ANALYZE_ARRAY_ROOM_H
#define KMEM_ANALYZE_ARRAY_ROOM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

/* Room for at least one more item behind `count`. False: no memory; nothing changed then. */
static inline bool array_room(void **array, size_t *cap, size_t count, size_t size)
{
	size_t want = *cap ? *cap * 2 : 64;
	void *p;

	if (count < *cap)
		return true;
	p = want <= SIZE_MAX / size ? realloc(*array, want * size) : NULL;
	if (!p)
		return false;
	*array = p;
	*cap = want;
	return true;
}

#endif
