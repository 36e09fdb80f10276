/*
 * row_sink.h - where the events of one ring gather until their block is put: when it is full, when
 * it is old, when records are missing behind it, at the end. The same for every kind of ring.
 *
 *	row_sink_init(&sink, cpu, ring, &emitter, &lost_in_all, &err);
 *	stream_page(&sink.stream, ...) or stream_event(...)
 *	row_sink_filled(&sink, &err);		// after some records, always before other input
 *	row_sink_loss(&sink, n, &err);		// n records are missing in front of what comes next
 *	if (row_sink_due(&sink, now)) row_sink_put(&sink, &err);
 *	row_sink_release(&sink);
 */
#ifndef KMEM_RECORD_ROW_SINK_H
#define KMEM_RECORD_ROW_SINK_H

#include "record/sample_join.h"
#include "record/stream.h"

struct folding;

struct row_sink {
	struct stream stream;
	uint64_t opened_ns;    /* when the first event of the open block was read; 0: it is empty */
	uint64_t lost_before;  /* to be told in front of the open block */
	uint64_t *lost_in_all; /* of all rings, atomic */
	struct folding *folding;     /* where events go instead of a block; folding.h */
	uint32_t source;	     /* which of its rings this is */
	struct sample_join *samples; /* where stacks come from beside the ring; NULL: nowhere */
	bool settled;		     /* all rows have got theirs */
};

int row_sink_init(struct row_sink *s, uint32_t cpu, uint16_t ring, struct emitter *emitter,
		  uint64_t *lost_in_all, struct error *err);
void row_sink_release(struct row_sink *s);

/* The open block, if there is anything to tell. Events that wait for a stack go without. */
int row_sink_put(struct row_sink *s, struct error *err);

/* Puts the block if it is full; with samples, only if there is no room for more. */
int row_sink_filled(struct row_sink *s, struct error *err);

/*
 * With samples: all events from before that time were handed in, and none that is not. Rows get their
 * stacks, and a full block is put.
 */
int row_sink_complete(struct row_sink *s, uint64_t until_ns, struct error *err);

/*
 * Ends the block, and tells the loss in front of the next one. Whoever learns of a loss late tells it
 * late: then more objects are in doubt than need be, never fewer.
 */
int row_sink_loss(struct row_sink *s, uint64_t records, struct error *err);

/*
 * Records may be missing, and row_sink_loss will tell when it is certain that this lies behind.
 * Before the first event is handed in that was not yet read when the ring was looked at.
 */
int row_sink_suspect(struct row_sink *s, struct error *err);

/* The block is a second old. now: CLOCK_MONOTONIC, ns. */
bool row_sink_due(const struct row_sink *s, uint64_t now);

#endif
