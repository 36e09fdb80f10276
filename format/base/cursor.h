/*
 * cursor.h - reading untrusted bytes: every access is bounded, failure is sticky.
 *
 *	struct cursor c = cursor_of(data, len);
 *	uint32_t n = cursor_u32(&c);
 *	const uint8_t *name = cursor_take(&c, cursor_varint(&c));	// NULL when it would pass the end
 *	if (c.bad) ...			// something above went past the end or was malformed
 *
 * After a failure every read returns 0 or NULL and the position no longer moves, so that a decoder
 * may read a whole record and test c.bad once. Loops over counts read from the input must also stop
 * on c.bad.
 */
#ifndef KMEM_BASE_CURSOR_H
#define KMEM_BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/base/buf.h"

struct cursor {
	const uint8_t *start, *pos, *end;
	bool bad;
};

static inline struct cursor cursor_of(const void *data, size_t len)
{
	/* no bytes at no place: adding 0 to NULL is no C */
	const uint8_t *p = data ? data : (const uint8_t *)"";

	return (struct cursor){ .start = p, .pos = p, .end = data ? p + len : p };
}

static inline size_t cursor_left(const struct cursor *c)
{
	return c->bad ? 0 : (size_t)(c->end - c->pos);
}

/* Offset of the next byte from the start of the input, for error messages. */
static inline size_t cursor_offset(const struct cursor *c)
{
	return (size_t)(c->pos - c->start);
}

/* n bytes in place; NULL (and c->bad) when fewer are left. */
static inline const uint8_t *cursor_take(struct cursor *c, uint64_t n)
{
	const uint8_t *p = c->pos;

	if (c->bad || n > (uint64_t)(c->end - c->pos)) {
		c->bad = true;
		return NULL;
	}
	c->pos += n;
	return p;
}

static inline uint64_t cursor_uint(struct cursor *c, unsigned int bytes)
{
	const uint8_t *p = cursor_take(c, bytes);
	uint64_t v = 0;

	if (!p)
		return 0;
	while (bytes--)
		v = v << 8 | p[bytes];
	return v;
}

static inline uint8_t cursor_u8(struct cursor *c)
{
	return (uint8_t)cursor_uint(c, 1);
}

static inline uint16_t cursor_u16(struct cursor *c)
{
	return (uint16_t)cursor_uint(c, 2);
}

static inline uint32_t cursor_u32(struct cursor *c)
{
	return (uint32_t)cursor_uint(c, 4);
}

static inline uint64_t cursor_u64(struct cursor *c)
{
	return cursor_uint(c, 8);
}

/* A number of more than 64 bits, or of more than VARINT_MAX_LEN bytes, is malformed. */
static inline uint64_t cursor_varint(struct cursor *c)
{
	uint64_t v = 0;
	unsigned int shift = 0;

	while (!c->bad && c->pos < c->end) {
		uint8_t byte = *c->pos++;

		if (shift == 63 && byte > 1)
			break;
		v |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return v;
		shift += 7;
	}
	c->bad = true;
	return 0;
}

static inline int64_t cursor_svarint(struct cursor *c)
{
	return unzigzag(cursor_varint(c));
}

/* A length and that many bytes; *ret_len is 0 and the result NULL on failure. */
static inline const uint8_t *cursor_blob(struct cursor *c, size_t *ret_len)
{
	uint64_t n = cursor_varint(c);
	const uint8_t *p = cursor_take(c, n);

	*ret_len = p ? (size_t)n : 0;
	return p;
}

#endif
