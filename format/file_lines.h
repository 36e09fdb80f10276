/*
 * file_lines.h - FILE blocks, and those of them whose lines begin with an address.
 *
 * /proc/kallsyms is a tenth of many captures. Its addresses ascend, nearly, and as the differences of one
 * from the next they take a tenth of what the digits do: the block has the numbers and the rest of the lines as sections
 * of their own, and the reader of blocks puts the record together again, so that nobody else has to know.
 *
 *	file_body_add(&encoder, &part, &body);			// FORMAT.md, FILE
 *	file_encoder_release(&encoder);
 */
#ifndef KMEM_FORMAT_FILE_LINES_H
#define KMEM_FORMAT_FILE_LINES_H

#include <stdbool.h>

#include "format/base/buf.h"
#include "format/records.h"
#include "format/writer.h"

#define LINE_DIGITS_MAX 16u

/* Zeroed memory is a new one; it is kept from part to part. */
struct file_encoder {
	struct buf record, numbers, lines;
};

/* The sections of one part. Out of memory: body->failed. */
void file_body_add(struct file_encoder *e, const struct file_part *part, struct block_body *body);
void file_encoder_release(struct file_encoder *e);

/*
 * Text of which each line begins with as many hexadecimal digits (0-9, a-f) as the first, up to 16, and a
 * space, and ends with a newline: the numbers as differences (zigzag, varint) and what is left of the lines.
 * False, with nothing of use in the buffers, if it is not.
 */
bool lines_split(const char *text, size_t len, unsigned int *ret_digits, struct buf *numbers,
		 struct buf *lines);

/*
 * The record of a block that was split, text and all, in *ret. Returns what is wrong with it, or NULL. The text is
 * at most BLOCK_RAW_MAX bytes long.
 */
const char *file_join(const struct section *record, const struct section *numbers,
		      const struct section *lines, struct buf *ret);

#endif
