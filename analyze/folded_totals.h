/*
 * folded_totals.h - what the recorder counted instead of writing (FOLDED blocks) goes into the
 * totals of the replay, as if its events had been there: pairs, matched frees, frees of NULL, events
 * of each type. There are no rows for it, and it takes no part in peaks.
 *
 *	folded_totals(&f, &err);		// after the replay's last event, before replay_finish
 */
#ifndef KMEM_ANALYZE_FOLDED_TOTALS_H
#define KMEM_ANALYZE_FOLDED_TOTALS_H

#include "analyze/replay.h"
#include "analyze/series.h"

struct folded_totals {
	const struct series *series;
	struct capture_scan *scan; /* damaged blocks are noted here */
	struct replay *replay;	   /* its sites get new entries */
	uint64_t page_size;
	uint32_t unknown; /* becomes: sections of unknown kinds */
};

int folded_totals(struct folded_totals *f, struct error *err);

#endif
