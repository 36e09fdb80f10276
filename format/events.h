/*
 * events.h - events of one CPU as columns.
 *
 * A struct event_block gathers events in ring-buffer order, row-wise: appending costs two stores
 * and no string work. events_encode turns the rows into the columns of an EVENTS block, once per
 * block; events_decode turns columns into rows again. FORMAT.md says what a column's bytes mean,
 * ref. 'EVENTS'.
 *
 * Recorder:
 *	struct event_row *row = event_block_add(&block);	// NULL: no memory
 *	*row = (struct event_row){ .time = t, .address = ptr, .tuple = n, .pid = pid, .type = i };
 *	event_block_put_number(&block, type, field, value);	// PLACE_COLUMN fields, in order
 *	events_encode(&encoder, &block, types, &body);		// sections into body
 *	event_block_clear(&block);
 *
 * Analyser:
 *	events_decode(&header, sections, n, types, type_count, &block, &err);
 *	for (i = 0; i < block.count; i++) use(&block.rows[i]);
 *	event_block_value(&block, type, field, &value)		// next value of a PLACE_COLUMN field
 */
#ifndef KMEM_FORMAT_EVENTS_H
#define KMEM_FORMAT_EVENTS_H

#include "format/base/buf.h"
#include "format/base/cursor.h"
#include "format/base/error.h"
#include "format/capture.h"
#include "format/writer.h"

struct event_row {
	uint64_t time; /* ns of the trace clock */
	uint64_t
		address; /* value of the PLACE_ADDRESS field; 0 and not stored if the type has none */
	uint32_t tuple; /* number in the dictionary of the block's writer and generation */
	int32_t pid;	/* common_pid: the thread that was running */
	uint16_t type;	/* index of the event type */
};

/* The values of one PLACE_COLUMN field of one event type, encoded as they come. */
struct event_column {
	uint16_t type, field;
	uint64_t last;	      /* number before, for the difference */
	struct buf bytes;     /* while recording */
	struct cursor cursor; /* while reading: points into the block's sections */
};

/* Zeroed memory is an empty block. */
struct event_block {
	struct event_row *rows;
	uint32_t count, cap;
	struct event_column *columns;
	uint32_t column_count, column_cap;
	uint32_t *slots, slot_cap; /* (type, field) -> column */
	bool oom;		   /* a column could not be kept: events_encode will say so */
};

bool event_block_grow(struct event_block *b);

/*
 * Room for one more row (not initialised); NULL when there is no memory. At most BLOCK_EVENTS_MAX.
 */
static inline struct event_row *event_block_add(struct event_block *b)
{
	if (b->count == b->cap && !event_block_grow(b))
		return NULL;
	return &b->rows[b->count++];
}

void event_block_put_number(struct event_block *b, uint16_t type, uint16_t field, uint64_t value);
void event_block_put_bytes(struct event_block *b, uint16_t type, uint16_t field, const void *p,
			   size_t n);
/* Of (type, field), made once and kept with the block's memory; NULL: no memory, and oom says so. */
struct event_column *event_block_column(struct event_block *b, uint16_t type, uint16_t field);

void event_block_clear(struct event_block *b); /* keeps the memory */
void event_block_release(struct event_block *b);

static inline bool event_type_has_address(const struct event_type *type)
{
	for (uint16_t i = 0; i < type->field_count; i++)
		if (type->fields[i].place == PLACE_ADDRESS)
			return true;
	return false;
}

/* Scratch tables of the encoder, reused from block to block; zeroed memory is a new one. */
struct events_encoder {
	struct events_scratch *scratch;
	uint32_t
		clock_step; /* 2^-20 ns; times are counted in it. 0: in ns. Becomes 0 when it turns out to be wrong */
};

/* Appends the sections of a non-empty block to body. ERR_NOMEM is the only failure. */
int events_encode(struct events_encoder *e, const struct event_block *b,
		  const struct event_type *types, struct block_body *body, struct error *err);
void events_encoder_release(struct events_encoder *e);

/*
 * Fills *b (its memory is reused) from the sections of an EVENTS block. Rows whose type index is
 * not below type_count are ERR_DAMAGED. Columns point into the sections, which must outlive them.
 */
int events_decode(const struct block_header *header, const struct section *sections,
		  size_t section_count, const struct event_type *types, size_t type_count,
		  struct event_block *b, struct error *err);

/*
 * The next value of that column; ERR_DAMAGED when there is none. Bytes live as long as the
 * sections.
 */
int event_block_value(struct event_block *b, const struct event_type *type, uint16_t type_index,
		      uint16_t field, struct value *ret, struct error *err);

#endif
