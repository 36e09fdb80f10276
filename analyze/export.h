/*
 * export.h - stacks with their values as files for other programs. Sums are those of the reports of the same options.
 *
 *	const struct export_input in = { r, &values, MEASURE_LIVE, lines };
 *
 *	export_pprof(&in, out, &err);
 *
 * Nothing is written to `out` before all is known to be right, but for speedscope, which is written as it goes.
 */
#ifndef KMEM_ANALYZE_EXPORT_H
#define KMEM_ANALYZE_EXPORT_H

#include <stdio.h>

#include "analyze/report.h"
#include "analyze/stack_values.h"

struct export_input {
	struct report *r;
	const struct stack_values *v;
	enum stack_measure measure;
	const char *const *notes; /* what the data bear, in lines; ended by NULL */
};

/*
 * profile.proto, gzip: alloc_objects, alloc_space, inuse_objects, inuse_space, and where the measure is another one that,
 * too; the measure is the default. Labels: bytes (of one object), cache, and the keys of --by. The values are to be read with labels.
 */
int export_pprof(const struct export_input *in, FILE *out, struct error *err);

/* A profile for each measure that is not 0 everywhere, the chosen one active. */
void export_speedscope(const struct export_input *in, FILE *out);

/*
 * heap_v2 of jemalloc, not sampled: live and allocated objects and bytes. With symbols in front, as jeprof --raw writes
 * them: functions that have no address of their own (of programs, of text logs, keys of --by) get one that is made up.
 */
int export_heap(const struct export_input *in, bool symbols, FILE *out, struct error *err);

/*
 * Snapshots over the length of the capture, from the single objects: requested bytes, what was allocated beyond them as extra
 * bytes, and trees of requested bytes every tenth time, at the peak and at the end. Not with --by keys of objects.
 */
int export_massif(const struct export_input *in, FILE *out, struct error *err);

#endif
