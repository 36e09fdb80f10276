/*
 * live_steps.h - what was live in each domain over the whole capture, in steps of one length (live_step of
 * tables.sql), kept up in O(1) per moment. How long the capture is nobody knows before its end: steps begin at 1 us,
 * and whenever there are too many, ten become one, so that in the end there are at least LIVE_STEPS / 10 of them.
 *
 * Step 0 is the moment 0; step k is the time after moment (k - 1) * width until k * width. Moments come in order.
 *
 *	struct live_steps s = { 0 };
 *
 *	live_steps_settle(&s, domain, time, bytes, objects);	// after all events of that moment
 *	for (size_t k = 0; k <= s.domains[domain].last; k++) ... s.domains[domain].list[k]
 *
 * A step after the last is as it ends. Contains what it needs: 256 kB.
 */
#ifndef KMEM_ANALYZE_LIVE_STEPS_H
#define KMEM_ANALYZE_LIVE_STEPS_H

#include <stddef.h>
#include <stdint.h>

#include "analyze/roles.h"

#define LIVE_STEPS 2000

struct live_step {
	uint64_t bytes, objects; /* at its end */
	uint64_t least, most;	 /* bytes, the end of the step before among them; of step 0 bytes */
};

struct live_steps_domain {
	struct live_step list[LIVE_STEPS + 1];
	size_t last;
	int64_t limit; /* the end of that step; 0: of step 0 */
};

struct live_steps {
	struct live_steps_domain domains[DOMAIN_COUNT];
	int64_t width; /* ns; 0: nothing came so far */
};

/* When step k ends; what would be behind the end of time ends there. */
static inline int64_t live_steps_end(const struct live_steps *s, size_t k)
{
	int64_t end;

	return __builtin_mul_overflow((int64_t)k, s->width, &end) ? INT64_MAX : end;
}

/* A moment of another step than the last. */
void live_steps_move(struct live_steps *s, enum domain domain, int64_t time);

static inline void live_steps_settle(struct live_steps *s, enum domain domain, int64_t time,
				     uint64_t bytes, uint64_t objects)
{
	struct live_steps_domain *d = &s->domains[domain];
	struct live_step *step;

	if (time > d->limit)
		live_steps_move(s, domain, time);
	step = &d->list[d->last];
	step->bytes = bytes;
	step->objects = objects;
	if (bytes < step->least || !d->last)
		step->least = bytes;
	if (bytes > step->most || !d->last)
		step->most = bytes;
}

#endif
