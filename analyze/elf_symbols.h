/*
 * elf_symbols.h - functions of one ELF file, found by the offset in the file that a process mapped.
 *
 * Reads .symtab or .dynsym, program headers and the build-id; no debug information. C++ names stay
 * mangled.
 *
 *	struct elf_symbols *s;
 *
 *	if (elf_symbols_new(&s, "/usr/lib/libc.so.6", &err) == 0) {
 *		if (elf_symbols_has_id(s, id, len) && elf_symbols_address(s, offset, &address) &&
 *		    elf_symbols_find(s, address, &start, &name))
 *			...
 *		elf_symbols_free(s);
 *	}
 *
 * The file is hostile: whatever it says is checked before it is used.
 */
#ifndef KMEM_ANALYZE_ELF_SYMBOLS_H
#define KMEM_ANALYZE_ELF_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/base/error.h"

struct elf_symbols;

/*
 * ERR_IO: it cannot be opened, or is no regular file. ERR_FORMAT: no ELF file. Symbols are read on the first
 * use of them.
 */
int elf_symbols_new(struct elf_symbols **ret, const char *path, struct error *err);
void elf_symbols_free(struct elf_symbols *s);

/* The GNU build-id; NULL when it has none. Lives as long as s. */
const uint8_t *elf_symbols_build_id(const struct elf_symbols *s, size_t *ret_len);
bool elf_symbols_has_id(const struct elf_symbols *s, const void *id, size_t len);

/* A full .symtab, not only what .dynsym exports. */
bool elf_symbols_is_full(const struct elf_symbols *s);

/*
 * The address, as symbols count it, of a byte of the file. False where no executable segment has
 * it; files that hold debug information only have no segments to tell.
 */
bool elf_symbols_address(const struct elf_symbols *s, uint64_t offset, uint64_t *ret);
bool elf_symbols_has_segments(const struct elf_symbols *s);

/*
 * The function that holds address. Of several names, the one that is public, then the one with the fewest underscores
 * in front. The name lives as long as s.
 */
bool elf_symbols_find(struct elf_symbols *s, uint64_t address, uint64_t *ret_start,
		      const char **ret_name);

#endif
