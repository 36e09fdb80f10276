/*
 * folded.h - counters in place of events: pairs of an allocation and its free that the recorder
 * took out because the object lived only shortly, allocations whose address was soon given out
 * again without a traced free, and frees of NULL.
 *
 * The tuples are those of the block's writer and generation, as in event blocks. The event types
 * stand beside them, so that a count keeps its event type when the dictionary is damaged.
 *
 *	struct folded_encoder e = { 0 };
 *	folded_encode_pair(&e, &pair);
 *	folded_encode_free(&e, &free);
 *	folded_put(&e, &body);			// the sections; e is ready for the next block
 *	folded_encoder_release(&e);
 *
 * Decoding calls back once per entry, in order.
 */
#ifndef KMEM_FORMAT_FOLDED_H
#define KMEM_FORMAT_FOLDED_H

#include "format/base/buf.h"
#include "format/base/error.h"
#include "format/capture.h"
#include "format/writer.h"

#define FOLDED_ENTRIES_MAX (1u << 17) /* of one block: it stays far below the limit of a block */

#define FOLDED_NO_FREE UINT32_MAX /* free_tuple: not traced, the address was allocated again */

struct folded_pair {
	uint32_t alloc_tuple, free_tuple;
	uint16_t alloc_type, free_type; /* indexes of the event types; no free: 0 */
	bool alloc_self, free_self;	/* done by a thread of the recorder, in task context */
	uint64_t pairs;			/* at least 1 */
	uint64_t lifetime_sum, lifetime_min, lifetime_max; /* ns; the sum stays at UINT64_MAX */
};

struct folded_free {
	uint32_t tuple;
	uint16_t type;
	bool self;
	uint64_t count; /* at least 1 */
};

struct folded_encoder {
	struct buf pairs, frees, reused;
	uint32_t pair_count, free_count, reused_count;
	uint32_t last_alloc, last_free, last_null, last_reused;
};

void folded_encode_pair(struct folded_encoder *e, const struct folded_pair *pair);
void folded_encode_free(struct folded_encoder *e, const struct folded_free *f);

static inline bool folded_empty(const struct folded_encoder *e)
{
	return !e->pair_count && !e->free_count && !e->reused_count;
}

/* The block can take no more: put it. */
static inline bool folded_full(const struct folded_encoder *e)
{
	return e->pair_count + e->free_count + e->reused_count >= FOLDED_ENTRIES_MAX;
}

/* Appends the sections to body. ERR_NOMEM is the only failure. */
int folded_put(struct folded_encoder *e, struct block_body *body, struct error *err);
void folded_encoder_release(struct folded_encoder *e);

/* Event types that are not below type_count are ERR_DAMAGED. Sections of other kinds are not looked at. */
int folded_decode(const struct section *sections, size_t section_count, size_t type_count,
		  int (*pair)(void *arg, const struct folded_pair *pair),
		  int (*free_null)(void *arg, const struct folded_free *f), void *arg,
		  struct error *err);

#endif
