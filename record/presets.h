/*
 * presets.h - which events are recorded: from what was asked for and what this kernel has to a
 * list.
 *
 *	struct event_list list = { 0 };
 *	event_list_make(&list, top, specs, count, STACKS_ALLOC, &err);	// specs: "slab", "sched:sched_switch"
 *	for (i = 0; i < list.count; i++) use(&list.items[i]);
 *	event_list_release(&list);
 *
 * list.warnings holds sentences for the user about events that were left out, one per line.
 */
#ifndef KMEM_RECORD_PRESETS_H
#define KMEM_RECORD_PRESETS_H

#include <stdbool.h>
#include <stddef.h>

#include "format/base/buf.h"
#include "format/base/error.h"

enum stacks_mode { STACKS_ALLOC, STACKS_ALL, STACKS_NONE };

struct listed_event {
	char *system, *name;
	bool stacks;
};

struct event_list {
	struct listed_event *items;
	size_t count;
	struct buf warnings; /* text */
	struct buf absent;   /* "kmem:kmalloc_node kmem:..." */
};

/*
 * Without specs: the slab set. Each spec may be a comma list. ERR_USAGE: no such preset or event
 * (the text names near ones); ERR_UNSUPPORTED: this kernel has none of them. task:task_newtask and
 * task:task_rename are always added, where the kernel has them.
 */
int event_list_make(struct event_list *ret, int top, const char *const *specs, size_t count,
		    enum stacks_mode stacks, struct error *err);
void event_list_release(struct event_list *list);

#endif
