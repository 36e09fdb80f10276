/*
 * replay_pages.h - live blocks of pages. Part of a block may be freed, as of one that split_page() or the split of a
 * folio made several of: the rest of it stays live, as smaller blocks of the same allocation. Their sites say of
 * which they are parts (alloc_site.part_of), so that bytes are right and allocations are not counted twice.
 *
 * Blocks begin at multiples of their size, as the buddy allocator has them.
 */
#ifndef KMEM_ANALYZE_REPLAY_PAGES_H
#define KMEM_ANALYZE_REPLAY_PAGES_H

#include "analyze/replay.h"

/* An object of the table began, or was taken out of it. */
void replay_pages_begins(struct replay *r, uint32_t site);

/*
 * time: of the event that ends them. Takes what is live of the 2^order pages from pfn on out of the table, and hands each block to `end`: as it was
 * allocated, or what of it lies in there. *ret: how many. Returns 0, ERR_NOMEM, or what `end` returns below 0.
 */
int replay_pages_end(struct replay *r, uint64_t pfn, unsigned int order, int64_t time,
		     int (*end)(void *arg, const struct object *o), void *arg, size_t *ret);

#endif
