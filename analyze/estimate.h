/*
 * estimate.h - captures whose stacks are a sample (kmem-record --stack-sample N): every allocation has its call site,
 * one in N its stack. Pairs (as in pair_total) of the others are split over the stacks that were seen, so that every
 * sum is what it was; and how far a sum over some stacks may be from the truth.
 *
 *	estimate_new(&e, db, &how, &err);		// NULL: every stack that the report looks at is known
 *	estimate_pairs(e, "chosen", "split", &err);	// temporary tables; temp.alloc_site has the new sites
 *	query_run(db, "SELECT a.stack, sum(p.objects), estimate_low(p.alloc_site, p.objects, 1), "
 *		  "estimate_high(p.alloc_site, p.objects, 1) FROM split p JOIN alloc_site a ... GROUP BY 1")
 *
 * Who is split by whom. Objects of one call site that are alike (of one size, gfp, cache, node, context, task where that is
 * told apart, that ended alike, or live) are a cell. Where it has ESTIMATE_ENOUGH samples these split it;
 * what is left of a call site, size and task and ended alike is a cell together, of which one sample is enough. Where it has
 * none, the samples of the call site's live (or ended) objects of any size, or else all of the call site in the
 * capture are a guess, of which the error says that any share may be the right one. A call site without any sample is
 * left as it is. Splits are by largest remainder (apportion.h); each object keeps its size, its end and all but its stack.
 *
 * Of one cell the interval is that of sample_interval.h; those of several are combined as independent ones, so that the
 * deviations' squares add up; what guesses may be off comes on top.
 */
#ifndef KMEM_ANALYZE_ESTIMATE_H
#define KMEM_ANALYZE_ESTIMATE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "format/base/error.h"

#define ESTIMATE_ENOUGH 8

/* What of a stack a report looks at: nothing; a call site where the event has none; the caller of a wrapper; all. */
enum estimate_depth { ESTIMATE_NOTHING, ESTIMATE_CALL_SITES, ESTIMATE_CALLERS, ESTIMATE_STACKS };

struct estimate_how {
	enum estimate_depth depth;
	const char *domain;
	bool callers;	 /* temp.alloc_caller is there */
	bool any_caller; /* it is not, and the user named wrappers: any call site may be theirs */
};

struct estimate;

bool estimate_sampled(sqlite3 *db); /* whether stacks are a sample */
/* "stacks of 1 allocation in 16, chosen at random, were recorded" as a line of a header, and what follows from that. */
void estimate_header(sqlite3 *db, FILE *out, const char *therefore);

/* Lives as long as the connection, which releases it. A temporary alloc_site that is there is extended. */
int estimate_new(struct estimate **ret, sqlite3 *db, const struct estimate_how *how,
		 struct error *err);

/*
 * temp.INTO is made of temp.SOURCE, which has the columns of pair_total and any more. Of objects that were split
 * lifetime_min and lifetime_max are NULL. Rows of no objects stand for stacks that were seen at the call site but not in
 * this cell: there may be some, so that they have a part in errors, and in nothing else.
 */
int estimate_pairs(struct estimate *e, const char *source, const char *into, struct error *err);

/* ---- errors ---- */

struct estimate_entry {
	uint32_t share; /* of a cell */
	bool observed;
	double objects, unit;
};

/* Zeroed: the sum of nothing. */
struct estimate_sum {
	struct estimate_entry *list;
	size_t count, cap;
	int64_t total;
};

/* objects of that site, each of which counts as so many units. False: no memory. */
bool estimate_add(const struct estimate *e, struct estimate_sum *s, int64_t site, int64_t objects,
		  int64_t unit);
/* The interval; both are the total where it is exact. Empties the sum. */
void estimate_end(struct estimate *e, struct estimate_sum *s, int64_t *ret_low, int64_t *ret_high);

/* "estimated: 95 % within 3..9 objects" and their likes: appends nothing where the two are the same. */
#define ESTIMATE_TEXT 100
const char *estimate_text(char room[ESTIMATE_TEXT], const char *before, int64_t low, int64_t high,
			  const char *behind);

#endif
