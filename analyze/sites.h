/*
 * sites.h - every distinct kind of allocation and of free: what repeats from event to event, once.
 *
 * A site is a tuple of the capture's dictionaries reduced to what the database keeps: tuples of
 * several writers and generations, and tuples that differ only in flags of no interest, become one.
 *
 *	struct sites sites = { .stacks = &stacks };
 *	struct alloc_site key;
 *
 *	memset(&key, 0, sizeof(key));		// compared as bytes
 *	key.event = type_index;
 *	id = sites_add_alloc(&sites, &key);	// from 1; 0: no memory
 *	sites_release(&sites);
 */
#ifndef KMEM_ANALYZE_SITES_H
#define KMEM_ANALYZE_SITES_H

#include "analyze/id_index.h"
#include "analyze/stacks.h"

enum context { CONTEXT_TASK, CONTEXT_SOFTIRQ, CONTEXT_HARDIRQ, CONTEXT_NMI };

/* From common_flags; the innermost context wins. */
enum context context_of(uint8_t common_flags);

/*
 * No padding: keys are compared and hashed as bytes. Numbers of frames, stacks and caches start at
 * 1; 0: none.
 */
struct alloc_site {
	uint64_t bytes_req, bytes_alloc, gfp;
	uint32_t event, call_site, stack, cache;
	int32_t node, migratetype;
	uint32_t
		part_of; /* of pages: the site of the block that this is a part of; 0: a whole one */
	uint8_t context, domain, flags, order; /* order: of pages */
};

#define SITE_STACK_LOST	     1
#define SITE_HAS_GFP	     2
#define SITE_HAS_NODE	     4
#define SITE_HAS_MIGRATETYPE 8
#define SITE_HAS_ORDER	     16 /* of a free */

struct free_site {
	uint32_t event, call_site, stack, cache;
	uint8_t context, domain, flags, order;
};

_Static_assert(sizeof(struct alloc_site) == 56, "alloc_site has padding");
_Static_assert(sizeof(struct free_site) == 20, "free_site has padding");

struct cache_name {
	uint8_t *name;
	size_t len;
};

struct sites {
	struct stacks *stacks;
	struct alloc_site *allocs; /* number n is allocs[n - 1] */
	size_t alloc_count, alloc_cap;
	struct free_site *frees;
	size_t free_count, free_cap;
	struct cache_name *caches;
	size_t cache_count, cache_cap;
	struct id_index alloc_index, free_index, cache_index;
};

uint32_t sites_add_alloc(struct sites *s, const struct alloc_site *site);
uint32_t sites_add_free(struct sites *s, const struct free_site *site);
uint32_t sites_add_cache(struct sites *s, const uint8_t *name, size_t len);
void sites_release(struct sites *s);

#endif
