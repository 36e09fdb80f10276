#include "analyze/elf_symbols.h"

#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/array_room.h"
#include "analyze/elf_file.h"
#include "analyze/id_index.h"

#define SYMBOLS_MAX    (32u << 20)
#define SEGMENTS_MAX   256
#define NAME_BYTES_MAX 4096
#define WALK_MAX       4096 /* functions that may overlap in a sane file are few */
#define UNSIZED_SPAN   4096 /* a function without a size (assembly) ends here at the latest */

struct function {
	uint64_t start, size;
	const char *name; /* in the file's string table */
	uint32_t rank;	  /* of its name; lower is better */
};

struct segment {
	uint64_t offset, size, address;
};

struct elf_symbols {
	struct elf_file file;
	struct segment *segments;
	size_t segment_count, segment_cap;
	Elf_Scn *table; /* .symtab, else .dynsym, or NULL */
	bool full;
	bool read;
	struct function *list;
	size_t count, cap;
	uint64_t *reach; /* the highest end of the functions up to here: they may nest */
};

static void look_at_sections(struct elf_symbols *s)
{
	for (Elf_Scn *scn = elf_nextscn(s->file.elf, NULL); scn;
	     scn = elf_nextscn(s->file.elf, scn)) {
		GElf_Shdr h;

		if (!gelf_getshdr(scn, &h))
			continue;
		if (h.sh_type == SHT_SYMTAB) {
			s->table = scn;
			s->full = true;
		} else if (h.sh_type == SHT_DYNSYM && !s->full) {
			s->table = scn;
		}
	}
}

static bool look_at_segments(struct elf_symbols *s)
{
	size_t count = 0;

	if (elf_getphdrnum(s->file.elf, &count) < 0)
		return true;
	for (size_t i = 0; i < count && i < SEGMENTS_MAX; i++) {
		GElf_Phdr h;

		if (!gelf_getphdr(s->file.elf, (int)i, &h))
			continue;
		if (h.p_type != PT_LOAD || !(h.p_flags & PF_X) || !h.p_filesz)
			continue;
		if (!array_room((void **)&s->segments, &s->segment_cap, s->segment_count,
				sizeof(*s->segments)))
			return false;
		s->segments[s->segment_count++] = (struct segment){ h.p_offset, h.p_filesz,
								    h.p_vaddr };
	}
	return true;
}

int elf_symbols_new(struct elf_symbols **ret, const char *path, struct error *err)
{
	struct elf_symbols *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return error_nomem(err);
	rc = elf_file_open(&s->file, path, err);
	if (rc < 0) {
		free(s);
		return rc;
	}
	look_at_sections(s);
	if (!look_at_segments(s))
		rc = error_nomem(err);
	if (rc < 0)
		elf_symbols_free(s);
	else
		*ret = s;
	return rc;
}

void elf_symbols_free(struct elf_symbols *s)
{
	if (!s)
		return;
	elf_file_close(&s->file);
	free(s->segments);
	free(s->list);
	free(s->reach);
	free(s);
}

const uint8_t *elf_symbols_build_id(const struct elf_symbols *s, size_t *ret_len)
{
	*ret_len = s->file.build_id_len;
	return s->file.build_id_len ? s->file.build_id : NULL;
}

bool elf_symbols_has_id(const struct elf_symbols *s, const void *id, size_t len)
{
	return elf_file_has_id(&s->file, id, len);
}

bool elf_symbols_is_full(const struct elf_symbols *s)
{
	return s->full;
}

bool elf_symbols_has_segments(const struct elf_symbols *s)
{
	return s->segment_count > 0;
}

/* What the kernel maps are whole pages around a segment; code is inside. */
bool elf_symbols_address(const struct elf_symbols *s, uint64_t offset, uint64_t *ret)
{
	for (size_t i = 0; i < s->segment_count; i++) {
		const struct segment *g = &s->segments[i];

		if (offset >= g->offset && offset - g->offset < g->size) {
			*ret = offset - g->offset + g->address;
			return true;
		}
	}
	return false;
}

/* ---- symbols ---- */

static uint32_t rank_of(const char *name, unsigned char binding)
{
	uint32_t underscores = (uint32_t)strspn(name, "_");
	uint32_t len = (uint32_t)strnlen(name, NAME_BYTES_MAX);

	return (binding == STB_LOCAL ? 1u << 30 : 0) |
	       (underscores < 255 ? underscores : 255) << 16 | len;
}

/* ARM marks code of its two instruction sets, and data, by symbols of no other use. */
static bool is_function(const GElf_Sym *sym, const char *name)
{
	unsigned char type = GELF_ST_TYPE(sym->st_info);

	if (sym->st_shndx == SHN_UNDEF || !*name || *name == '$')
		return false;
	return type == STT_FUNC || type == STT_GNU_IFUNC || type == STT_NOTYPE;
}

static int by_start(const void *a, const void *b)
{
	const struct function *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* What it cannot read it has not: a file of symbols that makes no sense gives no names. */
static void read_symbols(struct elf_symbols *s)
{
	GElf_Shdr h;
	Elf_Data *data;
	GElf_Ehdr ehdr;
	size_t count;
	bool arm;

	s->read = true;
	if (!s->table || !gelf_getshdr(s->table, &h) || !h.sh_entsize ||
	    !gelf_getehdr(s->file.elf, &ehdr))
		return;
	data = elf_getdata(s->table, NULL);
	if (!data)
		return;
	arm = ehdr.e_machine == EM_ARM;
	count = data->d_size / h.sh_entsize;
	for (size_t i = 0; i < count && i < SYMBOLS_MAX; i++) {
		const char *name;
		GElf_Sym sym;

		if (!gelf_getsym(data, (int)i, &sym))
			break;
		name = elf_strptr(s->file.elf, h.sh_link, sym.st_name);
		if (!name || !is_function(&sym, name))
			continue;
		if (!array_room((void **)&s->list, &s->cap, s->count, sizeof(*s->list)))
			return;
		s->list[s->count++] = (struct function){
			.start = arm ? sym.st_value & ~1ull : sym.st_value,
			.size = sym.st_size,
			.name = name,
			.rank = rank_of(name, GELF_ST_BIND(sym.st_info)),
		};
	}
	if (s->count)
		qsort(s->list, s->count, sizeof(*s->list), by_start);
	s->reach = calloc(s->count + 1, sizeof(*s->reach));
	for (size_t i = 0; s->reach && i < s->count; i++) {
		const struct function *f = &s->list[i];
		uint64_t size = f->size ? f->size : UNSIZED_SPAN;

		s->reach[i] = size > UINT64_MAX - f->start ? UINT64_MAX : f->start + size;
		if (i && s->reach[i - 1] > s->reach[i])
			s->reach[i] = s->reach[i - 1];
	}
	if (!s->reach)
		s->count = 0;
}

/* The last function that starts at address or before it, as a place in the list plus one; 0: none. */
static size_t last_before(const struct elf_symbols *s, uint64_t address)
{
	size_t low = 0, high = s->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->list[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool elf_symbols_find(struct elf_symbols *s, uint64_t address, uint64_t *ret_start,
		      const char **ret_name)
{
	const struct function *sized = NULL, *unsized = NULL, *best;
	size_t at;

	if (!s->read)
		read_symbols(s);
	at = last_before(s, address);
	/* downwards, names at one address from the worst to the best; the innermost function counts */
	for (size_t steps = 0; at && s->reach[at - 1] > address && steps < WALK_MAX;
	     at--, steps++) {
		const struct function *f = &s->list[at - 1];

		if (sized && f->start < sized->start)
			break;
		if (f->size && address - f->start < f->size)
			sized = f;
		else if (!f->size && address - f->start < UNSIZED_SPAN &&
			 (!steps || (unsized && unsized->start == f->start)))
			unsized = f; /* nothing starts between it and the address */
	}
	best = sized ? sized : unsized;
	if (!best)
		return false;
	*ret_start = best->start;
	*ret_name = best->name;
	return true;
}
