/*
 * module_files.h - what the files of a capture say about kernel modules: the sections of each as they were read from
 * sysfs, at the start, at the end and after each load, with sizes, build ids and symbols.
 *
 *	struct module_files files = { 0 };
 *
 *	module_files_read(&files, &model, &err);	// what it holds points into the model
 *	module_files_release(&files);			// also of what could not be read
 */
#ifndef KMEM_ANALYZE_MODULE_FILES_H
#define KMEM_ANALYZE_MODULE_FILES_H

#include "analyze/capture_model.h"
#include "analyze/id_index.h"
#include "analyze/symbols.h"
#include "format/process.h"

/* A module at one place; the same module loaded elsewhere is another one. What is told of time, modules.c does. */
struct module {
	char *name;
	uint64_t
		seen; /* trace clock when its sections were read; 0 at the start, UINT64_MAX at the end */
	uint64_t text;		 /* start of .text: tells two places apart */
	uint64_t low;		 /* lowest start of its code */
	uint64_t size;		 /* 0: unknown */
	struct symbols *symbols; /* its own part of kallsyms; NULL: the capture's */
	bool stable;		 /* there all the time */
	bool live;
	bool heard;	/* that it is live, or not, is known and not assumed */
	int32_t loader; /* pid that loaded it, as far as heard */
	uint64_t order; /* of its load among all loads; 0: not heard of */
	uint64_t walk;	/* the last search that came by */
	struct text listed
		[2]; /* address in /proc/modules at the start and at the end; points into the file */
	bool was_not_there; /* before it was loaded, although that was assumed */
	uint8_t build_id[BUILD_ID_MAX];
	size_t build_id_len; /* 0: unknown */
};

struct code_section {
	uint64_t start;
	uint32_t module; /* place in list */
	bool init;
	char name[48];
};

struct module_files {
	struct module *list;
	size_t count, cap;
	struct id_index index;	       /* by name and moment */
	struct code_section *sections; /* code, by start */
	size_t section_count, section_cap;
};

int module_files_read(struct module_files *m, const struct capture_model *model, struct error *err);
void module_files_release(struct module_files *m);

bool module_has_name(const struct module *module, struct text name);

#endif
