/*
 * aside.h - what a report prints, kept as text instead: headers for data and pictures, parts of a page.
 *
 *	struct aside a = { 0 };
 *	int rc = aside_begin(&a, r, err);
 *
 *	if (rc == 0)
 *		rc = aside_end(&a, r, report_header(r, "rings", err), err);
 *	if (rc == 0)
 *		use(a.text);
 *	aside_release(&a);
 */
#ifndef KMEM_ANALYZE_ASIDE_H
#define KMEM_ANALYZE_ASIDE_H

#include <stddef.h>
#include <stdio.h>

#include "analyze/text_stream.h"

struct aside {
	char *text; /* after aside_end */
	size_t size;
	struct text_stream memory;
	FILE *out; /* the report's own, meanwhile */
};

struct report;

/* From here on r->out is memory, until aside_end; which gives rc back, or that there was no memory. */
int aside_begin(struct aside *a, struct report *r, struct error *err);
int aside_end(struct aside *a, struct report *r, int rc, struct error *err);
void aside_release(struct aside *a); /* a zeroed one, too */

#endif
