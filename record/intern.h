/*
 * intern.h - numbers for byte strings that repeat: the stacks and the tuples of one reader.
 *
 * A table gives the same number to the same bytes, counting from 0. The bytes are copied. It knows nothing of
 * what they mean. Memory grows with the distinct strings only; its user clears it at each new generation.
 *
 *	struct intern t = { 0 };
 *	n = intern(&t, hash_bytes(0, key, len), key, len, &is_new);	// INTERN_FULL: no memory
 *	intern_release(&t);
 */
#ifndef KMEM_RECORD_INTERN_H
#define KMEM_RECORD_INTERN_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "format/base/buf.h"

#define INTERN_FULL UINT32_MAX

struct intern_slot {
	uint32_t tag;		/* high half of the hash */
	uint32_t number;	/* plus 1; 0: empty */
};

struct intern_entry {
	uint64_t hash;
	uint32_t offset, len;	/* of the bytes in the arena */
};

/* Zeroed memory is an empty table. */
struct intern {
	struct intern_slot *slots;
	uint32_t mask;		/* slots - 1: a power of two, at most half full */
	uint32_t count;
	uint32_t cap;		/* of entries */
	struct intern_entry *entries;
	struct buf arena;
};

uint32_t intern_add(struct intern *t, uint64_t hash, const void *key, uint32_t len);
void intern_clear(struct intern *t);	/* keeps the memory */
void intern_release(struct intern *t);

/* Bytes that the table holds, for a bound on its size. */
static inline size_t intern_size(const struct intern *t)
{
	return t->arena.len + t->count * sizeof(struct intern_entry);
}

static inline const uint8_t *intern_bytes(const struct intern *t, uint32_t number, uint32_t *ret_len)
{
	*ret_len = t->entries[number].len;
	return t->arena.data + t->entries[number].offset;
}

static inline uint32_t intern(struct intern *t, uint64_t hash, const void *key, uint32_t len, bool *ret_new)
{
	uint32_t tag = (uint32_t)(hash >> 32);

	for (uint32_t i = (uint32_t)hash & t->mask; t->slots && t->slots[i].number; i = (i + 1) & t->mask) {
		const struct intern_entry *e;

		if (t->slots[i].tag != tag)
			continue;
		e = &t->entries[t->slots[i].number - 1];
		if (e->len == len && !memcmp(t->arena.data + e->offset, key, len)) {
			*ret_new = false;
			return t->slots[i].number - 1;
		}
	}
	*ret_new = true;
	return intern_add(t, hash, key, len);
}

#endif
