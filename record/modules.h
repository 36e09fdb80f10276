/*
 * modules.h - modules that come while recording: their sections and symbols are saved while they
 * are there, since both are gone with the module.
 *
 *	struct module_watch w = { 0 };
 *
 *	module_watch_start(&w, &tree);			// before the files of the start are saved
 *	if (w.present)
 *		module_watch_look(&w, &meta, false, &err);	// now and then
 *	module_watch_look(&w, &meta, true, &err);	// at the end
 *	module_watch_release(&w);
 *
 * A module that comes and goes between two looks is not seen.
 */
#ifndef KMEM_RECORD_MODULES_H
#define KMEM_RECORD_MODULES_H

#include "record/meta.h"

#define LOADED_NAME_MAX 64 /* with the NUL; the kernel's own limit is lower */
#define LOADED_MAX	8192

struct loaded_module {
	char name[LOADED_NAME_MAX];
	uint64_t base; /* the same name elsewhere was loaded anew */
	bool loading, live;
	bool saved;
};

struct loaded_list {
	struct loaded_module *items; /* no name twice */
	size_t count, cap;
};

/* Zeroed memory watches nothing. */
struct module_watch {
	bool present;	/* the kernel has /proc/modules */
	bool undecided; /* a module is being loaded and not saved yet */
	struct buf text, fresh;
	struct loaded_list known; /* at the last look */
};

/* Modules that are loaded now count as saved: meta_put_kernel_files does it. */
void module_watch_start(struct module_watch *w, const struct tree *tree);

/*
 * Saves what has come since the last look, under the trace clock's time between the reading of
 * /proc/modules and that of the sections: module_load was before it. A module that is still being
 * loaded waits for the next look, when its sections are all there, unless this is the last.
 */
int module_watch_look(struct module_watch *w, struct meta *meta, bool last, struct error *err);
void module_watch_release(struct module_watch *w);

#endif
