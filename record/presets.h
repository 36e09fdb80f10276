/*
 * presets.h - which events are recorded: from what was asked for and what this kernel has to a
 * list.
 *
 *	struct event_list list = { 0 };
 *	event_list_make(&list, top, specs, count, STACKS_ALLOC, &err);	// specs: see event_spec.h
 *	for (i = 0; i < list.count; i++) use(&list.items[i]);
 *	event_list_release(&list);
 *
 * list.warnings holds sentences for the user about events that were left out, one per line.
 */
#ifndef KMEM_RECORD_PRESETS_H
#define KMEM_RECORD_PRESETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/base/buf.h"
#include "format/base/error.h"

enum stacks_mode { STACKS_ALLOC, STACKS_ALL, STACKS_NONE };

/* Who named an event: the more exactly, the more it counts. */
enum event_rank { RANK_SET, RANK_PATTERN, RANK_EXACT };

struct listed_event {
	char *system, *name;
	bool stacks;
	bool selected;	     /* an allocation, or asked for by name: a selection is for it */
	uint16_t max_stack;  /* 0: all frames */
	char *filter;	     /* as the user wrote it; NULL: none */
	char *kernel_filter; /* as the kernel has it: event_filter.h */
	enum event_rank rank;
};

struct event_list {
	struct listed_event *items;
	size_t count;
	struct buf specs;    /* text: what was asked for, one comma list */
	struct buf warnings; /* text */
	struct buf absent;   /* "kmem:kmalloc_node kmem:..." */
};

/*
 * Without specs: the slab set. Each spec may be a comma list. ERR_USAGE: no such preset or event
 * (the text names near ones), or a spec that cannot be read; ERR_UNSUPPORTED: this kernel has none
 * of them. task:task_newtask and task:task_rename are always added, where the kernel has them.
 *
 * An event that several specs name: presets and plain names add up; one with slashes replaces what
 * they say, an exact name what a pattern says; two of the same rank must have the same filter, and
 * then add up.
 */
int event_list_make(struct event_list *ret, int top, const char *const *specs, size_t count,
		    enum stacks_mode stacks, struct error *err);
void event_list_release(struct event_list *list);

/*
 * What keeps a capture of them from being whole, as FORMAT.md says for events.filter and
 * events.max_stack; empty if nothing does. NUL-terminated.
 */
void event_list_filters(const struct event_list *list, struct buf *ret);
void event_list_max_stacks(const struct event_list *list, struct buf *ret);

#endif
