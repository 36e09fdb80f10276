#include "record/intern.h"

#include <stdlib.h>

#define FIRST_SLOTS  1024u
#define MOST_ENTRIES (1u << 24) /* DICT_ENTRIES_MAX of the format */

static void slot_put(struct intern *t, uint32_t number)
{
	const struct intern_entry *e = &t->entries[number];
	uint32_t i = (uint32_t)e->hash & t->mask;

	while (t->slots[i].number)
		i = (i + 1) & t->mask;
	t->slots[i] = (struct intern_slot){ (uint32_t)(e->hash >> 32), number + 1, e->offset,
					    e->len };
}

static bool grow(struct intern *t)
{
	uint32_t slots = t->slots ? (t->mask + 1) * 2 : FIRST_SLOTS;
	struct intern_entry *entries = realloc(t->entries, slots / 2 * sizeof(*entries));
	struct intern_slot *p;

	if (entries)
		t->entries = entries;
	p = entries ? calloc(slots, sizeof(*p)) : NULL;
	if (!p)
		return false;
	free(t->slots);
	t->slots = p;
	t->mask = slots - 1;
	t->cap = slots / 2;
	for (uint32_t n = 0; n < t->count; n++)
		slot_put(t, n);
	return true;
}

uint32_t intern_add(struct intern *t, uint64_t hash, const void *key, uint32_t len)
{
	if (t->count == MOST_ENTRIES || t->arena.len + len > UINT32_MAX)
		return INTERN_FULL;
	if (t->count == t->cap && !grow(t))
		return INTERN_FULL;
	if (!buf_reserve(&t->arena, len ? len : 1))
		return INTERN_FULL;
	t->entries[t->count] = (struct intern_entry){ hash, (uint32_t)t->arena.len, len, 0 };
	buf_bytes(&t->arena, key, len);
	slot_put(t, t->count);
	return t->count++;
}

void intern_clear(struct intern *t)
{
	if (t->slots)
		memset(t->slots, 0, (t->mask + 1) * sizeof(*t->slots));
	buf_clear(&t->arena);
	t->count = 0;
}

void intern_release(struct intern *t)
{
	free(t->slots);
	free(t->entries);
	buf_release(&t->arena);
	*t = (struct intern){ 0 };
}
