#include "analyze/static_load.h"

#include <gelf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/array_room.h"
#include "analyze/unit_index.h"

const char *const static_kind_names[STATIC_KINDS] = { "text", "data", "bss" };

struct section {
	uint64_t address, size;
	const char *name;
	enum static_kind kind;
	bool loaded, code;
};

struct static_symbol {
	uint64_t start, size; /* from the start of its section */
	const char *name;     /* of the Elf */
	const char *unit;     /* NULL: not known (yet) */
	uint32_t section, group;
	bool global;
};

/* One STT_FILE symbol and the local symbols behind it come from one object file. */
struct group {
	const char *file;
	const char *unit; /* NULL: not known */
};

struct loader {
	sqlite3 *db;
	const struct static_file *file;
	Elf *elf;
	struct unit_index *units;
	bool relocatable;	  /* symbols count from the start of their section */
	struct section *sections; /* by index in the file */
	size_t section_count;
	struct static_symbol *symbols;
	size_t symbol_count, symbol_cap;
	struct group *groups; /* 0: globals, and locals before the first file */
	size_t group_count, group_cap;
	sqlite3_stmt *put_source, *put_symbol;
	uint64_t *
		unit_gaps; /* of one section: bytes without a symbol by unit; behind the last of none */
	size_t *gap_units; /* those that are not 0 */
	size_t gap_count;
};

static int elf_failed(struct error *err, const char *what)
{
	return error_set(err, ERR_FORMAT, "cannot read %s of the ELF file: %s", what,
			 elf_errmsg(-1));
}

/* In a file of debug information only, sections have sizes and no contents. */
static bool without_contents(Elf *elf)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;

	while ((scn = elf_nextscn(elf, scn)))
		if (gelf_getshdr(scn, &sh) && sh.sh_flags & SHF_EXECINSTR && sh.sh_size &&
		    sh.sh_type == SHT_NOBITS)
			return true;
	return false;
}

static enum static_kind section_kind(const GElf_Shdr *sh, const char *name, bool debug_only)
{
	if (!(sh->sh_flags & SHF_WRITE) || sh->sh_flags & SHF_EXECINSTR)
		return STATIC_TEXT;
	if (debug_only)
		return strncmp(name, ".bss", 4) && strcmp(name, ".brk") ? STATIC_DATA : STATIC_BSS;
	return sh->sh_type == SHT_NOBITS ? STATIC_BSS : STATIC_DATA;
}

/* With debug information the sections of a module are where that says. */
static int read_sections(struct loader *l, bool placed, struct error *err)
{
	bool debug_only = without_contents(l->elf);
	struct debug_section place;
	size_t count, names;
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;

	if (elf_getshdrnum(l->elf, &count) || elf_getshdrstrndx(l->elf, &names))
		return elf_failed(err, "the sections");
	l->section_count = count;
	l->sections = calloc(count ? count : 1, sizeof(*l->sections));
	if (!l->sections)
		return error_nomem(err);
	while ((scn = elf_nextscn(l->elf, scn))) {
		size_t i = elf_ndxscn(scn);
		const char *name;

		if (i >= count || !gelf_getshdr(scn, &sh) || !(sh.sh_flags & SHF_ALLOC))
			continue;
		name = elf_strptr(l->elf, names, sh.sh_name);
		if (!name)
			name = "?";
		l->sections[i] = (struct section){
			.address = sh.sh_addr,
			.size = sh.sh_size,
			.name = name,
			.kind = section_kind(&sh, name, debug_only),
			.loaded = true,
			.code = sh.sh_flags & SHF_EXECINSTR,
		};
		if (placed && debug_file_section(l->file->debug, name, &place))
			l->sections[i].address = place.address;
	}
	return 0;
}

/* ---- symbols and their units ---- */

static const char *unit_by_debug(const struct loader *l, const struct section *s, uint64_t start,
				 const char *name)
{
	uint64_t address = s->address + start, end;
	int unit = UNIT_NONE;

	if (s->code)
		unit = unit_index_code(l->units, address, address + 1, &end);
	if (unit == UNIT_NONE)
		unit = unit_index_variable(l->units, address, name);
	return unit == UNIT_NONE ? NULL : unit_index_path(l->units, unit);
}

/* 'fs/ext4/inode.c' and 'inode.c', 'arch/x86/entry/entry_64.S' and 'entry_64.o'. */
static bool same_stem(const char *path, const char *file)
{
	const char *a = strrchr(path, '/'), *b = strrchr(file, '/');
	const char *a_end, *b_end;

	a = a ? a + 1 : path;
	b = b ? b + 1 : file;
	a_end = strrchr(a, '.');
	b_end = strrchr(b, '.');
	return a_end && b_end && a_end - a == b_end - b && !strncmp(a, b, (size_t)(a_end - a));
}

static int begin_group(struct loader *l, const char *file, struct error *err)
{
	if (!array_room((void **)&l->groups, &l->group_cap, l->group_count, sizeof(*l->groups)))
		return error_nomem(err);
	l->groups[l->group_count++] = (struct group){ .file = file };
	return 0;
}

static int add_symbol(struct loader *l, const GElf_Sym *sym, const char *name, struct error *err)
{
	const struct section *s;
	struct static_symbol new = { .name = name, .section = sym->st_shndx };
	int type = GELF_ST_TYPE(sym->st_info);

	if (type == STT_SECTION || type == STT_TLS || !sym->st_size || !*name ||
	    sym->st_shndx >= l->section_count || sym->st_shndx >= SHN_LORESERVE)
		return 0;
	s = &l->sections[sym->st_shndx];
	new.start = l->relocatable ? sym->st_value : sym->st_value - s->address;
	if (!s->loaded || new.start >= s->size)
		return 0;
	new.size = sym->st_size < s->size - new.start ? sym->st_size : s->size - new.start;
	new.global = GELF_ST_BIND(sym->st_info) != STB_LOCAL;
	new.group = new.global ? 0 : (uint32_t)l->group_count - 1;
	new.unit = unit_by_debug(l, s, new.start, name);
	if (new.group &&new.unit && same_stem(new.unit, l->groups[new.group].file))
		l->groups[new.group].unit = new.unit;
	if (!array_room((void **)&l->symbols, &l->symbol_cap, l->symbol_count, sizeof(*l->symbols)))
		return error_nomem(err);
	l->symbols[l->symbol_count++] = new;
	return 0;
}

static int read_symbol_table(struct loader *l, Elf_Scn *scn, const GElf_Shdr *sh, struct error *err)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	size_t count = sh->sh_entsize ? sh->sh_size / sh->sh_entsize : 0;
	GElf_Sym sym;
	int rc = 0;

	if (!data)
		return elf_failed(err, "the symbols");
	for (size_t i = 0; i < count && rc == 0 && gelf_getsym(data, (int)i, &sym); i++) {
		const char *name = elf_strptr(l->elf, sh->sh_link, sym.st_name);

		if (!name)
			continue;
		if (GELF_ST_TYPE(sym.st_info) == STT_FILE)
			rc = begin_group(l, name, err);
		else
			rc = add_symbol(l, &sym, name, err);
	}
	return rc;
}

static int read_symbols(struct loader *l, struct error *err)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;
	int rc = begin_group(l, "", err);

	while (rc == 0 && (scn = elf_nextscn(l->elf, scn)))
		if (gelf_getshdr(scn, &sh) && sh.sh_type == SHT_SYMTAB)
			rc = read_symbol_table(l, scn, &sh, err);
	return rc;
}

/* The unit of a group of which no symbol is in the debug information, from the object files. */
static int find_groups(struct loader *l, struct error *err)
{
	size_t first = 0;
	const char **names;

	if (!l->file->objects || !l->symbol_count)
		return 0;
	names = calloc(l->symbol_count, sizeof(*names));
	if (!names)
		return error_nomem(err);
	/* symbols are still in the order of the file: locals by group, then globals */
	while (first < l->symbol_count) {
		uint32_t group = l->symbols[first].group;
		size_t n = 0;

		while (first < l->symbol_count && l->symbols[first].group == group)
			names[n++] = l->symbols[first++].name;
		if (group && !l->groups[group].unit)
			l->groups[group].unit = object_files_local(l->file->objects,
								   l->groups[group].file, names, n);
	}
	free(names);
	return 0;
}

static void complete_units(struct loader *l)
{
	for (size_t i = 0; i < l->symbol_count; i++) {
		struct static_symbol *s = &l->symbols[i];

		if (!s->unit && !s->global)
			s->unit = l->groups[s->group].unit;
		else if (!s->unit && l->file->objects)
			s->unit = object_files_global(l->file->objects, s->name);
	}
}

/* Of names for the same bytes the first one is kept: one whose unit is known, then public ones. */
static int by_place(const void *a, const void *b)
{
	const struct static_symbol *x = a, *y = b;

	if (x->section != y->section)
		return x->section < y->section ? -1 : 1;
	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->size != y->size)
		return x->size > y->size ? -1 : 1;
	if (!x->unit != !y->unit)
		return x->unit ? -1 : 1;
	if (x->global != y->global)
		return x->global ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* ---- rows ---- */

static int sql_failed(struct loader *l, struct error *err)
{
	return error_set(err, sqlite3_errcode(l->db) == SQLITE_FULL ? ERR_FULL : ERR_IO,
			 "cannot store the static sizes: %s", sqlite3_errmsg(l->db));
}

static int run(struct loader *l, sqlite3_stmt *stmt, struct error *err)
{
	int rc = sqlite3_step(stmt);

	sqlite3_reset(stmt);
	return rc == SQLITE_DONE ? 0 : sql_failed(l, err);
}

static int put_source(struct loader *l, const char *path, struct error *err)
{
	sqlite3_bind_text(l->put_source, 1, path, -1, SQLITE_STATIC);
	sqlite3_bind_text(l->put_source, 2, path, (int)source_directory(path), SQLITE_STATIC);
	return run(l, l->put_source, err);
}

static int put_row(struct loader *l, const char *name, enum static_kind kind, uint64_t bytes,
		   const char *unit, struct error *err)
{
	int rc;

	if (l->file->unit)
		unit = l->file->unit;
	rc = unit ? put_source(l, unit, err) : 0;
	if (rc < 0)
		return rc;
	sqlite3_bind_text(l->put_symbol, 1, name, -1, SQLITE_STATIC);
	sqlite3_bind_text(l->put_symbol, 2, static_kind_names[kind], -1, SQLITE_STATIC);
	sqlite3_bind_int64(l->put_symbol, 3, (int64_t)bytes);
	sqlite3_bind_text(l->put_symbol, 4, unit, -1, SQLITE_STATIC);
	sqlite3_bind_text(l->put_symbol, 5, l->file->module, -1, SQLITE_STATIC);
	return run(l, l->put_symbol, err);
}

static void add_gap(struct loader *l, size_t unit, uint64_t bytes)
{
	if (bytes && !l->unit_gaps[unit])
		l->gap_units[l->gap_count++] = unit;
	l->unit_gaps[unit] += bytes;
}

/* Bytes from..to of a section have no symbol: code among them still has a unit. */
static void count_gap(struct loader *l, const struct section *s, uint64_t from, uint64_t to)
{
	size_t none = (size_t)unit_index_count(l->units);

	while (s->code && from < to) {
		uint64_t end;
		int unit = unit_index_code(l->units, s->address + from, s->address + to, &end);

		add_gap(l, unit == UNIT_NONE ? none : (size_t)unit, end - s->address - from);
		from = end - s->address;
	}
	add_gap(l, none, to - from);
}

static int put_gaps(struct loader *l, const struct section *s, struct error *err)
{
	int units = unit_index_count(l->units), rc = 0;
	char name[128];

	snprintf(name, sizeof(name), "(%.100s)", s->name);
	for (; l->gap_count && rc == 0; l->gap_count--) {
		int unit = (int)l->gap_units[l->gap_count - 1];

		rc = put_row(l, name, s->kind, l->unit_gaps[unit],
			     unit < units ? unit_index_path(l->units, unit) : NULL, err);
		l->unit_gaps[unit] = 0;
	}
	return rc;
}

/* From *next on, symbols of this section come first. Each byte goes to one symbol, or to none. */
static int put_section(struct loader *l, uint32_t index, size_t *next, struct error *err)
{
	const struct section *s = &l->sections[index];
	uint64_t done = 0;
	int rc = 0;

	for (; *next < l->symbol_count && l->symbols[*next].section == index && rc == 0; ++*next) {
		const struct static_symbol *symbol = &l->symbols[*next];
		uint64_t end = symbol->start + symbol->size;

		if (end <= done)
			continue;
		if (symbol->start > done) {
			count_gap(l, s, done, symbol->start);
			done = symbol->start;
		}
		rc = put_row(l, symbol->name, s->kind, end - done, symbol->unit, err);
		done = end;
	}
	if (rc == 0 && done < s->size)
		count_gap(l, s, done, s->size);
	return rc < 0 ? rc : put_gaps(l, s, err);
}

static int put_all(struct loader *l, struct error *err)
{
	size_t next = 0, units = (size_t)unit_index_count(l->units) + 1;
	int rc = 0;

	l->unit_gaps = calloc(units, sizeof(*l->unit_gaps));
	l->gap_units = calloc(units, sizeof(*l->gap_units));
	if (!l->unit_gaps || !l->gap_units)
		return error_nomem(err);
	if (sqlite3_prepare_v2(l->db, "INSERT OR IGNORE INTO source (path, directory) VALUES (?,?)",
			       -1, &l->put_source, NULL) ||
	    sqlite3_prepare_v2(l->db,
			       "INSERT INTO static_symbol (name, kind, bytes, unit, module) VALUES"
			       " (?,?,?,(SELECT id FROM source WHERE path = ?),?)",
			       -1, &l->put_symbol, NULL))
		return sql_failed(l, err);
	for (uint32_t i = 0; i < l->section_count && rc == 0; i++)
		if (l->sections[i].loaded && l->sections[i].size)
			rc = put_section(l, i, &next, err);
	return rc;
}

int static_load(sqlite3 *db, const struct static_file *file, struct error *err)
{
	struct loader l = { .db = db, .file = file, .elf = debug_file_elf(file->debug) };
	Dwarf *dwarf = NULL;
	int rc = 0;

	l.relocatable = debug_file_is_module(file->debug);
	if (!file->unit && debug_file_has_dwarf(file->debug))
		rc = debug_file_dwarf(file->debug, &dwarf, err);
	if (rc == 0)
		rc = read_sections(&l, l.relocatable && dwarf, err);
	if (rc == 0)
		rc = unit_index_new(&l.units, dwarf, file->tree, err);
	if (rc == 0)
		rc = read_symbols(&l, err);
	if (rc == 0)
		rc = find_groups(&l, err);
	if (rc == 0)
		complete_units(&l);
	if (rc == 0 && l.symbol_count)
		qsort(l.symbols, l.symbol_count, sizeof(*l.symbols), by_place);
	if (rc == 0)
		rc = put_all(&l, err);
	sqlite3_finalize(l.put_source);
	sqlite3_finalize(l.put_symbol);
	unit_index_free(l.units);
	free(l.unit_gaps);
	free(l.gap_units);
	free(l.groups);
	free(l.symbols);
	free(l.sections);
	return rc;
}
