#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* qsort_r */
#endif
#include "analyze/process_log.h"

#include <stdlib.h>
#include "analyze/array_room.h"

#define RECORDS_MAX (16u << 20) /* 48 bytes of memory each */

static int on_record(void *arg, const struct process_record *r)
{
	struct process_log *log = arg;
	struct process_event *e;

	if (log->count >= RECORDS_MAX)
		return ERR_DAMAGED;
	if (!array_room((void **)&log->list, &log->cap, log->count, sizeof(*e)))
		return ERR_NOMEM;
	e = &log->list[log->count];
	*e = (struct process_event){
		.time = r->time, .pid = r->pid, .tgid = r->tgid, .kind = r->kind, .flags = r->flags
	};
	if (r->kind == PROCESS_MAP) {
		const struct dso_key key = { .path = r->name, .build_id = r->build_id };

		e->map.start = r->start;
		e->map.length = r->length;
		e->map.offset = r->offset;
		e->dso = dsos_add(&log->dsos, &key);
		if (!e->dso)
			return ERR_NOMEM;
	} else if (r->kind == PROCESS_COMM) {
		e->comm.name = log->names.len;
		e->comm.len = r->name.len;
		buf_bytes(&log->names, r->name.data, r->name.len);
		if (log->names.oom)
			return ERR_NOMEM;
	} else if (r->kind == PROCESS_FORK) {
		e->parent.pid = r->parent_pid;
		e->parent.tgid = r->parent_tgid;
	}
	log->count++;
	return 0;
}

int process_log_add(struct process_log *log, const void *data, size_t len, uint64_t first_time,
		    struct error *err)
{
	int rc = process_decode(data, len, first_time, on_record, log, err);

	if (rc == ERR_NOMEM)
		return error_nomem(err);
	if (rc < 0 && log->count >= RECORDS_MAX)
		return error_set(err, ERR_DAMAGED, "more than %u records of processes",
				 RECORDS_MAX);
	return rc;
}

static int by_time(const void *a, const void *b, void *arg)
{
	const struct process_event *list = arg;
	uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;

	if (list[i].time != list[j].time)
		return list[i].time < list[j].time ? -1 : 1;
	return (i > j) - (i < j);
}

int process_log_sort(struct process_log *log, struct error *err)
{
	free(log->order);
	log->order = malloc((log->count + 1) * sizeof(*log->order));
	if (!log->order)
		return error_nomem(err);
	for (size_t i = 0; i < log->count; i++)
		log->order[i] = (uint32_t)i;
	if (log->count)
		qsort_r(log->order, log->count, sizeof(*log->order), by_time, log->list);
	return 0;
}

void process_log_release(struct process_log *log)
{
	free(log->list);
	free(log->order);
	buf_release(&log->names);
	dsos_release(&log->dsos);
	*log = (struct process_log){ 0 };
}
