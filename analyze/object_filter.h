/*
 * object_filter.h - --where SQL and --only-comm, -pid, -tid, -cpu: which objects a report is about. Frees are not
 * filtered: an object that was chosen ends wherever and by whomever it was freed.
 *
 *	object_filter_prepare(&filter, db, &sites, &rows, &err);
 *	if (sites)
 *		...			// temp.filter_site (site) has the allocation sites that it chooses
 *	if (rows)
 *		...			// SELECT ... FROM <object_filter_source> a WHERE ... <object_filter_append>
 *
 * A condition on columns of the sites alone (caller, cache, bytes_alloc ...) is answered from the summaries;
 * any other looks at every row.
 */
#ifndef KMEM_ANALYZE_OBJECT_FILTER_H
#define KMEM_ANALYZE_OBJECT_FILTER_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>

#include "format/base/error.h"
#include "format/base/options.h"

struct object_filter {
	const char *where;	  /* --where; NULL: none */
	struct option_list comms; /* --only-comm */
	const char *pids, *tids;  /* --only-pid, --only-tid: 17,20-29 */
	const char *cpus;	  /* --only-cpu: 0-3,8 */
};

/* ERR_USAGE for what is no condition, no list or no column, with what there is. Makes temporary tables. */
int object_filter_prepare(const struct object_filter *f, sqlite3 *db, bool *ret_sites,
			  bool *ret_rows, struct error *err);

/*
 * The table or view to select from: `allocation`, or its columns and those of the view `object`; and " AND ..." for
 * every condition that looks at its rows (alias a). sites: what object_filter_prepare said.
 */
const char *object_filter_source(const struct object_filter *f, bool sites);
void object_filter_append(const struct object_filter *f, bool sites, sqlite3_str *sql);

/* Lines of a report's header: what was asked for. */
void object_filter_header(const struct object_filter *f, FILE *out);

void object_filter_release(struct object_filter *f);

#endif
