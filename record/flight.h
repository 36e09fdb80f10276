/*
 * flight.h - a flight recorder: rings that overwrite themselves and that nobody reads, until they
 * are frozen and written. What is asked of it, what its captures are called, and what is remembered
 * in between.
 *
 *	flight_check(&options, &err);			// before anything is made in the kernel
 *	flight_trigger_parse(&trigger, "oom:mark_victim/pid>1/", top, &err);
 *	...
 *	flight_name(name, sizeof(name), "cap.kmem", n, force);	// cap.kmem, cap.2.kmem, ...
 */
#ifndef KMEM_RECORD_FLIGHT_H
#define KMEM_RECORD_FLIGHT_H

#include <stdbool.h>
#include <stddef.h>

#include "format/base/error.h"

struct session_options;

/* The event at which the rings stop. Zeroed: none. */
struct flight_trigger {
	char *system, *name;
	char *filter; /* NULL: every such event */
};

/*
 * SYSTEM:NAME or SYSTEM:NAME/FILTER/. ERR_USAGE: it is none of these, or the kernel has no such
 * event; ERR_UNSUPPORTED: a kernel before 5.17, whose triggers would stop everybody's tracing.
 */
int flight_trigger_parse(struct flight_trigger *t, const char *text, int top, struct error *err);
void flight_trigger_release(struct flight_trigger *t);

/*
 * Whether the options go together, the memory is there (at most half of it), and captures can be
 * made where they shall go: the directory can be written, the file is not there or may be overwritten.
 */
int flight_check(const struct session_options *options, struct error *err);

/*
 * Of the n-th capture, from 1: the first is called path, later ones have a number before the
 * extension. Unless force is set, numbers whose file exists are passed over: *n becomes the number
 * that was taken.
 */
void flight_name(char *name, size_t room, const char *path, unsigned int *n, bool force);

#endif
