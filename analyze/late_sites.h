/*
 * late_sites.h - sites of stacks that mean something only together with the event: user frames
 * depend on the process that was running and on what it had mapped, frames of modules on the modules
 * that were loaded.
 *
 * The dictionary keeps such a tuple as it is (FACT_LATE). Here it becomes a site for the process of
 * an event, and stays so until the process or the modules change: a few comparisons for all further
 * events of the tuple.
 *
 *	struct late_sites l = { .sites = &sites, .tasks = &tasks, .processes = &processes, .users = &users,
 *				.modules = modules };
 *
 *	if (fact->flags & FACT_LATE)
 *		rc = late_site(&l, dictionary, fact, task, &site);	// as fact->site of other tuples
 */
#ifndef KMEM_ANALYZE_LATE_SITES_H
#define KMEM_ANALYZE_LATE_SITES_H

#include "analyze/dictionary.h"
#include "analyze/modules.h"
#include "analyze/processes.h"
#include "analyze/tasks.h"
#include "analyze/user_frames.h"

struct late_sites {
	struct sites *sites;
	const struct tasks *tasks;
	const struct processes *processes;
	struct user_frames *users;
	struct modules *modules;
};

/*
 * task: number of the task that was running; 0: not one event but many are meant, so that what
 * depends on the moment has no name. Returns 0 or ERR_NOMEM.
 */
int late_site(struct late_sites *l, struct dictionary *dict, const struct tuple_fact *fact,
	      uint32_t task, uint32_t *ret);

#endif
