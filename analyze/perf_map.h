/*
 * perf_map.h - names of code that a program made at run time, from the text of its
 * /tmp/perf-PID.map: lines "START SIZE name", hexadecimal.
 *
 *	struct perf_map *m;
 *
 *	perf_map_new(&m, text, len, &err);
 *	if (perf_map_find(m, address, &start, &name))	// the entry written last that holds the address
 *		...
 *	perf_map_free(m);
 *
 * The text is hostile: lines that are no entry are left out.
 */
#ifndef KMEM_ANALYZE_PERF_MAP_H
#define KMEM_ANALYZE_PERF_MAP_H

#include <stdbool.h>

#include "format/base/error.h"
#include "format/records.h"

struct perf_map;

/* text outlives the map; names point into it. */
int perf_map_new(struct perf_map **ret, const char *text, size_t len, struct error *err);
bool perf_map_find(const struct perf_map *m, uint64_t address, uint64_t *ret_start,
		   struct text *ret_name);
void perf_map_free(struct perf_map *m);

#endif
