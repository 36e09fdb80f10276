/*
 * other_table.h - tables event_SYSTEM_NAME: one for each recorded tracepoint that neither allocates
 * nor frees.
 *
 * Names come from the capture and are hostile: letters, digits and underscores stay, anything else
 * becomes an underscore, and a name that is taken already (tables, and the columns id time cpu task
 * stack) gets _2, _3...
 *
 *	struct other_tables o = { .writer = w, .types = types, .type_count = n, .roles = roles };
 *
 *	other_tables_create(&o, &err);
 *	other_tables_batch(&o, batch, &err);		// a FEED_OTHER batch
 *	other_tables_release(&o);
 */
#ifndef KMEM_ANALYZE_OTHER_TABLE_H
#define KMEM_ANALYZE_OTHER_TABLE_H

#include "analyze/db_write.h"
#include "analyze/roles.h"

struct other_tables {
	struct db_writer *writer;
	const struct event_type *types;
	const struct role *roles;
	size_t type_count;
	sqlite3_stmt **insert; /* per event type; NULL for allocations and frees */
};

int other_tables_create(struct other_tables *o, struct error *err);
int other_tables_batch(struct other_tables *o, const struct feed_batch *batch, struct error *err);
void other_tables_release(struct other_tables *o);

#endif
