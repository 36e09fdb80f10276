#include "record/ring_page.h"

#include <stdio.h>
#include <stdlib.h>

#define TYPE_PADDING	 29u
#define TYPE_TIME_EXTEND 30u
#define TYPE_TIME_STAMP	 31u

#define COMMIT_MISSED	     (1u << 31)
#define COMMIT_MISSED_STORED (1u << 30)
#define COMMIT_LEN_MASK	     ((1u << 27) - 1)

/* An absolute time stamp has 59 bits; the others are those of the page's time. */
#define STAMP_HIGH_BITS (0xf8ull << 56)

static uint64_t read_number(const struct ring_layout *layout, const uint8_t *p, unsigned int size)
{
	uint64_t v = 0;

	for (unsigned int i = 0; i < size; i++)
		v |= (uint64_t)p[i] << 8 * (layout->big_endian ? size - 1 - i : i);
	return v;
}

/* "\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;" */
static bool header_field(const char *text, const char *name, unsigned int *ret_offset,
			 unsigned int *ret_size)
{
	char pattern[32];
	const char *p;

	snprintf(pattern, sizeof(pattern), " %s;", name);
	p = strstr(text, pattern);
	return p && (p = strstr(p, "offset:")) &&
	       sscanf(p, "offset:%u;\tsize:%u;", ret_offset, ret_size) == 2;
}

int ring_layout_parse(struct ring_layout *ret, const char *text, size_t len, bool big_endian,
		      struct error *err)
{
	unsigned int stamp, stamp_size, commit, commit_size, data, data_size;
	char copy[1024];

	snprintf(copy, sizeof(copy), "%.*s", (int)(len < sizeof(copy) ? len : sizeof(copy) - 1),
		 text);
	if (!header_field(copy, "timestamp", &stamp, &stamp_size) ||
	    !header_field(copy, "commit", &commit, &commit_size) ||
	    !header_field(copy, "data", &data, &data_size) || stamp != 0 || stamp_size != 8 ||
	    (commit_size != 4 && commit_size != 8) || commit < 8 || data > 64 || data < commit ||
	    data - commit < commit_size || data_size < 64 || data_size > COMMIT_LEN_MASK)
		return error_set(err, ERR_UNSUPPORTED,
				 "events/header_page describes a ring buffer of a "
				 "layout that this version does not know");
	*ret = (struct ring_layout){
		.subbuf_size = data + data_size,
		.commit_offset = commit,
		.data_offset = data,
		.long_size = (uint8_t)commit_size,
		.big_endian = big_endian,
		.swap = big_endian != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__),
	};
	return 0;
}

int ring_page_open(struct ring_page *p, const struct ring_layout *layout, const void *bytes,
		   size_t len, struct error *err)
{
	const uint8_t *start = bytes;
	uint64_t commit;
	size_t used;

	if (len < layout->data_offset)
		return error_set(err, ERR_DAMAGED, "a ring-buffer page of %zu bytes has no header",
				 len);
	commit = read_number(layout, start + layout->commit_offset, layout->long_size);
	used = commit & COMMIT_LEN_MASK;
	if (used > len - layout->data_offset)
		return error_set(err, ERR_DAMAGED,
				 "a ring-buffer page of %zu bytes claims %zu bytes of records", len,
				 used);
	*p = (struct ring_page){
		.layout = layout,
		.start = start,
		.pos = start + layout->data_offset,
		.end = start + layout->data_offset + used,
		.page_time = read_number(layout, start, 8),
		.missed = commit & COMMIT_MISSED,
	};
	p->time = p->page_time;
	if ((commit & COMMIT_MISSED_STORED) &&
	    len - layout->data_offset - used >= layout->long_size)
		p->missed_count = read_number(layout, p->end, layout->long_size);
	return 0;
}

static uint64_t absolute_time(const struct ring_page *p, uint64_t stamp)
{
	uint64_t high = p->page_time & STAMP_HIGH_BITS;

	if (!high)
		return stamp;
	stamp |= high;
	/* the 59 bits wrapped since the page began (rb_fix_abs_ts) */
	return stamp < p->page_time ? stamp + (1ull << 59) : stamp;
}

int ring_page_next_slow(struct ring_page *p, struct ring_record *ret)
{
	const struct ring_layout *layout = p->layout;

	while (p->end - p->pos >= 4) {
		uint32_t word = ring_u32(layout, p->pos);
		uint32_t type = layout->big_endian ? word >> 27 : word & 31;
		uint32_t delta = layout->big_endian ? word & ((1u << 27) - 1) : word >> 5;
		size_t left = (size_t)(p->end - p->pos) - 4;
		uint32_t extra;

		if (type == TYPE_PADDING && !delta) {
			p->pos = p->end;
			break;
		}
		if (ring_page_peek(p, ret)) {
			ring_page_take(p, ret);
			return 1;
		}
		if (type < TYPE_PADDING || left < 4) /* a record that leaves the page */
			return ERR_DAMAGED;
		extra = ring_u32(layout, p->pos + 4);
		if (type == TYPE_PADDING) { /* a discarded record; the length counts itself */
			if (extra < 4 || extra > left || ((extra + 3) & ~3u) > left)
				return ERR_DAMAGED;
			/* 1 stands for "no time of its own" (check_buffer() in the kernel) */
			p->time += delta != 1 ? delta : 0;
			p->pos += 4 + ((extra + 3) & ~3u);
		} else {
			uint64_t wide = (uint64_t)extra << 27 | delta;

			p->time = type == TYPE_TIME_EXTEND ? p->time + wide :
							     absolute_time(p, wide);
			p->pos += 8;
		}
	}
	return p->pos == p->end ? 0 : ERR_DAMAGED;
}
