/*
 * image.h - what the records of each tuple look like in the ring, so that events which come again are
 * known by their bytes: nothing is taken apart, hashed or searched for.
 *
 * An image is what all records of one tuple have in common: of the event's record the bytes that make
 * up its key, and of the stack record, if one followed at once, its head and frames. An image that
 * fits proves the tuple. That none fits proves nothing: the record is then taken apart, and the
 * image of its tuple made from it.
 *
 * Which image to compare is learned from the sequence of events: paths through the kernel repeat, and
 * what came behind the same four tuples before, comes again, or else what came there the time before
 * that. tests/bench/stream_speed.sh prints how many events of a loop of system calls are known so.
 *
 *	i = image_expected(&images, 0);			// then 1; NULL: there is none
 *	if (image_is(&images, i, &rec, room) && (!i->stack_len || image_stack_is(...)))
 *		images_follow(&images, tuple = image_tuple(&images, i));
 *	images_learn(&images, plan, type, tuple, &rec, &stack);	// of a record that was taken apart
 *	images_clear(&images);					// tuples are numbered anew
 */
#ifndef KMEM_RECORD_IMAGE_H
#define KMEM_RECORD_IMAGE_H

#include "format/base/buf.h"
#include "record/event_plan.h"
#include "record/intern.h"

#define IMAGE_SEQUENCE_BITS 13 /* of the table of sequences: 64 KiB */

/* 16 bytes, compared in one go where the machine can. */
typedef uint64_t image_bytes __attribute__((vector_size(16)));

/* 16 bytes of a record, in memory order, of which the mask leaves those that have to be the same. */
struct image_part {
	image_bytes mask, value;
};

struct image {
	uint32_t at;  /* in the arena: parts of the event's record, then frames of the stack's */
	uint16_t len; /* bytes of the event's record; 0: there is no image of this tuple */
	uint16_t stack_len;  /* bytes of the stack's record; 0: none follows */
	uint64_t stack_head; /* its first word, masked by the plan's stack_head_mask */
	uint32_t stack_size; /* its field 'size', in the target's byte order */
	uint16_t type;	     /* index */
};

/* Zeroed memory knows nothing. */
struct images {
	struct image *list; /* by tuple */
	uint32_t count, cap;
	uint64_t sequence; /* the last four tuples, the low 16 bits of each */
	uint32_t (*next)
		[2]; /* by sequence, hashed: tuples, plus 1, that came then, the last one first; 0: none */
	struct buf arena;
};

void images_clear(struct images *im); /* keeps the memory */
void images_release(struct images *im);

/*
 * rec is of that tuple, and stack its stack record, which followed at once; NULL: it has none. Without memory
 * nothing is learned.
 */
void images_learn(struct images *im, const struct event_plan *plan, const struct plan_type *type,
		  uint32_t tuple, const struct ring_record *rec, const struct ring_record *stack);

/* Bytes that grow with the tuples. */
static inline size_t images_size(const struct images *im)
{
	return im->arena.len + im->count * sizeof(*im->list);
}

static inline uint32_t *images_next(const struct images *im)
{
	/* the highest bits of the product hang on all of the sequence */
	return im->next[im->sequence * 0x9e3779b97f4a7c15ull >> (64 - IMAGE_SEQUENCE_BITS)];
}

/* What came here the last time (0), or another the time before that (1); NULL: nothing did. */
static inline const struct image *image_expected(const struct images *im, int which)
{
	uint32_t n = im->next ? images_next(im)[which] : 0;

	return n ? &im->list[n - 1] : NULL;
}

static inline uint32_t image_tuple(const struct images *im, const struct image *i)
{
	return (uint32_t)(i - im->list);
}

/* This tuple, which has an image, came. */
static inline void images_follow(struct images *im, uint32_t tuple)
{
	uint32_t *next = images_next(im);

	if (next[0] != tuple + 1) {
		next[1] = next[0];
		next[0] = tuple + 1;
	}
	im->sequence = im->sequence << 16 | (tuple & 0xffff);
}

static inline image_bytes image_load(const uint8_t *p)
{
	image_bytes v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint32_t image_parts(uint32_t len)
{
	return (len + sizeof(image_bytes) - 1) / sizeof(image_bytes);
}

/* room: how many bytes may be read from rec->data on. */
static inline bool image_is(const struct images *im, const struct image *i,
			    const struct ring_record *rec, size_t room)
{
	const uint8_t *part = im->arena.data + i->at, *data = rec->data;
	uint32_t parts = image_parts(i->len);
	image_bytes differ = { 0 };

	if (rec->len != i->len || parts * sizeof(image_bytes) > room)
		return false;
	for (; parts; parts--, part += sizeof(struct image_part), data += sizeof(image_bytes))
		differ |= (image_load(data) & image_load(part)) ^
			  image_load(part + offsetof(struct image_part, value));
	return !(differ[0] | differ[1]);
}

/* Whether the record behind that of event is the stack that the image has: of its type, context and thread. */
static inline bool image_stack_is(const struct images *im, const struct event_plan *plan,
				  const struct image *i, const struct ring_record *event,
				  const struct ring_record *stack)
{
	const uint8_t *frames = im->arena.data + i->at +
				image_parts(i->len) * sizeof(struct image_part);
	uint32_t size = i->stack_size;
	uint64_t head;

	if (stack->len != i->stack_len)
		return false;
	memcpy(&head, stack->data, sizeof(head));
	if ((head & plan->stack_head_mask) != i->stack_head ||
	    memcmp(stack->data + plan->pid_offset, event->data + plan->pid_offset, 4))
		return false;
	if (plan->stack_size_offset != NO_OFFSET)
		memcpy(&size, stack->data + plan->stack_size_offset, sizeof(size));
	return size == i->stack_size && intern_same(frames, stack->data + plan->stack_caller_offset,
						    stack->len - plan->stack_caller_offset);
}

#endif
