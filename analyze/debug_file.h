/*
 * debug_file.h - a file with debug information or symbols: a vmlinux, a module (.ko), a program or its .debug
 * file.
 *
 *	struct debug_file *f;
 *	Dwarf *dwarf;
 *
 *	if (debug_file_open(&f, "/usr/lib/debug/boot/vmlinux-6.1.0", &err) == 0) {
 *		if (debug_file_has_id(f, id, len) && debug_file_dwarf(f, &dwarf, &err) == 0)
 *			...dwarf_nextcu(dwarf, ...)...
 *		debug_file_close(f);
 *	}
 *
 * Addresses. Of a linked file all are those of the file: symbols, sections, debug information; also where it can be
 * loaded anywhere (arm64's vmlinux is ET_DYN). The sections of a module have no addresses yet: they get
 * some here, one behind the other, on the first use of debug_file_dwarf() or debug_file_section(), and debug information
 * is relocated to them in memory. Symbols of debug_file_elf() are not: there st_value counts from the
 * section's start.
 *
 * Opening reads a few pages; a file of 600 MB is mapped and takes the memory of what is looked at.
 */
#ifndef KMEM_ANALYZE_DEBUG_FILE_H
#define KMEM_ANALYZE_DEBUG_FILE_H

#include <elfutils/libdw.h>
#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/base/error.h"

struct debug_file;

/* ERR_IO, ERR_FORMAT, ERR_NOMEM; the text names the path. */
int debug_file_open(struct debug_file **ret, const char *path, struct error *err);
void debug_file_close(struct debug_file *f); /* NULL is allowed */

const char *debug_file_path(const struct debug_file *f);
Elf *debug_file_elf(const struct debug_file *f);
bool debug_file_is_module(const struct debug_file *f); /* relocatable: a .ko or .o */

/* The GNU build-id; NULL when it has none. */
const uint8_t *debug_file_build_id(const struct debug_file *f, size_t *ret_len);
bool debug_file_has_id(const struct debug_file *f, const void *id, size_t len);

/* Whether there is debug information (.debug_info); a stripped file has none. */
bool debug_file_has_dwarf(const struct debug_file *f);

/* Read on first use, kept until the file is closed. ERR_FORMAT: none, or none that can be read. */
int debug_file_dwarf(struct debug_file *f, Dwarf **ret, struct error *err);

struct debug_section {
	uint64_t address; /* as debug information counts */
	uint64_t size;
	bool code; /* executable */
};

/* The section of that name; false: the file has none. */
bool debug_file_section(struct debug_file *f, const char *name, struct debug_section *ret);

/* Whether an address lies in executable code of the file. */
bool debug_file_is_code(struct debug_file *f, uint64_t address);

/* The value of a symbol of a linked file, which is an address; false: no such symbol. */
bool debug_file_symbol(struct debug_file *f, const char *name, uint64_t *ret);

/* The release in a vmlinux ("6.1.0-50-amd64"), from its linux_banner; false: it has none. */
bool debug_file_release(struct debug_file *f, char *text, size_t room);

#endif
