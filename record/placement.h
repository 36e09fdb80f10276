/*
 * placement.h - where the threads that read the rings run, and how urgently.
 *
 *	struct placement p = { 0 };
 *	placement_make(&p, options, &err);
 *	readers_start(..., &p, ...);
 *	placement_release(&p);
 */
#ifndef KMEM_RECORD_PLACEMENT_H
#define KMEM_RECORD_PLACEMENT_H

#include "record/number_list.h"

/*
 * A reader needs a fifth to a third of its CPU when the workload does nothing but allocate. Among
 * ten busy tasks it would get a tenth, the ring would fill and records would be lost; it never
 * takes more than there is to read.
 */
#define PLACEMENT_NICE -20

struct placement {
	int nice;
	struct number_list cpus; /* empty: each thread on the CPUs whose rings it reads */
};

struct session_options;

/* ERR_USAGE: --nice is no number from -20 to 19, or --place-cpu names a CPU that is not online. */
int placement_make(struct placement *ret, const struct session_options *options, struct error *err);
void placement_release(struct placement *p);

#endif
