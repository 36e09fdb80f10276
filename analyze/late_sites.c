#include "analyze/late_sites.h"

/* The number of the stack in that process; 0: no memory. */
static uint32_t stack_in(struct late_sites *l, const struct dictionary *dict,
			 const struct late_stack *late, const struct process *process, int32_t tgid)
{
	struct stacks *stacks = l->sites->stacks;
	const uint64_t *frames = dict->late_frames + late->first;
	uint32_t path[STACK_FRAMES_MAX];

	for (uint32_t i = 0; i < late->kernel + late->user; i++) {
		path[i] = i < late->kernel ? stacks_frame(stacks, frames[i]) :
					     user_frames_add(l->users, process, tgid, frames[i],
							     i == late->kernel);
		if (!path[i])
			return 0;
	}
	return stacks_add_path(stacks, path, late->kernel + late->user);
}

int late_site(struct late_sites *l, struct dictionary *dict, const struct tuple_fact *fact,
	      uint32_t task, uint32_t *ret)
{
	struct late_fact *late = &dict->late_facts[fact->site];
	const struct task *t = &l->tasks->list[task - 1];
	int32_t tgid = t->has_tgid ? t->tgid : t->pid;
	const struct process *process = processes_find(l->processes, tgid);
	uint64_t epoch = process ? process->epoch : 0;
	uint32_t stack;

	if (late->site && late->epoch == epoch && late->tgid == tgid) {
		*ret = late->site;
		return 0;
	}
	stack = stack_in(l, dict, &dict->late_stacks[late->stack], process, tgid);
	if (!stack)
		return ERR_NOMEM;
	if (fact->kind == FACT_ALLOC) {
		late->alloc.stack = stack;
		late->site = sites_add_alloc(l->sites, &late->alloc);
	} else if (fact->kind == FACT_FREE) {
		late->free.stack = stack;
		late->site = sites_add_free(l->sites, &late->free);
	} else {
		late->site = stack;
	}
	late->epoch = epoch;
	late->tgid = tgid;
	*ret = late->site;
	return late->site ? 0 : ERR_NOMEM;
}
