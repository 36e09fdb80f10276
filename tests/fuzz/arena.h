/*
 * arena.h - SQLite's memory out of one piece that begins anew with each input: with the sanitizers' own allocator SQLite, which
 * allocates for each word of a query, takes most of the time. Freed bytes stay poisoned until the end of the input, so that a
 * sanitizer still sees who reads them; what SQLite was never given back is a leak of ours.
 *
 *	arena_install();	// before SQLite's first use; again does nothing
 *	...			// an input
 *	arena_reset();		// aborts when something is left
 */
#ifndef KMEM_FUZZ_ARENA_H
#define KMEM_FUZZ_ARENA_H

#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#ifndef __has_feature /* clang has it, and gcc the macro */
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n)	  ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

#define ARENA_BYTES (256u << 20)
#define ARENA_HEAD  16u /* in front of each piece: its size */

static uint8_t *arena;
static size_t arena_used, arena_live, arena_kept;

static inline int arena_size(void *p)
{
	int size;

	ASAN_UNPOISON_MEMORY_REGION((uint8_t *)p - ARENA_HEAD, sizeof(size));
	memcpy(&size, (uint8_t *)p - ARENA_HEAD, sizeof(size));
	return size;
}

static inline int arena_roundup(int n)
{
	return (n + 15) & ~15;
}

static inline void *arena_malloc(int n)
{
	size_t at;
	uint8_t *p;

	n = arena_roundup(n);
	at = __atomic_fetch_add(&arena_used, ARENA_HEAD + (size_t)n, __ATOMIC_RELAXED);
	if (at >= ARENA_BYTES || ARENA_BYTES - at < ARENA_HEAD + (size_t)n)
		return NULL;
	p = arena + at + ARENA_HEAD;
	ASAN_UNPOISON_MEMORY_REGION(p - ARENA_HEAD, sizeof(n));
	memcpy(p - ARENA_HEAD, &n, sizeof(n));
	ASAN_UNPOISON_MEMORY_REGION(p, (size_t)n);
	__atomic_fetch_add(&arena_live, 1, __ATOMIC_RELAXED);
	return p;
}

static inline void arena_free(void *p)
{
	if (!p)
		return;
	__atomic_fetch_sub(&arena_live, 1, __ATOMIC_RELAXED);
	ASAN_POISON_MEMORY_REGION(p, (size_t)arena_size(p));
}

static inline void *arena_realloc(void *p, int n)
{
	int before = arena_size(p);
	void *to = n <= before ? p : arena_malloc(n);

	if (!to || to == p)
		return to;
	memcpy(to, p, (size_t)before);
	arena_free(p);
	return to;
}

static inline int arena_init(void *arg)
{
	(void)arg;
	return SQLITE_OK;
}

static inline void arena_shutdown(void *arg)
{
	(void)arg;
}

static inline void arena_install(void)
{
	static const sqlite3_mem_methods methods = { arena_malloc,   arena_free,    arena_realloc,
						     arena_size,     arena_roundup, arena_init,
						     arena_shutdown, NULL };

	if (arena)
		return;
	arena = mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (arena == MAP_FAILED || sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) != SQLITE_OK ||
	    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0) != SQLITE_OK ||
	    sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0) != SQLITE_OK ||
	    sqlite3_initialize() != SQLITE_OK)
		abort();
	ASAN_POISON_MEMORY_REGION(arena + arena_used, ARENA_BYTES - arena_used);
	arena_kept = arena_used;
	arena_live = 0;
}

static inline void arena_reset(void)
{
	if (arena_live) {
		fprintf(stderr, "%zu pieces of SQLite's memory are left\n", arena_live);
		abort();
	}
	if (arena_used > ARENA_BYTES)
		arena_used = ARENA_BYTES;
	ASAN_POISON_MEMORY_REGION(arena + arena_kept, arena_used - arena_kept);
	arena_used = arena_kept;
}

#endif
