/*
 * shape.h - what a real capture was like, as learn_shape.py wrote it down, and draws from it.
 *
 *	struct shape shape;
 *	struct dice dice = { seed };
 *
 *	shape_read(&shape, "mixed.shape");		// ends the program when the file is not as it should be
 *	site = draw(&shape.comms[i].begins, &dice);
 *	ns = draw_time(&shape.allocs[site].gaps, &dice);
 */
#ifndef KMEM_TESTS_SHAPE_H
#define KMEM_TESTS_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dice {
	uint64_t state;
};

uint64_t roll(struct dice *d); /* 64 random bits */

static inline uint64_t roll_below(struct dice *d, uint64_t n)
{
	/* the upper half of the product; 32-bit machines have no 128-bit one */
	uint64_t v = roll(d), v1 = v >> 32, v0 = (uint32_t)v, n1 = n >> 32, n0 = (uint32_t)n;
	uint64_t middle = v1 * n0 + (v0 * n0 >> 32);

	return v1 * n1 + (middle >> 32) + (((uint32_t)middle + v0 * n1) >> 32);
}

static inline bool roll_chance(struct dice *d, double p)
{
	return (double)(roll(d) >> 11) < p * 9007199254740992.0;
}

/* Values with weights. */
struct chances {
	uint32_t *value;
	uint64_t *upto; /* sum of the weights so far */
	size_t count;
};

uint32_t draw(const struct chances *c, struct dice *d);	     /* count must not be 0 */
uint64_t draw_time(const struct chances *c, struct dice *d); /* of a histogram of ns; 0 if empty */

struct shape_frame {
	uint64_t address, offset;
	char *symbol, *module; /* module NULL: the kernel itself */
};

struct shape_stack {
	uint64_t *frames; /* addresses */
	uint32_t depth;
};

struct shape_pair {
	uint32_t free_site; /* 0: freed without a trace */
	bool live;	    /* never freed */
	double moved;	    /* share freed on another CPU */
	struct chances lifetime;
};

struct shape_alloc {
	char *event, *cache; /* cache NULL: none */
	uint64_t call_site;  /* address, 0: none */
	uint32_t stack;
	uint64_t req, alloc, gfp;
	int64_t node;
	uint8_t context;
	uint64_t count;
	double live;	     /* share of its objects that were live at the end */
	uint32_t usual_free; /* the free site of most of its objects; 0: none is known */
	uint64_t usual_count;
	struct chances pairs; /* numbers of shape.pairs */
	struct chances gaps, next;
	uint32_t heap; /* number of its address_heap, the caller's */
};

struct shape_free {
	char *event, *cache;
	uint64_t call_site;
	uint32_t stack;
	uint8_t context;
	uint64_t nulls, unmatched;
};

struct shape_comm {
	char name[16];
	uint64_t runs, allocs, tasks;
	struct chances begins;
};

/* Sites count from 1, as in the file. */
struct shape {
	unsigned int cpus;
	struct shape_frame *frames;
	struct shape_stack *stacks;
	struct shape_alloc *allocs;
	struct shape_free *frees;
	struct shape_pair *pairs;
	struct shape_comm *comms;
	size_t frame_count, stack_count, alloc_count, free_count, pair_count, comm_count;
	struct chances turns, runs; /* between two runs; numbers of comms */
	struct chances nulls, unmatched;
	uint64_t objects, live, null_count, unmatched_count;
};

void shape_read(struct shape *s, const char *path);
void shape_release(struct shape *s);

#endif
