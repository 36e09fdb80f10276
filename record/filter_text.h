/*
 * filter_text.h - the comparisons with a function in a filter: what the kernel's own filter language
 * knows only in part, and only since 6.3.
 *
 *	call_site==do_exit, call_site.function != "do_exit"
 *
 * Whether a comparison is meant so is decided by the caller, who knows the fields: name==value may
 * as well be about a string.
 *
 *	for (pos = filter; filter_next_comparison(&pos, &c); ) use(&c);
 *	filter_put_function(&b, &c);		// call_site.function == do_exit
 *	filter_put_ranges(&b, &c, ranges, n);	// (call_site >= 0xffff... && call_site < 0xffff...)
 */
#ifndef KMEM_RECORD_FILTER_TEXT_H
#define KMEM_RECORD_FILTER_TEXT_H

#include <stdbool.h>

#include "format/base/buf.h"
#include "record/symbols.h"

#define FILTER_WORD 256 /* room of a field or symbol; the kernel's KSYM_NAME_LEN is 512, for Rust */

struct filter_comparison {
	const char *at, *end; /* where it stands in the filter */
	const char *value_at;
	char field[FILTER_WORD];
	char value[FILTER_WORD]; /* a word that is no number, without its quotes */
	bool negated;		 /* != */
	bool is_function;	 /* field.function */
};

/* The next `field == word` or `field != word` from *pos on; *pos then stands behind it. */
bool filter_next_comparison(const char **pos, struct filter_comparison *ret);

void filter_put_function(struct buf *b, const struct filter_comparison *c);
void filter_put_ranges(struct buf *b, const struct filter_comparison *c,
		       const struct symbol_range *ranges, size_t count);

#endif
