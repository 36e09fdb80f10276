/*
 * fileio.h - files that hold kernel addresses: mode 0600, no planted link followed, nothing
 * overwritten unasked; whole reads and writes.
 */
#ifndef KMEM_BASE_FILEIO_H
#define KMEM_BASE_FILEIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "format/base/buf.h"
#include "format/base/error.h"

/*
 * Creates path for writing, mode 0600. An existing file is ERR_EXISTS (the text says to use -f),
 * unless force: then a regular file of one link is emptied and a link, directory or device is
 * refused. Returns the fd.
 */
int file_create(const char *path, bool force, struct error *err);

/* The same as a stream. Without memory for it the file is taken away again: 0, or an error. */
int file_create_stream(const char *path, bool force, FILE **ret, struct error *err);

/* All n bytes, through short writes and EINTR. path is for the error text. */
int file_write_all(int fd, const void *data, size_t n, const char *path, struct error *err);

/* Exactly n bytes at offset; ERR_TRUNCATED when the file ends first. */
int file_read_at(int fd, void *data, size_t n, uint64_t offset, const char *path,
		 struct error *err);

/*
 * Appends the whole of a file of unknown length (procfs, tracefs) to b, at most `most` bytes. dirfd
 * as in openat. ERR_IO with errno's text when it cannot be opened or read.
 */
int file_slurp(int dirfd, const char *path, size_t most, struct buf *b, struct error *err);
/* The same from where an open file stands; path is for the error text. */
int file_slurp_fd(int fd, const char *path, size_t most, struct buf *b, struct error *err);

/* The directory that holds path reaches the disk: after creating or renaming a file. */
int file_sync_parent(const char *path, struct error *err);

#endif
