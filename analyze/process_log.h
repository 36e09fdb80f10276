/*
 * process_log.h - all PROCESS records of a capture in one order of time, whatever blocks they stood
 * in.
 *
 *	struct process_log log = { 0 };
 *
 *	process_log_add(&log, section->data, section->len, header->first_time, &err);	// per block
 *	process_log_sort(&log, &err);
 *	for (size_t i = 0; i < log.count; i++)
 *		use(process_log_at(&log, i));
 *	process_log_release(&log);
 */
#ifndef KMEM_ANALYZE_PROCESS_LOG_H
#define KMEM_ANALYZE_PROCESS_LOG_H

#include "analyze/dsos.h"
#include "format/base/error.h"

struct process_event {
	uint64_t time; /* trace clock */
	union {
		struct {
			uint64_t start, length, offset;
		} map;
		struct {
			uint64_t name, len; /* in process_log.names */
		} comm;
		struct {
			int32_t pid, tgid;
		} parent;
	};
	int32_t pid, tgid;
	uint32_t dso; /* MAP: number, 0 none */
	uint8_t kind; /* enum process_kind */
	uint8_t flags;
};

struct process_log {
	struct process_event *list; /* in the order of the file */
	size_t count, cap;
	uint32_t *order; /* by time */
	struct buf names;
	struct dsos dsos;
};

/* ERR_DAMAGED: the records from the bad one on are left out. */
int process_log_add(struct process_log *log, const void *data, size_t len, uint64_t first_time,
		    struct error *err);
int process_log_sort(struct process_log *log, struct error *err);
void process_log_release(struct process_log *log);

static inline const struct process_event *process_log_at(const struct process_log *log, size_t i)
{
	return &log->list[log->order[i]];
}

#endif
