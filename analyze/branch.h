/*
 * branch.h - -b DIR: only what is allocated from functions of a directory of the source tree.
 *
 * A directory holds an allocation when the compile unit (the .c file) of its caller lies in it or
 * below it, whole path components compared: fs/ext4 is in fs and not in fs/ext. With --any-frame the
 * unit of any kernel frame of the stack will do.
 *
 *	branch_prepare(&b, db, &err);		// after callers_select; temp.branch_site is there
 *	branch_header(r, &err);
 */
#ifndef KMEM_ANALYZE_BRANCH_H
#define KMEM_ANALYZE_BRANCH_H

#include <sqlite3.h>
#include <stdbool.h>

#include "format/base/error.h"
#include "format/base/options.h"

struct branch {
	struct option_list dirs; /* -b; count 0: everything */
	bool any_frame;
};

/*
 * Makes the temporary table branch_site (site): the allocation sites in the directories, empty without
 * -b. ERR_USAGE for what is no directory of a source tree, ERR_UNSUPPORTED without debug information.
 */
int branch_prepare(const struct branch *b, sqlite3 *db, struct error *err);
/* The same anew, when alloc_site has more sites. */
int branch_sites(const struct branch *b, sqlite3 *db, struct error *err);

struct report;

/* Lines of a report's header: what was selected and how much of its domain's memory that is. */
int branch_header(struct report *r, struct error *err);

/* Whether the database knows the compile units of any code of the kernel. */
bool debug_information(sqlite3 *db);
/* The error for `what`, which needs them: ERR_UNSUPPORTED with what would help. */
int no_debug_information(const char *what, struct error *err);

#endif
