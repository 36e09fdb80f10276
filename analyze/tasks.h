/*
 * tasks.h - which task a pid means at this moment of the replay: a thread under one name.
 *
 *	struct tasks t = { .recorder_tgid = 4711 };
 *
 *	tasks_name(&t, pid, tgid, comm, len);	// known before the capture
 *	id = tasks_current(&t, pid);			// from 1; unknown pids get a row without a name; 0: no memory
 *	tasks_fork(&t, parent, pid, clone_flags, comm, len, time);	// task:task_newtask
 *	tasks_rename(&t, pid, comm, len, time);				// task:task_rename
 *	tasks_release(&t);
 */
#ifndef KMEM_ANALYZE_TASKS_H
#define KMEM_ANALYZE_TASKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analyze/id_index.h"
#include "format/base/buf.h"

#define TASK_COMM_MAX 64 /* TASK_COMM_LEN is 16; kernel threads show up to 64 in /proc */

/* A thread may begin twice, once in an event and once in a PROCESS record: the second changes nothing. */
enum birth { BIRTH_UNKNOWN, BIRTH_EVENT, BIRTH_RECORD, BIRTH_BOTH };

struct task {
	int32_t pid, tgid;
	bool has_tgid, has_comm, has_start, self;
	uint8_t birth; /* who told of it: enum birth */
	uint8_t comm_len;
	int64_t start; /* ns since the start of the capture */
	size_t comm;   /* offset in names; not terminated */
};

struct tasks {
	int32_t recorder_tgid; /* 0: unknown */
	struct task *list;     /* number n is list[n - 1] */
	size_t count, cap;
	struct buf names;
	uint32_t *current; /* per known pid: its task now */
	int32_t *pids;
	size_t pid_count, pid_cap, current_cap;
	struct id_index index; /* pid -> place in pids, current */
	int32_t last_pid;      /* events come in runs of one pid */
	uint32_t last_task;    /* 0: none */
};

static inline const char *task_comm(const struct tasks *t, const struct task *task)
{
	return task->comm_len ? (const char *)t->names.data + task->comm : "";
}

uint32_t tasks_lookup(struct tasks *t, int32_t pid);
bool tasks_known(const struct tasks *t, int32_t pid);

static inline uint32_t tasks_current(struct tasks *t, int32_t pid)
{
	return t->last_task && t->last_pid == pid ? t->last_task : tasks_lookup(t, pid);
}

/* A task as /proc showed it, before any event. These return false when there is no memory. */
bool tasks_name(struct tasks *t, int32_t pid, int32_t tgid, const void *comm, size_t len);
bool tasks_fork(struct tasks *t, int32_t parent, int32_t pid, uint64_t clone_flags,
		const void *comm, size_t len, int64_t time);
bool tasks_rename(struct tasks *t, int32_t pid, const void *comm, size_t len, int64_t time);
/* What a PROCESS record says: a thread began, under the name of its parent. */
bool tasks_born(struct tasks *t, int32_t pid, int32_t tgid, int32_t parent, int64_t time);
/* The process of a thread whose process was not known; any other is left as it is. */
bool tasks_belongs(struct tasks *t, int32_t pid, int32_t tgid);
void tasks_release(struct tasks *t);

#endif
