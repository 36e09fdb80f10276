/*
 * id_table.h - an array that has a place for every id of a table of the database, for passes over many rows that
 * refer to it.
 *
 *	struct task_fact *tasks;
 *	size_t count;
 *
 *	id_table_new(db, "main.task", (void **)&tasks, &count, sizeof(*tasks), &err);	// zeroed; free() it
 *	if (id_table_has(id, count))
 *		tasks[id] ...
 *
 * table: a fixed text, never a user's. The numbers of a database are not to be trusted: what refers to an id that is not there finds no place, and ids above what the bytes of the database can number are ERR_FORMAT.
 */
#ifndef KMEM_ANALYZE_ID_TABLE_H
#define KMEM_ANALYZE_ID_TABLE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/base/error.h"

int id_table_new(sqlite3 *db, const char *table, void **ret, size_t *ret_count, size_t size,
		 struct error *err);

static inline bool id_table_has(int64_t id, size_t count)
{
	return id > 0 && (uint64_t)id < count;
}

#endif
