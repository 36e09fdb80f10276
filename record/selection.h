/*
 * selection.h - whose allocations are recorded: of which processes, threads, control group or
 * command, and on which CPUs. Frees are always recorded from everywhere, because objects are freed
 * by other tasks and by interrupts, too.
 *
 * Processes, threads and the command add up; a control group stands alone; CPUs restrict what is
 * left of that. Which events the selection is for: listed_event.selected (presets.h). How it is
 * told to the kernel is a backend's affair.
 *
 *	selection_make(&sel, options, foreign_pids, &err);	// everything is checked to exist
 *	sel.command = pid;					// with only_command, once it is forked
 *	if (selection_of_tasks(&sel))
 *		selection_threads(&sel, &tids, &err);		// as they are at this moment
 *	selection_describe(&sel, &info);
 *	selection_release(&sel);
 */
#ifndef KMEM_RECORD_SELECTION_H
#define KMEM_RECORD_SELECTION_H

#include <sys/types.h>

#include "record/number_list.h"

#define SELECTION_PIDS_MAX 4096u /* processes and threads that may be named */

struct session_options;

struct selection {
	struct number_list pids, tids; /* processes, threads; sorted */
	struct number_list cpus;       /* online ones, sorted; empty: all */
	char *cgroup;		       /* the directory of a cgroup v2; NULL: none */
	bool only_command;
	pid_t command; /* its process; the caller sets it */
};

/*
 * From the options pids, tids, cpus, cgroup and only_command. foreign_pids: /proc numbers tasks in
 * another way than events do. ERR_USAGE: something is not there or makes no sense, the text says what
 * there is. *ret is released by the caller, also after a failure.
 */
int selection_make(struct selection *ret, const struct session_options *options, bool foreign_pids,
		   struct error *err);
void selection_release(struct selection *sel);

bool selection_of_tasks(const struct selection *sel); /* by -p, -t, --cgroup, --only-command */
bool selection_any(const struct selection *sel);      /* or by CPU */

/*
 * The threads that are selected now, sorted: those of the processes, single ones, those in the
 * control group and below it, the command. Tasks that have ended are left out. The caller releases
 * *ret, also after a failure.
 */
int selection_threads(const struct selection *sel, struct number_list *ret, struct error *err);

/* INFO keys selection.*, see FORMAT.md. */
void selection_describe(const struct selection *sel, struct buf *info);

#endif
