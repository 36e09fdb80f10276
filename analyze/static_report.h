/*
 * static_report.h - what reports on static memory share: the selection of directories and the header.
 *
 *	static_branch(r->db, &dirs, &err);	// makes temp.static_unit
 *	static_select(r->db, &dirs, &err);	// makes temp.static_selected
 *	static_header(r, "static", &dirs, &err);
 */
#ifndef KMEM_ANALYZE_STATIC_REPORT_H
#define KMEM_ANALYZE_STATIC_REPORT_H

#include "analyze/report.h"

/*
 * A directory of -b as a user types it ("./fs/ext4/") as databases have it ("fs/ext4"), in place. ERR_USAGE where
 * nothing is left.
 */
int static_tidy(char *path, struct error *err);

/* The source files in these directories and below, as the temporary table static_unit. ERR_USAGE: one is none. */
int static_branch(sqlite3 *db, const struct option_list *dirs, struct error *err);

/*
 * After static_branch: the rows of static_symbol that are compiled from files of these directories of the source tree and below
 * ("fs/ext4"; count 0: all rows), as the temporary view static_selected. ERR_UNSUPPORTED: the database has no static
 * sizes. ERR_USAGE: one is no directory, or none holds anything.
 */
int static_select(sqlite3 *db, const struct option_list *dirs, struct error *err);

/* Lines that start with '#': where the sizes are from, their sums, and what they do not tell. */
int static_header(struct report *r, const struct option_list *dirs, struct error *err);

/* A database in memory, of a vmlinux or a build tree: there are no allocations in it. */
bool static_only(sqlite3 *db);

#endif
