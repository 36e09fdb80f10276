/*
 * pairing.h - stack records to the events that they belong to, on one CPU.
 *
 * The kernel writes the stack of an event as a record of its own, after the event. Interrupts come between, and
 * bring events and stacks of their own: A B Sb Sa. But event and stack are written with preemption off, so on
 * one CPU at most one event per context (task, softirq, interrupt, NMI) waits for its stack at any time, and a
 * stack belongs to the event that waits in its own context. Where nothing was lost between the two there is no
 * other candidate. Records are refused only when the ring is full, that is, between two sub-buffers: the user
 * says where that may have happened, and no pair is made across.
 *
 * Beyond that, a stack that does not follow its event at once must contain the event's call_site.
 *
 *	w = pairing_slot(&p, flags);			// of the event's context
 *	if (w->waiting) ...				// its stack never came
 *	*w = ...
 *	w = pairing_match(&p, ...);			// for a stack: NULL: an orphan
 */
#ifndef KMEM_RECORD_PAIRING_H
#define KMEM_RECORD_PAIRING_H

#include "record/event_plan.h"

/* common_flags, include/linux/trace_events.h of the kernel */
#define FLAG_HARDIRQ 0x08u
#define FLAG_SOFTIRQ 0x10u
#define FLAG_NMI 0x40u

#define PAIRING_CONTEXTS 4

/* An event whose row is in the block and whose tuple waits for the number of its stack. */
struct waiting_event {
	bool waiting;
	uint32_t row;
	int32_t pid;
	uint64_t ordinal;		/* of its record on this CPU */
	uint64_t call_site;
	const struct plan_type *type;
	uint8_t *key;			/* room for KEY_ROOM(subbuf_size) bytes */
	uint32_t key_len;
};

struct pairing {
	struct waiting_event slots[PAIRING_CONTEXTS];
	uint32_t waiting;		/* how many */
	uint8_t *memory;
};

/* A key repeats parts of its record and adds a length for each string. */
#define KEY_ROOM(subbuf_size) ((subbuf_size) + KEY_HEAD + 2 * EVENT_FIELDS_MAX)

int pairing_init(struct pairing *p, const struct ring_layout *layout, struct error *err);
void pairing_release(struct pairing *p);

static inline struct waiting_event *pairing_slot(struct pairing *p, uint8_t flags)
{
	unsigned int context = flags & FLAG_NMI ? 3 : flags & FLAG_HARDIRQ ? 2 : flags & FLAG_SOFTIRQ ? 1 : 0;

	return &p->slots[context];
}

/* frames: depth return addresses as the target wrote them. ordinal: of the stack's own record. */
struct waiting_event *pairing_match(struct pairing *p, const struct ring_layout *layout, uint8_t flags,
				    int32_t pid, uint64_t ordinal, const uint8_t *frames, uint32_t depth);

#endif
