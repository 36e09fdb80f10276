/*
 * flame_file.h - a flame graph beside a report: --flame-graph FILE.
 *
 *	flame_file_write(r, "leaks.svg", "leak", MEASURE_LIVE, &err);
 *
 * An SVG where the name ends in .svg, folded stacks for flamegraph.pl and its likes otherwise. The file is made as the
 * report's own (mode 0600, -f). pairs: the temporary table or view with the objects, as `pair`; with --by its view by
 * keys, of that name and "_by". Of events without a size live objects are drawn instead of live bytes.
 */
#ifndef KMEM_ANALYZE_FLAME_FILE_H
#define KMEM_ANALYZE_FLAME_FILE_H

#include "analyze/report.h"
#include "analyze/stack_values.h"

int flame_file_write(struct report *r, const char *path, const char *pairs,
		     enum stack_measure measure, struct error *err);

#endif
