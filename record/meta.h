/*
 * meta.h - everything in a capture that is not an event: facts about the machine, files of the
 * target, event types, names of tasks, statistics. One function per kind of block; FORMAT.md says
 * what stands in them.
 *
 * What the target does not have is left out; only a failure to write the capture is an error.
 *
 *	struct meta m;
 *	meta_init(&m, writer, tree_live(top), "start");
 *	info_encode(&m.info, "clock", "mono");
 *	meta_put_info(&m, &err);			// writes and empties m.info
 *	meta_put_file(&m, "/proc/slabinfo", "start", &err);
 *	meta_release(&m);
 */
#ifndef KMEM_RECORD_META_H
#define KMEM_RECORD_META_H

#include <time.h>

#include "format/file_lines.h"
#include "format/records.h"
#include "format/writer.h"
#include "record/event_plan.h"
#include "record/tree.h"

struct meta {
	struct capture_writer *writer;
	struct tree tree;   /* where files come from; the caller's */
	const char *moment; /* of files that are saved once: "start" or "end" */
	bool swapped;	    /* the target's byte order is not ours */
	clockid_t clock;    /* of the trace: CLOCK_MONOTONIC unless the caller says otherwise */
	struct buf info;    /* pairs for the next INFO block */
	struct block_body body;
	struct buf scratch, file;
	struct file_encoder file_encoder;
	bool keep; /* INFO, FILE and TYPES blocks that are put are remembered, too */
	struct kept_block *kept;
	size_t kept_count;
};

void meta_init(struct meta *m, struct capture_writer *writer, struct tree tree, const char *moment);
void meta_release(struct meta *m);

int meta_put_info(struct meta *m, struct error *err);

/*
 * The blocks remembered while m->keep was set, once more: for a file that is to be read without the
 * one before it.
 */
int meta_put_kept(struct meta *m, struct error *err);

/*
 * A file of the tree; its name in the capture is its path. Bytes that are at hand already:
 * meta_put_bytes.
 */
int meta_put_file(struct meta *m, const char *path, const char *moment, struct error *err);
int meta_put_bytes(struct meta *m, const char *name, const char *moment, const void *data,
		   size_t len, struct error *err);

/* Files that change as memory is used: /proc/slabinfo, vmstat, meminfo, allocinfo. */
int meta_put_memory_files(struct meta *m, const char *moment, struct error *err);

/*
 * Modules with their sections and build-ids, iomem, notes; kallsyms too unless the caller saves a
 * part of it.
 */
int meta_put_kernel_files(struct meta *m, bool kallsyms, struct error *err);

/* Sections and build-id of one module. */
int meta_put_module(struct meta *m, const char *name, const char *moment, struct error *err);

/* Formats of the recorded events and of the ring, from the tracing directory. */
int meta_put_formats(struct meta *m, const struct event_plan *plan, struct error *err);
int meta_put_format(struct meta *m, const struct event_type *type, struct error *err);
/* The types of the plan from number `first` on. */
int meta_put_types(struct meta *m, const struct event_plan *plan, size_t first, struct error *err);

/* Names of all tasks now. time: trace clock, ns. */
int meta_put_tasks(struct meta *m, uint64_t time, struct error *err);
/* time: trace clock, ns. text: of MARK_NAMED. */
int meta_put_mark(struct meta *m, enum mark_kind kind, uint64_t time, const char *text,
		  struct error *err);
/* Names that the tracing directory knows. */
int meta_put_traced_tasks(struct meta *m, uint64_t time, struct error *err);

/* stats: ordered by ring. */
int meta_put_stats(struct meta *m, enum stats_moment moment, const struct ring_stats *stats,
		   size_t count, struct error *err);

/* Pairs about the machine into m->info. */
void meta_add_machine(struct meta *m);

/*
 * PREFIX.trace_ns and PREFIX.wall_ns: one moment on m->clock, which is CLOCK_MONOTONIC for trace clock
 * mono, and on the wall.
 */
void meta_add_clocks(struct meta *m, const char *prefix);

#endif
