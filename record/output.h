/*
 * output.h - where a recording goes: a file of mode 0600 or standard output, and its writer.
 *
 *	struct output out = OUTPUT_NONE;
 *
 *	output_open(&out, "cap.kmem", force, &err);
 *	capture_writer_put(out.writer, ...);
 *	output_release(&out, keep);		// not keep: a file that was made here is removed
 */
#ifndef KMEM_RECORD_OUTPUT_H
#define KMEM_RECORD_OUTPUT_H

#include "format/writer.h"

struct output {
	const char *path; /* "-": standard output */
	int fd;
	bool made; /* a regular file that this session created or emptied */
	struct capture_writer *writer;
};

#define OUTPUT_NONE ((struct output){ .fd = -1 })

/* path outlives the output. ERR_EXISTS, or ERR_USAGE for a terminal. */
int output_open(struct output *o, const char *path, bool force, struct error *err);
void output_release(struct output *o, bool keep);

#endif
