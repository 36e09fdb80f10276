/*
 * report_lines.h - the header of a report as lines of its own: what stands below a picture, and what is said beside a
 * file that has no place for it.
 *
 *	struct report_lines lines;
 *
 *	report_lines_init(&lines, r, "flame", &err);
 *	options.notes = lines.lines;			// ended by NULL
 *	report_lines_release(&lines);
 *
 *	report_lines_warn(r);		// one sentence on stderr where the data do not bear exact numbers
 */
#ifndef KMEM_ANALYZE_REPORT_LINES_H
#define KMEM_ANALYZE_REPORT_LINES_H

#include "analyze/report.h"

#define REPORT_LINES_MAX 32

struct report_lines {
	char *text;
	const char *lines[REPORT_LINES_MAX + 1]; /* without "# " */
};

int report_lines_init(struct report_lines *l, struct report *r, const char *name,
		      struct error *err);
void report_lines_release(struct report_lines *l);

void report_lines_warn(const struct report *r);

#endif
