#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* asprintf */
#endif
#include "analyze/symbol_files.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "analyze/array_room.h"

#define DIR_FILES_MAX 65536
#define DELETED	      " (deleted)" /* what the kernel adds to the path of a file without a name */

/* ---- the files that lie in the directories given ---- */

static bool note_file(struct symbol_files *f, char *path)
{
	struct elf_symbols *elf = NULL;
	struct error why = { 0 };
	struct found_file *file;
	const uint8_t *id;
	bool ok = true;
	size_t len;
	int rc = elf_symbols_new(&elf, path, &why);

	error_clear(&why);
	id = rc == 0 ? elf_symbols_build_id(elf, &len) : NULL;
	if (id)
		ok = array_room((void **)&f->found, &f->found_cap, f->found_count, sizeof(*file));
	if (id && ok) {
		file = &f->found[f->found_count++];
		*file = (struct found_file){ .path = path, .build_id_len = len };
		memcpy(file->build_id, id, len);
	} else {
		free(path);
	}
	elf_symbols_free(elf);
	return ok && rc != ERR_NOMEM;
}

static bool look_in(struct symbol_files *f, const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	bool ok = true;

	for (size_t n = 0; d && ok && n < DIR_FILES_MAX && (entry = readdir(d)) != NULL; n++) {
		char *path;

		if (entry->d_name[0] == '.')
			continue;
		ok = asprintf(&path, "%s/%s", dir, entry->d_name) >= 0 && note_file(f, path);
	}
	if (d)
		closedir(d);
	return ok;
}

static bool look_in_all(struct symbol_files *f)
{
	if (f->looked)
		return true;
	f->looked = true;
	for (size_t i = 0; i < f->dir_count; i++)
		if (!look_in(f, f->dirs[i]))
			return false;
	return true;
}

/* ---- one dso ---- */

/* Takes over path (NULL: no memory). What the file has and is still wanted goes to the source. */
static int try_file(char *path, const struct dso *dso, struct symbol_source *s)
{
	struct elf_symbols *elf = NULL;
	struct error why = { 0 };
	bool used = false;
	int rc;

	if (!path)
		return ERR_NOMEM;
	rc = elf_symbols_new(&elf, path, &why);
	error_clear(&why);
	if (rc < 0 || !elf_symbols_has_id(elf, dso->build_id, dso->build_id_len)) {
		elf_symbols_free(elf);
		free(path);
		return rc == ERR_NOMEM ? rc : 0;
	}
	if (!s->segments && elf_symbols_has_segments(elf)) {
		s->segments = elf;
		used = true;
	}
	if (!s->functions || (elf_symbols_is_full(elf) && !elf_symbols_is_full(s->functions))) {
		if (s->functions != s->segments)
			elf_symbols_free(s->functions);
		s->functions = elf;
		free(s->path);
		s->path = path;
		path = NULL;
		used = true;
	}
	if (!used)
		elf_symbols_free(elf);
	free(path);
	return 0;
}

static bool is_complete(const struct symbol_source *s)
{
	return s->segments && s->functions && elf_symbols_is_full(s->functions);
}

static char *text_of(const char *format, const char *a, const char *b)
{
	char *text;

	return asprintf(&text, format, a, b) < 0 ? NULL : text;
}

/* "ab/cdef..." of a build-id. */
static void id_path(char *text, const struct dso *dso)
{
	for (size_t i = 0; i < dso->build_id_len; i++)
		text += sprintf(text, i ? "%02x" : "%02x/", dso->build_id[i]);
}

static char *target_path(const struct dso *dso)
{
	size_t len = strlen(dso->path), tail = strlen(DELETED);

	if (len > tail && !strcmp(dso->path + len - tail, DELETED))
		len -= tail;
	return strndup(dso->path, len);
}

static int try_dir(const char *dir, const char *id, const char *path, const struct dso *dso,
		   struct symbol_source *s)
{
	static const char *const trees[] = { "%s/.build-id/%s.debug", "%s/.build-id/%s",
					     "%s/usr/lib/debug/.build-id/%s.debug" };
	int rc = 0;

	for (size_t i = 0; i < sizeof(trees) / sizeof(trees[0]) && rc == 0 && !is_complete(s); i++)
		rc = try_file(text_of(trees[i], dir, id), dso, s);
	if (rc == 0 && !is_complete(s))
		rc = try_file(text_of("%s%s", dir, path), dso, s);
	return rc;
}

static int try_found(const struct symbol_files *f, const struct dso *dso, struct symbol_source *s)
{
	int rc = 0;

	for (size_t i = 0; i < f->found_count && rc == 0 && !is_complete(s); i++) {
		const struct found_file *file = &f->found[i];

		if (file->build_id_len == dso->build_id_len &&
		    !memcmp(file->build_id, dso->build_id, dso->build_id_len))
			rc = try_file(strdup(file->path), dso, s);
	}
	return rc;
}

static int try_all(struct symbol_files *f, const struct dso *dso, const char *path,
		   struct symbol_source *s)
{
	char id[2 * BUILD_ID_MAX + 2] = "";
	int rc = 0;

	id_path(id, dso);
	for (size_t i = 0; i < f->dir_count && rc == 0; i++)
		rc = try_dir(f->dirs[i], id, path, dso, s);
	if (rc == 0 && !is_complete(s))
		rc = look_in_all(f) ? try_found(f, dso, s) : ERR_NOMEM;
	if (rc == 0 && !is_complete(s))
		rc = try_file(strdup(path), dso, s);
	if (rc == 0 && !is_complete(s))
		rc = try_file(text_of("%s/.build-id/%s.debug", "/usr/lib/debug", id), dso, s);
	return rc;
}

int symbol_files_open(struct symbol_files *f, const struct dso *dso, struct symbol_source *ret)
{
	char *path;
	int rc;

	*ret = (struct symbol_source){ 0 };
	if (!dso->build_id_len || dso->path[0] != '/')
		return 0;
	path = target_path(dso);
	rc = path ? try_all(f, dso, path, ret) : ERR_NOMEM;
	free(path);
	if (rc == 0 && ret->segments && ret->functions)
		return 1;
	symbol_source_close(ret);
	return rc;
}

bool symbol_source_find(struct symbol_source *s, uint64_t offset, uint64_t *ret_from_start,
			const char **ret_name)
{
	uint64_t address, start;

	if (!elf_symbols_address(s->segments, offset, &address) ||
	    !elf_symbols_find(s->functions, address, &start, ret_name))
		return false;
	*ret_from_start = address - start;
	return true;
}

void symbol_source_close(struct symbol_source *s)
{
	if (s->functions != s->segments)
		elf_symbols_free(s->functions);
	elf_symbols_free(s->segments);
	free(s->path);
	*s = (struct symbol_source){ 0 };
}

void symbol_files_release(struct symbol_files *f)
{
	for (size_t i = 0; i < f->found_count; i++)
		free(f->found[i].path);
	free(f->found);
	f->found = NULL;
	f->found_count = f->found_cap = 0;
	f->looked = false;
}
