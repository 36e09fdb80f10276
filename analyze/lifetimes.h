/*
 * lifetimes.h - how long the objects of a report lived, by group (row_items.h): stacks, or the groups of --by.
 *
 *	struct lifetimes x = { .than_ns = 1000 };
 *
 *	lifetimes_read(&x, r, &err);			// after report_header
 *	x.groups[0]					// all together; the others by number of temp.row_group
 *	lifetimes_release(&x);
 *
 * Reads the summaries where these can tell, and then percentiles are rounded up to two digits; else every row.
 */
#ifndef KMEM_ANALYZE_LIFETIMES_H
#define KMEM_ANALYZE_LIFETIMES_H

#include "analyze/row_items.h"

/* A bucket of the histogram has lifetimes below 1 us, 10 us, ... 100 s; the last one all others. */
#define LIFETIME_BUCKETS 10
#define LIFETIME_BELOW	 1000 /* ns: of the first */

/* Of each 100 objects that were freed so many lived at most so long. */
#define LIFETIME_SHARES 3
extern const unsigned int lifetime_shares[LIFETIME_SHARES];

struct lifetime_group {
	uint64_t freed, bytes, untraced, live;
	uint64_t in_doubt; /* of those freed: events are missing from their lives */
	uint64_t seen;	   /* of those freed, from the shortest on */
	int64_t at_most[LIFETIME_SHARES], longest, untraced_longest, live_oldest;
	double sum;
	uint64_t buckets[LIFETIME_BUCKETS];
};

struct lifetimes {
	/* set before */
	uint64_t than_ns, less_ns; /* only what surely lived longer, less; 0: whatever */
	bool exact;		   /* from the rows in any case */
	/* made */
	bool rounded; /* at_most is */
	struct row_items items;
	struct lifetime_group *groups; /* [0]: all together */
	uint64_t undecided;	       /* of which nobody can tell whether they are meant */
};

int lifetimes_read(struct lifetimes *x, struct report *r, struct error *err);
void lifetimes_release(struct lifetimes *x);

#endif
