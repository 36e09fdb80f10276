/*
 * losses.h - when events were lost or not recorded, and whether an object was live then.
 *
 * Most are known from the block headers before the replay begins; damage is found when a block is
 * loaded, while the replay runs, but before the events of that block are due.
 *
 *	struct losses l = { 0 };
 *	losses_add(&l, &(struct loss){ .cpu = 1, .from = t1, .to = t2, .records = 12 });
 *	losses_sort(&l);			// once, before the replay
 *	doubt = losses_hit(&l, object_time, now);	// now never decreases; O(1) amortised
 *	losses_settle(&l);			// once, at its end
 *	losses_release(&l);
 */
#ifndef KMEM_ANALYZE_LOSSES_H
#define KMEM_ANALYZE_LOSSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOSS_CPU_UNKNOWN (-1)

/*
 * Why events are not there. Those that nobody wanted (pauses, what a flight recorder overwrote)
 * leave the same doubt behind, but they make no capture incomplete and count no records.
 */
enum loss_kind { LOSS_LOST, LOSS_PAUSED, LOSS_OVERWRITTEN };

struct loss {
	enum loss_kind kind;
	int32_t cpu;	  /* or LOSS_CPU_UNKNOWN: any, or all */
	int64_t from, to; /* ns since the start of the capture */
	uint64_t records; /* a lower bound where a block is missing */
};

struct losses {
	struct loss *list; /* by from */
	size_t count, cap;
	size_t begun;	   /* how many have begun by the replay's clock */
	int64_t latest_to; /* the latest end of those, and of those found late */
	struct loss *
		late; /* found since the sorting: a heap, the earliest first; behind it those that have begun */
	size_t late_waiting, late_count, late_cap;
};

/* False: no memory. add is for what is known before losses_sort, insert for what is found later. */
bool losses_add(struct losses *l, const struct loss *loss);
void losses_sort(struct losses *l);
bool losses_insert(struct losses *l, const struct loss *loss);
/* All are in the list, in order. */
bool losses_settle(struct losses *l);
void losses_advance(struct losses *l, int64_t now);
void losses_release(struct losses *l);

/* Whether some interval that began by now ends at or after `since`: the object was live in it. */
static inline bool losses_hit(struct losses *l, int64_t since, int64_t now)
{
	if ((l->begun < l->count && l->list[l->begun].from <= now) ||
	    (l->late_waiting && l->late[0].from <= now))
		losses_advance(l, now);
	return (l->begun || l->late_waiting < l->late_count) && since <= l->latest_to;
}

#endif
