/*
 * caret.h - an error about a place in a text that the user wrote: a sentence, the text, a caret.
 *
 *	unknown attribute 'stak', did you mean stack?
 *	  kmem:kmalloc//stak/
 *	                ^
 *	return caret_error(err, ERR_USAGE, text, 14, "unknown attribute '%s'", word);
 */
#ifndef KMEM_BASE_CARET_H
#define KMEM_BASE_CARET_H

#include <stddef.h>

#include "format/base/error.h"

/* Of a long text, the surroundings of offset are shown. Returns code. */
int caret_error(struct error *err, enum error_code code, const char *text, size_t offset,
		const char *fmt, ...) __attribute__((format(printf, 5, 6)));

#endif
