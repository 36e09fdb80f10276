/*
 * page_backing.h - what pages were taken for: slabs, per-CPU chunks and vmalloc areas are made of pages, so that an object
 * in one of them must not be counted once as itself and once as its pages. The stack of an allocation of pages says so: the
 * innermost function that is known to fetch pages for one of them, or for none of them.
 *
 *	page_backing_prepare(db, &err);		// temp.page_backing (site, backs): 'slab', 'percpu', 'vmalloc', 'other', or
 *						// 'unknown' without a stack; of sites of domain page
 */
#ifndef KMEM_ANALYZE_PAGE_BACKING_H
#define KMEM_ANALYZE_PAGE_BACKING_H

#include <sqlite3.h>

#include "format/base/error.h"

int page_backing_prepare(sqlite3 *db, struct error *err);

#endif
