/*
 * event_pairs.h - the events of a database paired anew, as the user says: kmemleak --alloc, --free, and kmemprof -e.
 *
 *	struct event_pairs pairs = { 0 };		// outlives db
 *
 *	event_pairs_make(&pairs, db, &request, "slab", note, &err);	// before anything else looks at the tables
 *	event_pairs_header(db, out, &err);
 *
 * What comes of it are temporary tables named as those of the database (allocation, unmatched_free, alloc_site,
 * free_site, event, pair_total, free_total, capture), which a query without `main.` finds first, so that every report
 * works on them; with request->rows false those objects that ended are in the sums only. Their allocations are all in one domain, the one given.
 *
 * Pairing is that of replay.h: in order of time, an object on a live key ends the old one as untraced, and what was live
 * during a loss is in doubt. Of several events at one time the order is that of the database. An event that two
 * specs of one side let pass belongs to the first. Sites without the attribute stack have their call site only (or where
 * the event has none, the innermost frame). A size that nobody knows is NULL. NULL frees are counts only; those are counted whose
 * filter looks at nothing but the event.
 */
#ifndef KMEM_ANALYZE_EVENT_PAIRS_H
#define KMEM_ANALYZE_EVENT_PAIRS_H

#include <sqlite3.h>
#include <stdio.h>

#include "analyze/pair_item.h"

struct feed_batch;

struct event_pairs {
	const struct feed_batch *source; /* where the virtual table `feed` finds rows; NULL: none */
};

int event_pairs_make(struct event_pairs *pairs, sqlite3 *db, const struct pair_request *request,
		     const char *domain, void (*note)(void *arg, const char *text),
		     struct error *err);

/* Lines of a report's header: what was paired, and what could not be. */
int event_pairs_header(sqlite3 *db, FILE *out, struct error *err);

#endif
