#include "analyze/debug_file.h"

#include <elfutils/libdwfl.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/elf_file.h"

#define SECTIONS_MAX 65536
#define BANNER	     "Linux version "

struct named_section {
	const char *name;
	struct debug_section s;
};

struct debug_file {
	char *path;
	struct elf_file file;
	bool module;
	Dwfl *dwfl; /* of a module: lays out sections and relocates */
	Dwarf *dwarf;
	bool dwarf_is_ours;
	struct named_section *sections; /* those of the running program; read on first use */
	size_t section_count;
	bool laid_out;
};

int debug_file_open(struct debug_file **ret, const char *path, struct error *err)
{
	struct debug_file *f = calloc(1, sizeof(*f));
	GElf_Ehdr h;
	int rc;

	if (!f)
		return error_nomem(err);
	rc = elf_file_open(&f->file, path, err);
	if (rc < 0) {
		free(f);
		return rc;
	}
	f->path = strdup(path);
	if (!f->path) {
		debug_file_close(f);
		return error_nomem(err);
	}
	f->module = gelf_getehdr(f->file.elf, &h) && h.e_type == ET_REL;
	*ret = f;
	return 0;
}

void debug_file_close(struct debug_file *f)
{
	if (!f)
		return;
	if (f->dwarf_is_ours)
		dwarf_end(f->dwarf);
	if (f->dwfl)
		dwfl_end(f->dwfl);
	elf_file_close(&f->file);
	free(f->sections);
	free(f->path);
	free(f);
}

const char *debug_file_path(const struct debug_file *f)
{
	return f->path;
}

Elf *debug_file_elf(const struct debug_file *f)
{
	return f->file.elf;
}

bool debug_file_is_module(const struct debug_file *f)
{
	return f->module;
}

const uint8_t *debug_file_build_id(const struct debug_file *f, size_t *ret_len)
{
	*ret_len = f->file.build_id_len;
	return f->file.build_id_len ? f->file.build_id : NULL;
}

bool debug_file_has_id(const struct debug_file *f, const void *id, size_t len)
{
	return elf_file_has_id(&f->file, id, len);
}

static const char *section_name(Elf *elf, const GElf_Shdr *h)
{
	size_t names;

	return elf_getshdrstrndx(elf, &names) < 0 ? NULL : elf_strptr(elf, names, h->sh_name);
}

bool debug_file_has_dwarf(const struct debug_file *f)
{
	Elf_Scn *scn = NULL;

	while ((scn = elf_nextscn(f->file.elf, scn)) != NULL) {
		const char *name;
		GElf_Shdr h;

		if (!gelf_getshdr(scn, &h) || h.sh_type == SHT_NOBITS || !h.sh_size)
			continue;
		name = section_name(f->file.elf, &h);
		if (name && (!strcmp(name, ".debug_info") || !strcmp(name, ".zdebug_info")))
			return true;
	}
	return false;
}

/* ---- addresses ---- */

/* No other file is to be looked for than the one named. */
static int no_elf(Dwfl_Module *m, void **data, const char *name, Dwarf_Addr base, char **file,
		  Elf **elf)
{
	(void)m, (void)data, (void)name, (void)base, (void)file, (void)elf;
	return -1;
}

static int no_debuginfo(Dwfl_Module *m, void **data, const char *name, Dwarf_Addr base,
			const char *file, const char *link, GElf_Word crc, char **debug)
{
	(void)m, (void)data, (void)name, (void)base, (void)file, (void)link, (void)crc, (void)debug;
	return -1;
}

static const Dwfl_Callbacks callbacks = { .find_elf = no_elf,
					  .find_debuginfo = no_debuginfo,
					  .section_address = dwfl_offline_section_address };

static Dwfl_Module *relocated(struct debug_file *f, struct error *err)
{
	Dwfl_Module *m = NULL;

	f->dwfl = dwfl_begin(&callbacks);
	if (f->dwfl) {
		dwfl_report_begin(f->dwfl);
		m = dwfl_report_offline(f->dwfl, "module", f->path, -1);
		dwfl_report_end(f->dwfl, NULL, NULL);
	}
	if (!m)
		error_set(err, ERR_FORMAT, "cannot read '%s': %s", f->path, dwfl_errmsg(-1));
	return m;
}

/* With a module, its sections are those of libdwfl's own view of the file. */
static int take_sections(struct debug_file *f, Elf *elf, uint64_t bias, struct error *err)
{
	size_t count = 0;
	Elf_Scn *scn = NULL;

	if (elf_getshdrnum(elf, &count) < 0 || count > SECTIONS_MAX)
		return error_set(err, ERR_FORMAT, "cannot read '%s': its sections make no sense",
				 f->path);
	f->sections = calloc(count + 1, sizeof(*f->sections));
	if (!f->sections)
		return error_nomem(err);
	while ((scn = elf_nextscn(elf, scn)) != NULL && f->section_count < count) {
		GElf_Shdr h;
		const char *name;

		if (!gelf_getshdr(scn, &h) || !(h.sh_flags & SHF_ALLOC))
			continue;
		name = section_name(elf, &h);
		if (name)
			f->sections[f->section_count++] = (struct named_section){
				name,
				{ h.sh_addr + bias, h.sh_size, (h.sh_flags & SHF_EXECINSTR) != 0 }
			};
	}
	return 0;
}

static int lay_out_module(struct debug_file *f, struct error *err)
{
	Dwarf_Addr elf_bias = 0, dwarf_bias = 0;
	Dwfl_Module *m = relocated(f, err);
	Elf *elf = m ? dwfl_module_getelf(m, &elf_bias) : NULL;

	if (!m)
		return ERR_FORMAT;
	if (!elf)
		return error_set(err, ERR_FORMAT, "cannot read '%s': %s", f->path, dwfl_errmsg(-1));
	if (debug_file_has_dwarf(f))
		f->dwarf = dwfl_module_getdwarf(m, &dwarf_bias);
	return take_sections(f, elf, elf_bias - dwarf_bias, err);
}

static int lay_out(struct debug_file *f, struct error *err)
{
	if (f->laid_out)
		return 0;
	f->laid_out = true;
	return f->module ? lay_out_module(f, err) : take_sections(f, f->file.elf, 0, err);
}

int debug_file_dwarf(struct debug_file *f, Dwarf **ret, struct error *err)
{
	int rc = lay_out(f, err);

	if (rc < 0)
		return rc;
	if (!debug_file_has_dwarf(f))
		return error_set(err, ERR_FORMAT, "'%s' has no debug information", f->path);
	if (!f->dwarf && !f->module) {
		f->dwarf = dwarf_begin_elf(f->file.elf, DWARF_C_READ, NULL);
		f->dwarf_is_ours = f->dwarf != NULL;
	}
	if (!f->dwarf)
		return error_set(err, ERR_FORMAT, "cannot read the debug information of '%s': %s",
				 f->path, f->module ? dwfl_errmsg(-1) : dwarf_errmsg(-1));
	*ret = f->dwarf;
	return 0;
}

bool debug_file_section(struct debug_file *f, const char *name, struct debug_section *ret)
{
	if (lay_out(f, NULL) < 0)
		return false;
	for (size_t i = 0; i < f->section_count; i++) {
		if (strcmp(f->sections[i].name, name))
			continue;
		*ret = f->sections[i].s;
		return true;
	}
	return false;
}

bool debug_file_is_code(struct debug_file *f, uint64_t address)
{
	if (lay_out(f, NULL) < 0)
		return false;
	for (size_t i = 0; i < f->section_count; i++) {
		const struct debug_section *s = &f->sections[i].s;

		if (s->code && address >= s->address && address - s->address < s->size)
			return true;
	}
	return false;
}

/* ---- symbols ---- */

static bool find_symbol(struct debug_file *f, const char *wanted, GElf_Sym *ret)
{
	Elf_Scn *scn = NULL;

	while ((scn = elf_nextscn(f->file.elf, scn)) != NULL) {
		GElf_Shdr h;
		Elf_Data *data;

		if (!gelf_getshdr(scn, &h) || h.sh_type != SHT_SYMTAB || !h.sh_entsize)
			continue;
		data = elf_getdata(scn, NULL);
		for (size_t i = 0; data && i < data->d_size / h.sh_entsize; i++) {
			const char *name;

			if (!gelf_getsym(data, (int)i, ret))
				break;
			name = ret->st_shndx == SHN_UNDEF ?
				       NULL :
				       elf_strptr(f->file.elf, h.sh_link, ret->st_name);
			if (name && !strcmp(name, wanted))
				return true;
		}
	}
	return false;
}

bool debug_file_symbol(struct debug_file *f, const char *name, uint64_t *ret)
{
	GElf_Sym sym;

	if (f->module || !find_symbol(f, name, &sym))
		return false;
	*ret = sym.st_value;
	return true;
}

bool debug_file_release(struct debug_file *f, char *text, size_t room)
{
	const char *banner;
	size_t n = 0, left;
	GElf_Sym sym;
	GElf_Shdr h;
	Elf_Scn *scn;
	Elf_Data *data;

	if (f->module || !find_symbol(f, "linux_banner", &sym))
		return false;
	scn = elf_getscn(f->file.elf, sym.st_shndx);
	if (!scn || !gelf_getshdr(scn, &h) || h.sh_type == SHT_NOBITS || sym.st_value < h.sh_addr ||
	    sym.st_value - h.sh_addr >= h.sh_size)
		return false;
	data = elf_rawdata(scn, NULL);
	if (!data || !data->d_buf || sym.st_value - h.sh_addr >= data->d_size)
		return false;
	banner = (const char *)data->d_buf + (sym.st_value - h.sh_addr);
	left = data->d_size - (sym.st_value - h.sh_addr);
	if (left <= strlen(BANNER) || memcmp(banner, BANNER, strlen(BANNER)))
		return false;
	banner += strlen(BANNER);
	left -= strlen(BANNER);
	for (; n < left && n + 1 < room && banner[n] > ' '; n++)
		text[n] = banner[n];
	text[n] = '\0';
	return n > 0;
}
