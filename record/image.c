#include "record/image.h"

#include <stdlib.h>

/* Longer records have no image. */
#define RECORD_MOST 1024u
#define STACK_MOST  4096u

void images_clear(struct images *im)
{
	im->count = 0;
	im->sequence = 0;
	if (im->next)
		memset(im->next, 0, sizeof(*im->next) << IMAGE_SEQUENCE_BITS);
	buf_clear(&im->arena);
}

void images_release(struct images *im)
{
	free(im->list);
	free(im->next);
	buf_release(&im->arena);
	*im = (struct images){ 0 };
}

static bool make_room(struct images *im, uint32_t tuple)
{
	/* first, as what has images has this */
	if (!im->next)
		im->next = calloc((size_t)1 << IMAGE_SEQUENCE_BITS, sizeof(*im->next));
	if (!im->next)
		return false;
	if (tuple >= im->cap) {
		uint32_t cap = tuple + tuple / 2 + 1024;
		struct image *list = realloc(im->list, cap * sizeof(*list));

		if (!list)
			return false;
		im->list = list;
		im->cap = cap;
	}
	for (; im->count <= tuple; im->count++)
		im->list[im->count] = (struct image){ 0 };
	return true;
}

/*
 * What has to be the same: the type, what the key has of the fixed part, and the strings with where they
 * stand. False: the record contradicts itself.
 */
static bool make_mask(uint8_t *mask, const struct event_plan *plan, const struct plan_type *type,
		      const struct ring_record *rec)
{
	uint32_t fixed = type->key_words * 8u < rec->len ? type->key_words * 8u : rec->len;

	memcpy(mask, type->mask, fixed);
	memset(mask + plan->type_offset, 0xff, 2);
	for (uint16_t i = 0; i < type->variable_count; i++) {
		const struct plan_field *f = &type->variable[i];
		const uint8_t *bytes;
		size_t len, at;

		if (!plan_field_bytes(&plan->layout, f, rec, &bytes, &len))
			return false;
		at = (size_t)(bytes - rec->data);
		if (at + len < rec->len) /* the NUL that ends it: without it, it might be longer */
			len++;
		memset(mask + at, 0xff, len);
		if (f->where != WHERE_IN_PLACE)
			memset(mask + f->offset, 0xff, 4);
	}
	return true;
}

static bool put_record(struct buf *arena, const struct event_plan *plan,
		       const struct plan_type *type, const struct ring_record *rec)
{
	uint8_t mask[RECORD_MOST] = { 0 }, value[RECORD_MOST] = { 0 };

	if (!make_mask(mask, plan, type, rec))
		return false;
	memcpy(value, rec->data, rec->len);
	for (uint32_t at = 0; at < rec->len; at += sizeof(image_bytes)) {
		struct image_part part = { .mask = image_load(mask + at) };

		part.value = image_load(value + at) & part.mask;
		buf_bytes(arena, &part, sizeof(part));
	}
	return true;
}

static bool can_have_image(const struct event_plan *plan, const struct plan_type *type,
			   const struct ring_record *rec, const struct ring_record *stack)
{
	return !type->column_count && rec->len <= RECORD_MOST &&
	       (!stack || (stack->len <= STACK_MOST && stack->len > plan->stack_caller_offset));
}

static void make_image(struct images *im, const struct event_plan *plan,
		       const struct plan_type *type, struct image *i, const struct ring_record *rec,
		       const struct ring_record *stack)
{
	struct image image = {
		.at = (uint32_t)im->arena.len,
		.len = (uint16_t)rec->len,
		.type = type->index,
	};

	if (!can_have_image(plan, type, rec, stack) ||
	    !buf_reserve(&im->arena, 2 * RECORD_MOST + STACK_MOST) ||
	    !put_record(&im->arena, plan, type, rec))
		return;
	if (stack) {
		image.stack_len = (uint16_t)stack->len;
		memcpy(&image.stack_head, stack->data, sizeof(image.stack_head));
		image.stack_head &= plan->stack_head_mask;
		if (plan->stack_size_offset != NO_OFFSET)
			memcpy(&image.stack_size, stack->data + plan->stack_size_offset,
			       sizeof(image.stack_size));
		buf_bytes(&im->arena, stack->data + plan->stack_caller_offset,
			  stack->len - plan->stack_caller_offset);
	}
	*i = image;
}

void images_learn(struct images *im, const struct event_plan *plan, const struct plan_type *type,
		  uint32_t tuple, const struct ring_record *rec, const struct ring_record *stack)
{
	if (tuple >= im->count && !make_room(im, tuple)) {
		buf_note_lack();
		return;
	}
	if (!im->list[tuple].len)
		make_image(im, plan, type, &im->list[tuple], rec, stack);
	if (im->list[tuple].len)
		images_follow(im, tuple);
}
