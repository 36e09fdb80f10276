#include "analyze/totals.h"

#include <string.h>

#include "analyze/array_room.h"
#include "format/base/hash.h"

static bool reserve(void **array, uint32_t *cap, size_t sites, size_t size)
{
	size_t want = *cap ? *cap : 256;
	char *p;

	if (sites < *cap)
		return true;
	while (want <= sites)
		want *= 2;
	p = realloc(*array, want * 2 * size);
	if (!p)
		return false;
	memset(p + (size_t)*cap * 2 * size, 0, (want - *cap) * 2 * size);
	*array = p;
	*cap = (uint32_t)want;
	return true;
}

bool totals_reserve(struct totals *t, size_t alloc_sites, size_t free_sites)
{
	if (!t->steps)
		t->steps = calloc(1, sizeof(*t->steps));
	return t->steps &&
	       reserve((void **)&t->sites, &t->site_cap, alloc_sites, sizeof(*t->sites)) &&
	       reserve((void **)&t->frees, &t->free_cap, free_sites, sizeof(*t->frees));
}

struct pair_key {
	const struct pair_total *pairs;
	uint32_t alloc_site, free_site;
	uint8_t end;
	bool self;
};

static bool is_pair(const struct pair_total *p, const struct pair_key *k)
{
	return p->alloc_site == k->alloc_site && p->free_site == k->free_site && p->end == k->end &&
	       p->self == k->self;
}

static bool same_pair(const void *arg, uint32_t id)
{
	const struct pair_key *k = arg;

	return is_pair(&k->pairs[id - 1], k);
}

static uint64_t pair_hash(uint32_t alloc_site, uint32_t free_site, uint8_t end, bool self)
{
	return hash_mix((uint64_t)alloc_site << 32 | free_site, (uint64_t)end << 1 | self);
}

static uint64_t rehash_pair(const void *arg, uint32_t id)
{
	const struct totals *t = arg;
	const struct pair_total *p = &t->pairs[id - 1];

	return pair_hash(p->alloc_site, p->free_site, p->end, p->self);
}

static uint32_t find_pair(struct totals *t, const struct pair_key *key)
{
	uint64_t hash = pair_hash(key->alloc_site, key->free_site, key->end, key->self);
	uint32_t id = id_index_find(&t->pair_index, hash, same_pair, key);

	if (id)
		return id;
	if (t->pair_count >= UINT32_MAX / 2 ||
	    !array_room((void **)&t->pairs, &t->pair_cap, t->pair_count, sizeof(*t->pairs)))
		return 0;
	t->pairs[t->pair_count] = (struct pair_total){ .alloc_site = key->alloc_site,
						       .end = key->end,
						       .free_site = key->free_site,
						       .self = key->self,
						       .lifetime_min = INT64_MAX };
	id = (uint32_t)t->pair_count + 1;
	if (!id_index_add(&t->pair_index, hash, id, rehash_pair, t))
		return 0;
	t->pair_count++;
	return id;
}

bool totals_pairs(struct totals *t, const struct pair_total *sum)
{
	const struct pair_key key = { t->pairs, sum->alloc_site, sum->free_site, sum->end,
				      sum->self };
	struct site_total *s = totals_site(t, sum->alloc_site, sum->self);
	struct pair_total *p;

	if (!s->last_pair || !is_pair(&t->pairs[s->last_pair - 1], &key)) {
		s->last_pair = find_pair(t, &key);
		if (!s->last_pair)
			return false;
	}
	p = &t->pairs[s->last_pair - 1];
	p->objects += sum->objects;
	ns_sum_add(&p->lifetime_sum, sum->lifetime_sum.ns);
	if (sum->lifetime_min < p->lifetime_min)
		p->lifetime_min = sum->lifetime_min;
	if (sum->lifetime_max > p->lifetime_max)
		p->lifetime_max = sum->lifetime_max;
	return true;
}

bool totals_pair(struct totals *t, uint32_t site, bool self, uint32_t free_site, uint8_t end,
		 uint64_t lifetime)
{
	return totals_pairs(t, &(struct pair_total){ .alloc_site = site,
						     .free_site = free_site,
						     .end = end,
						     .self = self,
						     .objects = 1,
						     .lifetime_sum = { .ns = lifetime },
						     .lifetime_min = lifetime,
						     .lifetime_max = lifetime });
}

struct stack_key {
	const struct stack_peak *stacks;
	uint32_t stack, call_site;
	uint8_t domain;
	bool self;
};

static bool same_stack(const void *arg, uint32_t id)
{
	const struct stack_key *k = arg;
	const struct stack_peak *s = &k->stacks[id - 1];

	return s->stack == k->stack && s->call_site == k->call_site && s->domain == k->domain &&
	       s->self == k->self;
}

static uint64_t stack_hash(uint32_t stack, uint32_t call_site, uint8_t domain, bool self)
{
	return hash_mix((uint64_t)stack << 32 | call_site, (uint64_t)domain << 1 | self);
}

static uint64_t rehash_stack(const void *arg, uint32_t id)
{
	const struct totals *t = arg;
	const struct stack_peak *s = &t->stacks[id - 1];

	return stack_hash(s->stack, s->call_site, s->domain, s->self);
}

uint32_t totals_stack(struct totals *t, const struct alloc_site *a, bool self)
{
	const struct stack_key key = { t->stacks, a->stack, a->stack ? 0 : a->call_site, a->domain,
				       self };
	uint64_t hash = stack_hash(key.stack, key.call_site, key.domain, self);
	uint32_t id = id_index_find(&t->stack_index, hash, same_stack, &key);

	if (id)
		return id;
	if (t->stack_count >= UINT32_MAX / 2 ||
	    !array_room((void **)&t->stacks, &t->stack_cap, t->stack_count, sizeof(*t->stacks)))
		return 0;
	t->stacks[t->stack_count] = (struct stack_peak){
		.stack = key.stack, .call_site = key.call_site, .domain = key.domain, .self = self
	};
	id = (uint32_t)t->stack_count + 1;
	if (!id_index_add(&t->stack_index, hash, id, rehash_stack, t))
		return 0;
	t->stack_count++;
	return id;
}

static int by_key(const void *a, const void *b)
{
	const struct pair_total *x = a, *y = b;

	if (x->alloc_site != y->alloc_site)
		return x->alloc_site < y->alloc_site ? -1 : 1;
	if (x->free_site != y->free_site)
		return x->free_site < y->free_site ? -1 : 1;
	return x->end != y->end ? x->end - y->end : x->self - y->self;
}

bool totals_finish(struct totals *t, const struct alloc_site *sites, size_t alloc_sites)
{
	for (int d = 0; d < DOMAIN_COUNT; d++)
		totals_settle(t, (enum domain)d, t->now);
	for (size_t i = 0; i < t->stack_count; i++)
		level_settle(&t->stacks[i].level, t->now);
	for (size_t i = 1; i <= alloc_sites; i++)
		for (int self = 0; self < 2; self++)
			totals_catch_up(totals_site(t, (uint32_t)i, self),
					&t->domains[sites[i - 1].domain]);
	if (t->pair_count)
		qsort(t->pairs, t->pair_count, sizeof(*t->pairs), by_key);
	return lifetime_counts_sort(&t->lifetimes);
}

void totals_release(struct totals *t)
{
	free(t->sites);
	free(t->frees);
	free(t->pairs);
	free(t->stacks);
	free(t->steps);
	lifetime_counts_release(&t->lifetimes);
	id_index_release(&t->pair_index);
	id_index_release(&t->stack_index);
	*t = (struct totals){ 0 };
}
