/*
 * row_pairs.h - pairs as in pair_total with what only the single objects know: tasks, CPUs and
 * initcalls. One pass over the rows.
 *
 *	struct row_pairs how = { .source = "allocation", .task_by = "pid", .length = length, .folded = true };
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
	const char
		*source; /* table, view or query in parentheses with the columns of `allocation` */
	bool cpu, initcall; /* what to tell apart */
	const char *
		task_by; /* SQL on a row of `task`: tasks of which it differs are told apart, and of those
				   * of which it is the same one stands for all; NULL: none is */
	bool folded;	  /* with what the recorder folded: only for the whole capture */
	int64_t length;	  /* when the ages of what is live are measured, ns */
	int64_t interval; /* ns, > 0: an object counts in the interval of its
				   * end, and in that of its beginning as not freed if it ends in another; the last one
				   * ends with length itself; 0: none */
};

int row_pairs_select(sqlite3 *db, const struct row_pairs *how, const char *table,
		     struct error *err);

#endif
