/*
 * replay.h - pairs allocations with frees, in the order of the merge, and hands finished rows to
 * the feed.
 *
 * One table of live objects per address space. What happens to an event:
 *	allocation			a live object, until its end
 *	... of NULL			counted at its site (failed), no object
 *	... of ZERO_SIZE_PTR		counted, no object
 *	... on a live address		the old object ends now: its free was not traced (END_REUSED)
 *	free of a live address		the object ends (END_FREED), whichever API allocated it
 *	free of NULL, ZERO_SIZE_PTR	counted at its site
 *	free of anything else		a row of unmatched_free
 *	any other tracepoint		a row of its own table; task_newtask and task_rename also name tasks
 *	PROCESS records			move the processes on, and name tasks
 * Pages are blocks of 2^order of them, of which parts may be freed, and allocated again: replay_pages.h.
 *
 * An object that was live while events were lost has END_IN_LOSS added to its end: its free may be
 * among them.
 *
 *	struct replay r = { .types = types, .type_count = n, .roles = roles, .sites = &sites, .tasks = &tasks,
 *			    .losses = &losses, .feed = feed, .processes = &processes, .late = &late,
 *			    .base = base, .long_size = 8 };
 *
 *	replay_init(&r, &err);
 *	while (merge_next(&merge, &stream, &count, &err) > 0)
 *		if (replay_run(&r, stream, count, &err) < 0)
 *			...
 *	replay_finish(&r, &err);		// the objects that are still live
 *	replay_release(&r);
 */
#ifndef KMEM_ANALYZE_REPLAY_H
#define KMEM_ANALYZE_REPLAY_H

#include "analyze/cpu_stream.h"
#include "analyze/feed.h"
#include "analyze/late_sites.h"
#include "analyze/losses.h"
#include "analyze/object_table.h"
#include "analyze/roles.h"
#include "analyze/tasks.h"
#include "analyze/totals.h"

enum end { END_LIVE, END_FREED, END_REUSED };
#define END_IN_LOSS 4

#define PAGE_ORDERS 31

struct replay_counts {
	uint64_t events, allocs, frees, failed, zero_size, null_frees, unmatched, reused, live,
		live_bytes;
	uint64_t stacks_lost, tuples_lost;
	/* dated before an event that came before them; by how much at most */
	uint64_t out_of_order, out_of_order_ns;
	uint64_t folded, folded_nulls; /* of the above, counted by the recorder: folded_totals.h */
	int64_t first_live_id;
	int64_t length; /* ns from base to the end of the capture, or to the last event if that is later */
};

struct replay {
	const struct event_type *types;
	size_t type_count;
	const struct role *roles;
	struct sites *sites;
	struct tasks *tasks;
	struct losses *losses;
	struct feed *feed;
	struct processes *processes;
	struct late_sites *late;
	uint64_t base, end; /* trace clock; end 0: unknown */
	unsigned int long_size;
	/* from here on its own */
	struct object_table objects[DOMAIN_COUNT];
	size_t live_blocks[PAGE_ORDERS];
	struct totals totals;
	struct replay_counts counts;
	uint64_t *type_events; /* per event type */
	uint32_t *
		unknown_site; /* per event type: the site of events whose tuple is gone; 0 none yet */
	int64_t clock;	      /* the latest time so far */
};

int replay_init(struct replay *r, struct error *err);
void replay_release(struct replay *r);

/*
 * The next n events of a stream; moves the stream on over them. ERR_INTERRUPTED: the feed was
 * cancelled.
 */
int replay_run(struct replay *r, struct cpu_stream *s, uint32_t n, struct error *err);
int replay_finish(struct replay *r, struct error *err);

/* Where events go whose tuple is gone: a site that says only which event it was. 0: no memory. */
uint32_t replay_unknown_site(struct replay *r, uint16_t type);
/* Kernels before 6.18 name the cache only when an object is freed. */
void replay_learn_cache(struct replay *r, uint32_t alloc_site, uint32_t free_site);

#endif
