/*
 * buf.h - a growable byte buffer and the little-endian encoders that append to it.
 *
 *	struct buf b = { 0 };
 *	buf_u32(&b, 7);
 *	buf_varint(&b, 300);
 *	if (b.oom) ...			// sticky: check once, at the end
 *	buf_release(&b);
 *
 * Zeroed memory is a valid empty buffer. After an allocation failure every append is a no-op, oom
 * stays set and the bytes appended before stay valid.
 */
#ifndef KMEM_BASE_BUF_H
#define KMEM_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define VARINT_MAX_LEN 10 /* bytes a 64-bit LEB128 number can take */

struct buf {
	uint8_t *data;
	size_t len, cap;
	bool oom;
};

void buf_release(struct buf *b);

/*
 * Whether any buffer of this process ever lacked memory, or whoever says so by buf_note_lack. For programs that go on
 * without what could not be read, so that they can tell.
 */
bool buf_lacked_memory(void);
void buf_note_lack(void);

/* Makes room for n more bytes. False (and b->oom) when there is no memory. */
bool buf_reserve_slow(struct buf *b, size_t n);

static inline bool buf_reserve(struct buf *b, size_t n)
{
	return n <= b->cap - b->len || buf_reserve_slow(b, n);
}

static inline void buf_clear(struct buf *b)
{
	b->len = 0;
}

static inline void buf_bytes(struct buf *b, const void *p, size_t n)
{
	if (n && buf_reserve(b, n)) {
		memcpy(b->data + b->len, p, n);
		b->len += n;
	}
}

static inline void buf_u8(struct buf *b, uint8_t v)
{
	if (buf_reserve(b, 1))
		b->data[b->len++] = v;
}

static inline void buf_uint(struct buf *b, uint64_t v, unsigned int bytes)
{
	if (!buf_reserve(b, bytes))
		return;
	for (; bytes; bytes--, v >>= 8)
		b->data[b->len++] = (uint8_t)v;
}

static inline void buf_u16(struct buf *b, uint16_t v)
{
	buf_uint(b, v, 2);
}

static inline void buf_u32(struct buf *b, uint32_t v)
{
	buf_uint(b, v, 4);
}

static inline void buf_u64(struct buf *b, uint64_t v)
{
	buf_uint(b, v, 8);
}

/* LEB128: seven bits a byte, low bits first, high bit set on all but the last byte. */
static inline uint8_t *varint_put(uint8_t *p, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		*p++ = (uint8_t)(v | 0x80);
	*p++ = (uint8_t)v;
	return p;
}

static inline uint64_t zigzag(int64_t v)
{
	return (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0);
}

static inline int64_t unzigzag(uint64_t v)
{
	return (int64_t)(v >> 1 ^ (v & 1 ? UINT64_MAX : 0));
}

static inline void buf_varint(struct buf *b, uint64_t v)
{
	if (buf_reserve(b, VARINT_MAX_LEN))
		b->len = (size_t)(varint_put(b->data + b->len, v) - b->data);
}

/* A signed number: zigzag, then LEB128. */
static inline void buf_svarint(struct buf *b, int64_t v)
{
	buf_varint(b, zigzag(v));
}

/* A length (varint) and that many bytes. */
static inline void buf_blob(struct buf *b, const void *p, size_t n)
{
	buf_varint(b, n);
	buf_bytes(b, p, n);
}

static inline void buf_str(struct buf *b, const char *s)
{
	buf_blob(b, s, strlen(s));
}

#endif
