/*
 * feed.h - rows on their way from the replay (one thread) to SQLite (another), in batches.
 *
 * The two meet once per batch of 8192 rows, not per row. A few batches circulate: when all are full
 * the replay waits, so memory is bounded however slow the disk is.
 *
 * Producer:
 *	struct feed_row *row = feed_row(feed, FEED_ALLOCATION);	// NULL: the consumer gave up, or no memory
 *	*row = (struct feed_row){ ... };
 *	feed_finish(feed);
 * Consumer:
 *	while ((batch = feed_next(feed)) != NULL) {
 *		write(batch);
 *		feed_recycle(feed, batch);
 *	}
 *	feed_cancel(feed);		// at any time: the producer gets NULL from then on
 */
#ifndef KMEM_ANALYZE_FEED_H
#define KMEM_ANALYZE_FEED_H

#include <stdbool.h>
#include <stdint.h>

#include "format/base/buf.h"
#include "format/base/error.h"

enum feed_kind { FEED_ALLOCATION, FEED_UNMATCHED, FEED_OTHER, FEED_KINDS };

/*
 * One row of `allocation`, or of `unmatched_free` (time, address, free_site, task, cpu). Numbers 0
 * become NULL.
 */
struct feed_row {
	int64_t time, lifetime;
	uint64_t address;
	uint32_t alloc_site, free_site, task, free_task;
	uint16_t cpu, free_cpu;
	uint8_t end;
	bool live; /* lifetime is NULL */
};

/*
 * FEED_OTHER: records in bytes, each: u16 type, u64 time, u32 cpu, u32 task, u32 stack, then one
 * value per field that is not common: u8 0 (NULL), or u8 1 and a u64, or u8 2 and a blob.
 */
struct feed_batch {
	enum feed_kind kind;
	uint32_t count;
	int64_t first_id; /* of rows[0]; ids of a kind have no gaps */
	struct feed_row *rows;
	struct buf bytes;
	struct feed_batch *next;
};

struct feed;

int feed_new(struct feed **ret, struct error *err);
void feed_free(struct feed *feed);

struct feed_row *feed_row(struct feed *feed, enum feed_kind kind);
/* Where the next FEED_OTHER record is appended; it must be complete before the next call. */
struct buf *feed_other(struct feed *feed);
int64_t feed_rows(const struct feed *feed, enum feed_kind kind); /* so far */
void feed_finish(struct feed *feed);

struct feed_batch *feed_next(struct feed *feed);
void feed_recycle(struct feed *feed, struct feed_batch *batch);
void feed_cancel(struct feed *feed);

#endif
