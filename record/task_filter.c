#include "record/task_filter.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "record/tracefs.h"

/*
 * Threads that start while the list is made, of threads that are not in it yet, are found in the
 * next round. Few rounds need a third.
 */
#define ROUNDS_MAX 10

#define LIST_PID_LAST 0x3fffffffu /* the kernel's list takes numbers that no task can have */

static int read_list(const struct instance *inst, struct number_list *ret, struct error *err)
{
	struct buf text = { 0 };
	int rc = tracefs_read(inst->dir, "set_event_pid", &text, err);

	for (char *p = (char *)text.data; rc == 0 && p && *p >= '0' && *p <= '9';) {
		char *end = strchr(p, '\n');

		if (end)
			*end = '\0';
		rc = number_list_parse(ret, p, "set_event_pid", 0, LIST_PID_LAST, false, err);
		p = end ? end + 1 : NULL;
	}
	number_list_sort(ret);
	buf_release(&text);
	return rc;
}

static bool exists(uint32_t tid)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%u", tid);
	return access(path, F_OK) == 0;
}

/*
 * Adds the tasks that are selected and not in the list. The order matters: a task that was forked by
 * one in the list is in it by then; one that has ended must not be added, because its number would
 * select whoever gets it next.
 */
static int add_missing(const struct instance *inst, const struct selection *sel, size_t *ret_added,
		       struct error *err)
{
	struct number_list tasks = { 0 }, known = { 0 };
	struct buf text = { 0 };
	char word[16];
	int rc = selection_threads(sel, &tasks, err);

	*ret_added = 0;
	if (rc == 0)
		rc = read_list(inst, &known, err);
	for (size_t i = 0; rc == 0 && i < tasks.count; i++) {
		uint32_t tid = tasks.items[i];

		if (number_list_has(&known, tid) || !exists(tid))
			continue;
		snprintf(word, sizeof(word), "%u ", tid);
		buf_bytes(&text, word, strlen(word));
		++*ret_added;
	}
	buf_u8(&text, '\0');
	if (rc == 0 && text.oom)
		rc = error_nomem(err);
	if (rc == 0 && *ret_added)
		rc = tracefs_write(inst->dir, "set_event_pid", (char *)text.data, err);
	number_list_release(&tasks);
	number_list_release(&known);
	buf_release(&text);
	return rc;
}

/*
 * Nobody is selected yet: the group is empty, or all have ended. A list that was never written means
 * everybody; so a task is put in, and drops out of it when it ends.
 */
static int select_nobody(const struct instance *inst, struct error *err)
{
	pid_t pid = fork();
	char text[16];
	int rc;

	if (pid < 0)
		return error_errno(err, "cannot fork");
	if (pid == 0)
		_exit(0);
	snprintf(text, sizeof(text), "%d", (int)pid);
	rc = tracefs_write(inst->dir, "set_event_pid", text, err);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return rc;
}

static int set_tasks(const struct instance *inst, const struct selection *sel, struct error *err)
{
	size_t added = 0, all = 0;
	int rc = tracefs_write(inst->dir, "options/event-fork", "1", err);

	for (int round = 0; rc == 0 && (round == 0 || added) && round < ROUNDS_MAX; round++) {
		rc = add_missing(inst, sel, &added, err);
		all += added;
	}
	return rc == 0 && !all ? select_nobody(inst, err) : rc;
}

/* "f,ffffff00": 32 CPUs per group, the highest first. */
static int set_cpus(const struct instance *inst, const struct number_list *cpus, struct error *err)
{
	uint32_t last = cpus->items[cpus->count - 1] / 32;
	struct buf text = { 0 };
	char word[16];
	int rc;

	for (uint32_t group = last + 1; group--;) {
		uint32_t bits = 0;

		for (uint32_t i = 0; i < 32; i++)
			if (number_list_has(cpus, group * 32 + i))
				bits |= 1u << i;
		snprintf(word, sizeof(word), group == last ? "%x" : ",%08x", bits);
		buf_bytes(&text, word, strlen(word));
	}
	buf_u8(&text, '\0');
	rc = text.oom ? error_nomem(err) :
			tracefs_write(inst->dir, "tracing_cpumask", (char *)text.data, err);
	buf_release(&text);
	return rc;
}

int task_filter_set(const struct instance *inst, const struct selection *sel, struct error *err)
{
	int rc = 0;

	if (selection_of_tasks(sel))
		rc = set_tasks(inst, sel, err);
	if (rc == 0 && sel->cpus.count)
		rc = set_cpus(inst, &sel->cpus, err);
	return rc;
}

int task_filter_refresh(const struct instance *inst, const struct selection *sel, struct error *err)
{
	size_t added;

	return add_missing(inst, sel, &added, err);
}
