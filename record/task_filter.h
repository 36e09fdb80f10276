/*
 * task_filter.h - makes a tracing instance record the events of selected tasks and CPUs only.
 *
 * The kernel keeps a list of tasks per instance (set_event_pid). It adds what they fork by itself,
 * and drops tasks that end (option event-fork). Nothing can be taken from the list otherwise but all
 * at once: a task that leaves its control group stays in.
 *
 *	task_filter_set(inst, sel, &err);	// tracing is off
 *	task_filter_refresh(inst, sel, &err);	// now and then: who has moved into the group
 */
#ifndef KMEM_RECORD_TASK_FILTER_H
#define KMEM_RECORD_TASK_FILTER_H

#include "record/instance.h"
#include "record/selection.h"

int task_filter_set(const struct instance *inst, const struct selection *sel, struct error *err);
int task_filter_refresh(const struct instance *inst, const struct selection *sel,
			struct error *err);

#endif
