/*
 * proc_maps.h - the executable mappings of every process that runs, from /proc, as records of PROCESS
 * blocks: where the side band of a recording begins.
 *
 *	proc_maps_put(writer, now, &err);
 */
#ifndef KMEM_RECORD_PROC_MAPS_H
#define KMEM_RECORD_PROC_MAPS_H

#include <stdint.h>

#include "format/writer.h"

/* time: trace clock, ns. Processes that end meanwhile, or that may not be looked at, are left out. */
int proc_maps_put(struct capture_writer *writer, uint64_t time, struct error *err);

#endif
