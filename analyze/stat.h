/*
 * stat.h - the two halves of the command `stat`, one for slab memory and one for pages. Both work on temporary table
 * stat_site (schema/query/stat_site.sql), which is of one domain at a time.
 */
#ifndef KMEM_ANALYZE_STAT_H
#define KMEM_ANALYZE_STAT_H

#include "analyze/query.h"
#include "analyze/report.h"

struct stat_options {
	struct report_options report;
	bool caller, alloc, slab, page, live, raw_ip;
	const char *time; /* --time START,STOP */
	char *times;	  /* the same in two, heap */
};

#define STAT_COLUMNS 100 /* of a line of dashes */

/* What the tables are sorted by: of callers and of addresses. NULL: there is nothing of that kind in the table. */
struct stat_key {
	const char *name, *callers, *addresses;
};

/*
 * "ORDER BY ..., ties" for the callers or the addresses. keys ends with a NULL name; chosen NULL: the default.
 * ERR_USAGE names the keys.
 */
int stat_order(const struct stat_key *keys, bool addresses, const char *chosen,
	       const char *standard, const char *ties, char *text, size_t room, struct error *err);

/* A query with the binds that all of them share; the tail is ORDER BY and LIMIT of a table, or NULL. */
int stat_query(struct query *q, struct report *r, const struct stat_options *o, const char *sql,
	       const char *order, struct error *err);
void stat_line(FILE *out);

/* Tables and summary. first: no table came before, theirs is the main one. */
int stat_print_slab(struct report *r, const struct stat_options *o, bool first, struct error *err);
int stat_print_pages(struct report *r, const struct stat_options *o, bool first, struct error *err);

#endif
