/*
 * build_id.h - the build-id of an ELF file on the target, read from the file itself, and a memory of
 * those that were read already. Files are not trusted: every length is bounded before it is used.
 *
 *	struct build_ids ids = { 0 };
 *	id = build_ids_of_fd(&ids, fd, &len);		// NULL: the file has none
 *	build_ids_release(&ids);
 */
#ifndef KMEM_RECORD_BUILD_ID_H
#define KMEM_RECORD_BUILD_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record/intern.h"

#define BUILD_ID_BYTES 64

struct build_id {
	uint8_t bytes[BUILD_ID_BYTES];
	uint8_t len; /* 0: the file has none */
};

/* False when the file is no ELF file, is damaged or has no build-id. Any class, our byte order. */
bool build_id_read(int fd, struct build_id *ret);

/* By device, inode and time of change. Zeroed memory is an empty one; it does not grow for ever. */
struct build_ids {
	struct intern files;
	struct build_id *ids; /* parallel */
	size_t cap;
};

/* fd: a regular file. The result lives until the next call. NULL where there is no build-id. */
const struct build_id *build_ids_of_fd(struct build_ids *b, int fd);

/*
 * The file that process tgid has mapped at start..end under that path. device and inode are those
 * of the mapping: another file at that path is not taken for it.
 */
const struct build_id *build_ids_of_map(struct build_ids *b, int32_t tgid, uint64_t start,
					uint64_t end, const char *path, unsigned int major,
					unsigned int minor, uint64_t inode);
void build_ids_release(struct build_ids *b);

#endif
