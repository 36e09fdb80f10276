/*
 * crc32.h - the CRC-32 of zlib, PNG and Ethernet (polynomial 0xEDB88320, reflected, pre- and
 * post-inverted), so that any language's standard library can check a capture.
 *
 *	crc = crc32_update(0, data, len);
 */
#ifndef KMEM_BASE_CRC32_H
#define KMEM_BASE_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* crc is 0 at the start, or the result of the call for the bytes before. Thread-safe. */
uint32_t crc32_update(uint32_t crc, const void *data, size_t len);

#endif
