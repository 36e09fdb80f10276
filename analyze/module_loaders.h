/*
 * module_loaders.h - which task loaded a module last: while its init code runs, no other module of that task does.
 *
 * Zeroed memory knows of none.
 */
#ifndef KMEM_ANALYZE_MODULE_LOADERS_H
#define KMEM_ANALYZE_MODULE_LOADERS_H

#include "analyze/id_index.h"

struct module_loader {
	int32_t pid;
	uint64_t order; /* of its last load among all loads, from 1 */
};

struct module_loaders {
	struct module_loader *list;
	size_t count, cap;
	struct id_index index; /* by pid */
};

/* False: no memory. */
bool module_loaders_note(struct module_loaders *l, int32_t pid, uint64_t order);

/* Of its last load; 0: it has loaded none. */
uint64_t module_loaders_last(const struct module_loaders *l, int32_t pid);

void module_loaders_release(struct module_loaders *l);

#endif
