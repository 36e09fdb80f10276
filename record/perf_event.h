/*
 * perf_event.h - one perf event of the kernel at a time: opened, read, and told what is missing when
 * it cannot be. What the samples of an event look like follows from how it was opened, and is decided
 * here for both sides.
 *
 * It knows neither rings (perf_ring.h) nor which events a recording needs (perf.h).
 *
 *	struct perf_request r = { .kind = PERF_KIND_TRACEPOINT, .config = id, .pid = -1, .cpu = 0 };
 *	fd = perf_event_open_one(&r, &err);		// switched off; close it
 *	perf_event_switch(fd, true, &err);
 *	perf_event_count(fd, &count, &err);
 *
 * Sources of facts: include/uapi/linux/perf_event.h and kernel/events/core.c of the kernel.
 */
#ifndef KMEM_RECORD_PERF_EVENT_H
#define KMEM_RECORD_PERF_EVENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "format/base/error.h"

enum perf_kind {
	PERF_KIND_SIDE_BAND,  /* counts nothing: tells of tasks, and of their memory if asked to */
	PERF_KIND_TRACEPOINT, /* config: the number in its format file */
	PERF_KIND_SOFTWARE,   /* config: PERF_COUNT_SW_... */
};

struct perf_request {
	enum perf_kind kind;
	uint64_t config;
	bool stack, user_stack; /* user_stack: the frames of the program too */
	uint16_t max_stack;	/* frames; 0: as many as the kernel gives */
	bool maps;		/* side band: executable memory that is mapped, with build-ids */
	bool inherit;		/* tasks that the task makes, too */
	uint64_t period;	/* a sample of each so-many-th event; 0: of every one */
	uint32_t watermark;	/* bytes in the ring that wake its reader; 0: the kernel's choice */
	pid_t pid;		/* a thread id; -1: all tasks */
	int cgroup_fd;		/* pid == -1: tasks of this cgroup only; -1: all */
	int cpu;
};

/*
 * Samples on all rings: u64 id; then for software events u64 ip; then, but not for tracepoints,
 * u32 process, u32 thread; u64 time; for software events u64 address; with stacks u64 n and n
 * frames; for tracepoints u32 length and the record.
 */

/* ERR_UNSUPPORTED and ERR_USAGE say what is missing and what to do. */
int perf_event_open_one(const struct perf_request *request, struct error *err);

int perf_event_switch(int fd, bool on, struct error *err);
int perf_event_count(int fd, uint64_t *ret, struct error *err);
/* Of the side band: for how long it was switched on; 0: its CPU is gone. */
int perf_event_enabled_ns(int fd, uint64_t *ret, struct error *err);
int perf_event_id(int fd, uint64_t *ret, struct error *err); /* that its samples carry */

/* Its samples go into the ring that is mapped from ring_fd, an event on the same CPU. */
int perf_event_redirect(int fd, int ring_fd, struct error *err);

/* The caller has the kernel's words for a bad filter from elsewhere. */
int perf_event_filter(int fd, const char *filter, struct error *err);

/* The value of a file below /proc/sys/kernel; -100 if it cannot be read. */
long perf_sysctl(const char *name);

#endif
