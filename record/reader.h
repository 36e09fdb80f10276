/*
 * reader.h - the threads that empty the rings of one or several instances into a capture.
 *
 * The number of a ring is that of its instance in the list. One thread per CPU up to 16, then one per group of CPUs, pinned to the CPUs it serves. Each is a
 * writer of its own in the capture (writer numbers from 1). A thread that fails says so through the
 * event fd and stops.
 *
 *	readers_start(&readers, &inst, 1, plan, writer, &err);
 *	poll(readers_event_fd(readers), ...)		// readable: a thread has failed
 *	readers_stop(readers, &err);			// drains what is left, joins; tracing must be off
 *	readers_stats(readers, i, &stats);		// per ring, then
 *	readers_addresses(readers, &set, &err);
 *	readers_free(readers);
 *
 * Loss: the rings refuse records when they are full, and count them. The count is read at each
 * drain; its growth is told in front of the next event block, never earlier than where the records
 * are missing (FORMAT.md, lost before).
 */
#ifndef KMEM_RECORD_READER_H
#define KMEM_RECORD_READER_H

#include "format/records.h"
#include "format/writer.h"
#include "record/event_plan.h"
#include "record/instance.h"
#include "record/intern.h"

struct readers;

/*
 * All arguments must outlive the readers. Signals should be blocked before: threads inherit the
 * mask.
 */
int readers_start(struct readers **ret, struct instance *const *instances, uint16_t count,
		  const struct event_plan *plan, struct capture_writer *writer, struct error *err);
int readers_event_fd(const struct readers *r);

/* The first failure of any thread is returned; the others are stopped all the same. */
int readers_stop(struct readers *r, struct error *err);
void readers_free(struct readers *r);

/*
 * Records that the rings have refused or overwritten so far, as the threads saw it. Any time, any
 * thread.
 */
uint64_t readers_lost(const struct readers *r);

/* After readers_stop: the account of the i-th ring, ordered by instance, then CPU. */
size_t readers_ring_count(const struct readers *r);
void readers_stats(const struct readers *r, size_t i, struct ring_stats *ret);
uint64_t readers_unknown(const struct readers *r); /* records of types that were not asked for */

/* After readers_stop: every distinct frame and call site (u64 keys) into set. */
int readers_addresses(const struct readers *r, struct intern *set, struct error *err);

/*
 * The kernel's counts of one CPU's ring: entries, overrun, commit_overrun, dropped, read. fd: its
 * file stats.
 */
int ring_counts_read(int fd, struct ring_stats *ret, struct error *err);

#endif
