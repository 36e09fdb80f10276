/*
 * debug_lines.h - from an address to its functions and source lines: the function of the symbol table, what is
 * inlined there, and the compile unit that the code belongs to.
 *
 *	struct debug_lines *l;
 *	struct debug_chain c;
 *
 *	debug_lines_new(&l, file, &err);
 *	if (debug_lines_find(l, return_address - 1, &c, &err) > 0)
 *		for (size_t i = 0; i < c.count; i++)
 *			printf("%s at %s:%d\n", c.at[i].function, c.at[i].file, c.at[i].line);
 *	debug_lines_free(l);
 *
 * Units are found through an index of their address ranges (.debug_aranges is not asked: some compilers leave it
 * out), functions through one that is made for a unit when an address lies in it. Ask in the order of addresses: only the
 * index of the last unit is kept.
 */
#ifndef KMEM_ANALYZE_DEBUG_LINES_H
#define KMEM_ANALYZE_DEBUG_LINES_H

#include "analyze/debug_file.h"
#include "analyze/source_path.h"

#define DEBUG_CHAIN_MAX \
	64 /* of deeper inlining the innermost are left out, and position 0 has no line */

struct debug_lines;

struct debug_place {
	const char *function; /* NULL: no information about it, only in the last place */
	const char *file;     /* as debug information has it; NULL: not known */
	int line;	      /* 0: not known */
};

/* Texts live as long as the file. */
struct debug_chain {
	const char *unit, *comp_dir;		/* its names; comp_dir may be NULL */
	size_t count;				/* at least 1 */
	struct debug_place at[DEBUG_CHAIN_MAX]; /* innermost first */
	uint64_t
		start; /* of the function; 0: not known, or the address is in a part of it elsewhere */
};

/* The file outlives it. */
int debug_lines_new(struct debug_lines **ret, struct debug_file *file, struct error *err);
void debug_lines_free(struct debug_lines *l); /* NULL is allowed */

/* The tree that the units name (source_path.h). */
const struct source_tree *debug_lines_tree(const struct debug_lines *l);

/* address: inside the instruction, as debug information counts. 1: found; 0: in no unit; ERR_NOMEM. */
int debug_lines_find(struct debug_lines *l, uint64_t address, struct debug_chain *ret,
		     struct error *err);

#endif
