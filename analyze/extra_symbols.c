#include "analyze/extra_symbols.h"

#include <string.h>

#include "analyze/array_room.h"
#include "format/base/hash.h"

struct lookup {
	const struct extra_symbols *symbols;
	uint32_t scope;
	struct text name;
};

static bool same_symbol(const void *arg, uint32_t id)
{
	const struct lookup *l = arg;
	const struct extra_symbol *s = &l->symbols->list[id - 1];

	return s->scope == l->scope && s->len == l->name.len &&
	       !memcmp(s->name, l->name.data, s->len);
}

static uint64_t rehash_symbol(const void *arg, uint32_t id)
{
	const struct extra_symbols *x = arg;
	const struct extra_symbol *s = &x->list[id - 1];

	return hash_bytes(s->scope, s->name, s->len);
}

uint32_t extra_symbols_add(struct extra_symbols *x, uint32_t scope, struct text name,
			   const char *module)
{
	const struct lookup lookup = { x, scope, name };
	uint64_t hash = hash_bytes(scope, name.data, name.len);
	uint32_t id = id_index_find(&x->index, hash, same_symbol, &lookup);
	struct extra_symbol s = { .scope = scope, .len = name.len, .module = module };

	if (id)
		return id;
	if (!array_room((void **)&x->list, &x->cap, x->count, sizeof(s)))
		return 0;
	s.name = malloc(s.len + 1);
	if (!s.name)
		return 0;
	memcpy(s.name, name.data, s.len);
	s.name[s.len] = '\0';
	x->list[x->count] = s;
	id = (uint32_t)x->count + 1;
	if (!id_index_add(&x->index, hash, id, rehash_symbol, x)) {
		free(s.name);
		return 0;
	}
	x->count++;
	return id;
}

void extra_symbols_release(struct extra_symbols *x)
{
	for (size_t i = 0; i < x->count; i++)
		free(x->list[i].name);
	free(x->list);
	id_index_release(&x->index);
	*x = (struct extra_symbols){ 0 };
}
