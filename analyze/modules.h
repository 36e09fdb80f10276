/*
 * modules.h - which module an address belonged to at the moment that the replay has come to.
 *
 * Memory of modules is used again: the code of a module that was removed, and the initialisation code
 * (.init.text) of every module once it has run, give way to later modules, and kallsyms knows the
 * last tenant only, and no initialisation code at all. Here the sections of all modules that the
 * capture knows are laid over time by the events module_load and module_free. Of the sections at
 * or below an address the nearest counts that was there at the moment: the code of a module that is loaded,
 * or the initialisation code of the module that the running task has loaded last.
 *
 *	struct modules *m;
 *
 *	modules_new(&m, &model, symbols, &stacks, &err);
 *	if (modules_is_late(m, address))		// the answer depends on time
 *		frame = modules_frame(m, address, pid, &by_pid);
 *	modules_loaded(m, name, pid, time);		// from events, in their order; changes the epoch
 *	modules_freed(m, name);
 *	modules_settle(m);				// at the end, before anything is made of the frames
 *	modules_free(m);
 *
 * Where no answer is right for certain (initialisation code of one of several), there is none: the
 * frame has no name.
 */
#ifndef KMEM_ANALYZE_MODULES_H
#define KMEM_ANALYZE_MODULES_H

#include "analyze/capture_model.h"
#include "analyze/stacks.h"
#include "format/process.h"

struct modules;

/* model, symbols and stacks outlive the modules. */
int modules_new(struct modules **ret, const struct capture_model *model,
		const struct symbols *symbols, struct stacks *stacks, struct error *err);
void modules_free(struct modules *m);

/*
 * False for the kernel itself, for modules that were there all the time and for what no section of
 * a module is near: those have one name for the whole capture (stacks_frame).
 */
bool modules_is_late(const struct modules *m, uint64_t address);

/* False: no memory. */
bool modules_loaded(struct modules *m, struct text name, int32_t pid, uint64_t time);
void modules_freed(struct modules *m, struct text name);
uint64_t modules_epoch(const struct modules *m); /* changes with each of the two */
void modules_settle(struct modules *m);

/*
 * The frame of a late return address, now, for the task pid; 0: no memory. by_pid: another task might
 * get another frame.
 */
uint32_t modules_frame(struct modules *m, uint64_t address, int32_t pid, bool *ret_by_pid);

/* The frame of an address that belongs to none for certain: it has no name. */
uint32_t modules_unknown_frame(struct modules *m, uint64_t address);

/* A code section as the capture has it. */
struct module_section {
	const char *module, *name; /* live as long as the modules */
	uint64_t address;
	uint8_t build_id[BUILD_ID_MAX]; /* of the module */
	size_t build_id_len;		/* 0: not known */
};

size_t modules_section_count(const struct modules *m);
/* number: from 1 to the count. */
void modules_section(const struct modules *m, uint32_t number, struct module_section *ret);

/* The number of the section that a frame of the kernel lies in, when the replay has ended; 0: none. */
uint32_t modules_section_of(const struct modules *m, const struct frame *frame);

#endif
