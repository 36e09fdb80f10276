/*
 * static_load.h - the static memory of a linked kernel or module as rows of static_symbol: every byte of every
 * section that is loaded, once.
 *
 * The kind of a section is what the tool `size` makes of it: what is not written to or is executed is
 * text (read-only data, too), what the file has contents for is data, the rest bss. Bytes of no symbol
 * are rows, too: their name is the section's in parentheses, '(.rodata)'.
 *
 * The unit of a symbol comes from the debug information; of one that this does not tell (static variables
 * of functions, mostly) from the others of its object file, as the symbol table groups them; then from
 * the objects of a build tree, if there are any.
 *
 *	struct source_tree tree = { 0 };	// one for a kernel and its modules
 *	struct static_file file = { .debug = debug_file, .tree = &tree };
 *
 *	static_load(db, &file, &err);		// in a transaction of the caller's
 *	source_tree_release(&tree);
 */
#ifndef KMEM_ANALYZE_STATIC_LOAD_H
#define KMEM_ANALYZE_STATIC_LOAD_H

#include <sqlite3.h>
#include <stdint.h>

#include "analyze/debug_file.h"
#include "analyze/object_files.h"
#include "analyze/source_path.h"
#include "format/base/error.h"

struct static_file {
	struct debug_file *debug; /* its debug information is used if it has any */
	struct source_tree *tree;
	const char *module;		    /* NULL: the kernel itself */
	const struct object_files *objects; /* NULL: none at hand */
	const char *unit;		    /* of all bytes: an object file; NULL: see above */
};

/*
 * Adds rows to source and static_symbol. ERR_FORMAT where the file cannot be understood; other errors
 * are SQLite's. Rows that were added before stay: roll back.
 */
int static_load(sqlite3 *db, const struct static_file *file, struct error *err);

/* The kinds as `size` counts. */
enum static_kind { STATIC_TEXT, STATIC_DATA, STATIC_BSS, STATIC_KINDS };

extern const char *const static_kind_names[STATIC_KINDS];

#endif
