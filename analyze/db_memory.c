#include "analyze/db_memory.h"

#include <sqlite3.h>

static sqlite3_mem_methods own;
static bool failed; /* atomic */

void *db_memory_note(void *p)
{
	if (!p)
		__atomic_store_n(&failed, true, __ATOMIC_RELAXED);
	return p;
}

static void *watched_malloc(int size)
{
	return db_memory_note(own.xMalloc(size));
}

static void *watched_realloc(void *p, int size)
{
	return db_memory_note(own.xRealloc(p, size));
}

void db_memory_watch(void)
{
	sqlite3_mem_methods watched;

	if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &own) != SQLITE_OK || !own.xMalloc)
		return;
	watched = own;
	watched.xMalloc = watched_malloc;
	watched.xRealloc = watched_realloc;
	sqlite3_config(SQLITE_CONFIG_MALLOC, &watched);
}

bool db_memory_failed(void)
{
	return __atomic_load_n(&failed, __ATOMIC_RELAXED);
}
