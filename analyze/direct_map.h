/*
 * direct_map.h - the page frame that an address of the kernel's direct map lies in, by capture key direct_map
 * (FORMAT.md). Slab objects lie there; vmalloc and per-CPU memory do not.
 *
 *	if (direct_map_pfn(db, 0xffff888003c41a40, &pfn)) ...
 */
#ifndef KMEM_ANALYZE_DIRECT_MAP_H
#define KMEM_ANALYZE_DIRECT_MAP_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

/* False: the capture does not tell, or the address lies elsewhere. */
bool direct_map_pfn(sqlite3 *db, uint64_t address, uint64_t *ret);

#endif
