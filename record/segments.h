/*
 * segments.h - a recording in several files: when the next one begins, what stands in front of its
 * events, and how the one before ends. Each is a capture of its own; FORMAT.md, Segments.
 *
 *	struct segments g;
 *
 *	segments_init(&g, &output, &meta, backend, max_bytes, &err);	// 0: no limit
 *	segments_first(&g, &err);		// before all other metadata
 *	... metadata ...
 *	segments_started(&g, &err);		// it is complete
 *	poll(segments_fd(&g), segments_wait_ms(&g))
 *	segments_step(&g, &err);		// now and then, and when the fd is readable
 *	segments_finish(&g, &err);		// readers have ended: the file before has its end
 *	segments_release(&g);
 *
 * The next file is made, and gets everything but events, while the readers still write to the one
 * before; then each reader changes over when it can (reader.h), and when all have, the one before
 * gets its statistics and its END block. No event refers to a dictionary in another file.
 */
#ifndef KMEM_RECORD_SEGMENTS_H
#define KMEM_RECORD_SEGMENTS_H

#include "record/backend.h"
#include "record/output.h"

struct segments {
	struct output *output;
	struct meta *meta;
	struct backend *backend;
	uint64_t max_bytes;
	bool tasks;    /* the caller's: their names are to be put */
	int full_fd;   /* eventfd: the file has reached its size */
	bool changing; /* readers are on their way to the next file */
	char series[2 * CAPTURE_UUID_LEN + 1];
	uint64_t lost_before; /* records lost before the current file */
};

/* The output is open. max_bytes: of one file after which the recording ends; 0: no limit. */
int segments_init(struct segments *g, struct output *output, struct meta *meta,
		  struct backend *backend, uint64_t max_bytes, struct error *err);
void segments_release(struct segments *g);

int segments_first(struct segments *g, struct error *err);

/* ERR_USAGE: the file is larger than it may be before the first event. */
int segments_started(struct segments *g, struct error *err);

int segments_fd(const struct segments *g); /* -1: nothing to wait for */
int segments_wait_ms(const struct segments *g, int most);

/* 1: the recording has reached its size and is to end. 0: go on. */
int segments_step(struct segments *g, struct error *err);

/* After drain. */
int segments_finish(struct segments *g, struct error *err);

#endif
