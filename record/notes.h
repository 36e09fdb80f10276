/*
 * notes.h - plain sentences about what a capture cannot show and why. They go into the capture (INFO
 * `warning.N`, "CODE: SENTENCE") and from there into every report.
 *
 *	struct notes n = { 0 };
 *	notes_add(&n, "overrun", "%s records were overwritten", text);
 *	notes_encode(&n, &meta.info);
 *	notes_release(&n);
 */
#ifndef KMEM_RECORD_NOTES_H
#define KMEM_RECORD_NOTES_H

#include <stddef.h>

#include "format/base/buf.h"

struct note {
	char code[24]; /* lower case and dashes; never changes its meaning */
	char text[400];
};

struct notes {
	struct note *items;
	size_t count;
};

/* Without memory, or past 64 of them, a note is not kept. */
void notes_add(struct notes *n, const char *code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void notes_encode(const struct notes *n, struct buf *info);
void notes_release(struct notes *n);

#endif
