#include "record/selection.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/base/fileio.h"
#include "format/records.h"
#include "record/cgroup.h"
#include "record/cpu_list.h"
#include "record/session.h"

#define PID_LAST 4194303u /* PID_MAX_LIMIT - 1 */

/* ---- processes and threads ---- */

/* The process that a task belongs to; 0: there is no such task. */
static uint32_t process_of(uint32_t tid)
{
	unsigned int tgid = 0;
	struct buf text = { 0 };
	char path[40];
	const char *p;

	snprintf(path, sizeof(path), "/proc/%u/status", tid);
	if (file_slurp(AT_FDCWD, path, 1u << 20, &text, NULL) == 0) {
		buf_u8(&text, '\0');
		p = text.oom ? NULL : strstr((char *)text.data, "\nTgid:");
		if (p)
			sscanf(p, "\nTgid:%u", &tgid);
	}
	buf_release(&text);
	return tgid;
}

static int check_process(uint32_t pid, struct error *err)
{
	uint32_t tgid = process_of(pid);

	if (!tgid)
		return error_set(err, ERR_USAGE, "-p %u: there is no such process", pid);
	if (tgid != pid)
		return error_set(
			err, ERR_USAGE,
			"-p %u: that is a thread of process %u: use -t %u for it alone, or "
			"-p %u",
			pid, tgid, pid, tgid);
	return 0;
}

static int check_thread(uint32_t tid, struct error *err)
{
	return process_of(tid) ? 0 :
				 error_set(err, ERR_USAGE, "-t %u: there is no such thread", tid);
}

static int parse_tasks(struct number_list *list, const struct option_list *texts, char letter,
		       int (*check)(uint32_t tid, struct error *err), struct error *err)
{
	char what[120];
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < texts->count; i++) {
		snprintf(what, sizeof(what), "-%c %.80s", letter, texts->items[i]);
		rc = number_list_parse(list, texts->items[i], what, 1, PID_LAST, false, err);
	}
	number_list_sort(list);
	if (rc == 0 && list->count > SELECTION_PIDS_MAX)
		rc = error_set(err, ERR_USAGE, "-%c: more than %u numbers", letter,
			       SELECTION_PIDS_MAX);
	for (size_t i = 0; rc == 0 && i < list->count; i++)
		rc = check(list->items[i], err);
	return rc;
}

/* ---- */

/* What makes no sense together, and what cannot be known here. */
static int check_options(const struct session_options *o, bool foreign_pids, struct error *err)
{
	bool pids = o->pids.count || o->tids.count;

	if (o->only_command && !o->command)
		return error_set(err, ERR_USAGE,
				 "--only-command: there is no command: put it after --");
	if (o->cgroup && (pids || o->only_command))
		return error_set(err, ERR_USAGE,
				 "--cgroup cannot be combined with -p, -t and --only-command: it "
				 "stands alone, or with -C");
	if (foreign_pids && (pids || o->cgroup || o->only_command))
		return error_set(
			err, ERR_UNSUPPORTED,
			"this is a PID namespace of its own, and events carry the numbers of "
			"the machine: tasks cannot be selected from here; run kmem-record outside "
			"of the container");
	return 0;
}

int selection_make(struct selection *ret, const struct session_options *o, bool foreign_pids,
		   struct error *err)
{
	int rc = check_options(o, foreign_pids, err);

	*ret = (struct selection){ .only_command = o->only_command };
	if (rc == 0)
		rc = parse_tasks(&ret->pids, &o->pids, 'p', check_process, err);
	if (rc == 0)
		rc = parse_tasks(&ret->tids, &o->tids, 't', check_thread, err);
	if (rc == 0)
		rc = cpu_list_parse(&ret->cpus, &o->cpus, "-C", err);
	if (rc == 0 && o->cgroup)
		rc = cgroup_find(&ret->cgroup, o->cgroup, err);
	return rc;
}

void selection_release(struct selection *sel)
{
	number_list_release(&sel->pids);
	number_list_release(&sel->tids);
	number_list_release(&sel->cpus);
	free(sel->cgroup);
	*sel = (struct selection){ 0 };
}

bool selection_of_tasks(const struct selection *sel)
{
	return sel->pids.count || sel->tids.count || sel->cgroup || sel->only_command;
}

bool selection_any(const struct selection *sel)
{
	return selection_of_tasks(sel) || sel->cpus.count;
}

static int add_threads_of(uint32_t pid, struct number_list *list, struct error *err)
{
	char path[40];
	struct dirent *d;
	DIR *dir;
	int rc = 0;

	snprintf(path, sizeof(path), "/proc/%u/task", pid);
	dir = opendir(path);
	while (rc == 0 && dir && (d = readdir(dir)))
		if (d->d_name[0] != '.')
			rc = number_list_add(list, (uint32_t)strtoul(d->d_name, NULL, 10), err);
	if (dir)
		closedir(dir);
	return rc;
}

int selection_threads(const struct selection *sel, struct number_list *ret, struct error *err)
{
	int rc = 0;

	*ret = (struct number_list){ 0 };
	for (size_t i = 0; rc == 0 && i < sel->pids.count; i++)
		rc = add_threads_of(sel->pids.items[i], ret, err);
	for (size_t i = 0; rc == 0 && i < sel->tids.count; i++)
		if (process_of(sel->tids.items[i]))
			rc = number_list_add(ret, sel->tids.items[i], err);
	if (rc == 0 && sel->cgroup)
		rc = cgroup_threads(sel->cgroup, ret, err);
	if (rc == 0 && sel->command)
		rc = number_list_add(ret, (uint32_t)sel->command, err);
	number_list_sort(ret);
	return rc;
}

static void describe_list(const struct number_list *list, const char *key, bool ranges,
			  struct buf *info)
{
	struct buf text = { 0 };

	if (!list->count)
		return;
	number_list_text(list, ranges, &text);
	buf_u8(&text, '\0');
	if (!text.oom)
		info_encode(info, key, (char *)text.data);
	buf_release(&text);
}

void selection_describe(const struct selection *sel, struct buf *info)
{
	describe_list(&sel->pids, "selection.pids", false, info);
	describe_list(&sel->tids, "selection.tids", false, info);
	describe_list(&sel->cpus, "selection.cpus", true, info);
	if (sel->cgroup)
		info_encode(info, "selection.cgroup", sel->cgroup);
	if (sel->only_command)
		info_encode_u64(info, "selection.command", (uint64_t)sel->command);
}
