/*
 * sql_guard.h - what SQL of a user may do to an open database: read it, and make temporary tables and views. And the
 * functions that reports offer to it.
 *
 *	sql_guard(db, &err);		// for the rest of the connection's life
 *
 * Functions: bytes_text(n) "1.5 kB"; duration_text(ns) "1.500 ms"; address_text(n) "0xffffffff81000000"; stack_text(stack) the
 * frames of a stack in one line, innermost first. NULL gives NULL.
 */
#ifndef KMEM_ANALYZE_SQL_GUARD_H
#define KMEM_ANALYZE_SQL_GUARD_H

#include <sqlite3.h>

#include "format/base/error.h"

int sql_guard(sqlite3 *db, struct error *err);

#endif
