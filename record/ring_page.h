/*
 * ring_page.h - walks the records of one ring-buffer sub-buffer as the kernel hands it out through
 * trace_pipe_raw: the one decoder of such pages in the project.
 *
 * It knows the frame around a record (length, time), never its content. The layout is data, so that
 * pages of another machine (other byte order, 4-byte longs) are walked by the same code. Input is
 * not trusted: no read leaves the page.
 *
 *	struct ring_layout layout;
 *	struct ring_page page;
 *	struct ring_record rec;
 *
 *	ring_layout_parse(&layout, header_page_text, len, false, &err);
 *	ring_page_open(&page, &layout, bytes, n, &err);
 *	while ((rc = ring_page_next(&page, &rec)) > 0)
 *		use(rec.time, rec.data, rec.len);
 *	if (rc < 0) ...				// ERR_DAMAGED: page.pos - page.start says where
 *
 * Source of the layout: struct ring_buffer_event and struct buffer_data_page of the kernel
 * (include/linux/ring_buffer.h, kernel/trace/ring_buffer.c).
 */
#ifndef KMEM_RECORD_RING_PAGE_H
#define KMEM_RECORD_RING_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "format/base/error.h"

struct ring_layout {
	uint32_t subbuf_size; /* bytes of a whole sub-buffer, its header included */
	uint32_t commit_offset;
	uint32_t data_offset;
	uint8_t long_size; /* 4 or 8: width of the commit word and of kernel pointers */
	bool big_endian;   /* the target's byte order */
	bool swap;	   /* ... is not ours */
};

struct ring_record {
	uint64_t time;	     /* ns of the trace clock */
	const uint8_t *data; /* starts with the common fields; 4-byte aligned if the page is */
	uint32_t len;	     /* rounded up to 4 by the kernel */
};

struct ring_page {
	const struct ring_layout *layout;
	const uint8_t *start, *pos, *end;
	uint64_t page_time, time;
	bool missed;	       /* records were overwritten before this page */
	uint64_t missed_count; /* how many, 0 if the kernel did not say */
};

/* text: the file events/header_page of the ring's instance. */
int ring_layout_parse(struct ring_layout *ret, const char *text, size_t len, bool big_endian,
		      struct error *err);

/* bytes must stay in place while the page is walked. ERR_DAMAGED if the lengths cannot be right. */
int ring_page_open(struct ring_page *p, const struct ring_layout *layout, const void *bytes,
		   size_t len, struct error *err);

/* Padding, time stamps, long records and the end of the page. */
int ring_page_next_slow(struct ring_page *p, struct ring_record *ret);

#define RING_TYPE_DATA_MAX 28u /* 1..28: a data record of that many 4-byte words */

static inline uint32_t ring_u32(const struct ring_layout *layout, const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return layout->swap ? __builtin_bswap32(v) : v;
}

/*
 * The next record, without taking it; ring_page_take does. False: not a plain one, ring_page_next may have
 * more to say. No copy of the page, and no store that is read back wider.
 */
static inline bool ring_page_peek(const struct ring_page *p, struct ring_record *ret)
{
	size_t left = (size_t)(p->end - p->pos);
	uint32_t word, words, delta;

	if (left < 8)
		return false;
	word = ring_u32(p->layout, p->pos);
	words = p->layout->big_endian ? word >> 27 : word & 31;
	delta = p->layout->big_endian ? word & ((1u << 27) - 1) : word >> 5;
	ret->time = p->time + delta;
	ret->data = p->pos + 4;
	ret->len = words * 4;
	if (words - 1 < RING_TYPE_DATA_MAX)
		return left - 4 >= ret->len;
	if (words)
		return false;
	/* a long one: its length, which counts itself, stands in front */
	ret->data += 4;
	ret->len = ring_u32(p->layout, p->pos + 4) - 4;
	if (ret->len > left - 8)
		return false;
	ret->len = (ret->len + 3) & ~3u;
	return ret->len <= left - 8;
}

static inline void ring_page_take(struct ring_page *p, const struct ring_record *peeked)
{
	p->time = peeked->time;
	p->pos = peeked->data + peeked->len;
}

/* 1 and a record, 0 at the end, ERR_DAMAGED (and nothing more to be had from this page). */
static inline int ring_page_next(struct ring_page *p, struct ring_record *ret)
{
	if (!ring_page_peek(p, ret))
		return ring_page_next_slow(p, ret);
	ring_page_take(p, ret);
	return 1;
}

#endif
