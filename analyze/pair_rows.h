/*
 * pair_rows.h - the events that the items choose, read from a database and sorted by time: what event_pairs.c pairs.
 *
 *	struct pair_rows rows = { .db = db, .items = &items, .names = &names };
 *
 *	pair_rows_read(&rows, &err);
 *	while ((event = pair_rows_next(&rows)))
 *		use(event);
 *	pair_rows_release(&rows);		// also after a failure
 */
#ifndef KMEM_ANALYZE_PAIR_ROWS_H
#define KMEM_ANALYZE_PAIR_ROWS_H

#include "analyze/id_index.h"
#include "analyze/pair_item.h"

struct pair_event {
	int64_t time;
	uint64_t key;
	uint32_t order; /* as it was read: decides between events of one time */
	uint32_t site, task;
	uint16_t cpu;
	bool frees, self; /* self: by the recorder, in task context */
};

/* A new allocation or free site: what is one and the same in a report. */
struct pair_site {
	uint32_t item;
	uint32_t origin; /* of PAIR_ALLOC and PAIR_FREE the old site, else the stack, 0 for none */
	int64_t size;	 /* 0 where the item has none, and of frees */
};

struct pair_sites {
	struct pair_site *list; /* number n is list[n - 1] */
	size_t count, cap;
	struct id_index index;
};

/* What an event of the allocator has of its site. */
struct pair_fact {
	struct expr_value values[PAIR_VALUES];
	uint32_t missing; /* bit per enum pair_value */
	uint32_t items
		[2]; /* the first item that wants its event, as allocation and as free; 1 more than its place, 0: none */
	uint32_t whole; /* of part of a block of pages: the site of all of it, else 0 */
	bool there, in_task;
};

/* The last row of pages that were freed: one event may have ended several blocks. */
struct pair_pages {
	bool any;
	int64_t time, site, cpu;
	uint64_t first, address; /* page of the event; of the row */
};

struct pair_list {
	struct pair_event *list;
	size_t count, cap, next;
};

struct pair_rows {
	sqlite3 *db;
	struct pair_items *items;
	const struct pair_names *names;
	/* from here on its own */
	struct pair_fact *allocs, *frees; /* of the database's sites, by id */
	size_t alloc_count, free_count;
	struct pair_sites alloc_sites, free_sites; /* the new ones */
	struct pair_pages freed;
	struct pair_list events[2]; /* allocations, frees; each by time */
	uint32_t count;		    /* of both */
};

/* ERR_USAGE where an expression has no value for some event. */
int pair_rows_read(struct pair_rows *r, struct error *err);
void pair_rows_release(struct pair_rows *r);

/* The next one of both sides in order of time; NULL: no more. */
const struct pair_event *pair_rows_next(struct pair_rows *r);

/*
 * The site of free item `item` (its place) for frees of NULL at a site of the database; 0: its filter keeps them out, or
 * looks at more than the site. Negative: no memory, or ERR_USAGE.
 */
int64_t pair_rows_null_site(struct pair_rows *r, uint32_t item, int64_t free_site,
			    struct error *err);

#endif
