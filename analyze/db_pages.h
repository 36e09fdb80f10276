/*
 * db_pages.h - a checksum in each page of a database, so that a byte that was damaged is an error and never a wrong answer.
 * SQLite has none of its own.
 *
 *	db_pages_register();					// once; DB_PAGES is the name of a VFS from then on
 *	sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, DB_PAGES);
 *	db_pages_reserve(db, &err);				// of a new database, before anything is in it
 *
 * The checksum stands in the last 8 bytes of a page, which SQLite keeps free for it; SQLite itself, and its shell, read such a
 * database like any other. A page that is not what it was reads as SQLITE_CORRUPT. Whoever changes the database with
 * other programs may: page 1 says at which change of SQLite's own count ours ended, and of a database that was changed
 * since nothing is checked. Neither is one without checksums.
 */
#ifndef KMEM_ANALYZE_DB_PAGES_H
#define KMEM_ANALYZE_DB_PAGES_H

#include <sqlite3.h>

#include "format/base/error.h"

#define DB_PAGES "kmem-pages"

/* ERR_NOMEM. May be called again. */
int db_pages_register(struct error *err);

/* All pages of a database that is opened for writing have checksums. ERR_UNSUPPORTED: this SQLite cannot. */
int db_pages_reserve(sqlite3 *db, struct error *err);

#endif
