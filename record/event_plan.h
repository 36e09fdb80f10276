/*
 * event_plan.h - from the kernel's format files to a plan of where each field of an event goes.
 *
 * Every event type is described twice: as struct event_type, which goes into the capture, and as
 * struct plan_type, which tells the reader of a ring how to take a raw record apart without looking
 * at names: a few byte ranges that make up the tuple key, the address, the columns. Padding bytes
 * never enter a key.
 *
 * It does not read records (stream.h does) and it does not talk to tracefs.
 *
 *	event_plan_new(&plan, &layout, &err);
 *	event_plan_set_stack(plan, text, len, &err);			// events/ftrace/kernel_stack/format
 *	event_plan_add(plan, "kmem", text, len, true, &err);		// events/kmem/kmalloc/format
 *	type = event_plan_find(plan, common_type);
 *
 * A tuple key is: u32 stack reference, u32 type index (both in our byte order), then the record up
 * to the end of its declared fields with everything zeroed that does not belong to the tuple (pid,
 * address, columns, padding), then for each field of variable length a u16 and its bytes.
 */
#ifndef KMEM_RECORD_EVENT_PLAN_H
#define KMEM_RECORD_EVENT_PLAN_H

#include "format/capture.h"
#include "record/ring_page.h"

#define KEY_HEAD       8u     /* stack, type */
#define KEY_RECORD_MAX 16384u /* declared bytes of a record */
#define NO_OFFSET      UINT16_MAX

/* common_flags, include/linux/trace_events.h of the kernel */
#define FLAG_HARDIRQ 0x08u
#define FLAG_SOFTIRQ 0x10u
#define FLAG_NMI     0x40u

/* A field of PLACE_TUPLE, in the type's order: where its value stands in a key. */
struct key_field {
	uint16_t field;
	bool variable; /* behind the fixed part, in order; else at KEY_HEAD + its offset */
};

/* A string, array or column: what reading it takes, with nothing left to be looked up by name. */
enum plan_where {
	WHERE_IN_PLACE,
	WHERE_LOC, /* the field holds offset and length of the bytes, the offset from the record's start */
	WHERE_REL_LOC, /* ... from the end of the field */
};

struct plan_field {
	uint16_t field, offset, size;
	uint8_t kind;  /* enum field_kind */
	uint8_t where; /* enum plan_where */
};

struct plan_type {
	uint16_t index; /* of the type in the capture */
	bool wants_stack;
	uint16_t max_stack;	 /* innermost frames that are kept; 0: all */
	uint16_t min_len;	 /* a record that is shorter is damaged */
	uint16_t address_offset; /* NO_OFFSET: the type has no address */
	uint8_t address_size;
	uint16_t call_site_offset; /* NO_OFFSET: the event has no call_site */
	uint16_t key_words;	   /* 8-byte words of the record that the key keeps, masked */
	uint16_t key_field_count, variable_count, column_count;
	uint64_t *mask; /* key_words of them, for words in memory order */
	struct key_field *key_fields;
	struct plan_field *variable; /* fields of variable length, in key order */
	struct plan_field *columns;  /* fields of PLACE_COLUMN */
};

struct event_plan {
	struct ring_layout layout;
	struct event_type *types; /* room for EVENT_TYPES_MAX: they stay where they are */
	struct plan_type *plans;  /* parallel to types */
	size_t count;
	uint16_t *by_id; /* common_type -> index + 1; 65536 entries */
	/* the common fields are the same in all formats of a kernel */
	uint16_t type_offset, flags_offset, preempt_offset, pid_offset;
	uint16_t stack_id;
	uint16_t stack_size_offset; /* NO_OFFSET: kernels whose stack record has no count */
	uint16_t stack_caller_offset;
	uint64_t
		stack_head_mask; /* leaves of the first word of a stack record its type and context */
};

int event_plan_new(struct event_plan **ret, const struct ring_layout *layout, struct error *err);
void event_plan_free(struct event_plan *plan);

/* The format of ftrace/kernel_stack. Call it before the first event_plan_add. */
int event_plan_set_stack(struct event_plan *plan, const char *text, size_t len, struct error *err);

/*
 * Adds one event type. ERR_DAMAGED when the text is no format file, ERR_UNSUPPORTED past a limit.
 */
int event_plan_add(struct event_plan *plan, const char *system, const char *text, size_t len,
		   bool wants_stack, struct error *err);

/* Of stacks of the type that was added last, only so many innermost frames are kept. */
void event_plan_max_stack(struct event_plan *plan, uint16_t frames);

/* Stacks of the type that was added last come from elsewhere than the ring: stack_sampler.h */
void event_plan_sampled(struct event_plan *plan);

/* Parses a format file; place is not decided. The caller releases *ret with event_type_release. */
int event_format_parse(struct event_type *ret, const char *system, const char *text, size_t len,
		       struct error *err);

static inline const struct plan_type *event_plan_find(const struct event_plan *plan, uint16_t id)
{
	uint16_t n = plan->by_id[id];

	return n ? &plan->plans[n - 1] : NULL;
}

/* A number of the target, zero-extended. size is 1, 2, 4 or 8. */
static inline uint64_t plan_number(const struct ring_layout *layout, const uint8_t *p,
				   unsigned int size)
{
	uint64_t v8;
	uint32_t v4;
	uint16_t v2;

	switch (size) {
	case 8: memcpy(&v8, p, 8); return layout->swap ? __builtin_bswap64(v8) : v8;
	case 4: memcpy(&v4, p, 4); return layout->swap ? __builtin_bswap32(v4) : v4;
	case 2: memcpy(&v2, p, 2); return layout->swap ? __builtin_bswap16(v2) : v2;
	default: return *p;
	}
}

/* The same, sign-extended to 64 bits if kind is FIELD_SIGNED. */
static inline uint64_t plan_signed_number(const struct ring_layout *layout, const uint8_t *p,
					  unsigned int size, uint8_t kind)
{
	uint64_t v = plan_number(layout, p, size);
	unsigned int spare = 64 - 8 * size;

	return kind == FIELD_SIGNED ? (uint64_t)((int64_t)(v << spare) >> spare) : v;
}

/*
 * The bytes of a string or array field of a record that is at least min_len long. False when the
 * record says that they lie outside of it.
 */
static inline bool plan_field_bytes(const struct ring_layout *layout,
				    const struct plan_field *field, const struct ring_record *rec,
				    const uint8_t **ret, size_t *ret_len)
{
	const uint8_t *p = rec->data + field->offset;
	size_t len = field->size;

	if (field->where != WHERE_IN_PLACE) {
		uint32_t where = (uint32_t)plan_number(layout, p, 4);
		size_t offset = where & 0xffff;

		if (field->where == WHERE_REL_LOC)
			offset += field->offset + 4u;
		len = where >> 16;
		if (offset > rec->len || len > rec->len - offset)
			return false;
		p = rec->data + offset;
	} else if (!len) /* "char buf[]": up to the end of the record */
		len = rec->len - field->offset;
	if (field->kind == FIELD_FIXED_STRING)
		len = strnlen((const char *)p, len);
	else if (field->kind == FIELD_STRING && len && !p[len - 1])
		len--;
	*ret = p;
	*ret_len = len;
	return true;
}

/*
 * The values of a key, one per field of PLACE_TUPLE in the type's order; they point into the key.
 */
void plan_key_values(const struct event_plan *plan, const struct plan_type *type,
		     const uint8_t *key, struct value *values);

#endif
