#include "analyze/late_sites.h"

/* The number of a kernel frame now, for that task (NULL: at no moment). 0: no memory. */
static uint32_t kernel_frame(struct late_sites *l, uint64_t address, const struct task *task,
			     struct late_moment *moment)
{
	uint32_t frame;
	bool by_pid;

	if (!modules_is_late(l->modules, address))
		return stacks_frame(l->sites->stacks, address);
	if (!task)
		return modules_unknown_frame(l->modules, address);
	frame = modules_frame(l->modules, address, task->pid, &by_pid);
	moment->modules = modules_epoch(l->modules);
	if (by_pid)
		moment->pid = task->pid;
	return frame;
}

/* The number of the stack in that process; 0: no memory. */
static uint32_t stack_of(struct late_sites *l, const struct dictionary *dict,
			 const struct late_stack *late, const struct task *task, int32_t tgid,
			 const struct process *process, struct late_moment *moment)
{
	const uint64_t *frames = dict->late_frames + late->first;
	uint32_t path[STACK_FRAMES_MAX];

	for (uint32_t i = 0; i < late->kernel + late->user; i++) {
		path[i] = i < late->kernel ? kernel_frame(l, frames[i], task, moment) :
					     user_frames_add(l->users, process, tgid, frames[i],
							     i == late->kernel);
		if (!path[i])
			return 0;
	}
	if (late->user) {
		moment->process = process ? process->epoch : 0;
		moment->tgid = tgid;
	}
	return stacks_add_path(l->sites->stacks, path, late->kernel + late->user);
}

/* Whether what was found at one moment holds at this one. */
static bool still_holds(const struct late_sites *l, const struct late_moment *then,
			const struct task *task, int32_t tgid, const struct process *process)
{
	return (!then->modules || then->modules == modules_epoch(l->modules)) &&
	       (then->pid < 0 || (task && then->pid == task->pid)) &&
	       (then->tgid < 0 ||
		(then->tgid == tgid && then->process == (process ? process->epoch : 0)));
}

static uint32_t add_site(struct late_sites *l, struct late_fact *late, enum fact_kind kind,
			 uint32_t stack, uint32_t call_site)
{
	if (kind == FACT_ALLOC) {
		late->alloc.stack = stack;
		if (call_site)
			late->alloc.call_site = call_site;
		return sites_add_alloc(l->sites, &late->alloc);
	}
	if (kind == FACT_FREE) {
		late->free.stack = stack;
		if (call_site)
			late->free.call_site = call_site;
		return sites_add_free(l->sites, &late->free);
	}
	return stack;
}

int late_site(struct late_sites *l, struct dictionary *dict, const struct tuple_fact *fact,
	      uint32_t task_number, uint32_t *ret)
{
	struct late_fact *late = &dict->late_facts[fact->site];
	const struct task *task = task_number ? &l->tasks->list[task_number - 1] : NULL;
	int32_t tgid = !task ? 0 : task->has_tgid ? task->tgid : task->pid;
	const struct process *process = task ? processes_find(l->processes, tgid) : NULL;
	uint32_t stack = late->stack & ~STACK_LATE, call_site = 0;

	if (late->site && still_holds(l, &late->moment, task, tgid, process)) {
		*ret = late->site;
		return 0;
	}
	late->moment = (struct late_moment){ .pid = -1, .tgid = -1 };
	if (late->stack & STACK_LATE) {
		stack = stack_of(l, dict, &dict->late_stacks[stack], task, tgid, process,
				 &late->moment);
		if (!stack)
			return ERR_NOMEM;
	}
	if (late->call_site) {
		call_site = kernel_frame(l, late->call_site, task, &late->moment);
		if (!call_site)
			return ERR_NOMEM;
	}
	late->site = add_site(l, late, (enum fact_kind)fact->kind, stack, call_site);
	*ret = late->site;
	return late->site ? 0 : ERR_NOMEM;
}
