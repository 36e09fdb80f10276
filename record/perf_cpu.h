/*
 * perf_cpu.h - the perf events and the ring of one CPU, for the readers (reader.h). All events of the
 * CPU write into one ring, so that their order is kept; the ring belongs to the event of the side
 * band, which is always there.
 *
 *	perf_cpu_new(&c, &plan_of_it, cpu, &err);
 *	perf_cpu_open(c, source, pid, cgroup_fd, &err);	// any number of times; switched off
 *	perf_cpu_switch(c, PERF_EVERYWHERE, true, &err);
 *	list.items[i] = perf_cpu_ring(c);		// from then on it is the readers'
 *
 * Loss: a record that finds no room is counted by the kernel and told in front of the next one that
 * does. What a ring has no trace of shows at the end, when the kernel's count of each event is
 * compared with the samples that came: it is told behind the last of them.
 */
#ifndef KMEM_RECORD_PERF_CPU_H
#define KMEM_RECORD_PERF_CPU_H

#include "record/event_plan.h"
#include "record/perf_presence.h"
#include "record/perf_event.h"
#include "record/reader.h"
#include "record/software_event.h"

/* One entry of the event list. */
struct perf_source {
	struct perf_request request; /* pid, cgroup_fd and cpu are filled in for each event */
	const struct software_event *software; /* NULL: a tracepoint */
	const char *filter;		       /* NULL: none */
	bool everywhere;		       /* whatever tasks and CPUs are selected */
};

/* What all CPUs share. */
struct perf_setup {
	const struct perf_source *sources;
	uint32_t source_count;
	const struct event_plan *plan;
	uint64_t ring_bytes; /* a power of two of pages */
	uint32_t watermark;  /* bytes */
	bool maps;	     /* the side band tells of executable memory */
	int exits_fd;	     /* as in struct perf_side */
};

struct perf_cpu;

/* setup must outlive it. */
int perf_cpu_new(struct perf_cpu **ret, const struct perf_setup *setup, uint32_t cpu,
		 struct error *err);
struct ring *perf_cpu_ring(struct perf_cpu *c); /* ring->ops->release frees all */

/* pid -1: all tasks, or those of the cgroup if cgroup_fd is not -1. */
int perf_cpu_open(struct perf_cpu *c, uint32_t source, pid_t pid, int cgroup_fd, struct error *err);

enum perf_part { PERF_SIDE_BAND, PERF_EVERYWHERE, PERF_SELECTED };

int perf_cpu_switch(struct perf_cpu *c, enum perf_part part, bool on, struct error *err);

/* After the readers have stopped: samples counted by the kernel and stored, of one source. */
void perf_cpu_counts(const struct perf_cpu *c, uint32_t source, uint64_t *counted,
		     uint64_t *stored);

/*
 * After the readers have stopped. For how long the kernel had the side band switched on: when a CPU goes offline that
 * ends, as all events of the CPU do, and does not go on when the CPU comes back. False if the kernel does not say.
 */
bool perf_cpu_presence(const struct perf_cpu *c, struct perf_presence *ret);

#endif
