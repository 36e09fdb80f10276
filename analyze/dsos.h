/*
 * dsos.h - what user frames lie in: files (path and build-id), and memory without a file, which is
 * another thing in every program that runs.
 *
 *	struct dsos d = { 0 };
 *	uint32_t libc = dsos_add(&d, &(struct dso_key){ .path = path, .build_id = id });	// from 1; 0: no memory
 *	puts(d.list[libc - 1].path);
 *	dsos_release(&d);
 */
#ifndef KMEM_ANALYZE_DSOS_H
#define KMEM_ANALYZE_DSOS_H

#include "analyze/id_index.h"
#include "format/process.h"

struct dso {
	char *path; /* cut at PATH_BYTES_MAX; "[heap]", "//anon", "[unknown]" for memory */
	uint8_t build_id[BUILD_ID_MAX];
	uint8_t build_id_len; /* 0: unknown */
	bool is_file;	      /* frames are offsets in it; else addresses in one program */
	int32_t tgid;	      /* memory in use: of whom; 0 for files */
	uint32_t program;     /* the same: see struct process */
	char *symbols_from;   /* the ELF file or map that gave names; NULL: none did */
};

struct dsos {
	struct dso *list; /* number n is list[n - 1] */
	size_t count, cap;
	struct id_index index;
};

struct dso_key {
	struct text path, build_id;
	int32_t tgid;
	uint32_t program;
};

uint32_t dsos_add(struct dsos *d, const struct dso_key *key);

/* The memory `dso` names, as the program of that process has it. A file is the same everywhere. */
uint32_t dsos_in_program(struct dsos *d, uint32_t dso, int32_t tgid, uint32_t program);
void dsos_release(struct dsos *d);

#endif
