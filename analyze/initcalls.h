/*
 * initcalls.h - which initcall a task was running at a moment, from the recorded events
 * initcall:initcall_start and initcall_finish.
 *
 * The functions of one task run one after the other, or nested; work that an initcall handed to
 * another task (async_schedule, work queues) is not its own any more and belongs to none. One
 * whose start is before the capture began counts from there on, one that never ended to its end. One that
 * began and ended at the same time (before the clock ran, at 0) holds nothing.
 *
 *	initcalls_read(&ic, db, &err);		// temp.initcall_name (id, name)
 *	id = initcalls_find(&ic, pid, time);	// 0: none
 *	initcalls_release(&ic);
 */
#ifndef KMEM_ANALYZE_INITCALLS_H
#define KMEM_ANALYZE_INITCALLS_H

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

#include "format/base/error.h"

struct initcall_span {
	int64_t pid, from, to; /* ns, both ends included */
	int64_t name;	       /* id in temp.initcall_name */
};

struct initcalls {
	struct initcall_span *spans; /* by pid, then in order; those of one pid do not overlap */
	size_t count, room;
};

/* ERR_UNSUPPORTED if the capture has no such events. On failure there is nothing to release. */
int initcalls_read(struct initcalls *ic, sqlite3 *db, struct error *err);
int64_t initcalls_find(const struct initcalls *ic, int64_t pid, int64_t time);
void initcalls_release(struct initcalls *ic);

#endif
