/*
 * records.h - the small records of a capture: INFO, FILE, TYPES, TASKS, STATS, MARKS, END. Encode and
 * decode of each stand side by side in records.c; FORMAT.md describes the bytes.
 *
 * Encoders append to a struct buf that becomes one SECTION_RECORDS; check b->oom at the end.
 * Decoders take such a section's bytes, call back once per item and return ERR_DAMAGED when the
 * bytes end too early or pass a limit. Strings handed to a callback are not terminated and live as
 * long as the section. A callback that returns non-zero stops the decoding, and its value is
 * returned.
 *
 *	static int on_pair(void *arg, struct text key, struct text value) { ... }
 *	info_decode(section->data, section->len, on_pair, model, &err);
 */
#ifndef KMEM_FORMAT_RECORDS_H
#define KMEM_FORMAT_RECORDS_H

#include "format/base/buf.h"
#include "format/base/error.h"
#include "format/capture.h"

struct text {
	const char *data; /* not terminated */
	size_t len;
};

/* INFO: key=value. */
void info_encode(struct buf *b, const char *key, const char *value);
void info_encode_u64(struct buf *b, const char *key, uint64_t value);
int info_decode(const void *data, size_t len,
		int (*pair)(void *arg, struct text key, struct text value), void *arg,
		struct error *err);

/* FILE: a part of a file of the target. */
#define FILE_PART_MAX (1u << 20) /* bytes of one part that kmem-record writes */

struct file_part {
	struct text name;   /* "/proc/kallsyms", "events/kmem/kmalloc/format" */
	struct text moment; /* "start", "end", or a time of the trace clock */
	uint64_t offset;    /* of these bytes in the file */
	bool last;
	struct text bytes;
};

void file_encode(struct buf *b, const struct file_part *part);
int file_decode(const void *data, size_t len, struct file_part *ret, struct error *err);

/*
 * TYPES: event types. The section's `a` is the index of its first type: a gap shows that a block is
 * missing, and types behind it have to be refused, since events would be decoded as something else.
 * The strings and fields of a decoded type are heap-allocated and the callee's.
 */
void type_encode(struct buf *b, const struct event_type *type);
int types_decode(const void *data, size_t len, int (*add)(void *arg, struct event_type *type),
		 void *arg,
		 struct error *err); /* add takes over what *type points to, also when it fails */
void event_type_release(struct event_type *type);

/* TASKS: names at the time in the block's header. */
struct task_record {
	int32_t pid, tgid, ppid;
	struct text comm;
};

void task_encode(struct buf *b, const struct task_record *task);
int tasks_decode(const void *data, size_t len,
		 int (*task)(void *arg, const struct task_record *task), void *arg,
		 struct error *err);

/*
 * STATS: the account of one CPU's ring, in records (stack records included). Which ring it is
 * stands in the block's header: neither stats_encode nor stats_decode sets it.
 */
enum stats_moment { STATS_START = 0, STATS_END = 1 };

struct ring_stats {
	uint32_t cpu;
	uint16_t ring;
	uint64_t entries, overrun, commit_overrun, dropped, read; /* the kernel's own counts */
	uint64_t decoded, events, stacks, orphan_stacks, missing_stacks, bytes; /* the recorder's */
	uint64_t overwritten; /* of overrun: by a flight recorder, on purpose. Not in the file: the
			       * block of the start has it as overrun */
};

void stats_encode_moment(struct buf *b, enum stats_moment moment);
void stats_encode(struct buf *b, const struct ring_stats *stats);
int stats_decode(const void *data, size_t len, enum stats_moment *ret_moment,
		 int (*cpu)(void *arg, const struct ring_stats *stats), void *arg,
		 struct error *err);

/* Records that the ring refused or overwrote: what a report calls lost. */
static inline uint64_t ring_stats_lost(const struct ring_stats *s)
{
	return s->overrun + s->commit_overrun + s->dropped - s->overwritten;
}

/*
 * MARKS: named moments, and pauses: between a pause and the resume that follows it (or the end of
 * the capture) no ring took any event in.
 */
#define MARK_TEXT_MAX 200 /* bytes that kmem-record writes */

enum mark_kind { MARK_NAMED = 1, MARK_PAUSE = 2, MARK_RESUME = 3 };

struct mark_record {
	uint8_t kind;	  /* enum mark_kind */
	uint64_t time;	  /* trace clock, ns */
	struct text text; /* MARK_NAMED: the name; empty for the others */
};

/* before: time of the record before it in the section; its own for the first. */
void mark_encode(struct buf *b, uint64_t before, const struct mark_record *mark);
/* first_time: of the block's header. Records of unknown kinds are stepped over. */
int marks_decode(const void *data, size_t len, uint64_t first_time,
		 int (*mark)(void *arg, const struct mark_record *mark), void *arg,
		 struct error *err);

/* END: totals, then one entry per EVENTS block. */
struct end_totals {
	uint64_t events, lost, bytes, block_count;
};

struct end_entry {
	uint64_t offset;
	uint32_t cpu;
	uint32_t event_count;
	uint64_t first_time, last_time;
};

void end_encode(struct buf *b, const struct end_totals *totals, const struct end_entry *entries);
int end_decode(const void *data, size_t len, struct end_totals *ret,
	       int (*entry)(void *arg, const struct end_entry *entry), void *arg,
	       struct error *err);

#endif
