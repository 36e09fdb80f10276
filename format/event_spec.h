/*
 * event_spec.h - the language of -e: which events, which filter, which attributes. Parsing only:
 * what the kernel has and what it makes of a filter is for others to find out.
 *
 *	SPEC[,SPEC]...			SPEC: PRESET | SYSTEM:NAME | SYSTEM:NAME/FILTER/ATTRIBUTE/...
 *
 * SYSTEM and NAME may hold the wildcards * ? [...]. FILTER is the kernel's, as it is; it may be
 * empty. An attribute is a word or WORD=VALUE. Commas and slashes divide nothing inside of quotes;
 * commas divide nothing inside of a filter, and neither does anything between the parentheses of a
 * value: size=(a/b).
 *
 *	struct event_specs specs = { 0 };
 *	event_specs_parse(&specs, "slab,kmem:mm_page_alloc/order>0/stack/max-stack=8/", &err);
 *	for (i = 0; i < specs.count; i++) use(&specs.items[i]);
 *	event_specs_release(&specs);
 */
#ifndef KMEM_FORMAT_EVENT_SPEC_H
#define KMEM_FORMAT_EVENT_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/base/error.h"

/* The attributes that are expressions (or a name) for the analysis. */
enum spec_value { SPEC_PTR, SPEC_SIZE, SPEC_KEY, SPEC_ALIAS, SPEC_COMM, SPEC_VALUES };

struct event_spec {
	char *text;	  /* as it was written */
	char *name;	  /* "slab", "kmem:kmalloc", "kmem:km*alloc*" */
	char *filter;	  /* NULL: none */
	bool is_explicit; /* there was a slash: stacks only if it says so */
	bool stack;
	uint16_t max_stack;	   /* frames, innermost ones; 0: all */
	char *values[SPEC_VALUES]; /* NULL: not given */
};

struct event_specs {
	struct event_spec *items;
	size_t count;
};

/*
 * Adds the specs of a comma list. ERR_USAGE shows the place. ptr, size, key, alias and comm are
 * understood by the analysis only: here they are checked to have a value.
 */
int event_specs_parse(struct event_specs *specs, const char *list, struct error *err);
void event_specs_release(struct event_specs *specs);

bool event_spec_is_pattern(const struct event_spec *spec);

#endif
