/*
 * pairing.h - stack records to the events that they belong to, on one CPU.
 *
 * The kernel writes the stack of an event as a record of its own, after the event. Interrupts come
 * between, and bring events and stacks of their own: A B Sb Sa. But event and stack are written
 * with preemption off, so contexts (task, softirq, interrupt, NMI) nest like a stack: in each at
 * most one event waits, a stack belongs to the event that waits in its own context, and a record of
 * a lower context, or the next event of the same one, proves that a stack will not come any more.
 * (Some never do: the unwinder gives up, or the record was refused.) Where nothing was lost between
 * an event and a stack there is no other candidate. Records are refused only when the ring is full,
 * that is, between two sub-buffers: the user says where that may have happened, and no pair is made
 * across.
 *
 * Beyond that, a stack that does not follow its event at once must contain the event's call_site, on
 * kernels whose stacks do: those of 32-bit ARM begin behind it (kfree always, kmalloc mostly), which
 * the stacks show that do follow at once.
 *
 *	context = pairing_context(flags);
 *	while ((w = pairing_overdue(&p, context, is_event))) ...	// its stack will not come
 *	p.slots[context] = ...				// an event that waits
 *	w = pairing_match(&p, ...);			// for a stack: NULL: an orphan
 */
#ifndef KMEM_RECORD_PAIRING_H
#define KMEM_RECORD_PAIRING_H

#include "record/event_plan.h"

#define PAIRING_CONTEXTS 4

/* An event whose row is in the block and whose tuple waits for the number of its stack. */
struct waiting_event {
	uint32_t row;
	int32_t pid;
	uint64_t ordinal; /* of its record on this CPU */
	uint64_t call_site;
	const struct plan_type *type;
	struct ring_record record; /* its own; data NULL: its page is gone */
	uint8_t *key;		   /* room for KEY_ROOM(subbuf_size) bytes */
	uint32_t key_len;
};

struct pairing {
	struct waiting_event slots[PAIRING_CONTEXTS];
	uint32_t waiting;  /* a bit for each slot in use, by context */
	uint32_t sampled;  /* stacks that followed at once and were searched for the call_site */
	bool sites_absent; /* ... which one of them does not contain */
	uint8_t *memory;
};

/* A key has the fixed part of its record, its strings, and a length for each. */
#define KEY_ROOM(subbuf_size) ((subbuf_size) + KEY_HEAD + KEY_RECORD_MAX + 8 + 2 * EVENT_FIELDS_MAX)

int pairing_init(struct pairing *p, const struct ring_layout *layout, struct error *err);
void pairing_release(struct pairing *p);

/* 3: NMI, 2: interrupt, 1: softirq, 0: none of them; the innermost counts. Without a branch: it changes often. */
static inline unsigned int pairing_context(uint8_t flags)
{
	static const uint8_t contexts[16] = { 0, 2, 1, 2, 0, 2, 1, 2, 3, 3, 3, 3, 3, 3, 3, 3 };

	return contexts[flags / FLAG_HARDIRQ % 16];
}

/* The slot of a context: its event begins to wait. */
static inline struct waiting_event *pairing_wait(struct pairing *p, unsigned int context)
{
	p->waiting |= 1u << context;
	return &p->slots[context];
}

static inline void pairing_done(struct pairing *p, const struct waiting_event *w)
{
	p->waiting &= ~(1u << (w - p->slots));
}

static inline bool pairing_waits(const struct pairing *p, unsigned int context)
{
	return p->waiting >> context & 1;
}

/* An event that waits in vain, now that a record of this context has come; NULL: none. */
static inline struct waiting_event *pairing_overdue(struct pairing *p, unsigned int context,
						    bool is_event)
{
	if (!(p->waiting >> (context + !is_event)))
		return NULL;
	return &p->slots[31 - __builtin_clz(p->waiting)];
}

/* frames: depth return addresses as the target wrote them. ordinal: of the stack's own record. */
struct waiting_event *pairing_match(struct pairing *p, const struct ring_layout *layout,
				    uint8_t flags, int32_t pid, uint64_t ordinal,
				    const uint8_t *frames, uint32_t depth);

#endif
