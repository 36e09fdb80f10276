/*
 * output.h - where a recording goes: standard output, a file of mode 0600, or a series of them, one
 * after the other, with a number before the extension (cap.000001.kmem).
 *
 *	struct output_options options = { .path = "cap.kmem", .rotate_bytes = 100 << 20, .keep = 5 };
 *	struct output out = OUTPUT_NONE;
 *
 *	output_open(&out, &options, &err);
 *	capture_writer_put(out.writer, ...);
 *	output_publish(&out, &err);		// a segment appears under its name with all that is in it by then
 *
 *	output_next(&out, &err);		// out.writer is the next file's, out.last the one of before
 *	capture_writer_put(out.writer, ...);
 *	output_publish(&out, &err);
 *	capture_writer_end(out.last, ...);
 *	output_close_last(&out);		// and those that are too many are deleted
 *
 *	output_release(&out, keep);		// not keep: a file that was made here is removed
 *
 * Only files that this session made are ever deleted, and only when they are still what stands under
 * their names.
 */
#ifndef KMEM_RECORD_OUTPUT_H
#define KMEM_RECORD_OUTPUT_H

#include <sys/types.h>

#include "format/writer.h"

struct output_options {
	const char *path; /* "-": standard output */
	bool force;
	uint64_t rotate_bytes; /* of a segment; 0: one file */
	uint32_t keep;	       /* segments; 0: all */
};

/* A segment that is complete. */
struct old_segment {
	char *name;
	dev_t device;
	ino_t inode;
};

struct output {
	uint32_t clock_step; /* clock_step.h */
	struct output_options options;
	int fd;
	bool named; /* the file is under `name`, and this session put it there */
	char *name;
	struct capture_writer *writer;
	uint32_t number; /* of the segment, from 1; 0: no segments */
	/* the file of before, until output_close_last */
	struct capture_writer *last;
	int last_fd;
	char *last_name;
	/* with options->keep: what stands there, oldest first */
	struct old_segment *old;
	uint32_t old_count;
	uint64_t done_bytes, done_events; /* of closed files */
};

#define OUTPUT_NONE ((struct output){ .fd = -1, .last_fd = -1 })

/*
 * The path outlives the output. ERR_EXISTS when the file is there, or of a series any, and force is not
 * set; ERR_USAGE for a terminal. A series needs a name.
 */
int output_open(struct output *o, const struct output_options *options, struct error *err);
void output_release(struct output *o, bool keep);

/* After a failure everything is as before the call. */
int output_next(struct output *o, struct error *err);
int output_publish(struct output *o, struct error *err);
void output_close_last(struct output *o);

/* Gives up what output_next made, before it was published. */
void output_back(struct output *o);

/*
 * Deletes the oldest segments until the file system has room for a next one. Returns whether any was
 * deleted. Only with options->keep: who keeps all wants none deleted.
 */
bool output_make_room(struct output *o);

/* Written so far, to all files. */
uint64_t output_bytes(const struct output *o);
uint64_t output_events(const struct output *o);

#endif
