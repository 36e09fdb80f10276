#include "analyze/sites.h"

#include <string.h>

#include "analyze/array_room.h"
#include "format/base/hash.h"

/* enum trace_flag_type, include/linux/trace_events.h */
#define TRACE_FLAG_HARDIRQ 0x08
#define TRACE_FLAG_SOFTIRQ 0x10
#define TRACE_FLAG_NMI	   0x40

enum context context_of(uint8_t common_flags)
{
	if (common_flags & TRACE_FLAG_NMI)
		return CONTEXT_NMI;
	if (common_flags & TRACE_FLAG_HARDIRQ)
		return CONTEXT_HARDIRQ;
	return common_flags & TRACE_FLAG_SOFTIRQ ? CONTEXT_SOFTIRQ : CONTEXT_TASK;
}

/* Equal-sized keys in an array, interned by their bytes. */
struct bytes_key {
	const char *array;
	size_t size;
	const void *key;
};

static bool same_bytes(const void *arg, uint32_t id)
{
	const struct bytes_key *k = arg;

	return !memcmp(k->array + (id - 1) * k->size, k->key, k->size);
}

static uint64_t rehash_bytes(const void *arg, uint32_t id)
{
	const struct bytes_key *k = arg;

	return hash_bytes(0, k->array + (id - 1) * k->size, k->size);
}

static uint32_t add_bytes(void **array, size_t *count, size_t *cap, struct id_index *index,
			  const void *key, size_t size)
{
	uint64_t hash = hash_bytes(0, key, size);
	struct bytes_key k = { *array, size, key };
	uint32_t id = id_index_find(index, hash, same_bytes, &k);

	if (id)
		return id;
	if (*count >= UINT32_MAX / 2 || !array_room(array, cap, *count, size))
		return 0;
	memcpy((char *)*array + *count * size, key, size);
	k.array = *array;
	id = (uint32_t)*count + 1;
	if (!id_index_add(index, hash, id, rehash_bytes, &k))
		return 0;
	++*count;
	return id;
}

uint32_t sites_add_alloc(struct sites *s, const struct alloc_site *site)
{
	return add_bytes((void **)&s->allocs, &s->alloc_count, &s->alloc_cap, &s->alloc_index, site,
			 sizeof(*site));
}

uint32_t sites_add_free(struct sites *s, const struct free_site *site)
{
	return add_bytes((void **)&s->frees, &s->free_count, &s->free_cap, &s->free_index, site,
			 sizeof(*site));
}

struct cache_key {
	const struct sites *sites;
	struct cache_name name;
};

static bool same_cache(const void *arg, uint32_t id)
{
	const struct cache_key *key = arg;
	const struct cache_name *c = &key->sites->caches[id - 1];

	return c->len == key->name.len && !memcmp(c->name, key->name.name, c->len);
}

static uint64_t rehash_cache(const void *arg, uint32_t id)
{
	const struct sites *s = arg;

	return hash_bytes(0, s->caches[id - 1].name, s->caches[id - 1].len);
}

uint32_t sites_add_cache(struct sites *s, const uint8_t *name, size_t len)
{
	uint64_t hash = hash_bytes(0, name, len);
	const struct cache_key key = { s, { (uint8_t *)(uintptr_t)name, len } };
	uint32_t id = len ? id_index_find(&s->cache_index, hash, same_cache, &key) : 0;
	struct cache_name copy = { malloc(len + 1), len };

	if (id || !copy.name ||
	    !array_room((void **)&s->caches, &s->cache_cap, s->cache_count, sizeof(copy)) ||
	    !id_index_add(&s->cache_index, hash, (uint32_t)s->cache_count + 1, rehash_cache, s)) {
		free(copy.name);
		return id;
	}
	memcpy(copy.name, name, len);
	s->caches[s->cache_count++] = copy;
	return (uint32_t)s->cache_count;
}

void sites_release(struct sites *s)
{
	for (size_t i = 0; i < s->cache_count; i++)
		free(s->caches[i].name);
	free(s->allocs);
	free(s->frees);
	free(s->caches);
	id_index_release(&s->alloc_index);
	id_index_release(&s->free_index);
	id_index_release(&s->cache_index);
	*s = (struct sites){ 0 };
}
