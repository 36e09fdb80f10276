/*
 * estimate_split.h - what the two halves of estimate.h share: estimate.c reads what the capture has, estimate_split.c splits.
 */
#ifndef KMEM_ANALYZE_ESTIMATE_SPLIT_H
#define KMEM_ANALYZE_ESTIMATE_SPLIT_H

#include "analyze/estimate_error.h"

/* Sites that are alike but for their stacks have one kind, those of one size one size, all of a call site one place. */
struct site_fact {
	int64_t stack; /* 0: none */
	uint32_t kind, size, place;
	bool split;
};

struct estimate {
	struct estimate_errors errors; /* first: what the functions of SQL get */
	sqlite3 *db;
	struct site_fact *sites; /* of the capture, by id */
	size_t site_count;
	int64_t *free_events; /* by free site */
	size_t free_count;
};

#endif
