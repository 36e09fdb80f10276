/*
 * id_index.h - finds the number of something seen before by its hash: the shared half of every
 * interning table.
 *
 * The things themselves stay in the caller's array; a slot holds 32 bits of the hash and the
 * number. Numbers start at 1; 0 means "not there". Not a map: nothing is ever removed.
 *
 *	uint32_t id = id_index_find(&index, hash, same_stack, &probe);
 *	if (!id) {
 *		...append the thing as number n...
 *		if (!id_index_add(&index, hash, n)) ...		// no memory
 *	}
 *
 * Zeroed memory is an empty index.
 */
#ifndef KMEM_ANALYZE_ID_INDEX_H
#define KMEM_ANALYZE_ID_INDEX_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

struct id_slot {
	uint32_t hash, id;
};

struct id_index {
	struct id_slot *slots;
	uint32_t mask, used;
};

/* same(arg, id): whether thing number id is the one looked for. */
static inline uint32_t id_index_find(const struct id_index *x, uint64_t hash,
				     bool (*same)(const void *arg, uint32_t id), const void *arg)
{
	uint32_t h = (uint32_t)(hash >> 32);

	if (!x->slots)
		return 0;
	for (uint32_t i = (uint32_t)hash & x->mask; x->slots[i].id; i = (i + 1) & x->mask)
		if (x->slots[i].hash == h && same(arg, x->slots[i].id))
			return x->slots[i].id;
	return 0;
}

/* rehash(arg, id) gives the full hash of a thing again, when the index grows. */
static inline bool id_index_add(struct id_index *x, uint64_t hash, uint32_t id,
				uint64_t (*rehash)(const void *arg, uint32_t id), const void *arg)
{
	uint32_t i;

	if (!x->slots || x->used >= x->mask / 2) {
		uint32_t size = x->slots ? (x->mask + 1) * 2 : 64;
		struct id_slot *old = x->slots, *slots = size ? calloc(size, sizeof(*slots)) : NULL;
		uint32_t old_size = old ? x->mask + 1 : 0;

		if (!slots)
			return false;
		x->slots = slots;
		x->mask = size - 1;
		for (uint32_t o = 0; o < old_size; o++) {
			if (!old[o].id)
				continue;
			for (i = (uint32_t)rehash(arg, old[o].id) & x->mask; slots[i].id;)
				i = (i + 1) & x->mask;
			slots[i] = old[o];
		}
		free(old);
	}
	for (i = (uint32_t)hash & x->mask; x->slots[i].id;)
		i = (i + 1) & x->mask;
	x->slots[i] = (struct id_slot){ (uint32_t)(hash >> 32), id };
	x->used++;
	return true;
}

static inline void id_index_release(struct id_index *x)
{
	free(x->slots);
	*x = (struct id_index){ 0 };
}

#endif
