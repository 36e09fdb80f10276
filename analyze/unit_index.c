#include "analyze/unit_index.h"

#include <dwarf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/array_room.h"

#define NAMESPACES_MOST 8 /* of Rust code; deeper ones are left alone */

struct code_range {
	uint64_t start, end;
	int unit;
};

struct variable {
	uint64_t address;
	const char *name; /* of the Dwarf */
	int unit;
};

struct unit_index {
	char **paths;
	size_t path_count, path_cap;
	struct code_range *ranges; /* by start, disjoint */
	size_t range_count, range_cap;
	struct variable *variables; /* by address */
	size_t variable_count, variable_cap;
};

static int add_ranges(struct unit_index *u, Dwarf_Die *die, int unit, struct error *err)
{
	Dwarf_Addr base, start, end;
	ptrdiff_t next = 0;

	while ((next = dwarf_ranges(die, next, &base, &start, &end)) > 0) {
		if (end <= start)
			continue;
		if (!array_room((void **)&u->ranges, &u->range_cap, u->range_count,
				sizeof(*u->ranges)))
			return error_nomem(err);
		u->ranges[u->range_count++] = (struct code_range){ start, end, unit };
	}
	return 0;
}

/* Address of a variable that has one for all its life. */
static bool variable_address(Dwarf_Die *die, uint64_t *ret)
{
	Dwarf_Attribute location, operand;
	Dwarf_Op *op;
	size_t ops;
	Dwarf_Addr address;

	if (!dwarf_attr(die, DW_AT_location, &location) ||
	    dwarf_getlocation(&location, &op, &ops) || ops != 1)
		return false;
	if (op->atom == DW_OP_addr) {
		*ret = op->number;
		return true;
	}
	if (op->atom != DW_OP_addrx && op->atom != DW_OP_GNU_addr_index)
		return false;
	if (dwarf_getlocation_attr(&location, op, &operand) || dwarf_formaddr(&operand, &address))
		return false;
	*ret = address;
	return true;
}

static int add_variables(struct unit_index *u, Dwarf_Die *parent, int unit, int depth,
			 struct error *err)
{
	Dwarf_Die die;
	uint64_t address;
	int rc = 0;

	if (dwarf_child(parent, &die))
		return 0;
	do {
		int tag = dwarf_tag(&die);

		if (tag == DW_TAG_namespace && depth < NAMESPACES_MOST)
			rc = add_variables(u, &die, unit, depth + 1, err);
		if (tag != DW_TAG_variable || !variable_address(&die, &address))
			continue;
		if (!array_room((void **)&u->variables, &u->variable_cap, u->variable_count,
				sizeof(*u->variables)))
			return error_nomem(err);
		u->variables[u->variable_count++] = (struct variable){ address, dwarf_diename(&die),
								       unit };
	} while (rc == 0 && dwarf_siblingof(&die, &die) == 0);
	return rc;
}

static const char *text_attribute(Dwarf_Die *die, unsigned int name)
{
	Dwarf_Attribute attribute;

	return dwarf_formstring(dwarf_attr(die, name, &attribute));
}

/* 1: the next unit, in *die; its name may be missing. 0: that was the last. */
static bool next_unit(Dwarf *dwarf, Dwarf_CU **cu, Dwarf_Die *die)
{
	Dwarf_Half version;
	uint8_t type;

	return dwarf_get_units(dwarf, *cu, cu, &version, &type, die, NULL) == 0;
}

static int learn_root(Dwarf *dwarf, struct source_tree *tree, struct error *err)
{
	Dwarf_CU *cu = NULL;
	Dwarf_Die die;
	int rc = 0;

	while (rc == 0 && !tree->root && next_unit(dwarf, &cu, &die)) {
		const char *name = dwarf_diename(&die);

		if (name && dwarf_tag(&die) == DW_TAG_compile_unit)
			rc = source_tree_unit(tree, name, text_attribute(&die, DW_AT_comp_dir),
					      err);
	}
	return rc < 0 ? rc : 0;
}

static int add_unit(struct unit_index *u, Dwarf_Die *die, const struct source_tree *tree,
		    struct error *err)
{
	const char *name = dwarf_diename(die);
	int unit = (int)u->path_count, rc;
	char *path;

	if (!name || dwarf_tag(die) != DW_TAG_compile_unit)
		return 0;
	path = source_path(tree, text_attribute(die, DW_AT_comp_dir), name);
	if (!path ||
	    !array_room((void **)&u->paths, &u->path_cap, u->path_count, sizeof(*u->paths))) {
		free(path);
		return error_nomem(err);
	}
	u->paths[u->path_count++] = path;
	rc = add_ranges(u, die, unit, err);
	return rc < 0 ? rc : add_variables(u, die, unit, 0, err);
}

static int by_start(const void *a, const void *b)
{
	const struct code_range *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->unit - y->unit;
}

static int by_address(const void *a, const void *b)
{
	const struct variable *x = a, *y = b;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	return x->unit - y->unit;
}

/* Where units overlap (only damaged files have that), the first one keeps the bytes. */
static void make_disjoint(struct unit_index *u)
{
	size_t n = 0;

	for (size_t i = 0; i < u->range_count; i++) {
		struct code_range r = u->ranges[i];

		if (n && r.start < u->ranges[n - 1].end)
			r.start = u->ranges[n - 1].end;
		if (r.start < r.end)
			u->ranges[n++] = r;
	}
	u->range_count = n;
}

int unit_index_new(struct unit_index **ret, Dwarf *dwarf, struct source_tree *tree,
		   struct error *err)
{
	struct unit_index *u = calloc(1, sizeof(*u));
	Dwarf_CU *cu = NULL;
	Dwarf_Die die;
	int rc = 0;

	if (!u)
		return error_nomem(err);
	if (dwarf)
		rc = learn_root(dwarf, tree, err);
	while (dwarf && rc == 0 && next_unit(dwarf, &cu, &die))
		rc = add_unit(u, &die, tree, err);
	if (rc < 0) {
		unit_index_free(u);
		return rc;
	}
	if (u->range_count)
		qsort(u->ranges, u->range_count, sizeof(*u->ranges), by_start);
	if (u->variable_count)
		qsort(u->variables, u->variable_count, sizeof(*u->variables), by_address);
	make_disjoint(u);
	*ret = u;
	return 0;
}

void unit_index_free(struct unit_index *u)
{
	if (!u)
		return;
	for (size_t i = 0; i < u->path_count; i++)
		free(u->paths[i]);
	free(u->paths);
	free(u->ranges);
	free(u->variables);
	free(u);
}

int unit_index_code(const struct unit_index *u, uint64_t address, uint64_t end, uint64_t *ret_end)
{
	size_t low = 0, high = u->range_count;

	while (low < high) { /* the first range that ends behind address */
		size_t middle = low + (high - low) / 2;

		if (u->ranges[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_end = end;
	if (low == u->range_count)
		return UNIT_NONE;
	if (u->ranges[low].start <= address) {
		if (u->ranges[low].end < end)
			*ret_end = u->ranges[low].end;
		return u->ranges[low].unit;
	}
	if (u->ranges[low].start < end)
		*ret_end = u->ranges[low].start;
	return UNIT_NONE;
}

int unit_index_variable(const struct unit_index *u, uint64_t address, const char *name)
{
	size_t low = 0, high = u->variable_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (u->variables[middle].address < address)
			low = middle + 1;
		else
			high = middle;
	}
	for (size_t i = low; i < u->variable_count && u->variables[i].address == address; i++)
		if (u->variables[i].name && !strcmp(u->variables[i].name, name))
			return u->variables[i].unit;
	/* what the linker threw away has address 0, and so has the first variable of each CPU's area */
	if (address == 0 || low == u->variable_count || u->variables[low].address != address)
		return UNIT_NONE;
	return u->variables[low].unit;
}

int unit_index_count(const struct unit_index *u)
{
	return (int)u->path_count;
}

const char *unit_index_path(const struct unit_index *u, int unit)
{
	return u->paths[unit];
}
