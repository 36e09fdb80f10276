/*
 * writer.h - appends blocks to a capture: a stream, no seeking back, any prefix decodes.
 *
 *	struct capture_writer *w;
 *	struct block_body body = { 0 };
 *
 *	capture_writer_new(&w, fd, "cap.kmem", 0, &err);			// file header
 *	block_body_add(&body, SECTION_RECORDS, 0, 0, bytes, len);		// compresses
 *	capture_writer_put(w, &(struct block_header){ .type = BLOCK_INFO, .cpu = CPU_NONE }, &body, &err);
 *	...
 *	capture_writer_end(w, &err);						// END block, index, fsync
 *	capture_writer_free(w);							// does not close fd
 *
 * capture_writer_put may be called from several threads: a block is written whole, under a lock
 * held for the write only; compression happens before, in the caller's struct block_body, without a
 * lock.
 *
 * After a failed write the file is cut back to its last whole block where it can be (a regular
 * file), the failure stays and every later put returns it at once.
 */
#ifndef KMEM_FORMAT_WRITER_H
#define KMEM_FORMAT_WRITER_H

#include "format/base/buf.h"
#include "format/base/error.h"
#include "format/capture.h"

#define CAPTURE_ZSTD_LEVEL 1 /* on the target: speed first */

struct capture_writer;

/*
 * Sections of one block in the making. Zeroed memory is an empty body; reuse it with
 * block_body_clear.
 */
struct block_body {
	struct buf bytes;
	uint32_t raw_len;
	int level;		  /* zstd level, 0: CAPTURE_ZSTD_LEVEL */
	bool failed;		  /* out of memory or a limit passed; sticky until cleared */
	struct ZSTD_CCtx_s *zstd; /* made on first use */
};

void block_body_add(struct block_body *body, enum section_kind kind, uint32_t a, uint32_t b,
		    const void *data, size_t len);
void block_body_clear(struct block_body *body);
void block_body_release(struct block_body *body);

/*
 * Writes the file header to fd, which stays the caller's. name is for error texts and is copied. clock_step: what the encoders of
 * events are to count times in (events.h); not 0 says so in the header.
 */
int capture_writer_new(struct capture_writer **ret, int fd, const char *name, uint32_t clock_step,
		       struct error *err);
uint32_t capture_writer_clock_step(const struct capture_writer *w);
void capture_writer_free(struct capture_writer *w);

/*
 * Completes the header (seq, offset, lengths; type, writer, cpu, times, lost_before, event_count
 * and generation are the caller's) and writes header and body. The body is left as it is.
 */
int capture_writer_put(struct capture_writer *w, const struct block_header *header,
		       const struct block_body *body, struct error *err);

/* Everything put so far reaches the disk. A pipe or terminal is no error. */
int capture_writer_sync(struct capture_writer *w, struct error *err);

/* The END block with totals and index, then a sync. lost: records lost in all. */
int capture_writer_end(struct capture_writer *w, uint64_t lost, struct error *err);

/* fd, an eventfd, becomes readable when `bytes` bytes have been written; once. */
void capture_writer_watch(struct capture_writer *w, uint64_t bytes, int fd);

/* Bytes written so far; events in the EVENTS blocks written so far. Callable from any thread. */
uint64_t capture_writer_bytes(const struct capture_writer *w);
uint64_t capture_writer_events(const struct capture_writer *w);
/* The latest time in an EVENTS block so far; 0: there is none. Callable from any thread. */
uint64_t capture_writer_last_time(const struct capture_writer *w);
const uint8_t *capture_writer_uuid(const struct capture_writer *w); /* CAPTURE_UUID_LEN bytes */

#endif
