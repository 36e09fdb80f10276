/*
 * elf_file.h - an ELF file opened for reading, and its GNU build-id.
 *
 *	struct elf_file f;
 *
 *	if (elf_file_open(&f, path, &err) == 0) {
 *		...f.elf, f.build_id...
 *		elf_file_close(&f);
 *	}
 *
 * The file is hostile: a pipe or a device of that name is refused without waiting for it.
 */
#ifndef KMEM_ANALYZE_ELF_FILE_H
#define KMEM_ANALYZE_ELF_FILE_H

#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/base/error.h"
#include "format/process.h"

struct elf_file {
	int fd;
	Elf *elf; /* mapped, so that only what is read takes memory */
	uint8_t build_id[BUILD_ID_MAX];
	size_t build_id_len; /* 0: it has none */
};

/* ERR_IO: it cannot be opened, or is no regular file. ERR_FORMAT: no ELF file. Nothing to close then. */
int elf_file_open(struct elf_file *f, const char *path, struct error *err);
void elf_file_close(struct elf_file *f);

bool elf_file_has_id(const struct elf_file *f, const void *id, size_t len);

#endif
