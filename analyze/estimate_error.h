/*
 * estimate_error.h - how far estimates (estimate.h) may be from the truth: intervals of sums over sites that were split,
 * and the functions of SQL for them.
 *
 *	estimate_low(alloc_site, objects, unit), estimate_high(...)	aggregates: the interval of sum(objects * unit)
 */
#ifndef KMEM_ANALYZE_ESTIMATE_ERROR_H
#define KMEM_ANALYZE_ESTIMATE_ERROR_H

#include "analyze/estimate.h"
#include "analyze/id_index.h"

struct estimate_cell {
	uint64_t objects; /* with those whose stacks are known; of a guess without */
	uint64_t samples;
	bool guess;
};

/* One stack in a cell. */
struct estimate_share {
	uint32_t cell;
	uint64_t samples;
};

struct estimate_site {
	int64_t origin, donor; /* the site in all but its stack, and one that has the stack */
	uint32_t share;
	bool observed; /* these are samples themselves */
};

struct estimate_interval {
	uint32_t cell;
	uint64_t samples, low, high;
};

struct estimate_errors {
	struct estimate_cell *cells;
	size_t cell_count, cell_cap;
	struct estimate_share *shares; /* those of one cell together */
	size_t share_count, share_cap;
	struct estimate_site *sites; /* site first_id + i is sites[i] */
	size_t site_count, site_cap;
	int64_t first_id;
	/* those that were asked for once */
	struct estimate_interval *intervals;
	size_t interval_count, interval_cap;
	struct id_index interval_index;
};

void estimate_errors_release(struct estimate_errors *x);

/* release(x) when the connection closes; at once if it fails. */
int estimate_errors_functions(struct estimate_errors *x, sqlite3 *db, void (*release)(void *),
			      struct error *err);

bool estimate_errors_add(const struct estimate_errors *x, struct estimate_sum *s, int64_t site,
			 int64_t objects, int64_t unit);
void estimate_errors_end(struct estimate_errors *x, struct estimate_sum *s, int64_t *ret_low,
			 int64_t *ret_high);

#endif
