/*
 * source_table.h - the rows of table `source`: each path once.
 *
 *	struct source_table t = { .writer = writer };
 *	uint32_t id = source_table_id(&t, tree, comp_dir, name, &err);	// the row is written on first use
 *	source_table_release(&t);
 */
#ifndef KMEM_ANALYZE_SOURCE_TABLE_H
#define KMEM_ANALYZE_SOURCE_TABLE_H

#include "analyze/db_write.h"
#include "analyze/id_index.h"
#include "analyze/source_path.h"

struct source_table {
	struct db_writer *writer; /* whose table is empty at first */
	/* from here on its own */
	sqlite3_stmt *insert;
	char **paths; /* number n is paths[n - 1] */
	size_t count, cap;
	struct id_index index;
};

/* The id of a file (source_path.h), from 1; name NULL: 0. Negative: failed. */
int64_t source_table_id(struct source_table *t, const struct source_tree *tree,
			const char *comp_dir, const char *name, struct error *err);
void source_table_release(struct source_table *t);

#endif
