/*
 * path_cut.h - the SQL function path_cut(path, n): the first n names of a path; n = 0: all of it.
 *
 *	path_cut_register(db, &err);
 *	// SELECT path_cut('drivers/net/ethernet', 2)	drivers/net
 */
#ifndef KMEM_ANALYZE_PATH_CUT_H
#define KMEM_ANALYZE_PATH_CUT_H

#include <sqlite3.h>

#include "format/base/error.h"

int path_cut_register(sqlite3 *db, struct error *err);

/*
 * A directory as a user types it ("./fs/ext4/") as databases have it ("fs/ext4"), in place. ERR_USAGE where
 * nothing is left.
 */
int path_tidy(char *path, const char *option, struct error *err);

#endif
