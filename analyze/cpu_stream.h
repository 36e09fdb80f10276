/*
 * cpu_stream.h - the events of one ring of one CPU in their order, one decoded block in memory at a
 * time, and that only from when its first event is due until its last is used: memory is that of the
 * CPUs whose blocks overlap, not of all that there are.
 *
 *	struct cpu_streams all = { .series = &series, .scan = &scan, .types = types, .type_count = n,
 *				   .dictionaries = d, .losses = &losses, .base = base };
 *
 *	cpu_streams_init(&all, &err);			// finds the CPUs; no block is loaded yet
 *	cpu_stream_wait(&all, s);				// false: it has no more blocks; else s->time is known
 *	while ((rc = cpu_stream_load(&all, s, &err)) > 0)	// the next block that has events; 0: no more
 *		for (; s->next < s->rows.count; s->next++)
 *			use(&s->rows.rows[s->next], s->dictionary);
 *	cpu_streams_release(&all);
 *
 * A block that is damaged is noted in the scan and becomes a loss of that CPU from its first to its
 * last time.
 */
#ifndef KMEM_ANALYZE_CPU_STREAM_H
#define KMEM_ANALYZE_CPU_STREAM_H

#include "analyze/dictionary.h"
#include "analyze/losses.h"
#include "analyze/series.h"
#include "format/events.h"

struct cpu_stream {
	int32_t cpu;
	uint16_t ring;
	uint32_t *blocks; /* of the scan, in the order of files and in them */
	size_t block_count, next_block;
	struct block block;
	struct event_block rows;
	uint32_t next; /* row not yet used */
	uint64_t time; /* while no block is loaded: of the next one's first event */
	struct dictionary *dictionary;
};

struct cpu_streams {
	const struct series *series;
	struct capture_scan *scan;
	const struct event_type *types;
	size_t type_count;
	struct dictionaries *dictionaries;
	struct losses *losses;
	uint64_t base;		 /* trace clock at 0 of all times */
	struct cpu_stream *list; /* by CPU, ring */
	size_t count;
	uint32_t *blocks;     /* what the streams' block lists point into */
	struct spare *spares; /* memory of blocks that are used up */
	size_t spare_count;
	struct ZSTD_DCtx_s *zstd;
	uint64_t bytes_done; /* of the file, for progress */
	uint32_t unknown;    /* sections of unknown kinds */
};

int cpu_streams_init(struct cpu_streams *all, struct error *err);
void cpu_streams_release(struct cpu_streams *all);

/*
 * Gives up the stream's block, which is used up. True: there are more, and `time` is what the header of the next one
 * with events says about the first of them; events_decode holds it to that. False: the stream is at its end.
 */
bool cpu_stream_wait(struct cpu_streams *all, struct cpu_stream *s);

/*
 * Replaces the stream's block by its next one with events. 1: there is one; 0: the stream is at its
 * end.
 */
int cpu_stream_load(struct cpu_streams *all, struct cpu_stream *s, struct error *err);

static inline bool cpu_stream_is_loaded(const struct cpu_stream *s)
{
	return s->next < s->rows.count;
}

static inline const struct event_row *cpu_stream_head(const struct cpu_stream *s)
{
	return &s->rows.rows[s->next];
}

/* When the next event is, whether its block is loaded or not. */
static inline uint64_t cpu_stream_time(const struct cpu_stream *s)
{
	return cpu_stream_is_loaded(s) ? cpu_stream_head(s)->time : s->time;
}

#endif
