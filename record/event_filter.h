/*
 * event_filter.h - the filters of a list of events, handed to the kernel in its own language.
 *
 * The kernel checks a filter when it is written: so it is done before anything else is changed.
 * Comparisons with a function become FIELD.function == NAME where this kernel knows that and the
 * name has one meaning, and ranges of addresses from /proc/kallsyms elsewhere.
 *
 *	event_filters_set(&list, inst, &err);	// ERR_USAGE: the kernel's words, and where
 *	instance_enable(inst, ..., list.items[i].kernel_filter, &err);
 */
#ifndef KMEM_RECORD_EVENT_FILTER_H
#define KMEM_RECORD_EVENT_FILTER_H

#include "record/instance.h"
#include "record/presets.h"

/* Sets kernel_filter of the events that have a filter; the kernel has taken it in inst. */
int event_filters_set(struct event_list *list, const struct instance *inst, struct error *err);

#endif
