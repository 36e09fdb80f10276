/*
 * symbol_files.h - the ELF files on this machine that belong to a file of the target: those with its
 * build-id, and no others.
 *
 * Looked at, in this order: for each directory given, DIR/.build-id/xx/rest[.debug],
 * DIR/usr/lib/debug/.build-id/xx/rest.debug, DIR/PATH, and the files in DIR whatever their names;
 * then PATH itself and /usr/lib/debug/.build-id/xx/rest.debug.
 *
 *	struct symbol_files f = { .dirs = dirs, .dir_count = n };
 *	struct symbol_source source;
 *
 *	if (symbol_files_open(&f, &dso, &source) > 0) {
 *		if (symbol_source_find(&source, offset, &from_start, &name))
 *			printf("%s+0x%llx", name, from_start);
 *		symbol_source_close(&source);
 *	}
 *	symbol_files_release(&f);
 */
#ifndef KMEM_ANALYZE_SYMBOL_FILES_H
#define KMEM_ANALYZE_SYMBOL_FILES_H

#include "analyze/dsos.h"
#include "analyze/elf_symbols.h"

struct found_file {
	char *path;
	uint8_t build_id[BUILD_ID_MAX];
	size_t build_id_len;
};

struct symbol_files {
	const char *const *dirs;
	size_t dir_count;
	/* from here on its own */
	struct found_file *found; /* the files that lie in dirs */
	size_t found_count, found_cap;
	bool looked;
};

/* Segments translate offsets to addresses, functions name addresses: a stripped file and its debug file share the work. */
struct symbol_source {
	struct elf_symbols *segments, *functions; /* may be one and the same */
	char *path;				  /* of the file with the functions; heap */
};

/* 1: found; 0: nothing that has the build-id, or nothing that names a function; ERR_NOMEM. */
int symbol_files_open(struct symbol_files *f, const struct dso *dso, struct symbol_source *ret);

/* The function that holds a byte of the dso; ret_from_start: bytes from its beginning. */
bool symbol_source_find(struct symbol_source *s, uint64_t offset, uint64_t *ret_from_start,
			const char **ret_name);
void symbol_source_close(struct symbol_source *s);
void symbol_files_release(struct symbol_files *f);

#endif
