/*
 * tracefs.h - where the kernel's tracing files are, and how they are read and set.
 *
 * Nothing is remembered, callers hold a directory fd; and nothing is mounted that anybody else
 * could see.
 *
 *	int top = tracefs_open(&err);				// or an error that says what to do
 *	tracefs_write(top, "instances/x/tracing_on", "0", &err);
 */
#ifndef KMEM_RECORD_TRACEFS_H
#define KMEM_RECORD_TRACEFS_H

#include <stdbool.h>
#include <stdint.h>

#include "format/base/buf.h"
#include "format/base/error.h"

/* The fd of the tracing directory, O_PATH-free and close-on-exec; ERR_UNSUPPORTED or ERR_IO. */
int tracefs_open(struct error *err);

/* Whether we may set up tracing there, or only read what events there are; ERR_IO says what is missing. */
int tracefs_check_instances(int top, struct error *err);

/* One write(2) of the text, as tracefs wants it. */
int tracefs_write(int dirfd, const char *path, const char *text, struct error *err);
int tracefs_write_u64(int dirfd, const char *path, uint64_t value, struct error *err);

bool tracefs_has(int dirfd, const char *path);

/* The whole of a small file into b (cleared first), NUL-terminated behind b->len. */
int tracefs_read(int dirfd, const char *path, struct buf *b, struct error *err);
int tracefs_read_u64(int dirfd, const char *path, uint64_t *ret, struct error *err);

#endif
