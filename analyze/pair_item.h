/*
 * pair_item.h - which events of a database the user calls allocations and frees, and what is an object's key and
 * size: --alloc, --free, -e and -k, made ready to be evaluated.
 *
 *	struct pair_request request = { .alloc = { "--alloc", lists, 1 }, .free = { "--free", others, 1 } };
 *	struct pair_items items = { 0 };
 *
 *	pair_items_make(&items, &request, db, &names, note, &err);
 *	for (i = 0; i < items.count; i++) use(&items.list[i]);
 *	pair_items_release(&items);
 *
 * Tracepoints of the allocator are no rows of their own in the database: their events come from the tables allocation
 * and unmatched_free, with the fields that alloc_site and free_site have of them. All others have a
 * table event_SYSTEM_NAME.
 */
#ifndef KMEM_ANALYZE_PAIR_ITEM_H
#define KMEM_ANALYZE_PAIR_ITEM_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analyze/expr.h"
#include "analyze/pair_names.h"
#include "format/base/options.h"

struct pair_side {
	const char *option; /* as errors name it */
	const char *const *lists;
	size_t count;
};

struct pair_request {
	struct pair_side alloc, free;
	const char *key; /* of events that say none; NULL: ptr */
	bool stacks;	 /* -g: as if all had the attribute stack */
	bool rows; /* single objects that ended are asked for, too, not live ones and sums alone */
};

enum pair_source { PAIR_ALLOC, PAIR_FREE, PAIR_TABLE };

/* Places of the values of PAIR_ALLOC and PAIR_FREE; those of PAIR_TABLE are the columns behind `stack`. */
enum pair_value {
	PAIR_ADDRESS,
	PAIR_PAGE, /* the address of a page under its other name */
	PAIR_CALL_SITE,
	PAIR_FUNCTION,
	PAIR_BYTES_REQ,
	PAIR_BYTES_ALLOC,
	PAIR_ORDER, /* of pages, freed ones, too */
	PAIR_MIGRATETYPE,
	PAIR_GFP,
	PAIR_NODE,
	PAIR_NAME,
	PAIR_VALUES
};

enum pair_global { PAIR_GLOBAL_CPU, PAIR_GLOBAL_PID, PAIR_GLOBAL_COMM };
#define PAIR_GLOBALS 8
extern const enum pair_global
	pair_globals[PAIR_GLOBALS]; /* what the values behind those of the event are */

struct pair_item {
	int64_t event; /* in the database */
	bool frees;
	enum pair_source source;
	char *system, *name; /* as they are shown */
	char *text;	     /* as it was written */
	char *table;	     /* of PAIR_TABLE */
	bool stack;
	bool own_size; /* the size is the event's bytes_alloc, so that bytes_req tells the waste */
	struct expr_field *fields; /* of the event, then globals */
	size_t field_count, globals;
	struct expr *filter, *key, *size; /* filter and size NULL: none */
	bool used[EXPR_FIELDS_MAX];	  /* by any of them */
	/* counted by event_pairs.h */
	uint64_t events; /* chosen */
	uint64_t unread; /* left out: a field that is looked at is not known */
};

struct pair_items {
	struct pair_item *list; /* allocations first */
	size_t count, cap;
};

/*
 * names outlives the items. note: told in a sentence what is left out, such as an event that was not recorded next to others that
 * were. ERR_USAGE shows the place in an expression, and what there is.
 */
int pair_items_make(struct pair_items *items, const struct pair_request *request, sqlite3 *db,
		    struct pair_names *names, void (*note)(void *arg, const char *text),
		    struct error *err);
void pair_items_release(struct pair_items *items);

#endif
