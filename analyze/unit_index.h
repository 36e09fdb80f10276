/*
 * unit_index.h - which compile unit an address of a linked file belongs to: code by the ranges of the units,
 * variables by where the debug information puts them. Static variables of functions are not in it.
 *
 *	struct unit_index *u;
 *	uint64_t end;
 *
 *	if (unit_index_new(&u, dwarf, &tree, &err) == 0) {
 *		int unit = unit_index_code(u, address, &end);
 *
 *		if (unit != UNIT_NONE)
 *			puts(unit_index_path(u, unit));
 *		unit_index_free(u);
 *	}
 */
#ifndef KMEM_ANALYZE_UNIT_INDEX_H
#define KMEM_ANALYZE_UNIT_INDEX_H

#include <elfutils/libdw.h>
#include <stddef.h>
#include <stdint.h>

#include "analyze/source_path.h"
#include "format/base/error.h"

#define UNIT_NONE (-1)

struct unit_index;

/*
 * A dwarf of NULL makes an index that knows nothing; otherwise it must outlive the index. tree: learns
 * its root here if it does not know it yet.
 */
int unit_index_new(struct unit_index **ret, Dwarf *dwarf, struct source_tree *tree,
		   struct error *err);
void unit_index_free(struct unit_index *u);

/* The unit of a byte of code; *ret_end (never beyond `end`) is the first byte for which the answer may differ. */
int unit_index_code(const struct unit_index *u, uint64_t address, uint64_t end, uint64_t *ret_end);
/* The unit of the variable that begins there; of several, the one of that name. */
int unit_index_variable(const struct unit_index *u, uint64_t address, const char *name);

int unit_index_count(const struct unit_index *u);
/* Tree-relative (source_path.h). Lives as long as u. */
const char *unit_index_path(const struct unit_index *u, int unit);

#endif
