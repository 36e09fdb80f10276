/*
 * found_events.h - the event types of rings that somebody else has set up: those that are switched on
 * go into the plan at once, any other when a record of it turns up.
 *
 *	found_events_init(&events, &tree, plan);
 *	found_events_enabled(&events, &ring, &err);	// per ring
 *	...						// TYPES block of the plan
 *	found_events_asked(&events, &ring, asked);	// which have stacks, per ring
 *	found_events_learn(&events, id, &index);	// a number that the plan does not know
 *	found_events_release(&events);
 */
#ifndef KMEM_RECORD_FOUND_EVENTS_H
#define KMEM_RECORD_FOUND_EVENTS_H

#include "record/event_plan.h"
#include "record/found_ring.h"

struct event_number {
	uint16_t id;
	char *system, *name;
};

struct found_events {
	const struct tree *tree;
	struct event_plan *plan;
	struct buf specs;   /* text: "kmem:kmalloc,..." that are switched on */
	struct buf filters; /* text: "kmem:kmalloc FILTER" lines */
	bool frees_have_stacks, allocs_have_stacks;
	struct event_number *numbers; /* of all events, once they were needed */
	size_t number_count;
	unsigned int scanned; /* how far the search for numbers has come */
	uint8_t *tried;	      /* a bit for each number that was asked for */
};

int found_events_init(struct found_events *e, const struct tree *tree, struct event_plan *plan,
		      struct error *err);
void found_events_release(struct found_events *e);

/* Adds what is switched on in this ring to the plan, and to specs and filters. */
int found_events_enabled(struct found_events *e, const struct found_ring *ring, struct error *err);

/* Whether stacks were asked for, for type `index` of the plan in this ring. */
bool found_events_asked(const struct found_events *e, const struct found_ring *ring, size_t index);

/* Adds the event of that number to the plan: true. False: its format cannot be had. */
bool found_events_learn(struct found_events *e, uint16_t id, const struct found_ring *ring);

#endif
