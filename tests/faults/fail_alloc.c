#define _GNU_SOURCE /* pthread_getattr_np, RTLD_NEXT */
#include "tests/faults/fail_alloc.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>

/* The C library's own, or those of the address sanitizer where it is linked. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t align, size_t size);
void *__interceptor_malloc(size_t size) __attribute__((weak));
void *__interceptor_calloc(size_t n, size_t size) __attribute__((weak));
void *__interceptor_realloc(void *p, size_t size) __attribute__((weak));
void *__interceptor_aligned_alloc(size_t align, size_t size) __attribute__((weak));

static struct fail_alloc own, *state = &own;
static struct fail_place *places;
static bool on, noting; /* atomic */
static __thread bool held;

void fail_alloc_hold(bool hold)
{
	held = hold;
}

void fail_alloc_use(struct fail_alloc *where)
{
	void *frames[2];

	/* the first call loads a library */
	backtrace(frames, 2);
	state = where;
}

void fail_alloc_begin(uint64_t fail_at, bool from_then_on)
{
	*state = (struct fail_alloc){ .fail_at = fail_at, .from_then_on = from_then_on };
	__atomic_store_n(&on, true, __ATOMIC_SEQ_CST);
}

bool fail_alloc_end(void)
{
	__atomic_store_n(&on, false, __ATOMIC_SEQ_CST);
	return state->failed;
}

uint64_t fail_alloc_count(void)
{
	return state->count;
}

void fail_alloc_note_places(struct fail_place *table)
{
	places = table;
}

/* Of a library, which may recurse, only the innermost callers, from that of malloc on; of the program all. */
#define LIBRARY_FRAMES 8
#define PLACE_FRAMES   64

static void note_place(uint64_t number, void *caller)
{
	extern char __executable_start, etext; /* the linker's */
	uint64_t hash = 0xcbf29ce484222325ull;
	void *frames[PLACE_FRAMES];
	int depth, first = 0;

	held = true;
	depth = backtrace(frames, PLACE_FRAMES);
	held = false;
	while (first < depth && frames[first] != caller) /* its own, and those of a sanitizer */
		first++;
	for (int i = first; i < depth; i++) {
		uintptr_t at = (uintptr_t)frames[i];

		if (i - first < LIBRARY_FRAMES ||
		    (at >= (uintptr_t)&__executable_start && at < (uintptr_t)&etext))
			hash = (hash ^ at) * 0x100000001b3ull;
	}
	hash ^= hash >> 29;
	hash |= !hash;
	while (__atomic_test_and_set(&noting, __ATOMIC_ACQUIRE))
		;
	for (uint32_t i = 0; i < FAIL_PLACES; i++) {
		struct fail_place *p = &places[(hash + i) % FAIL_PLACES];

		if (p->hash && p->hash != hash)
			continue;
		if (!p->hash)
			*p = (struct fail_place){ .hash = hash, .first = number };
		p->last = number;
		break;
	}
	__atomic_clear(&noting, __ATOMIC_RELEASE);
}

static bool fails(void *caller)
{
	uint64_t number;

	if (!__atomic_load_n(&on, __ATOMIC_RELAXED) || held)
		return false;
	number = __atomic_add_fetch(&state->count, 1, __ATOMIC_RELAXED);
	if (places)
		note_place(number, caller);
	if (!state->fail_at || number < state->fail_at ||
	    (number > state->fail_at && !state->from_then_on))
		return false;
	if (number == state->fail_at) {
		state->failed = true;
		state->depth = backtrace(state->frames, FAIL_FRAMES);
	}
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	if (fails(__builtin_return_address(0)))
		return NULL;
	return __interceptor_malloc ? __interceptor_malloc(size) : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	if (fails(__builtin_return_address(0)))
		return NULL;
	return __interceptor_calloc ? __interceptor_calloc(n, size) : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	if (fails(__builtin_return_address(0)))
		return NULL;
	return __interceptor_realloc ? __interceptor_realloc(p, size) : __libc_realloc(p, size);
}

static void *aligned(size_t align, size_t size, void *caller)
{
	if (fails(caller))
		return NULL;
	return __interceptor_aligned_alloc ? __interceptor_aligned_alloc(align, size) :
					     __libc_memalign(align, size);
}

void *aligned_alloc(size_t align, size_t size)
{
	return aligned(align, size, __builtin_return_address(0));
}

int posix_memalign(void **ret, size_t align, size_t size)
{
	void *p = aligned(align, size, __builtin_return_address(0));

	if (p)
		*ret = p;
	return p ? 0 : ENOMEM;
}

/* The address sanitizer asks for the stack of each thread that begins, and gives up where that fails. */
int pthread_getattr_np(pthread_t thread, pthread_attr_t *attr)
{
	int (*real)(pthread_t, pthread_attr_t *);
	int rc;

	held = true;
	*(void **)&real = dlsym(RTLD_NEXT, "pthread_getattr_np");
	rc = real(thread, attr);
	held = false;
	return rc;
}
