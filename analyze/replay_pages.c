#include "analyze/replay_pages.h"

/* No buddy allocator has larger blocks; those are looked for at their first page alone. */
#define SPLIT_ORDER_MAX 14

static unsigned int order_of(const struct replay *r, uint32_t site)
{
	unsigned int order = r->sites->allocs[site - 1].order;

	return order < PAGE_ORDERS ? order : PAGE_ORDERS - 1;
}

void replay_pages_begins(struct replay *r, uint32_t site)
{
	r->live_blocks[order_of(r, site)]++;
}

static bool take(struct replay *r, uint64_t pfn, struct object *ret)
{
	if (!object_table_take(&r->objects[DOMAIN_PAGE], pfn, ret))
		return false;
	r->live_blocks[order_of(r, ret->site)]--;
	return true;
}

/* The live block that has that page and is larger than this order. */
static bool take_larger(struct replay *r, uint64_t pfn, unsigned int order, struct object *ret)
{
	for (unsigned int k = order + 1; k <= SPLIT_ORDER_MAX; k++) {
		const struct object *o;

		if (!r->live_blocks[k])
			continue;
		o = object_table_find(&r->objects[DOMAIN_PAGE], pfn >> k << k);
		if (o && order_of(r, o->site) == k)
			return take(r, pfn >> k << k, ret);
	}
	return false;
}

/* The site of such a part of a block; 0: no memory. */
static uint32_t part_site(struct replay *r, uint32_t site, unsigned int order)
{
	struct alloc_site part = r->sites->allocs[site - 1];

	part.bytes_alloc >>= part.order - order;
	part.bytes_req = part.bytes_alloc;
	part.part_of = part.part_of ? part.part_of : site;
	part.order = (uint8_t)order;
	site = sites_add_alloc(r->sites, &part);
	return totals_reserve(&r->totals, r->sites->alloc_count, r->sites->free_count) ? site : 0;
}

static int changes(struct replay *r, const struct object *o, int64_t time, bool more)
{
	return totals_change(&r->totals, &r->sites->allocs[o->site - 1], o->site, o->self, time,
			     more) ?
		       0 :
		       ERR_NOMEM;
}

/* One half of what is left: *whole becomes the other. */
static int put_half(struct replay *r, struct object *whole, uint64_t pfn, unsigned int order,
		    int64_t time)
{
	uint64_t half = UINT64_C(1) << order, upper = whole->address + half;
	uint32_t site = part_site(r, whole->site, order);
	struct object part = *whole, *slot;
	bool existed;

	if (!site)
		return ERR_NOMEM;
	whole->site = part.site = site;
	if (pfn - whole->address >= half)
		whole->address = upper;
	else
		part.address = upper;
	slot = object_table_put(&r->objects[DOMAIN_PAGE], part.address, &existed);
	if (!slot)
		return ERR_NOMEM;
	if (existed) /* blocks that overlap: no kernel's */
		return 0;
	*slot = part;
	replay_pages_begins(r, site);
	return changes(r, &part, time, true);
}

/* Cuts the block down to those 2^order pages of it, and leaves the others live. */
static int split(struct replay *r, struct object *o, uint64_t pfn, unsigned int order, int64_t time)
{
	unsigned int k = order_of(r, o->site);
	int rc = changes(r, o, time, false);

	while (rc == 0 && k > order)
		rc = put_half(r, o, pfn, --k, time);
	return rc < 0 ? rc : changes(r, o, time, true);
}

int replay_pages_end(struct replay *r, uint64_t pfn, unsigned int order, int64_t time,
		     int (*end)(void *arg, const struct object *o), void *arg, size_t *ret)
{
	uint64_t pages = order <= SPLIT_ORDER_MAX ? UINT64_C(1) << order : 1;
	struct object o;
	int rc = 0;

	*ret = 0;
	if (take_larger(r, pfn, order, &o)) {
		rc = split(r, &o, pfn, order, time);
		*ret = 1;
		return rc < 0 ? rc : end(arg, &o);
	}
	for (uint64_t n = 0; rc >= 0 && n < pages && r->objects[DOMAIN_PAGE].count;) {
		if (!take(r, pfn + n, &o)) {
			n++;
			continue;
		}
		n += UINT64_C(1) << order_of(r, o.site);
		++*ret;
		rc = end(arg, &o);
	}
	return rc < 0 ? rc : 0;
}
