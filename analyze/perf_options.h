/*
 * perf_options.h - options of perf-prof that say how to record: accepted by the reports that are named like its own, so
 * that a command line that was typed there works here, with a line on stderr that says what became of them.
 *
 *	static const struct option_row rows[] = { PERF_ROWS(struct kmemleak_options, perf), ... };
 *	perf_options_apply(&o.perf, &o.report.filter);		// before the report runs
 */
#ifndef KMEM_ANALYZE_PERF_OPTIONS_H
#define KMEM_ANALYZE_PERF_OPTIONS_H

#include <stdbool.h>

#include "analyze/object_filter.h"

struct perf_options {
	bool order, user_chain, kernel_chain, python_chain;
	const char *mmap_pages, *watermark;
	const char *pids, *tids, *cpus;
};

/* clang-format off */
#define PERF_ROWS(type, member) \
	{ "order", 0, NULL, NULL, OPT_FLAG, offsetof(type, member.order), 0, 0, 0, NULL }, \
	{ "mmap-pages", 'm', "N", NULL, OPT_STRING, offsetof(type, member.mmap_pages), 0, 0, 0, NULL }, \
	{ "watermark", 0, "N", NULL, OPT_STRING, offsetof(type, member.watermark), 0, 0, 0, NULL }, \
	{ "user-callchain", 0, NULL, NULL, OPT_FLAG, offsetof(type, member.user_chain), 0, 0, 0, NULL }, \
	{ "kernel-callchain", 0, NULL, NULL, OPT_FLAG, offsetof(type, member.kernel_chain), 0, 0, 0, NULL }, \
	{ "python-callchain", 0, NULL, NULL, OPT_FLAG, offsetof(type, member.python_chain), 0, 0, 0, NULL }, \
	{ "pids", 'p', "PIDS", NULL, OPT_STRING, offsetof(type, member.pids), 0, 0, 0, NULL }, \
	{ "tids", 't', "TIDS", NULL, OPT_STRING, offsetof(type, member.tids), 0, 0, 0, NULL }, \
	{ "cpus", 'C', "CPUS", NULL, OPT_STRING, offsetof(type, member.cpus), 0, 0, 0, NULL }
/* clang-format on */

/* Sets those of the filter that -p, -t and -C stand for, unless --only-... did. */
void perf_options_apply(const struct perf_options *o, struct object_filter *filter);

#endif
