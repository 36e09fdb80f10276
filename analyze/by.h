/*
 * by.h - --by KEY[,KEY...]: what the objects of a report are grouped by instead of its usual place.
 *
 *	by_parse(&by, "cache,comm", &err);		// before the database is opened
 *	by_prepare(&by, db, &err);			// temp.alloc_key
 *	if (by.rows)
 *		...					// pairs from row_pairs.h: the summaries cannot tell
 *	by_view(&by, db, "alloc_by", "pair", &err);	// temp.alloc_by: rows of temp.pair, key1 to key4
 *	by_print_line(r, &q, 0, &err);			// of a query over temp.alloc_by
 *
 * A key is text or a number, never NULL where it is in use, and rows whose keys read the same are
 * one group. `stack` alone has numbers that stand for something else: a stack, or if negative a call
 * site, or 0 where neither is known.
 */
#ifndef KMEM_ANALYZE_BY_H
#define KMEM_ANALYZE_BY_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

#include "analyze/estimate.h"
#include "format/base/error.h"

#define BY_KEYS_MAX 4
#define BY_KEYS \
	"call-site, caller, function, file, directory, module, cache, comm, pid, cpu, " \
	"node, gfp, order, size-class, context, initcall, stack"
/* The columns of a query over groups begin with these. */
#define BY_COLUMNS "key1, key2, key3, key4"

struct by_key;

struct by {
	const struct by_key *keys[BY_KEYS_MAX];
	size_t count;	     /* 0: no --by */
	bool rows;	     /* some key is not in the summaries: */
	bool task, initcall; /* what it needs of the rows, besides cpu */
	bool cpu;
};

/* What of a task the keys look at, as row_pairs.h wants it: NULL for nothing. comms: its name, whatever the keys are. */
const char *by_tasks(const struct by *by, bool comms);

/* text: NULL for none. ERR_USAGE names the keys. */
int by_parse(struct by *by, const char *text, struct error *err);

/* ERR_UNSUPPORTED where the database lacks what a key needs, with what would help. */
int by_prepare(const struct by *by, sqlite3 *db, struct error *err);

/* temp.alloc_key anew, when alloc_site has more sites. */
int by_sites(const struct by *by, sqlite3 *db, struct error *err);
/* What of a stack the keys look at. */
enum estimate_depth by_looks(const struct by *by);

/*
 * Makes the temporary view `name`: the rows of the temporary table or view `pairs` with their keys, by
 * who allocated, or with frees by who freed (those keys that are of the object itself stay). With frees once at most.
 */
int by_view(const struct by *by, sqlite3 *db, const char *name, const char *pairs, bool frees,
	    struct error *err);

/* Of a key that is in use: its name, and whether its values stand for stacks. */
const char *by_name(const struct by *by, size_t key);
bool by_is_stack(const struct by *by, size_t key);

struct query;
struct report;

/*
 * The keys of a row, of which key1 is in that column: joined in one line, or a line for each (a stack has
 * one for each frame) with four blanks in front; and their names, joined.
 */
int by_print_line(struct report *r, const struct query *q, int column, struct error *err);
int by_print_block(struct report *r, const struct query *q, int column, struct error *err);
void by_print_names(struct report *r);

#endif
