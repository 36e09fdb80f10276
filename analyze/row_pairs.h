/*
 * row_pairs.h - pairs as in pair_total with what only the single objects know: tasks, CPUs and
 * initcalls. One pass over `allocation`.
 *
 *	struct row_pairs how = { .task = true, .from = INT64_MIN, .to = INT64_MAX, .length = length,
 *				 .folded = true };
 *
 *	row_pairs_select(db, &how, "row_pair", &err);
 *
 * Columns: those of pair_total, interval, task, cpu, initcall, free_task, free_cpu, free_initcall. What
 * was not asked for is 0; a free_* is 0 (free_cpu NULL) where no free is known. initcall is an id of
 * temp.initcall_name (initcalls.h), 0 where none ran. Of what the recorder folded task, cpu and their
 * likes are -1 and lifetime_min and _max NULL.
 */
#ifndef KMEM_ANALYZE_ROW_PAIRS_H
#define KMEM_ANALYZE_ROW_PAIRS_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "format/base/error.h"

struct row_pairs {
	bool task, cpu, initcall; /* what to tell apart */
	bool folded;		  /* with what the recorder folded: only for the whole capture */
	int64_t first_id;	  /* objects from this row on */
	int64_t from, to;	  /* allocated in [from, to), ns */
	int64_t length;		  /* of the capture, ns: the age of what is live */
	int64_t interval;	  /* ns, > 0: as kmemprof_interval.sql; 0: none */
};

int row_pairs_select(sqlite3 *db, const struct row_pairs *how, const char *table,
		     struct error *err);

#endif
