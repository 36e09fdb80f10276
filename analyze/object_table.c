#include "analyze/object_table.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>

#define SLOTS_FIRST 4096
#define HUGE_PAGE   (2u << 20)

static struct object *slots_new(size_t count)
{
	size_t bytes = count * sizeof(struct object);
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	if (bytes >= HUGE_PAGE) /* random access: fewer TLB misses; refusal does no harm */
		madvise(p, bytes, MADV_HUGEPAGE);
	return p;
}

static void slots_free(struct object *slots, size_t count)
{
	if (slots)
		munmap(slots, count * sizeof(*slots));
}

static bool grow(struct object_table *t)
{
	size_t old_size = t->slots ? t->mask + 1 : 0, size = old_size ? old_size * 2 : SLOTS_FIRST;
	struct object *old = t->slots, *slots = slots_new(size);

	if (!slots)
		return false;
	if (!old && getrandom(&t->seed, sizeof(t->seed), GRND_NONBLOCK) < 0)
		t->seed = (uint64_t)(uintptr_t)slots;
	t->slots = slots;
	t->mask = size - 1;
	for (size_t i = 0; i < old_size; i++) {
		size_t at;

		if (!old[i].site)
			continue;
		for (at = object_slot(t, old[i].address); slots[at].site;)
			at = (at + 1) & t->mask;
		slots[at] = old[i];
	}
	slots_free(old, old_size);
	return true;
}

struct object *object_table_put(struct object_table *t, uint64_t address, bool *existed)
{
	size_t i;

	if ((!t->slots || t->count >= (t->mask + 1) / 4 * 3) && !grow(t))
		return NULL;
	for (i = object_slot(t, address); t->slots[i].site; i = (i + 1) & t->mask) {
		if (t->slots[i].address == address) {
			*existed = true;
			return &t->slots[i];
		}
	}
	*existed = false;
	t->count++;
	t->slots[i].address = address;
	return &t->slots[i];
}

struct object *object_table_find(const struct object_table *t, uint64_t address)
{
	if (!t->slots)
		return NULL;
	for (size_t i = object_slot(t, address); t->slots[i].site; i = (i + 1) & t->mask)
		if (t->slots[i].address == address)
			return &t->slots[i];
	return NULL;
}

bool object_table_take(struct object_table *t, uint64_t address, struct object *ret)
{
	struct object *slots = t->slots;
	size_t hole, i;

	if (!slots)
		return false;
	for (hole = object_slot(t, address); slots[hole].address != address || !slots[hole].site;) {
		if (!slots[hole].site)
			return false;
		hole = (hole + 1) & t->mask;
	}
	*ret = slots[hole];
	t->count--;
	/* An entry further on may move into the hole if its own place is not between the two. */
	for (i = (hole + 1) & t->mask; slots[i].site; i = (i + 1) & t->mask) {
		size_t home = object_slot(t, slots[i].address);

		if (((i - home) & t->mask) >= ((i - hole) & t->mask)) {
			slots[hole] = slots[i];
			hole = i;
		}
	}
	slots[hole].site = 0;
	return true;
}

void object_table_release(struct object_table *t)
{
	slots_free(t->slots, t->slots ? t->mask + 1 : 0);
	*t = (struct object_table){ 0 };
}

static int by_time(const void *a, const void *b)
{
	const struct object *x = a, *y = b;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	return (x->address > y->address) - (x->address < y->address);
}

struct object *object_table_sorted(struct object_table *t)
{
	size_t n = 0;

	for (size_t i = 0; t->slots && i <= t->mask; i++)
		if (t->slots[i].site)
			t->slots[n++] = t->slots[i];
	if (n)
		qsort(t->slots, n, sizeof(*t->slots), by_time);
	return t->slots;
}
