/*
 * folding.h - the recorder's side of --survivors: events of all rings through the hold (fold.h) into
 * event blocks, and counters of what was folded into FOLDED blocks.
 *
 * One thread reads all rings and owns this, because a pair's events are in the rings of two CPUs as
 * often as not. The rings' sinks hand their events over; a round takes into the order of time what
 * is certain to be complete, and puts out blocks and counters every ten seconds. Events of a
 * hold that is killed are lost with it: at most the age and those ten seconds.
 *
 *	folding_new(&f, &options, plan, &emitter, sinks, &err);
 *	folding_attach(f, i, &sink);			// each of them, in the order of CPU and ring
 *	folding_start(f);
 *	loop:	start = now; drain all rings;		// row_sink.h calls take and loss
 *		folding_round(f, start, &err);
 *	folding_finish(f, &err);			// all rings are empty
 *	folding_report(f, &report);
 *	folding_free(f);
 */
#ifndef KMEM_RECORD_FOLDING_H
#define KMEM_RECORD_FOLDING_H

#include "record/emitter.h"
#include "record/fold.h"
#include "record/presets.h"

struct row_sink;
struct folding;

#define FOLDING_AGE_MIN	   1000000ull	  /* ns */
#define FOLDING_AGE_MAX	   60000000000ull /* ns */
#define FOLDING_MEMORY_MIN (1u << 20)	  /* bytes */

struct folding_options {
	uint64_t age_ns;
	size_t memory;	   /* bytes; fold.h */
	bool foreign_pids; /* events number tasks differently than /proc does */
};

struct folding_report {
	uint64_t age_ns, memory;
	struct fold_counts counts;
	uint64_t stopped_ns; /* trace clock when the live addresses no longer fit; 0: they did */
};

/* The hold when the user names no size: 256 MiB, and at most a twentieth of memory. */
size_t folding_default_memory(void);

/*
 * Says in text which kinds of memory cannot be folded because only one side of their pairs is
 * recorded, as a list; "" if there are none. Returns whether anything can be folded.
 */
bool folding_possible(const struct event_list *events, char *text, size_t room);

/* Plan and emitter outlive the folding. sinks: how many rings there are. */
int folding_new(struct folding **ret, const struct folding_options *options,
		const struct event_plan *plan, struct emitter *emitter, uint32_t sinks,
		struct error *err);
void folding_attach(struct folding *f, uint32_t source, struct row_sink *sink);
void folding_free(struct folding *f);

/* The threads of this process are there now; called by the one that reads. */
void folding_start(struct folding *f);

/* Events of the sink's stream that wait for nothing go into the hold. */
int folding_take(struct folding *f, struct row_sink *sink, struct error *err);

/* Records are missing in front of what comes next; 0: they are, but it is not known where. */
int folding_loss(struct folding *f, struct row_sink *sink, uint64_t records, struct error *err);

/*
 * No pair spans this moment (CLOCK_MONOTONIC, ns): recording was paused until then. Any thread,
 * before events come again.
 */
void folding_interrupt(struct folding *f, uint64_t until_ns);

/* All rings were drained; start_ns: CLOCK_MONOTONIC before the first was. */
int folding_round(struct folding *f, uint64_t start_ns, struct error *err);
int folding_finish(struct folding *f, struct error *err);
void folding_report(const struct folding *f, struct folding_report *ret);

#endif
