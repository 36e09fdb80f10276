/*
 * object_table.h - the objects that are live at one moment of the replay, by address: one table per
 * address space.
 *
 * Open addressing with linear probing and backward-shift deletion: no tombstones, so that a long
 * capture does not slow down, and memory is that of the largest live set. Two entries share a cache
 * line. The hash is seeded per table, so that a hostile capture cannot choose addresses that
 * collide.
 *
 *	struct object_table t = { 0 };
 *	struct object *o = object_table_put(&t, address, &existed);	// NULL: no memory
 *	if (object_table_take(&t, address, &freed)) ...			// removed, copied to freed
 *	object_table_release(&t);
 *
 * Pointers into the table are valid until the next put or take. Zeroed memory is an empty table.
 */
#ifndef KMEM_ANALYZE_OBJECT_TABLE_H
#define KMEM_ANALYZE_OBJECT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct object {
	uint64_t address;
	int64_t time;  /* of the allocation, ns since the start of the capture */
	uint32_t site; /* alloc_site; never 0 in a live entry, 0 marks a free slot */
	uint32_t task;
	uint16_t cpu;
	bool self; /* allocated by the recorder */
};

struct object_table {
	struct object *slots;
	size_t mask; /* slots - 1 */
	size_t count;
	uint64_t seed;
};

static inline void object_table_prefetch(const struct object_table *t, uint64_t address);

/*
 * The entry of that address; a new one has only its address set, and the caller sets site at once.
 */
struct object *object_table_put(struct object_table *t, uint64_t address, bool *existed);
/* NULL: none. */
struct object *object_table_find(const struct object_table *t, uint64_t address);
bool object_table_take(struct object_table *t, uint64_t address, struct object *ret);
void object_table_release(struct object_table *t);

/*
 * Moves the live entries to the front of slots, sorted by time, then address; t can then only be
 * released.
 */
struct object *object_table_sorted(struct object_table *t);

#include "format/base/hash.h"

static inline size_t object_slot(const struct object_table *t, uint64_t address)
{
	return (size_t)hash_mix(address, t->seed) & t->mask;
}

static inline void object_table_prefetch(const struct object_table *t, uint64_t address)
{
	if (t->slots)
		__builtin_prefetch(&t->slots[object_slot(t, address)], 1);
}

#endif
