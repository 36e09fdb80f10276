/*
 * db_memory.h - whether SQLite ever lacked memory, or what prints a report and has no error to give back.
 *
 * SQLite goes on after some failures: a text that could not be copied is bound as NULL, a value that could not be
 * converted is 0. So one failure anywhere is the failure of all that follows: queries end, nothing is committed.
 */
#ifndef KMEM_ANALYZE_DB_MEMORY_H
#define KMEM_ANALYZE_DB_MEMORY_H

#include <stdbool.h>

/* Before SQLite is used for the first time. */
void db_memory_watch(void);

/* p, just allocated; NULL is remembered. */
void *db_memory_note(void *p);

/* From any thread. */
bool db_memory_failed(void);

#endif
