/*
 * text_event.h - the arguments of an event in a text log: what differs from event to event (the
 * pointer), and what repeats.
 *
 * Splitting is all that an event costs whose repeating part was seen before:
 *
 *	struct text_split split;
 *	struct text_fields fields;
 *
 *	if (!text_event_split(line.type, line.args, &split))
 *		...						// not whole
 *	if (...split.parts were never seen...)
 *		if (!text_event_fields(line.type, &split, &fields))
 *			...
 *
 * Understood are the text of kernels from 2.6.32 on and that of the option `fields`. A line is taken only if
 * all of it makes sense: a number that a console's message broke is not half a number.
 */
#ifndef KMEM_ANALYZE_TEXT_EVENT_H
#define KMEM_ANALYZE_TEXT_EVENT_H

#include "analyze/capture_model.h"
#include "analyze/text_line.h"

enum text_pointer {
	POINTER_NUMBER,
	POINTER_NULL,	/* "(null)", or all zeros */
	POINTER_HIDDEN, /* "(____ptrval____)": the kernel could not hash it yet */
};

struct text_split {
	uint64_t
		address; /* POINTER_NUMBER, and 0 of NULL; of a page its frame number, all ones for none */
	enum text_pointer pointer;
	uint8_t digits;	      /* of a pointer: 8 or 16; 0: told otherwise */
	struct text parts[2]; /* what repeats: in front of the pointer and behind it */
};

/* What an event says; numbers 0 and texts empty where it does not. */
struct text_fields {
	struct text call_site; /* "vfs_open+0x12/0x30 [mod]" or "c0123456" */
	struct text cache;
	uint64_t bytes_req, bytes_alloc; /* of pages: order */
	uint64_t gfp;
	int32_t node, migratetype;
	uint8_t order; /* of pages that are freed */
	bool has_gfp, has_node, has_migratetype, has_order, failed;
};

bool text_event_split(enum text_type type, struct text args, struct text_split *ret);
bool text_event_fields(enum text_type type, const struct text_split *split,
		       struct text_fields *ret);

/* The event types of a model, in the order of enum text_type. */
int text_event_types(struct capture_model *model, struct error *err);

#endif
