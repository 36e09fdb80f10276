/*
 * perf_presence.h - whether perf events of a CPU were on for as long as they should have been: they end when the CPU
 * goes offline, and do not go on when it comes back.
 *
 * The kernel's clock for that is not ours: how they run shows at the CPU that was there for longest.
 *
 *	for each CPU: rate = perf_presence_rate(rate, &here);
 *	for each CPU: if (perf_presence_ended(rate, &here)) ...
 */
#ifndef KMEM_RECORD_PERF_PRESENCE_H
#define KMEM_RECORD_PERF_PRESENCE_H

#include <stdbool.h>
#include <stdint.h>

#define PERF_ABSENCE_NS 1e6 /* no CPU is down and up again in less */

struct perf_presence {
	uint64_t ns;		    /* for how long, as the kernel says; 0: it does not say */
	uint64_t at_least, at_most; /* by the clock of this process, if the CPU stayed */
};

static inline double perf_presence_rate(double rate, const struct perf_presence *here)
{
	return (double)here->ns > rate * (double)here->at_most ?
		       (double)here->ns / (double)here->at_most :
		       rate;
}

static inline bool perf_presence_ended(double rate, const struct perf_presence *here)
{
	return !here->ns || (double)here->ns + PERF_ABSENCE_NS < rate * (double)here->at_least;
}

#endif
