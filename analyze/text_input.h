/*
 * text_input.h - the lines of a text file, plain or compressed by gzip, zstd or xz; the content says
 * which, never the name.
 *
 *	struct text_input *in;
 *	struct text line;
 *
 *	text_input_open(&in, "kmem.log.gz", &err);
 *	while ((rc = text_input_line(in, &line, &err)) > 0)
 *		use(line);				// valid until the next call; no end of line, not terminated
 *	text_input_free(in);
 *
 * Memory is bounded: a line longer than TEXT_LINE_MAX comes cut to that length, and the rest of it is
 * stepped over. Compressed data that ends early or is damaged ends the lines, as a file that was cut
 * off does: text_input_cut says why.
 */
#ifndef KMEM_ANALYZE_TEXT_INPUT_H
#define KMEM_ANALYZE_TEXT_INPUT_H

#include <stdbool.h>

#include "format/base/error.h"
#include "format/reader.h"
#include "format/records.h"

#define TEXT_LINE_MAX 8192 /* bytes; the longest line of ftrace is one page */

struct text_input;

int text_input_open(struct text_input **ret, const char *path, struct error *err);
void text_input_free(struct text_input *in);

/* 1: the next line, LF or CR LF removed; 0: there are no more. */
int text_input_line(struct text_input *in, struct text *ret, struct error *err);

uint64_t text_input_read(const struct text_input *in);	 /* bytes of the file so far */
uint64_t text_input_length(const struct text_input *in); /* of the file, compressed as it is */
/* What kept the end from being read, as a half sentence; NULL: nothing did. Meaningful at the end. */
const char *text_input_cut(const struct text_input *in);
/* The line handed out last has no end of line: it may be half of one. */
bool text_input_half_line(const struct text_input *in);

/*
 * As of a capture: uuid is a hash of the first bytes, which stays when a log grows; tail_crc is over samples
 * of all of it.
 */
int text_input_identity(const char *path, struct capture_identity *ret, struct error *err);

#endif
