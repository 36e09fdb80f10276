/*
 * dictionary.h - what a tuple number of an event block means for the replay, worked out once per
 * tuple.
 *
 * Dictionaries belong to a file, a writer and a generation. They are read when the first event block that
 * needs them is, and forgotten after the last one, so that memory holds the dictionaries in use
 * only. Entries whose DICT block is damaged stay FACT_UNKNOWN: their events keep type, time, CPU,
 * pid and address.
 *
 *	struct dictionaries *d;
 *
 *	dictionaries_new(&d, &series, &scan, BLOCK_EVENTS, types, type_count, roles, &sites,
 *			 modules, page_size, &err);
 *	dictionaries_get(d, block_index, &dictionary, &err);		// for the event block at that index
 *	fact = dictionary_fact(dictionary, row.tuple);
 *	...
 *	dictionary_put(dictionary);					// block done
 *	dictionaries_free(d);
 */
#ifndef KMEM_ANALYZE_DICTIONARY_H
#define KMEM_ANALYZE_DICTIONARY_H

#include "analyze/modules.h"
#include "analyze/roles.h"
#include "analyze/series.h"
#include "analyze/sites.h"
#include "format/base/buf.h"
#include "format/base/error.h"

enum fact_kind { FACT_UNKNOWN, FACT_ALLOC, FACT_FREE, FACT_OTHER };

#define FACT_STACK_LOST	 1  /* asked for and not there */
#define FACT_IN_TASK	 2  /* in task context: the current pid is to be charged */
#define FACT_FAILED	 4  /* the event says itself that the allocation failed */
#define FACT_HAS_ADDRESS 8  /* the address stands in the tuple, not in the row */
#define FACT_LATE	 16 /* its stack depends on the event: late_sites.h */

struct tuple_fact {
	uint8_t kind; /* enum fact_kind */
	uint8_t flags;
	uint16_t type;	  /* index of the event type */
	uint32_t site;	  /* number of the alloc_site or free_site; FACT_OTHER: stack number or 0;
			   * FACT_LATE: place in late_facts */
	uint64_t address; /* FACT_HAS_ADDRESS; FACT_OTHER: offset of its values in `values` */
};

/* A stack with frames of user space, or of modules that came and went: addresses, the kernel's first. */
struct late_stack {
	size_t first; /* in late_frames */
	uint32_t kernel, user;
};

/* When a late site was found, and for whom, as far as that matters. */
struct late_moment {
	uint64_t process;  /* epoch */
	uint64_t modules;  /* epoch; 0: no module has a part in it */
	int32_t tgid, pid; /* -1: of any */
};

struct late_fact {
	struct late_moment moment;
	uint64_t call_site; /* address; 0: none, or the same at all times */
	uint32_t site;	    /* 0: none yet */
	uint32_t stack;	    /* as in dictionary.stacks */
	union {
		struct alloc_site alloc; /* complete but for the stack */
		struct free_site free;
	};
};

struct dictionary {
	uint16_t writer;
	uint32_t generation;
	struct tuple_fact *facts;
	size_t fact_count, fact_cap;
	uint32_t *stacks; /* stack number of the capture -> of struct stacks; 0: lost; with
			   * STACK_LATE: place in late_stacks */
	size_t stack_count, stack_cap;
	struct late_stack *late_stacks;
	size_t late_stack_count, late_stack_cap;
	uint64_t *late_frames;
	size_t late_frame_count, late_frame_cap;
	struct late_fact *late_facts;
	size_t late_fact_count, late_fact_cap;
	struct buf values; /* FACT_OTHER: per number 8 bytes, per string u32 length and bytes */
	size_t next_block, blocks_end; /* places in the list of its blocks; those before are read */
	size_t event_blocks_left;
};

#define STACK_LATE 0x80000000u

struct dictionaries;

/*
 * Everything handed in outlives the dictionaries. users: the blocks that they are read for, EVENTS
 * or FOLDED; what the text here calls event blocks are these. roles: one per type.
 */
int dictionaries_new(struct dictionaries **ret, const struct series *series,
		     struct capture_scan *scan, enum block_type users,
		     const struct event_type *types, size_t type_count, const struct role *roles,
		     struct sites *sites, const struct modules *modules, uint64_t page_size,
		     struct error *err);
void dictionaries_free(struct dictionaries *d);

/*
 * The dictionary of the EVENTS block at that index, complete up to there. Damaged DICT blocks are
 * noted in the scan.
 */
int dictionaries_get(struct dictionaries *d, size_t block, struct dictionary **ret,
		     struct error *err);
void dictionary_put(struct dictionary *dictionary);

/* Blocks and sections of unknown kinds stepped over. */
uint32_t dictionaries_unknown(const struct dictionaries *d);

/* NULL for a tuple that is not there, makes no sense or is of another event type. */
static inline const struct tuple_fact *dictionary_fact(const struct dictionary *d, uint32_t tuple,
						       uint16_t type)
{
	const struct tuple_fact *fact;

	if (!d || tuple >= d->fact_count)
		return NULL;
	fact = &d->facts[tuple];
	return fact->kind != FACT_UNKNOWN && fact->type == type ? fact : NULL;
}

#endif
