/*
 * other_event.h - an event that neither allocates nor frees: its values go to the feed as they are,
 * and task_newtask and task_rename also tell the replay who is who from now on.
 *
 * Reads the columns of the event's block, which are sequential: it must be called for every such
 * event of a block, in order. Returns 0, ERR_NOMEM or ERR_INTERRUPTED (the feed was cancelled).
 *
 *	rc = other_event(replay, stream, row, fact, task, stack);	// fact NULL: its tuple is gone, those values are NULL
 */
#ifndef KMEM_ANALYZE_OTHER_EVENT_H
#define KMEM_ANALYZE_OTHER_EVENT_H

#include "analyze/replay.h"

int other_event(struct replay *r, struct cpu_stream *s, const struct event_row *row,
		const struct tuple_fact *fact, uint32_t task, uint32_t stack);

#endif
