/*
 * instance.h - a tracing instance of our own: rings that nobody else reads, gone when we are.
 *
 * The instance is called kmem-record.PID.STARTTIME, the second of a recorder has -1 behind that, and
 * its directory is locked (flock) as a sign of life. A recorder that was killed leaves one behind; instance_sweep removes it when its process is
 * gone and its lock is free. Nothing outside of the instance is changed.
 *
 *	instance_sweep(top);
 *	instance_new(&inst, top, &options, &err);	// tracing is off, rings are set up
 *	instance_enable(inst, "kmem", "kmalloc", true, NULL, &err);
 *	instance_switch(inst, true, &err);
 *	...
 *	instance_free(inst);				// switches off, removes it
 */
#ifndef KMEM_RECORD_INSTANCE_H
#define KMEM_RECORD_INSTANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "format/base/error.h"
#include "record/ring_page.h"

struct instance_options {
	bool overwrite;	     /* a full ring gives up its oldest records, not the newest */
	uint64_t all_bytes;  /* of all CPUs together, instead of ring_bytes; 0: not said */
	uint64_t ring_bytes; /* per CPU; 0: 16 MB, and never more than a tenth of memory in all */
	uint16_t number, count; /* which of our instances this is, of how many */
	/* how much of a ring wakes its reader; neither: 25 percent */
	uint64_t wake_percent, wake_bytes;
};

struct instance {
	int top; /* the tracing directory; the caller's */
	int dir; /* of the instance; locked */
	char name[64];
	bool overwrite;
	uint64_t ring_bytes; /* per CPU, as the kernel says */
	struct ring_layout layout;
	uint32_t *cpus; /* CPUs that have a ring */
	uint32_t cpu_count;
};

/* Bytes of one ring: what was asked for, or 16 MB and with all CPUs at most a tenth of memory. */
uint64_t instance_ring_bytes(uint64_t asked, uint32_t cpu_count);

int instance_new(struct instance **ret, int top, const struct instance_options *options,
		 struct error *err);

/*
 * Switches tracing off and removes the instance. Every fd into it must be closed. NULL is allowed.
 */
void instance_free(struct instance *inst);

/*
 * Switches one event on, with a stack after each if asked for. filter: in the kernel's words
 * (event_filter.h), or NULL; stacks heed only what their trigger says, so that it is said twice. At
 * most INSTANCE_FILTER_MAX bytes: the kernel takes one page with all the rest.
 */
#define INSTANCE_FILTER_MAX 4000
int instance_enable(struct instance *inst, const char *system, const char *name, bool stacks,
		    const char *filter, struct error *err);
int instance_disable_all(struct instance *inst, struct error *err);
int instance_switch(struct instance *inst, bool on, struct error *err);

/* Tracing is switched off in this instance at the moment of an event; filter: NULL, or which ones. */
int instance_stop_at(struct instance *inst, const char *system, const char *name,
		     const char *filter, struct error *err);
bool instance_is_on(const struct instance *inst);
/* Forgets everything that is in the rings, and their counts. */
int instance_clear(struct instance *inst, struct error *err);

/* Opens a file of a CPU: per_cpu/cpuN/FILE. flags as in open(2). */
int instance_open_cpu(const struct instance *inst, uint32_t cpu, const char *file, int flags,
		      struct error *err);

/* Removes what dead recorders left; returns how many instances were removed. */
int instance_sweep(int top);

#endif
