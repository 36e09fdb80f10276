/*
 * extra_symbols.h - functions that the capture's kallsyms does not list as it stands: those of user
 * programs, and of modules that were not there when it was read.
 *
 *	uint32_t n = extra_symbols_add(&x, scope, name, module);	// from 1; 0: no memory
 *	frame->hit.index = n - 1;					// with frame->extra
 *
 * scope keeps equal names apart: the number of a dso, or EXTRA_MODULE and that of a module.
 */
#ifndef KMEM_ANALYZE_EXTRA_SYMBOLS_H
#define KMEM_ANALYZE_EXTRA_SYMBOLS_H

#include "analyze/id_index.h"
#include "format/records.h"

#define EXTRA_MODULE 0x80000000u

struct extra_symbol {
	uint32_t scope;
	char *name;
	size_t len;
	const char *module; /* NULL: of a user program; lives as long as the modules */
};

struct extra_symbols {
	struct extra_symbol *list; /* number n is list[n - 1] */
	size_t count, cap;
	struct id_index index;
};

uint32_t extra_symbols_add(struct extra_symbols *x, uint32_t scope, struct text name,
			   const char *module);
void extra_symbols_release(struct extra_symbols *x);

#endif
