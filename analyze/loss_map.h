/*
 * loss_map.h - from what a capture says about itself to the intervals in which events were lost.
 *
 * Five sources: `lost before` of event blocks; event blocks that the closing index names and that
 * are not there; where there is no index, gaps in a writer's sequence numbers; segments that are not
 * there or have no end; and losses that the rings' statistics counted and no block placed, which may
 * have happened at any time. Blocks with damaged bodies are added when they are loaded.
 *
 * And two that were wanted: pauses (MARKS), and the time between the first event of all and the
 * first of a ring whose older events a flight recorder has overwritten.
 *
 *	loss_map(&losses, &scan, &model, base, &err);
 */
#ifndef KMEM_ANALYZE_LOSS_MAP_H
#define KMEM_ANALYZE_LOSS_MAP_H

#include "analyze/capture_model.h"
#include "analyze/losses.h"

int loss_map(struct losses *losses, const struct capture_scan *scan,
	     const struct capture_model *model, uint64_t base, struct error *err);

#endif
