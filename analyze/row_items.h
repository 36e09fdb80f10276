/*
 * row_items.h - one pass over the single objects that a report is about (report.h: all that its options select),
 * told apart as far as its groups need: by allocation site, and for --by by task, CPU and initcall. Each such
 * kind of object is an item; items belong to groups.
 *
 *	struct row_items items = { 0 };
 *
 *	row_items_read(&items, r, take, arg, &err);		// take(arg, &row) for each
 *	row_items_group(&items, r, ROW_GROUPS_STACK, &err);	// temp.row_group, and each item's group
 *	row_items_release(&items);
 *
 * temp.row_group: id (from 1, in the order of the others), domain, stack, call_site (NULL where there is a stack),
 * key1 to key4 of --by. The options that --by excludes are NULL.
 */
#ifndef KMEM_ANALYZE_ROW_ITEMS_H
#define KMEM_ANALYZE_ROW_ITEMS_H

#include "analyze/id_index.h"
#include "analyze/initcalls.h"
#include "analyze/report.h"

struct row_item {
	int64_t site, task, cpu, initcall; /* what is not told apart is 0 */
	uint64_t bytes;			   /* of one object */
	uint32_t group;
};

struct row {
	uint32_t item;		/* number n is list[n - 1] */
	int64_t time, end_time; /* ns; end_time INT64_MAX: live */
	int64_t end;		/* as in allocation */
};

struct row_site {
	uint64_t bytes;
	uint32_t last; /* the item found last: usually the next one, too; 0 none */
	bool chosen, in_task;
};

struct row_task {
	int64_t pid;
	bool self;
};

struct row_items {
	struct row_item *list;
	size_t count, cap;
	size_t groups; /* rows of temp.row_group */
	struct id_index index;
	/* by id */
	struct row_site *sites;
	struct row_task *tasks;
	size_t site_count, task_count;
	struct initcalls initcalls;
};

/* Without --by: what the groups are. ROW_GROUPS_STACK: stacks, or where there is none call sites. */
enum row_groups { ROW_GROUPS_DOMAIN, ROW_GROUPS_STACK };

/* take returns false for no memory. */
int row_items_read(struct row_items *x, struct report *r,
		   bool (*take)(void *arg, const struct row *row), void *arg, struct error *err);
/* No pass: an item for each allocation site that the report is about. Not for --by tasks, CPUs and initcalls. */
int row_items_sites(struct row_items *x, struct report *r, struct error *err);
/* That site's item; 0: the report is not about it. */
uint32_t row_items_site(const struct row_items *x, int64_t site);
int row_items_group(struct row_items *x, struct report *r, enum row_groups groups,
		    struct error *err);
void row_items_release(struct row_items *x);

#endif
