#include "analyze/text_tuples.h"

#include <string.h>

#include "analyze/array_room.h"
#include "format/base/hash.h"

/* ---- finding ---- */

struct lookup {
	const struct text_tuples *tuples;
	const struct text_split *split;
	uint8_t type, flags;
};

static bool same_text(const void *arg, uint32_t id)
{
	const struct lookup *l = arg;
	const struct text_tuple *t = &l->tuples->list[id - 1];
	const struct text *parts = l->split->parts;
	const uint8_t *text = l->tuples->texts.data + t->at;

	return t->type == l->type && t->flags == l->flags && t->len[0] == parts[0].len &&
	       t->len[1] == parts[1].len && !memcmp(text, parts[0].data, t->len[0]) &&
	       !memcmp(text + t->len[0], parts[1].data, t->len[1]);
}

static uint64_t text_hash(uint8_t type, uint8_t flags, const void *a, size_t a_len, const void *b,
			  size_t b_len)
{
	return hash_bytes(hash_bytes((uint64_t)type << 8 | flags, a, a_len), b, b_len);
}

static uint64_t rehash_text(const void *arg, uint32_t id)
{
	const struct text_tuples *t = arg;
	const struct text_tuple *tuple = &t->list[id - 1];
	const uint8_t *text = t->texts.data + tuple->at;

	return text_hash(tuple->type, tuple->flags, text, tuple->len[0], text + tuple->len[0],
			 tuple->len[1]);
}

struct stack_lookup {
	const struct text_tuples *tuples;
	uint32_t base, stack;
};

static uint32_t stack_of(const struct text_tuples *t, uint32_t tuple)
{
	return t->dictionary.facts[tuple].kind == FACT_ALLOC ? t->list[tuple].alloc.stack :
							       t->list[tuple].free.stack;
}

static bool same_stack(const void *arg, uint32_t id)
{
	const struct stack_lookup *l = arg;

	return l->tuples->list[id - 1].base == l->base && stack_of(l->tuples, id - 1) == l->stack;
}

static uint64_t rehash_stack(const void *arg, uint32_t id)
{
	const struct text_tuples *t = arg;

	return hash_mix(t->list[id - 1].base, stack_of(t, id - 1));
}

/* ---- reading ---- */

static bool make_alloc(const struct text_tuples *t, const struct text_fields *f,
		       struct text_tuple *tuple)
{
	struct alloc_site *a = &tuple->alloc;

	a->gfp = f->gfp;
	a->node = f->node;
	a->flags = (uint8_t)((f->has_gfp ? SITE_HAS_GFP : 0) | (f->has_node ? SITE_HAS_NODE : 0));
	a->bytes_req = f->bytes_req;
	a->bytes_alloc = f->bytes_alloc;
	if (tuple->type == TEXT_PAGE_ALLOC) {
		a->order = (uint8_t)f->bytes_req;
		a->bytes_req = a->bytes_alloc = t->page_size << f->bytes_req;
		a->migratetype = f->migratetype;
		a->flags |= f->has_migratetype ? SITE_HAS_MIGRATETYPE : 0;
	}
	if (f->cache.len)
		a->cache = sites_add_cache(t->sites, (const uint8_t *)f->cache.data, f->cache.len);
	return !f->cache.len || a->cache;
}

static bool make_free(const struct text_tuples *t, const struct text_fields *f,
		      struct text_tuple *tuple)
{
	if (f->has_order) {
		tuple->free.order = f->order;
		tuple->free.flags |= SITE_HAS_ORDER;
	}
	if (f->cache.len)
		tuple->free.cache = sites_add_cache(t->sites, (const uint8_t *)f->cache.data,
						    f->cache.len);
	return !f->cache.len || tuple->free.cache;
}

static bool is_free(enum text_type type)
{
	return type == TEXT_KFREE || type == TEXT_CACHE_FREE || type == TEXT_PAGE_FREE ||
	       type == TEXT_PERCPU_FREE || type == TEXT_VMAP_FREE;
}

static enum domain domain_of(enum text_type type)
{
	if (type == TEXT_PAGE_ALLOC || type == TEXT_PAGE_FREE)
		return DOMAIN_PAGE;
	if (type == TEXT_PERCPU_ALLOC || type == TEXT_PERCPU_FREE)
		return DOMAIN_PERCPU;
	return type == TEXT_VMAP_ALLOC || type == TEXT_VMAP_FREE ? DOMAIN_VMALLOC : DOMAIN_SLAB;
}

/* Room for one more; NULL: no memory. */
static struct text_tuple *append(struct text_tuples *t, const struct text_tuple *tuple,
				 const struct tuple_fact *fact)
{
	struct dictionary *d = &t->dictionary;

	if (d->fact_count >= UINT32_MAX / 2 ||
	    !array_room((void **)&t->list, &t->cap, d->fact_count, sizeof(*t->list)) ||
	    !array_room((void **)&d->facts, &d->fact_cap, d->fact_count, sizeof(*d->facts)))
		return NULL;
	t->list[d->fact_count] = *tuple;
	d->facts[d->fact_count] = *fact;
	return &t->list[d->fact_count];
}

/* 1, 0 or ERR_NOMEM as text_tuples_add. */
static int read_tuple(struct text_tuples *t, struct text_tuple *tuple, struct tuple_fact *fact,
		      const struct text_split *split)
{
	enum text_type type = (enum text_type)tuple->type;
	struct text_fields f;
	uint32_t call_site = 0;

	if (!text_event_fields(type, split, &f))
		return 0;
	if (f.call_site.len) {
		if (text_names_frame(t->names, f.call_site, &call_site) < 0)
			return ERR_NOMEM;
		if (!call_site)
			return 0;
	}
	fact->kind = is_free(type) ? FACT_FREE : FACT_ALLOC;
	fact->flags = (uint8_t)((context_of(tuple->flags) == CONTEXT_TASK ? FACT_IN_TASK : 0) |
				(f.failed ? FACT_FAILED : 0));
	fact->type = tuple->type;
	if (fact->kind == FACT_FREE) {
		tuple->free.event = type;
		tuple->free.domain = (uint8_t)domain_of(type);
		tuple->free.context = (uint8_t)context_of(tuple->flags);
		tuple->free.call_site = call_site;
		return make_free(t, &f, tuple) ? 1 : ERR_NOMEM;
	}
	tuple->alloc.event = type;
	tuple->alloc.domain = (uint8_t)domain_of(type);
	tuple->alloc.context = (uint8_t)context_of(tuple->flags);
	tuple->alloc.call_site = call_site;
	return make_alloc(t, &f, tuple) ? 1 : ERR_NOMEM;
}

int text_tuples_add(struct text_tuples *t, enum text_type type, uint8_t flags,
		    const struct text_split *split, uint32_t *ret)
{
	const struct lookup lookup = { t, split, (uint8_t)type, flags };
	const struct text *parts = split->parts;
	uint64_t hash = text_hash((uint8_t)type, flags, parts[0].data, parts[0].len, parts[1].data,
				  parts[1].len);
	uint32_t id = id_index_find(&t->by_text, hash, same_text, &lookup);
	struct tuple_fact fact = { 0 };
	struct text_tuple tuple;
	int rc;

	if (id) {
		*ret = id - 1;
		return 1;
	}
	memset(&tuple, 0, sizeof(tuple));
	tuple.type = (uint8_t)type;
	tuple.flags = flags;
	rc = read_tuple(t, &tuple, &fact, split);
	if (rc <= 0)
		return rc;
	tuple.at = t->texts.len;
	tuple.base = (uint32_t)t->dictionary.fact_count;
	for (int i = 0; i < 2; i++) {
		tuple.len[i] = (uint32_t)parts[i].len;
		buf_bytes(&t->texts, parts[i].data, parts[i].len);
	}
	if (t->texts.oom || !append(t, &tuple, &fact) ||
	    !id_index_add(&t->by_text, hash, tuple.base + 1, rehash_text, t))
		return ERR_NOMEM;
	t->dictionary.fact_count++;
	*ret = tuple.base;
	return 1;
}

int text_tuples_stack(struct text_tuples *t, uint32_t tuple, uint32_t stack, uint32_t *ret)
{
	const struct stack_lookup lookup = { t, t->list[tuple].base, stack };
	uint64_t hash = hash_mix(lookup.base, stack);
	uint32_t id = id_index_find(&t->by_stack, hash, same_stack, &lookup);
	struct text_tuple with = t->list[tuple];
	struct tuple_fact fact = t->dictionary.facts[tuple];

	if (id) {
		*ret = id - 1;
		return 1;
	}
	fact.site = 0;
	if (fact.kind == FACT_ALLOC)
		with.alloc.stack = stack;
	else
		with.free.stack = stack;
	id = (uint32_t)t->dictionary.fact_count + 1;
	if (!append(t, &with, &fact) || !id_index_add(&t->by_stack, hash, id, rehash_stack, t))
		return ERR_NOMEM;
	t->dictionary.fact_count++;
	*ret = id - 1;
	return 1;
}

int text_tuples_new_site(struct text_tuples *t, uint32_t tuple)
{
	struct tuple_fact *fact = &t->dictionary.facts[tuple];

	fact->site = fact->kind == FACT_ALLOC ? sites_add_alloc(t->sites, &t->list[tuple].alloc) :
						sites_add_free(t->sites, &t->list[tuple].free);
	return fact->site ? 0 : ERR_NOMEM;
}

uint32_t text_tuple_call_site(const struct text_tuples *t, uint32_t tuple)
{
	return t->dictionary.facts[tuple].kind == FACT_ALLOC ? t->list[tuple].alloc.call_site :
							       t->list[tuple].free.call_site;
}

bool text_tuple_has_stack(const struct text_tuples *t, uint32_t tuple)
{
	return stack_of(t, tuple) != 0;
}

void text_tuples_release(struct text_tuples *t)
{
	free(t->dictionary.facts);
	free(t->list);
	buf_release(&t->texts);
	id_index_release(&t->by_text);
	id_index_release(&t->by_stack);
	*t = (struct text_tuples){ 0 };
}
