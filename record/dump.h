/*
 * dump.h - saves what the kernel's tracing rings hold into a capture, after the fact: of the running
 * kernel, or of a directory that collect-ftrace.sh saved on another machine. It does not print.
 *
 * Tracing is stopped first, in every instance (or in those that are named); then the rings are read,
 * which empties them; then tracing goes on as before.
 *
 *	dump_run(&options, &report, &err);
 *	if (report.started) ...			// the capture holds what the report says, also after an error
 *	dump_report_release(&report);
 */
#ifndef KMEM_RECORD_DUMP_H
#define KMEM_RECORD_DUMP_H

#include <stdbool.h>

#include "format/records.h"
#include "record/notes.h"

struct dump_options {
	const char *output; /* "-": standard output */
	bool force;
	const char *root; /* a saved directory; NULL: the running kernel */
	const char *const *instances;
	size_t instance_count; /* 0: all that hold records */
	bool leave_stopped;
	const char *command_line; /* our own, for the record */
	const char *version;
};

struct dump_report {
	bool started;  /* there is a capture; the fields below hold */
	bool complete; /* it has its END block */
	bool exact;    /* every record that the kernel counted was decoded */
	uint64_t events, stacks, missing_stacks, orphan_stacks, bytes, lost;
	uint64_t first_ns, last_ns; /* trace clock */
	size_t rings, cpus;	    /* that held records */
	struct notes notes;
};

/*
 * 0 when a capture was made, whatever was lost. ERR_USAGE: no such instance, or clocks that do not
 * compare; ERR_UNSUPPORTED: the rings are empty (the text says why), or there is no /proc or no tracing
 * directory; ERR_FULL or ERR_IO with report->started when writing had to stop early.
 */
int dump_run(const struct dump_options *options, struct dump_report *report, struct error *err);
void dump_report_release(struct dump_report *report);

#endif
