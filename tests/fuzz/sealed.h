/*
 * sealed.h - a capture whose checksums, offsets and lengths are right whatever else is in it: checksums would keep a fuzzer
 * out of everything behind them.
 */
#ifndef KMEM_FUZZ_SEALED_H
#define KMEM_FUZZ_SEALED_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "format/base/crc32.h"
#include "format/base/cursor.h"
#include "format/capture.h"

static inline void sealed_put(uint8_t *p, uint64_t value, unsigned int bytes)
{
	while (bytes--) {
		*p++ = (uint8_t)value;
		value >>= 8;
	}
}

/* What the sections of a body say that they hold. */
static inline uint32_t sealed_raw_len(const uint8_t *body, size_t len)
{
	struct cursor c = cursor_of(body, len);
	uint64_t raw = 0;

	while (cursor_left(&c)) {
		cursor_take(&c, 2);
		cursor_varint(&c);
		cursor_varint(&c);
		raw += cursor_varint(&c);
		cursor_take(&c, cursor_varint(&c));
	}
	return (uint32_t)raw;
}

/* A heap copy. Bytes behind the last whole block stay as they are. */
static inline uint8_t *sealed_capture(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1), *p;

	if (!copy)
		abort();
	if (size)
		memcpy(copy, data, size);
	if (size < CAPTURE_HEADER_LEN)
		return copy;
	memcpy(copy, CAPTURE_MAGIC, 8);
	sealed_put(copy + 8, CAPTURE_VERSION, 2);
	sealed_put(copy + 10, CAPTURE_HEADER_LEN, 2);
	sealed_put(copy + 12, 0, 4);
	sealed_put(copy + 60, crc32_update(0, copy, 60), 4);
	for (p = copy + CAPTURE_HEADER_LEN; (size_t)(copy + size - p) >= BLOCK_HEADER_LEN;) {
		size_t room = (size_t)(copy + size - p) - BLOCK_HEADER_LEN, len;

		len = p[60] | (size_t)p[61] << 8 | (size_t)p[62] << 16;
		if (len > room)
			len = room;
		sealed_put(p, BLOCK_MAGIC, 4);
		sealed_put(p + 6, BLOCK_HEADER_LEN, 2);
		sealed_put(p + 56, sealed_raw_len(p + BLOCK_HEADER_LEN, len), 4);
		sealed_put(p + 60, len, 4);
		sealed_put(p + 64, (uint64_t)(p - copy), 8);
		sealed_put(p + 72, crc32_update(0, p + BLOCK_HEADER_LEN, len), 4);
		sealed_put(p + 76, crc32_update(0, p, 76), 4);
		p += BLOCK_HEADER_LEN + len;
	}
	return copy;
}

#endif
