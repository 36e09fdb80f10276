/*
 * ftrace_ring.h - the rings of tracing instances, for the readers (reader.h): sub-buffers read from
 * trace_pipe_raw, losses from the kernel's counts.
 *
 * Loss: the rings refuse records when they are full, and count them. The count is read at each
 * drain; its growth is told in front of the next event block, never earlier than where the records
 * are missing (FORMAT.md, lost before).
 *
 *	ftrace_rings_open(&rings, &inst, 1, &err);
 *	readers_start(&readers, &rings, plan, writer, &err);
 */
#ifndef KMEM_RECORD_FTRACE_RING_H
#define KMEM_RECORD_FTRACE_RING_H

#include "record/instance.h"
#include "record/reader.h"

/* The rings of all CPUs; their number is that of the instance in the list. */
int ftrace_rings_open(struct ring_list *ret, struct instance *const *instances, uint16_t count,
		      struct error *err);

/*
 * The kernel's counts of one CPU's ring: entries, overrun, commit_overrun, dropped, read. fd: its
 * file stats.
 */
int ring_counts_read(int fd, struct ring_stats *ret, struct error *err);

#endif
