/*
 * perf_ring.h - the ring of perf records of one CPU, as the kernel maps it: one record after the
 * other, and room given back.
 *
 * It knows the frame of a record (type, length), never its content; the kernel is believed no
 * further than that: a record that cannot be right is ERR_DAMAGED.
 *
 *	perf_ring_map(&ring, fd, bytes, long_size, &err);
 *	while ((rc = perf_ring_next(&ring, &rec)) > 0) {
 *		use(rec.type, rec.misc, rec.body, rec.len);
 *		if (much) perf_ring_give_back(&ring);		// rec is gone
 *	}
 *	perf_ring_give_back(&ring);
 *	perf_ring_unmap(&ring);
 */
#ifndef KMEM_RECORD_PERF_RING_H
#define KMEM_RECORD_PERF_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/base/error.h"

#define PERF_RECORD_BYTES 65536u /* its length has 16 bits */

struct perf_ring_record {
	uint32_t type; /* PERF_RECORD_... */
	uint16_t misc;
	const uint8_t *body; /* behind the header of 8 bytes; 8-byte aligned */
	uint32_t len;	     /* of the body, a multiple of 8 */
};

/* Zeroed memory is a ring that is not mapped. */
struct perf_ring {
	void *map;
	size_t map_bytes;
	uint8_t *data;
	uint64_t size;	 /* of data, a power of two */
	uint64_t wrap;	 /* how the kernel counts bytes: as a long */
	uint64_t pos;	 /* of the next record */
	uint64_t head;	 /* what the kernel had written when it was last asked */
	uint8_t *joined; /* a record that lies on the end of data */
};

/*
 * bytes: a power of two of whole pages. long_size: of the kernel, in bytes. EPERM becomes
 * ERR_UNSUPPORTED and says which limit it was.
 */
int perf_ring_map(struct perf_ring *r, int fd, uint64_t bytes, unsigned int long_size,
		  struct error *err);
void perf_ring_unmap(struct perf_ring *r);

/* 1 and a record, good until the next call; 0 when the ring is empty; ERR_DAMAGED. */
int perf_ring_next(struct perf_ring *r, struct perf_ring_record *ret, struct error *err);

/* The kernel may write over everything before the next record. */
void perf_ring_give_back(struct perf_ring *r);

/* The largest power of two of pages that is not more than `bytes`, at least one page. */
uint64_t perf_ring_round(uint64_t bytes);

#endif
