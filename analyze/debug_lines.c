#include "analyze/debug_lines.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/array_room.h"
#include "analyze/id_index.h"

#define NAMESPACES_MAX 32 /* nested in each other */
#define SCOPES_MAX     256

struct range {
	uint64_t low, high; /* [low, high) */
	Dwarf_Die die;
};

struct ranges {
	struct range *list; /* by low */
	size_t count, cap;
};

struct debug_lines {
	Dwarf *dwarf;
	struct source_tree tree;
	struct ranges units;
	struct ranges functions; /* of the unit at `unit` */
	Dwarf_Off unit;
	bool has_unit;
};

static int by_low(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	if (x->low != y->low)
		return x->low < y->low ? -1 : 1;
	return (x->high < y->high) -
	       (x->high > y->high); /* the smaller one last: it is found first */
}

static void sort_ranges(struct ranges *r)
{
	if (r->count)
		qsort(r->list, r->count, sizeof(*r->list), by_low);
}

static bool add_ranges(struct ranges *r, Dwarf_Die *die)
{
	Dwarf_Addr base, low, high;
	ptrdiff_t at = 0;

	while ((at = dwarf_ranges(die, at, &base, &low, &high)) > 0) {
		if (low >= high)
			continue;
		if (!array_room((void **)&r->list, &r->cap, r->count, sizeof(*r->list)))
			return false;
		r->list[r->count++] = (struct range){ low, high, *die };
	}
	return true;
}

static struct range *range_of(const struct ranges *r, uint64_t address)
{
	size_t low = 0, high = r->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (r->list[middle].low <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low && address < r->list[low - 1].high ? &r->list[low - 1] : NULL;
}

static const char *text_of(Dwarf_Die *die, unsigned int name)
{
	Dwarf_Attribute attribute;

	return dwarf_formstring(dwarf_attr_integrate(die, name, &attribute));
}

/* ---- units ---- */

/* What discarded sections leave behind begins at 0, where nothing of a kernel or a program is. */
static bool add_unit(struct debug_lines *l, Dwarf_Die *unit, bool linked, struct error *err)
{
	size_t first = l->units.count, kept = first;

	if (!add_ranges(&l->units, unit))
		return false;
	for (size_t i = first; i < l->units.count; i++)
		if (l->units.list[i].low || !linked)
			l->units.list[kept++] = l->units.list[i];
	l->units.count = kept;
	if (!l->tree.root) {
		const char *name = text_of(unit, DW_AT_name);

		return !name ||
		       source_tree_unit(&l->tree, name, text_of(unit, DW_AT_comp_dir), err) >= 0;
	}
	return true;
}

int debug_lines_new(struct debug_lines **ret, struct debug_file *file, struct error *err)
{
	struct debug_lines *l = calloc(1, sizeof(*l));
	bool linked = !debug_file_is_module(file);
	Dwarf_CU *cu = NULL;
	uint8_t type;
	Dwarf_Die die, split;
	int rc;

	if (!l)
		return error_nomem(err);
	rc = debug_file_dwarf(file, &l->dwarf, err);
	while (rc == 0 && dwarf_get_units(l->dwarf, cu, &cu, NULL, &type, &die, &split) == 0) {
		if (type != DW_UT_compile && type != DW_UT_skeleton)
			continue;
		if (!add_unit(l, type == DW_UT_skeleton && dwarf_tag(&split) ? &split : &die,
			      linked, err))
			rc = error_nomem(err);
	}
	if (rc < 0) {
		debug_lines_free(l);
		return rc;
	}
	sort_ranges(&l->units);
	*ret = l;
	return 0;
}

void debug_lines_free(struct debug_lines *l)
{
	if (!l)
		return;
	source_tree_release(&l->tree);
	free(l->units.list);
	free(l->functions.list);
	free(l);
}

const struct source_tree *debug_lines_tree(const struct debug_lines *l)
{
	return &l->tree;
}

/* ---- functions ---- */

/* In C functions are nowhere but at the top, and types, which are most of a unit, need not be entered. */
static bool holds_functions(int tag, bool is_c)
{
	return tag == DW_TAG_namespace || tag == DW_TAG_module ||
	       (!is_c && (tag == DW_TAG_structure_type || tag == DW_TAG_class_type ||
			  tag == DW_TAG_union_type || tag == DW_TAG_enumeration_type));
}

static bool add_functions(struct ranges *r, Dwarf_Die *parent, bool is_c, int depth)
{
	Dwarf_Die die;
	int more = dwarf_child(parent, &die);
	bool ok = true;

	for (; more == 0 && ok; more = dwarf_siblingof(&die, &die)) {
		int tag = dwarf_tag(&die);

		if (tag == DW_TAG_subprogram)
			ok = add_ranges(r, &die);
		else if (holds_functions(tag, is_c) && depth < NAMESPACES_MAX)
			ok = add_functions(r, &die, is_c, depth + 1);
	}
	return ok;
}

static bool is_c(Dwarf_Die *unit)
{
	switch (dwarf_srclang(unit)) {
	case DW_LANG_C:
	case DW_LANG_C89:
	case DW_LANG_C99:
	case DW_LANG_C11:
	case DW_LANG_Mips_Assembler: return true;
	default: return false;
	}
}

static bool enter_unit(struct debug_lines *l, Dwarf_Die *unit)
{
	Dwarf_Off offset = dwarf_dieoffset(unit);

	if (l->has_unit && l->unit == offset)
		return true;
	l->functions.count = 0;
	l->unit = offset;
	l->has_unit = true;
	if (!add_functions(&l->functions, unit, is_c(unit), 0))
		return false;
	sort_ranges(&l->functions);
	return true;
}

/* ---- one address ---- */

static bool is_scope(int tag)
{
	return tag == DW_TAG_inlined_subroutine || tag == DW_TAG_lexical_block ||
	       tag == DW_TAG_try_block || tag == DW_TAG_catch_block;
}

/* The scope directly in `parent` that holds the address, in place of parent. */
static bool step_into(Dwarf_Die *parent, uint64_t address)
{
	Dwarf_Die die;
	int more = dwarf_child(parent, &die);

	for (; more == 0; more = dwarf_siblingof(&die, &die)) {
		if (!is_scope(dwarf_tag(&die)) || dwarf_haspc(&die, address) <= 0)
			continue;
		*parent = die;
		return true;
	}
	return false;
}

/* The function and what is inlined at the address, outermost first. */
static size_t scopes_of(const struct range *function, uint64_t address, Dwarf_Die *ret,
			bool *ret_cut)
{
	Dwarf_Die die = function->die;
	size_t n = 0;

	*ret_cut = false;
	ret[n++] = die;
	for (int depth = 0; depth < SCOPES_MAX && !*ret_cut && step_into(&die, address); depth++) {
		if (dwarf_tag(&die) != DW_TAG_inlined_subroutine)
			continue;
		*ret_cut = n == DEBUG_CHAIN_MAX;
		if (!*ret_cut)
			ret[n++] = die;
	}
	return n;
}

/* What the symbol table calls it, where the two differ (C++, Rust). */
static const char *function_name(Dwarf_Die *die)
{
	const char *name = text_of(die, DW_AT_linkage_name);

	if (!name)
		name = text_of(die, DW_AT_MIPS_linkage_name);
	return name ? name : text_of(die, DW_AT_name);
}

static void line_of(Dwarf_Die *unit, uint64_t address, struct debug_place *ret)
{
	Dwarf_Line *line = dwarf_getsrc_die(unit, address);

	if (!line || dwarf_lineno(line, &ret->line) < 0)
		ret->line = 0;
	ret->file = line ? dwarf_linesrc(line, NULL, NULL) : NULL;
}

/* Where an inlined function is called. */
static void call_of(Dwarf_Files *files, Dwarf_Die *die, struct debug_place *ret)
{
	Dwarf_Attribute attribute;
	Dwarf_Word number;

	ret->file = NULL;
	ret->line = 0;
	if (files && dwarf_formudata(dwarf_attr(die, DW_AT_call_file, &attribute), &number) == 0)
		ret->file = dwarf_filesrc(files, number, NULL, NULL);
	if (dwarf_formudata(dwarf_attr(die, DW_AT_call_line, &attribute), &number) == 0 &&
	    number <= INT32_MAX)
		ret->line = (int)number;
}

int debug_lines_find(struct debug_lines *l, uint64_t address, struct debug_chain *ret,
		     struct error *err)
{
	struct range *unit = range_of(&l->units, address), *function;
	Dwarf_Die scopes[DEBUG_CHAIN_MAX];
	Dwarf_Files *files = NULL;
	Dwarf_Addr entry;
	size_t count;
	bool cut;

	if (!unit)
		return 0;
	if (!enter_unit(l, &unit->die))
		return error_nomem(err);
	ret->unit = text_of(&unit->die, DW_AT_name);
	ret->comp_dir = text_of(&unit->die, DW_AT_comp_dir);
	ret->start = 0;
	ret->count = 1;
	line_of(&unit->die, address, &ret->at[0]);
	ret->at[0].function = NULL;
	function = range_of(&l->functions, address);
	if (!function)
		return 1;
	/* a part that was moved elsewhere (foo.cold) is no place to count from */
	if (dwarf_entrypc(&function->die, &entry) == 0 && entry == function->low)
		ret->start = entry;
	count = scopes_of(function, address, scopes, &cut);
	if (cut)
		ret->at[0] = (struct debug_place){ 0 };
	if (count > 1 && dwarf_getsrcfiles(&unit->die, &files, NULL) < 0)
		files = NULL;
	ret->count = count;
	for (size_t i = 0; i < count; i++) {
		ret->at[i].function = function_name(&scopes[count - 1 - i]);
		if (i + 1 < count)
			call_of(files, &scopes[count - 1 - i], &ret->at[i + 1]);
	}
	return 1;
}
