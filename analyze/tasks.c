#include "analyze/tasks.h"

#include <string.h>

#include "analyze/array_room.h"
#include "format/base/hash.h"

#define CLONE_THREAD 0x10000 /* include/uapi/linux/sched.h */

struct pid_key {
	const struct tasks *tasks;
	int32_t pid;
};

static uint64_t pid_hash(int32_t pid)
{
	return hash_u64((uint32_t)pid);
}

static bool same_pid(const void *arg, uint32_t id)
{
	const struct pid_key *key = arg;

	return key->tasks->pids[id - 1] == key->pid;
}

static uint64_t rehash_pid(const void *arg, uint32_t id)
{
	const struct tasks *t = arg;

	return pid_hash(t->pids[id - 1]);
}

/* The slot that says which task a pid is now; 0 in it: none yet. NULL: no memory. */
static uint32_t *current_slot(struct tasks *t, int32_t pid)
{
	const struct pid_key key = { t, pid };
	uint32_t place = id_index_find(&t->index, pid_hash(pid), same_pid, &key);

	if (place)
		return &t->current[place - 1];
	if (!array_room((void **)&t->pids, &t->pid_cap, t->pid_count, sizeof(*t->pids)) ||
	    !array_room((void **)&t->current, &t->current_cap, t->pid_count, sizeof(*t->current)))
		return NULL;
	t->pids[t->pid_count] = pid;
	t->current[t->pid_count] = 0;
	if (!id_index_add(&t->index, pid_hash(pid), (uint32_t)t->pid_count + 1, rehash_pid, t))
		return NULL;
	return &t->current[t->pid_count++];
}

static uint32_t add(struct tasks *t, const struct task *task)
{
	uint32_t *slot = current_slot(t, task->pid);
	struct task *new;

	if (!slot || !array_room((void **)&t->list, &t->cap, t->count, sizeof(*t->list)))
		return 0;
	new = &t->list[t->count++];
	*new = *task;
	new->self = t->recorder_tgid && (new->has_tgid ? new->tgid : new->pid) == t->recorder_tgid;
	*slot = (uint32_t)t->count;
	t->last_task = 0;
	return *slot;
}

static bool set_comm(struct tasks *t, struct task *task, const void *comm, size_t len)
{
	task->comm_len = (uint8_t)(len < TASK_COMM_MAX ? len : TASK_COMM_MAX);
	task->comm = t->names.len;
	task->has_comm = true;
	buf_bytes(&t->names, comm, task->comm_len);
	return !t->names.oom;
}

static bool has_name(const struct tasks *t, const struct task *task, const void *comm, size_t len)
{
	return task->has_comm && task->comm_len == (len < TASK_COMM_MAX ? len : TASK_COMM_MAX) &&
	       !memcmp(task_comm(t, task), len ? comm : "", task->comm_len);
}

uint32_t tasks_lookup(struct tasks *t, int32_t pid)
{
	uint32_t *slot = current_slot(t, pid), id;
	struct task unknown = { .pid = pid };

	if (!slot)
		return 0;
	id = *slot;
	if (!id && !pid) { /* the idle tasks share pid 0; /proc does not list them */
		unknown.has_tgid = true;
		if (!set_comm(t, &unknown, "swapper", 7))
			return 0;
	}
	if (!id)
		id = add(t, &unknown);
	t->last_pid = pid;
	t->last_task = id;
	return id;
}

bool tasks_known(const struct tasks *t, int32_t pid)
{
	const struct pid_key key = { t, pid };
	uint32_t place = id_index_find(&t->index, pid_hash(pid), same_pid, &key);

	return place && t->current[place - 1];
}

bool tasks_name(struct tasks *t, int32_t pid, int32_t tgid, const void *comm, size_t len)
{
	struct task task = { .pid = pid, .tgid = tgid, .has_tgid = tgid || !pid };

	return set_comm(t, &task, comm, len) && add(t, &task) != 0;
}

/* Whether the other source told of that same birth. */
static bool is_second_birth(struct tasks *t, const struct task *task)
{
	uint32_t id = tasks_known(t, task->pid) ? tasks_current(t, task->pid) : 0;
	struct task *now = id ? &t->list[id - 1] : NULL;

	if (!now || !now->birth || (now->birth | task->birth) != BIRTH_BOTH ||
	    now->tgid != task->tgid || now->has_comm != task->has_comm ||
	    (task->has_comm && !has_name(t, now, task_comm(t, task), task->comm_len)))
		return false;
	now->birth = BIRTH_UNKNOWN; /* a further one is another thread */
	return true;
}

bool tasks_fork(struct tasks *t, int32_t parent, int32_t pid, uint64_t clone_flags,
		const void *comm, size_t len, int64_t time)
{
	struct task task = { .pid = pid,
			     .tgid = pid,
			     .has_tgid = true,
			     .has_start = true,
			     .start = time,
			     .birth = BIRTH_EVENT };

	if (clone_flags & CLONE_THREAD) {
		uint32_t id = tasks_current(t, parent);

		if (!id)
			return false;
		task.has_tgid = t->list[id - 1].has_tgid;
		task.tgid = t->list[id - 1].tgid;
	}
	return set_comm(t, &task, comm, len) && (is_second_birth(t, &task) || add(t, &task) != 0);
}

bool tasks_rename(struct tasks *t, int32_t pid, const void *comm, size_t len, int64_t time)
{
	uint32_t id = tasks_current(t, pid);
	struct task task;

	if (!id)
		return false;
	task = t->list[id - 1];
	if (has_name(t, &task, comm, len))
		return true;
	task.has_start = true;
	task.start = time;
	task.birth = BIRTH_UNKNOWN;
	return set_comm(t, &task, comm, len) && add(t, &task) != 0;
}

bool tasks_born(struct tasks *t, int32_t pid, int32_t tgid, int32_t parent, int64_t time)
{
	uint32_t id = tasks_current(t, parent);
	struct task task;

	if (!id)
		return false;
	task = t->list[id - 1];
	task.pid = pid;
	task.tgid = tgid;
	task.has_tgid = true;
	task.has_start = true;
	task.start = time;
	task.birth = BIRTH_RECORD;
	return is_second_birth(t, &task) || add(t, &task) != 0;
}

bool tasks_belongs(struct tasks *t, int32_t pid, int32_t tgid)
{
	uint32_t id = tasks_current(t, pid);
	struct task *task;

	if (!id)
		return false;
	task = &t->list[id - 1];
	if (task->has_tgid)
		return true;
	task->has_tgid = true;
	task->tgid = tgid;
	task->self = t->recorder_tgid && tgid == t->recorder_tgid;
	return true;
}

void tasks_release(struct tasks *t)
{
	free(t->list);
	buf_release(&t->names);
	free(t->pids);
	free(t->current);
	id_index_release(&t->index);
	*t = (struct tasks){ 0 };
}
