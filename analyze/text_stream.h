/*
 * text_stream.h - a stream whose text is kept in memory, and which never loses a part of it unnoticed: that of
 * open_memstream does when it cannot grow, and says nothing.
 *
 *	struct text_stream t;			// stays where it is until it is closed
 *
 *	rc = text_stream_open(&t, &err);
 *	fprintf(t.out, ...);
 *	rc = text_stream_close(&t, &text, &size, &err);		// free(text)
 */
#ifndef KMEM_ANALYZE_TEXT_STREAM_H
#define KMEM_ANALYZE_TEXT_STREAM_H

#include <stdio.h>

#include "format/base/buf.h"
#include "format/base/error.h"

struct text_stream {
	FILE *out;
	struct buf bytes;
};

int text_stream_open(struct text_stream *t, struct error *err);
/* *ret_text: heap, with a NUL behind its *ret_size bytes; NULL without memory for all of it. */
int text_stream_close(struct text_stream *t, char **ret_text, size_t *ret_size, struct error *err);

#endif
