/*
 * capture_model.h - everything in a capture that is not an event or a dictionary: facts about the
 * machine, event types, files of the target, task names, what processes did, marks and pauses, ring
 * statistics, the closing index. Small, so it is held in memory.
 *
 *	struct capture_model model = { 0 };
 *
 *	capture_model_read(&model, &series, &scan, &err);
 *	page_size = capture_model_number(&model, "page_size", 4096);
 *	capture_model_release(&model);
 *
 * Of several files it is what one file over the same time would say: facts, types, names and what was
 * at the start from the first that has it, what was at the end from the last.
 *
 * Damaged blocks are listed in the scan and left out. Does not look at EVENTS and DICT blocks.
 */
#ifndef KMEM_ANALYZE_CAPTURE_MODEL_H
#define KMEM_ANALYZE_CAPTURE_MODEL_H

#include "analyze/process_log.h"
#include "analyze/series.h"
#include "format/base/buf.h"
#include "format/base/error.h"
#include "format/reader.h"
#include "format/records.h"

struct model_pair {
	char *key;
	char *value;
};

struct model_file {
	char *name, *moment;
	struct buf content;
	uint64_t next; /* offset at which the next part should begin */
	bool torn;     /* a part is missing: the lines around the hole are left out */
	bool whole;    /* the last part is there */
	uint32_t file; /* that it comes from */
};

struct model_task {
	uint64_t time; /* trace clock */
	int32_t pid, tgid;
	char *comm;
};

struct model_mark {
	uint8_t kind; /* enum mark_kind */
	uint64_t time;
	char *text;
};

/* An entry of an END block's index. */
struct model_entry {
	uint32_t file;
	struct end_entry entry;
};

/* What one of several files says about itself. */
struct model_part {
	uint32_t number;     /* in its series; 0: it is of none */
	bool has_end;	     /* its END block is there */
	bool rotated;	     /* another file was begun after it */
	bool has_stats[2];   /* by enum stats_moment */
	uint64_t decoded[2]; /* records since the recording began, all rings, at these moments */
};

struct capture_model {
	struct event_type *types;
	size_t type_count, type_cap;
	struct model_pair *pairs;
	size_t pair_count, pair_cap;
	size_t pairs_seen;
	struct model_file *files;
	size_t file_count, file_cap;
	uint32_t *file_order; /* numbers of the files, by name and moment */
	size_t file_order_cap;
	size_t file_bytes, text_bytes; /* read of all files; held of all other texts */
	struct model_task *tasks;      /* in file order */
	size_t task_count, task_cap;
	struct model_mark *marks; /* in file order */
	size_t mark_count, mark_cap;
	struct process_log processes;
	struct ring_stats *stats[2]; /* by enum stats_moment; by ring */
	size_t stats_count[2];
	struct ring_list *ring_stats[2]; /* [RING_MAX], while blocks are read */
	uint32_t *stats_of_cpu;		 /* likewise: zeroes between two blocks */
	struct model_entry *index;	 /* of the END blocks that are there */
	size_t index_count, index_cap;
	struct model_part *parts; /* one for each file */
	size_t part_count;
	size_t types_seen;   /* in the file that is being read */
	uint32_t stats_file; /* that the statistics at the start come from */
	bool has_start_stats;
	bool torn;	  /* the block read last left a hole in a file */
	uint32_t unknown; /* blocks and sections of unknown kinds */
};

/* ERR_FORMAT: the files do not agree about their event types. */
int capture_model_read(struct capture_model *m, const struct series *series,
		       struct capture_scan *scan, struct error *err);
void capture_model_release(struct capture_model *m);

/* The value of an INFO key; NULL, or the given number, when it is not there or no number. */
const char *capture_model_info(const struct capture_model *m, const char *key);
uint64_t capture_model_number(const struct capture_model *m, const char *key, uint64_t otherwise);

/* Sets or replaces a fact. ERR_NOMEM; ERR_DAMAGED: there are too many. */
int capture_model_set(struct capture_model *m, const char *key, const char *value);

/* A flight recorder's: what its rings had overwritten when it was made is no loss. */
bool capture_model_is_flight(const struct capture_model *m);

/* A file of the target, or NULL. moment: "start" or "end". */
const struct model_file *capture_model_file(const struct capture_model *m, const char *name,
					    const char *moment);

/*
 * Whether events between this file and the one before it may be missing: segments are not there, or the
 * one before has no end.
 */
bool capture_model_hole_before(const struct capture_model *m, size_t file);

/* A damaged block, noted in the scan; returns 0, or ERR_NOMEM. why is cleared. */
int capture_model_note_damage(struct capture_scan *scan, size_t block, struct error *why,
			      struct error *err);

#endif
