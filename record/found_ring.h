/*
 * found_ring.h - the tracing instances of a target as they are found: whose they are, their CPUs,
 * clock, sub-buffers and counts; stopping them, and starting again those that ran.
 *
 * It reads no records. On a saved tree everything works but stopping, which does nothing.
 *
 *	found_rings_list(&rings, &tree, &err);		// first the top instance, then the others by name
 *	found_rings_freeze(&rings, &tree, &err);	// tracing_on = 0 in all that are listed
 *	big = found_rings_big_endian(&rings, &tree);
 *	found_ring_look(&rings.items[0], &tree, big, &err);
 *	found_rings_thaw(&rings, &tree);		// as it was before
 *	found_rings_release(&rings);
 */
#ifndef KMEM_RECORD_FOUND_RING_H
#define KMEM_RECORD_FOUND_RING_H

#include <stdint.h>

#include "format/base/near.h"
#include "format/records.h"
#include "record/ring_page.h"
#include "record/tree.h"

#define TOP_INSTANCE "." /* what the user calls the instance that has no name */

/* One CPU of a ring. */
struct found_cpu {
	uint32_t cpu;
	struct ring_stats before;   /* before it was read: the kernel's counts only */
	struct ring_stats after;    /* when it had been read, the reader's counts too */
	uint64_t first_ns, last_ns; /* of its events; 0, 0: it has none */
	uint64_t damaged_pages;
	uint64_t missing; /* records that the kernel had when we came and that could not be saved */
};

struct found_ring {
	char name[256];	  /* "": the top instance */
	char prefix[288]; /* of its files in the tracing directory: "" or "instances/NAME/" */
	bool chosen;	  /* it goes into the capture ... */
	uint16_t number;  /* ... with this number */
	bool was_on;	  /* it was tracing before the freeze */
	bool frozen;
	char clock[32];
	struct ring_layout layout;
	uint64_t ring_bytes; /* of a CPU, as the kernel says; 0: not known, or they differ */
	struct found_cpu *cpus;
	uint32_t cpu_count;
};

struct found_rings {
	struct found_ring *items;
	size_t count;
	size_t recorders; /* instances of running recorders, which are not listed */
};

/*
 * names: of the instances to list, in this order, TOP_INSTANCE for the top one; count 0: all. Instances
 * of other recorders that run are never listed. ERR_USAGE: there is no such instance; the text names
 * near ones.
 */
int found_rings_list(struct found_rings *ret, const struct tree *t, const char *const *names,
		     size_t count, struct error *err);
void found_rings_release(struct found_rings *rings);

int found_rings_freeze(struct found_rings *rings, const struct tree *t, struct error *err);
void found_rings_thaw(struct found_rings *rings, const struct tree *t);

/*
 * The byte order of the target: what the first page of any ring says for certain, else what the saved
 * tree says, else ours.
 */
bool found_rings_big_endian(const struct found_rings *rings, const struct tree *t);

/* Fills in clock, layout, CPUs and their counts before reading. */
int found_ring_look(struct found_ring *ring, const struct tree *t, bool big_endian,
		    struct error *err);

/* The path of a file of the ring. Returns room. */
const char *found_ring_path(const struct found_ring *ring, const char *file, char *room,
			    size_t size);
/* ... of one of its CPUs. */
const char *found_ring_cpu_path(const struct found_ring *ring, uint32_t cpu, const char *file,
				char *room, size_t size);
#define FOUND_PATH 640

/* "the top instance" or "instance 'NAME'", for messages. */
const char *found_ring_title(const struct found_ring *ring, char *room, size_t size);

uint64_t found_ring_entries(const struct found_ring *ring); /* records in it, before reading */

#endif
