#include "analyze/text_pool.h"

#include <string.h>

#include "analyze/array_room.h"
#include "format/base/hash.h"

struct text_key {
	const struct text_pool *pool;
	const char *text;
};

static bool same_text(const void *arg, uint32_t id)
{
	const struct text_key *key = arg;

	return !strcmp(key->pool->texts[id - 1], key->text);
}

static uint64_t rehash_text(const void *arg, uint32_t id)
{
	const char *text = ((const struct text_pool *)arg)->texts[id - 1];

	return hash_bytes(0, text, strlen(text));
}

uint32_t text_pool_add(struct text_pool *p, const char *text)
{
	const struct text_key key = { p, text };
	uint64_t hash = hash_bytes(0, text, strlen(text));
	uint32_t id = id_index_find(&p->index, hash, same_text, &key);

	if (id)
		return id;
	if (p->count >= UINT32_MAX / 2 ||
	    !array_room((void **)&p->texts, &p->cap, p->count, sizeof(*p->texts)))
		return 0;
	p->texts[p->count] = strdup(text);
	if (!p->texts[p->count])
		return 0;
	id = (uint32_t)++p->count;
	return id_index_add(&p->index, hash, id, rehash_text, p) ? id : 0;
}

const char *text_pool_get(const struct text_pool *p, uint32_t n)
{
	return n ? p->texts[n - 1] : "";
}

void text_pool_release(struct text_pool *p)
{
	for (size_t i = 0; i < p->count; i++)
		free(p->texts[i]);
	free(p->texts);
	id_index_release(&p->index);
	*p = (struct text_pool){ 0 };
}
