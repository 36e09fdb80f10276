#define _GNU_SOURCE /* asprintf */
#include "analyze/kernel_names.h"

#include <fcntl.h>
#include <gelf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analyze/debug_search.h"
#include "format/base/fileio.h"

#define LIST_MAX (1u << 30) /* bytes of a System.map or kallsyms */

static bool is_list(const char *path)
{
	char head[20];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = fd < 0 ? -1 : read(fd, head, sizeof(head));
	size_t digits = 0;

	if (fd >= 0)
		close(fd);
	while (n > 0 && digits < (size_t)n && memchr("0123456789abcdef", head[digits], 16))
		digits++;
	return digits >= 8 && digits + 3 <= (size_t)n && head[digits] == ' ' &&
	       head[digits + 2] == ' ';
}

/* 1: read; 0: it is no list and has none. */
static int read_list(struct kernel_names *n, const char *path, struct error *err)
{
	char *map;
	int rc;

	if (is_list(path)) {
		rc = file_slurp(AT_FDCWD, path, LIST_MAX, &n->text, err);
		return rc < 0 ? rc : 1;
	}
	if (asprintf(&map, "%s/System.map", path) < 0)
		return error_nomem(err);
	rc = is_list(map) ? file_slurp(AT_FDCWD, map, LIST_MAX, &n->text, err) : 1;
	free(map);
	return rc < 0 ? rc : rc == 0;
}

static void add_function(struct buf *text, const GElf_Sym *sym, const char *name)
{
	char line[40];
	int len = snprintf(line, sizeof(line), "%016" PRIx64 " %c ", (uint64_t)sym->st_value,
			   GELF_ST_BIND(sym->st_info) == STB_LOCAL ? 't' : 'T');

	buf_bytes(text, line, (size_t)len);
	buf_bytes(text, name, strcspn(name, " \t\n"));
	buf_u8(text, '\n');
}

/* Functions, and labels of assembly (no type) in executable sections. */
static bool is_code(Elf *elf, const GElf_Sym *sym)
{
	Elf_Scn *scn = elf_getscn(elf, sym->st_shndx);
	GElf_Shdr header;

	if (GELF_ST_TYPE(sym->st_info) != STT_FUNC && GELF_ST_TYPE(sym->st_info) != STT_NOTYPE)
		return false;
	return sym->st_shndx && sym->st_shndx < SHN_LORESERVE && scn &&
	       gelf_getshdr(scn, &header) && header.sh_flags & SHF_EXECINSTR;
}

static int read_elf(struct kernel_names *n, struct debug_file *f, struct error *err)
{
	Elf *elf = debug_file_elf(f);

	for (Elf_Scn *scn = elf_nextscn(elf, NULL); scn; scn = elf_nextscn(elf, scn)) {
		GElf_Shdr header;
		Elf_Data *data;
		GElf_Sym sym;

		if (!gelf_getshdr(scn, &header) || header.sh_type != SHT_SYMTAB)
			continue;
		data = elf_getdata(scn, NULL);
		for (int i = 0; data && gelf_getsym(data, i, &sym); i++) {
			const char *name = elf_strptr(elf, header.sh_link, sym.st_name);

			if (name && *name && is_code(elf, &sym))
				add_function(&n->text, &sym, name);
		}
	}
	return n->text.oom ? error_nomem(err) : 0;
}

int kernel_names_read(struct kernel_names *ret, const char *const *paths, size_t count,
		      struct error *err)
{
	struct debug_search *search = NULL;
	struct debug_file *kernel = NULL;
	int rc = 0;

	*ret = (struct kernel_names){ .debug = false };
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = read_list(ret, paths[i], err);
	if (rc >= 0)
		rc = debug_search_new(&search, paths, count, err);
	if (rc == 0)
		rc = debug_search_kernel(search, NULL, 0, NULL, &kernel, err);
	ret->debug = rc == 1;
	if (rc == 1)
		rc = ret->text.len ? 0 : read_elf(ret, kernel, err);
	if (rc == 0 && !ret->text.len)
		rc = error_set(
			err, ERR_FORMAT,
			"'%s' holds no symbols; name a System.map, a copy of /proc/kallsyms, a vmlinux, or a"
			" build tree",
			paths[0]);
	debug_file_close(kernel);
	debug_search_free(search);
	if (rc < 0)
		buf_release(&ret->text);
	return rc;
}
