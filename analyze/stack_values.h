/*
 * stack_values.h - the stacks of a report with their values: what flame graphs, top, call graphs and exports are
 * made of.
 *
 *	struct stack_values v = { .pool = &pool };
 *
 *	report_select_groups(r, &err);
 *	stack_values_read(&v, r, &options, &err);
 *	for (size_t i = 0; i < v.count; i++)
 *		for (uint32_t d = 0; d < v.stacks[i].depth; d++)	// innermost first
 *			f = &v.frames[v.path[v.stacks[i].first + d]];
 *	stack_values_release(&v);
 *
 * A path has functions, not addresses alone: with debug information what was inlined at an address stands in it
 * before the function that it was inlined in. The allocator's own frames (skip_frames.h) are left out, so that a
 * path begins with who allocates. What has no stack has the call site, or "(unknown)". Keys of --by that are not of a frame become
 * the outermost frames. Bytes and objects of one measure add up to what account says of the same options.
 */
#ifndef KMEM_ANALYZE_STACK_VALUES_H
#define KMEM_ANALYZE_STACK_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analyze/by.h"
#include "analyze/text_pool.h"
#include "format/base/error.h"

enum stack_measure {
	MEASURE_LIVE,	   /* bytes live at the end, or --at */
	MEASURE_ALLOCATED, /* bytes of all allocations */
	MEASURE_WASTE,	   /* live bytes that nobody asked for */
	MEASURE_OBJECTS,   /* live */
	MEASURE_ALLOCS,	   /* objects of all allocations */
	MEASURE_PEAK, /* bytes that were live when the domain's live bytes were at their highest */
	MEASURES
};

extern const char *const stack_measures[]; /* names for OPT_CHOICE, in the order of the enum */
enum stack_measure stack_measure_of(const char *name); /* NULL: live */
bool stack_measure_is_bytes(enum stack_measure m);
const char *stack_measure_text(enum stack_measure m); /* "live bytes" */

#define MEASURE_ROW(type, member) \
	{ \
		"measure", 0, "WHAT", \
			"live: bytes live at the end or --at (default); allocated: all bytes; waste: live bytes " \
			"that nobody asked for; objects: live; allocs: all; peak: bytes live at the domain's peak", \
			OPT_CHOICE, offsetof(type, member), 0, 0, 0, stack_measures \
	}
#define ALL_FRAMES_ROW(type, member) \
	{ \
		"all-frames", 0, NULL, "with the frames of the allocator itself and its wrappers", \
			OPT_FLAG, offsetof(type, member), 0, 0, 0, NULL \
	}

#define STACK_VALUES_DEPTH 4096 /* of a longer path the outermost are left out */

/* What a frame is called; numbers of texts are of the pool, 0 is none. */
struct value_frame {
	uint32_t
		name; /* in pictures: "vfs_open", "drv_open [drv]", "main (make)"; by --by file its file, and so on */
	uint32_t function, module, dso, file;
	int64_t line;	  /* 0: not known */
	uint64_t address; /* 0: not known, or no code: a key of --by */
	uint32_t frame;	  /* which address of code: inlined functions share it; 0: a key of --by */
	bool inlined;	  /* in the next one of the path */
};

struct stack_value {
	size_t first; /* in path */
	uint32_t depth;
	uint32_t keys; /* of these outermost ones are keys of --by */
	uint64_t values[MEASURES];
	int64_t stack, call_site; /* of the database; -1: none */
	int64_t bytes;		  /* with labels: size of each object, else 0 */
	uint32_t cache;		  /* with labels: its name, or 0 */
	uint32_t certain;	  /* so many of the innermost frames the call site alone tells */
	/* where stacks are estimated: what of it is of which site, in parts */
	size_t first_part;
	size_t part_count;
};

struct stack_part {
	int64_t site;
	int64_t objects[MEASURES], units[MEASURES]; /* values are products of these */
};

struct stack_values {
	struct text_pool *pool; /* outlives the values; may be shared */
	struct value_frame *frames;
	size_t frame_count, frame_cap;
	uint32_t *path;
	size_t path_len, path_cap;
	struct stack_value *stacks;
	size_t count, cap;
	struct stack_part *parts;
	size_t part_count, part_cap;
	uint64_t totals[MEASURES];
	const char *keys[BY_KEYS_MAX]; /* names of the keys that are frames, the outermost first */
};

/* How many of the path from d on are one address: inlined functions and the one that they are inlined in. */
static inline uint32_t stack_value_group(const struct stack_values *v, const struct stack_value *s,
					 uint32_t d)
{
	uint32_t n = 1;

	while (d + n < s->depth && v->frames[v->path[s->first + d + n - 1]].inlined)
		n++;
	return n;
}

struct report;

struct stack_values_options {
	const char *
		pairs; /* a temporary table or view as `pair`, with --by and "_by" behind its name; NULL: pair and alloc_by */
	bool peak;     /* with MEASURE_PEAK, else it is 0 */
	bool labels;   /* objects of different size or cache apart */
	bool all_frames; /* with those of the allocator */
};

/*
 * After report_select_groups. ERR_UNSUPPORTED for a peak of a part that only single objects tell, ERR_USAGE for a key of
 * --by that cannot be a frame.
 */
int stack_values_read(struct stack_values *v, struct report *r,
		      const struct stack_values_options *options, struct error *err);
void stack_values_release(struct stack_values *v);

#endif
