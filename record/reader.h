/*
 * reader.h - the threads that empty rings into a capture, whatever kind of rings they are.
 *
 * One thread per CPU up to 16, then one per group of CPUs, pinned to the CPUs it serves. Each is a
 * writer of its own in the capture (writer numbers from 1). A thread that fails says so through the
 * event fd and stops.
 *
 *	ftrace_rings_open(&rings, ...)			// or perf_rings_open
 *	readers_start(&readers, &rings, plan, writer, &err);
 *	poll(readers_event_fd(readers), ...)		// readable: a thread has failed
 *	readers_stop(readers, &err);			// drains what is left, joins; recording must be off
 *	readers_stats(readers, i, &stats);		// per ring, then
 *	readers_addresses(readers, &set, &err);
 *	readers_free(readers);
 */
#ifndef KMEM_RECORD_READER_H
#define KMEM_RECORD_READER_H

#include "format/records.h"
#include "format/writer.h"
#include "record/placement.h"
#include "record/event_plan.h"
#include "record/folding.h"
#include "record/intern.h"
#include "record/row_sink.h"

struct ring;

struct ring_ops {
	/* Reads until the ring is empty, or so much that other rings should get their turn. */
	int (*drain)(struct ring *ring, bool *ret_empty, struct error *err);
	/* After a drain, with recording off: does the kernel agree that this was all? */
	bool (*is_done)(const struct ring *ring);
	/* After the last drain, before the last block: NULL where there is nothing to do. */
	int (*finish)(struct ring *ring, struct error *err);
	/* What the kernel counted, and bytes. */
	void (*stats)(const struct ring *ring, struct ring_stats *ret);
	void (*release)(struct ring *ring); /* frees it, but not its sink */
};

/* The first member of what a kind of ring allocates. Members but sink and page are set by it. */
struct ring {
	const struct ring_ops *ops;
	uint32_t cpu;
	uint16_t number; /* which of the CPU's rings */
	int fd;		 /* readable when there is enough to read */
	struct row_sink sink;
	struct sample_join *samples; /* as in row_sink.h; its maker's */
	uint8_t *page;		     /* scratch of its thread: plan->layout.subbuf_size bytes */
	struct ring_stats at_change; /* its account when its thread last changed over */
};

struct ring_list {
	struct ring **items; /* ordered by number, then CPU */
	uint32_t count;
};

void ring_list_release(struct ring_list *list);

struct readers;

/*
 * Takes over the rings, also when it fails. Plan, writer and placement must outlive the readers. Signals should
 * be blocked before: threads inherit the mask. fold: NULL, or what folding is asked for; then one
 * thread reads all rings.
 */
int readers_start(struct readers **ret, struct ring_list *rings, const struct event_plan *plan,
		  struct capture_writer *writer, const struct placement *placement,
		  const struct folding_options *fold, struct error *err);
int readers_event_fd(const struct readers *r);

/* The first failure of any thread is returned; the others are stopped all the same. */
int readers_stop(struct readers *r, struct error *err);
void readers_free(struct readers *r);

/*
 * Records that the rings have refused or overwritten so far, as the threads saw it. Any time, any
 * thread.
 */
uint64_t readers_lost(const struct readers *r);

/* After readers_stop: the account of the i-th ring of the list. */
size_t readers_ring_count(const struct readers *r);
void readers_stats(const struct readers *r, size_t i, struct ring_stats *ret);

/*
 * Another file: each thread puts what it has, starts a new dictionary and goes on in `writer`. This
 * returns at once; the writer of before is needed until readers_changed. A change begins only when
 * the one before has ended. readers_stop ends one that is under way, unless a thread has failed.
 */
void readers_change(struct readers *r, struct capture_writer *writer);
bool readers_changed(const struct readers *r);

/*
 * After readers_changed: the account of the i-th ring of the list up to where its thread changed
 * over. `read` is what was decoded, and nothing is left in the ring: what is there belongs to the
 * next file.
 */
void readers_change_stats(const struct readers *r, size_t i, struct ring_stats *ret);

/* folding_interrupt, if anything is folded. Any thread. */
void readers_interrupt(const struct readers *r, uint64_t until_ns);

/* After readers_stop; false when nothing was to be folded. */
bool readers_folded(const struct readers *r, struct folding_report *ret);

/* After readers_stop: every distinct frame and call site (u64 keys) into set. */
int readers_addresses(const struct readers *r, struct intern *set, struct error *err);

#endif
