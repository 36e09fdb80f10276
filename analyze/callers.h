/*
 * callers.h - the callers of all allocation and free sites (skip_frames.h): at load for the columns
 * alloc_site.caller and free_site.caller, and anew for a report with --skip-frame.
 *
 *	callers_init(&c, &stacks, &err);		// when all frames have their names
 *	frame = callers_find(&c, site->stack, site->call_site);	// 0: none is known
 *	callers_release(&c);
 *
 *	callers_select(db, more, count, &err);		// temporary alloc_caller and free_caller are there
 */
#ifndef KMEM_ANALYZE_CALLERS_H
#define KMEM_ANALYZE_CALLERS_H

#include <sqlite3.h>

#include "analyze/skip_frames.h"
#include "analyze/stacks.h"

struct callers {
	const struct stacks *stacks; /* outlives the callers */
	unsigned char *classes;	     /* per frame, enum frame_class; [0] is unused */
};

int callers_init(struct callers *c, const struct stacks *stacks, struct error *err);
void callers_release(struct callers *c);
uint32_t callers_find(const struct callers *c, uint32_t stack, uint32_t call_site);

/*
 * Makes temp.alloc_caller and temp.free_caller (site, caller): those of the database, or with
 * patterns of the user found anew from its stacks.
 */
int callers_select(sqlite3 *db, const char *const *more, size_t count, struct error *err);

#endif
