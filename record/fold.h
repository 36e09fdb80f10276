/*
 * fold.h - allocations that are freed soon become counters: the hold in which events wait until it
 * is known.
 *
 * Events of all rings come in, each ring in its own order. They are put in one order of time (the
 * rule of the analysis: a ring's order is kept, ties are the lowest ring's, but a free comes before
 * an allocation of its address) and held back for an age. An allocation whose free comes within the
 * age, with nothing else on that address of that address space in between, is taken out together
 * with its free and counted by the tuples of both. One whose address is given out again within the
 * age is taken out, too: its free was not traced. Everything else comes out when the age is over,
 * in the order of each ring.
 *
 * What comes out, together with the counts, says the same as what came in. For that, a pair is
 * left alone where taking it out would change how the rest pairs up: on an address that still
 * looks live (its free was not traced), and wherever events may have been lost. So the addresses
 * of what came out live are remembered until they are freed or given out again.
 *
 * It knows no records, no tuples and no files: its user says of each event what it does.
 *
 *	fold_new(&f, &(struct fold_options){ .age_ns = a, .memory = m, .sources = n, .put = put }, &err);
 *	e = fold_add(f, source);			// NULL: no memory; fill in all but source and state
 *	fold_run(f, watermark, &err);			// no event older than that will be added any more
 *	fold_close(f, now);				// events were lost: no pair spans this moment
 *	use(f->pairs, f->pair_count), fold_clear(f);	// increments
 *	fold_finish(f, &err);				// at the end: everything comes out
 *	fold_free(f);
 *
 * Memory: .memory bounds the hold and the addresses, half for each. A full hold lets its oldest
 * quarter out early: correct, only larger (early). When the addresses do not fit, nothing is folded
 * any more (stopped). Events not yet in order come on top: what the rings give between two runs.
 */
#ifndef KMEM_RECORD_FOLD_H
#define KMEM_RECORD_FOLD_H

#include "format/base/error.h"
#include "format/folded.h"

enum fold_kind {
	FOLD_PASS,	/* goes through in its ring's order */
	FOLD_ALLOC,	/* an object at .address of .space begins */
	FOLD_FREE,	/* ... ends */
	FOLD_FREE_NULL, /* a free of no object: only counted */
	FOLD_MARK, /* the user's own mark: goes through where it stands, its time says nothing */
};

#define FOLD_SPACES 4 /* address spaces */

struct fold_event {
	uint64_t time;	  /* ns */
	uint64_t address; /* FOLD_MARK: the user's */
	uint32_t tuple;
	int32_t pid;
	uint16_t type;
	uint16_t source;
	uint8_t kind;  /* enum fold_kind */
	uint8_t space; /* below FOLD_SPACES */
	uint8_t match; /* of a pair, both have the same: the order of pages */
	uint8_t self : 1, state : 7;
};

struct fold_options {
	uint64_t age_ns;
	size_t memory;	  /* bytes */
	uint32_t sources; /* rings, at most 65536 */
	/* What comes out. A negative value stops the run and is returned. */
	int (*put)(void *arg, const struct fold_event *e, struct error *err);
	void *arg;
};

struct fold_counts {
	uint64_t pairs, reused, null_frees; /* folded so far */
	uint64_t early; /* allocations let out before their age because the hold was full */
	uint64_t late;	/* events that came after their turn: the hold was closed */
};

struct fold {
	struct fold_options options;
	struct folded_pair *pairs; /* since the last fold_clear */
	uint32_t pair_count, pair_cap;
	struct folded_free *frees; /* of NULL */
	uint32_t free_count, free_cap;
	uint64_t first_time, last_time; /* of the events in pairs and frees; 0 if there are none */
	struct fold_counts counts;
	bool stopped;	     /* the live addresses did not fit */
	uint64_t stopped_ns; /* when: time of the event */
	struct fold_room *room;
};

int fold_new(struct fold **ret, const struct fold_options *options, struct error *err);
void fold_free(struct fold *f);

/* Room for one more event of that ring, valid until the next call. NULL: no memory. */
struct fold_event *fold_add(struct fold *f, uint32_t source);

/* Takes all events before the watermark (ns) into the order of time. */
int fold_run(struct fold *f, uint64_t watermark, struct error *err);

/* Nothing that begins at or before `until` is folded any more. */
void fold_close(struct fold *f, uint64_t until);

/* Everything that was added comes out. */
int fold_finish(struct fold *f, struct error *err);

/* The counters were written: begins new ones. */
void fold_clear(struct fold *f);

/* For every event that is inside: a new dictionary numbers its tuple anew. */
int fold_renumber(struct fold *f, int (*tuple)(void *arg, uint32_t *number), void *arg);

#endif
