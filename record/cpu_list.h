/*
 * cpu_list.h - the CPUs that an option names, checked against those that are online.
 *
 *	struct number_list cpus = { 0 };
 *	cpu_list_parse(&cpus, &options->cpus, "-C", &err);	// ERR_USAGE says which are online
 *	number_list_release(&cpus);
 */
#ifndef KMEM_RECORD_CPU_LIST_H
#define KMEM_RECORD_CPU_LIST_H

#include "format/base/options.h"
#include "record/number_list.h"

/* Adds the CPUs of all texts; afterwards the list is sorted. No text: an empty list. */
int cpu_list_parse(struct number_list *list, const struct option_list *texts, const char *option,
		   struct error *err);

#endif
