/*
 * fail_alloc.h - memory that runs out when a test says so. A program that links fail_alloc.o has malloc, calloc,
 * realloc and the aligned ones from there, and with it every library that it loads.
 *
 *	fail_alloc_begin(n, false);	// the nth allocation from now on fails, n from 1; 0: none does
 *	...
 *	if (!fail_alloc_end()) ...	// there were fewer
 */
#ifndef TESTS_FAULTS_FAIL_ALLOC_H
#define TESTS_FAULTS_FAIL_ALLOC_H

#include <stdbool.h>
#include <stdint.h>

#define FAIL_FRAMES 24

/* What a process says about its allocations; of all threads. */
struct fail_alloc {
	uint64_t count;	  /* allocations since fail_alloc_begin */
	uint64_t fail_at; /* 0: never */
	bool from_then_on;
	bool failed;
	int depth; /* frames of the first that failed */
	void *frames[FAIL_FRAMES];
};

/* Who called whom for an allocation. */
struct fail_place {
	uint64_t hash;	      /* of the callers; 0: none */
	uint64_t first, last; /* of its allocations, by number */
};

#define FAIL_PLACES 65536 /* a table of them; what does not fit is not noted */

/* From the next fail_alloc_begin on, into that table (zeroed); NULL: they are not, which is faster. */
void fail_alloc_note_places(struct fail_place *table);

/* Where it is kept; memory shared with another process lets that one see it. */
void fail_alloc_use(struct fail_alloc *where);
void fail_alloc_begin(uint64_t fail_at, bool from_then_on);

/* None of this thread does, meanwhile, and none is counted. */
void fail_alloc_hold(bool hold);

/* True if one failed. None does from here on. */
bool fail_alloc_end(void);
uint64_t fail_alloc_count(void);

#endif
