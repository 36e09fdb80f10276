/*
 * intern.h - numbers for byte strings that repeat: the stacks and the tuples of one reader.
 *
 * A table gives the same number to the same bytes, counting from 0. The bytes are copied. It knows
 * nothing of what they mean. Memory grows with the distinct strings only; its user clears it at
 * each new generation.
 *
 *	struct intern t = { 0 };
 *	n = intern(&t, key, len, &is_new);	// INTERN_FULL: no memory
 *	intern_release(&t);
 */
#ifndef KMEM_RECORD_INTERN_H
#define KMEM_RECORD_INTERN_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "format/base/buf.h"
#include "format/base/hash.h"

#define INTERN_FULL UINT32_MAX

/* Where the bytes are stands in the slot as well: one cache line less on the way to them. */
struct intern_slot {
	uint32_t tag;	      /* high half of the hash */
	uint32_t number;      /* plus 1; 0: empty */
	uint32_t offset, len; /* of the bytes in the arena */
};

struct intern_entry {
	uint64_t hash;
	uint32_t offset, len;
	uint32_t
		next; /* number plus 1 of the string that followed it last; 0: none. intern_after */
};

/* Zeroed memory is an empty table. */
struct intern {
	struct intern_slot *slots;
	uint32_t mask; /* slots - 1: a power of two, at most half full */
	uint32_t count;
	uint32_t cap; /* of entries */
	struct intern_entry *entries;
	struct buf arena;
};

uint32_t intern_add(struct intern *t, uint64_t hash, const void *key, uint32_t len);
void intern_clear(struct intern *t); /* keeps the memory */
void intern_release(struct intern *t);

/* Bytes that the table holds, for a bound on its size. */
static inline size_t intern_size(const struct intern *t)
{
	return t->arena.len + t->count * sizeof(struct intern_entry);
}

static inline const uint8_t *intern_bytes(const struct intern *t, uint32_t number,
					  uint32_t *ret_len)
{
	*ret_len = t->entries[number].len;
	return t->arena.data + t->entries[number].offset;
}

static inline uint64_t intern_word(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/*
 * 16 bytes at a time, each pair of words multiplied with a key of its place: the products do not
 * wait for each other, which halves the time of a chained hash on the keys of 50 to 150 bytes that
 * there are here. At equal hashes the bytes decide, so a bad input costs time only, and the tables
 * are bounded.
 */
static inline uint64_t intern_hash(const void *key, uint32_t len)
{
	const uint8_t *p = key, *end = p + len;
	uint64_t sum = len, place = 0x9e3779b97f4a7c15ull;
	uint64_t last[2] = { 0, 0 };

	for (; end - p >= 16; p += 16, place += 0xd1b54a32d192ed03ull)
		sum += hash_mix(intern_word(p) ^ place, intern_word(p + 8));
	if (p < end) {
		memcpy(last, p, (size_t)(end - p));
		sum += hash_mix(last[0] ^ place, last[1]);
	}
	return hash_u64(sum);
}

/*
 * memcmp() == 0 without the call: nearly every lookup ends with one comparison that finds equality.
 */
static inline bool intern_same(const uint8_t *a, const uint8_t *b, uint32_t len)
{
	uint32_t i = 0;

	for (; len - i >= 8; i += 8)
		if (intern_word(a + i) != intern_word(b + i))
			return false;
	if (len >= 8) /* the last word may begin in the one before */
		return intern_word(a + len - 8) == intern_word(b + len - 8);
	for (; i < len; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

static inline uint32_t intern(struct intern *t, const void *key, uint32_t len, bool *ret_new)
{
	uint64_t hash = intern_hash(key, len);
	uint32_t tag = (uint32_t)(hash >> 32);

	for (uint32_t i = (uint32_t)hash & t->mask; t->slots && t->slots[i].number;
	     i = (i + 1) & t->mask) {
		const struct intern_slot *slot = &t->slots[i];

		if (slot->tag == tag && slot->len == len &&
		    intern_same(t->arena.data + slot->offset, key, len)) {
			*ret_new = false;
			return slot->number - 1;
		}
	}
	*ret_new = true;
	return intern_add(t, hash, key, len);
}

/*
 * The same, for strings that come in sequences which repeat: what followed the string before, the
 * last time, is compared first, and nearly always it is that one again; then nothing is hashed.
 * *last is the string before, as number plus 1; 0: none, and so it has to be after intern_clear.
 */
static inline uint32_t intern_after(struct intern *t, uint32_t *last, const void *key, uint32_t len,
				    bool *ret_new)
{
	uint32_t next = *last ? t->entries[*last - 1].next : 0;

	if (next) {
		const struct intern_entry *e = &t->entries[next - 1];

		if (e->len == len && intern_same(t->arena.data + e->offset, key, len)) {
			*last = next;
			*ret_new = false;
			return next - 1;
		}
	}
	next = intern(t, key, len, ret_new);
	if (next == INTERN_FULL)
		return next;
	if (*last)
		t->entries[*last - 1].next = next + 1;
	*last = next + 1;
	return next;
}

#endif
