/*
 * static_input.h - what the commands `static` and `rings` may be given beside a capture or database: a linked kernel or
 * a build tree, as a database in memory that has the tables of a real one, with source and static_symbol filled.
 *
 *	enum static_input_kind kind = static_input_kind(path);
 *
 *	if (kind != STATIC_INPUT_NONE && static_input_open(&db, path, kind, &err) == 0) {
 *		...	// capture keys: static.from, static.kernel, static.how
 *		sqlite3_close(db);
 *	}
 *
 * A tree with a vmlinux in it is that vmlinux, with its objects for what debug information does not tell; one without is
 * the sum of the objects of its archives.
 */
#ifndef KMEM_ANALYZE_STATIC_INPUT_H
#define KMEM_ANALYZE_STATIC_INPUT_H

#include <sqlite3.h>

#include "format/base/error.h"

enum static_input_kind { STATIC_INPUT_NONE, STATIC_INPUT_ELF, STATIC_INPUT_TREE };

/* By what the file is, not by its name. NONE: neither, or it cannot be read: for db_open to say. */
enum static_input_kind static_input_kind(const char *path);

int static_input_open(sqlite3 **ret, const char *path, enum static_input_kind kind,
		      struct error *err);

#endif
