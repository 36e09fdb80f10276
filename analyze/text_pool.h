/*
 * text_pool.h - strings by number, each kept once.
 *
 *	struct text_pool pool = { 0 };
 *	uint32_t n = text_pool_add(&pool, "vfs_open");		// from 1; 0: no memory
 *
 *	printf("%s\n", text_pool_get(&pool, n));		// 0 is ""
 *	text_pool_release(&pool);
 */
#ifndef KMEM_ANALYZE_TEXT_POOL_H
#define KMEM_ANALYZE_TEXT_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "analyze/id_index.h"

struct text_pool {
	char **texts; /* number n is texts[n - 1] */
	size_t count, cap;
	struct id_index index;
};

uint32_t text_pool_add(struct text_pool *p, const char *text);
const char *text_pool_get(const struct text_pool *p, uint32_t n);
void text_pool_release(struct text_pool *p);

#endif
