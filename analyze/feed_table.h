/*
 * feed_table.h - the rows of one feed batch as a virtual table, so that SQLite takes them in with
 * one INSERT ... SELECT a batch: half the cost of binding each row (measured: 3.3-3.7 against 1.9
 * million rows a second).
 *
 *	const struct feed_batch *batch = NULL;
 *
 *	feed_table_register(db, &batch, &err);		// SELECT id, time, ... FROM feed
 *	batch = next;
 *	sqlite3_step(insert);
 *
 * The table is eponymous: it exists without CREATE, in that connection only, and leaves nothing in
 * the database.
 */
#ifndef KMEM_ANALYZE_FEED_TABLE_H
#define KMEM_ANALYZE_FEED_TABLE_H

#include <sqlite3.h>

#include "analyze/feed.h"

/* batch: where the table finds its rows each time it is read; outlives db. */
int feed_table_register(sqlite3 *db, const struct feed_batch **batch, struct error *err);

#endif
