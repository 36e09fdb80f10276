/*
 * skip_frames.h - the caller of an allocation: the first frame of its stack that is not part of the
 * allocator or of a thin wrapper around it.
 *
 * Which functions those are is data: skip_frames.txt, embedded at build time, and what the user adds.
 *
 *	struct skip_frames s = { 0 };
 *
 *	skip_frames_init(&s, more, count, &err);	// patterns of the user; NULL, 0: none
 *	skip_frames_match(&s, "kvmalloc_node.isra.0", 20);	// true
 *	frame = skip_frames_caller(path, depth, call_site, classes);
 *	skip_frames_release(&s);
 */
#ifndef KMEM_ANALYZE_SKIP_FRAMES_H
#define KMEM_ANALYZE_SKIP_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/base/error.h"

#define SKIP_PATTERN_MAX 512 /* bytes of one pattern */

struct skip_pattern {
	const char *text; /* not ended: len bytes of the embedded file or of the user's string */
	size_t len;
};

struct skip_frames {
	struct skip_pattern *exact; /* sorted by text */
	size_t exact_count;
	struct skip_pattern *globs; /* those with * or ? in them */
	size_t glob_count;
};

/*
 * The embedded list and `more`, whose strings stay the caller's and outlive *s. ERR_USAGE for a
 * pattern that is empty or too long. On failure there is nothing to release.
 */
int skip_frames_init(struct skip_frames *s, const char *const *more, size_t count,
		     struct error *err);
void skip_frames_release(struct skip_frames *s);

/* Whether a function of that name, with whatever suffix, is one to skip. */
bool skip_frames_match(const struct skip_frames *s, const char *name, size_t len);

enum frame_class {
	FRAME_PLAIN,
	FRAME_SKIPPED, /* its function is one to skip */
	FRAME_USER,    /* of a user program: never a caller */
};

/*
 * The number of the caller's frame, 0: none is known. path: the frames of the stack, innermost first;
 * depth 0 without a stack. call_site: its frame, 0 if the event has none. classes[frame]: what each is.
 *
 * Frames inside the call site are the allocator's whatever their names. A stack of nothing but
 * frames to skip (one that was cut short, for example) gives the call site, without one its
 * outermost frame of the kernel.
 */
uint32_t skip_frames_caller(const uint32_t *path, uint32_t depth, uint32_t call_site,
			    const unsigned char *classes);

#endif
