/*
 * levels.h - how much was live when, by group (row_items.h): beginnings and ends of all objects that the report is
 * about, in the order of time. What is live at a moment is so after all events of that moment, as --at has it.
 *
 *	struct levels l = { 0 };
 *
 *	levels_read(&l, r, ROW_GROUPS_STACK, &err);
 *	levels_peaks(&l, r, &err);		// l.peaks, by group; l.totals, by domain
 *	levels_release(&l);
 *
 * Takes 32 bytes of memory for each object, and half as much again while it sorts.
 */
#ifndef KMEM_ANALYZE_LEVELS_H
#define KMEM_ANALYZE_LEVELS_H

#include "analyze/row_items.h"
#include "analyze/timed.h"
#include "analyze/totals.h"

struct group_peak {
	struct level level;
	uint32_t total; /* number of its domain: totals[total] */
	/* live at the highest moment of the domain */
	uint64_t at_bytes, at_objects, at;
};

struct levels {
	struct row_items items;
	struct timed_list begins, ends;
	/* by group, from 1 */
	struct group_peak *peaks;
	struct domain_total *totals;
	size_t total_count; /* domains, in the order of their names */
};

int levels_read(struct levels *l, struct report *r, enum row_groups groups, struct error *err);
int levels_peaks(struct levels *l, struct report *r, struct error *err);
void levels_release(struct levels *l);

struct levels_cursor {
	size_t begin, end; /* how many of each have been given */
};

/* The next beginning (*ret_more) or end. NULL: no more. */
static inline const struct timed *levels_next(const struct levels *l, struct levels_cursor *c,
					      bool *ret_more)
{
	const struct timed *begin = c->begin < l->begins.count ? &l->begins.items[c->begin] : NULL,
			   *end = c->end < l->ends.count ? &l->ends.items[c->end] : NULL;

	*ret_more = begin && (!end || begin->time <= end->time);
	if (*ret_more)
		c->begin++;
	else
		c->end += end != NULL;
	return *ret_more ? begin : end;
}

static inline const struct row_item *levels_item(const struct levels *l, const struct timed *t)
{
	return &l->items.list[t->item - 1];
}

#endif
