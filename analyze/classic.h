/*
 * classic.h - the arithmetic of trace_analyze for one API, where events are selected before they
 * are paired.
 *
 * Pairs then differ from those in the database (a kmalloc'ed object that kmem_cache_free frees
 * stays live, a later kfree of the same address ends the wrong object), so the events are replayed,
 * address by address.
 */
#ifndef KMEM_ANALYZE_CLASSIC_H
#define KMEM_ANALYZE_CLASSIC_H

#include <sqlite3.h>
#include <stdbool.h>

#include "format/base/error.h"

/*
 * Makes the temporary table account (caller, total, waste, net, alloc, free, net_req). api:
 * "malloc" or "cache". branch: only the call sites in temp.branch_site.
 */
int classic_account(sqlite3 *db, const char *api, bool branch, struct error *err);

#endif
