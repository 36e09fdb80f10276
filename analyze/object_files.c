#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* asprintf */
#endif
#include "analyze/object_files.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyze/array_room.h"
#include "analyze/dir_walk.h"
#include "format/base/buf.h"
#include "format/base/fileio.h"

#define ARCHIVE_MOST ((size_t)256 << 20) /* bytes */
#define OBJECTS_MOST 200000
#define MEMBER_NAME  16 /* bytes of a header of an archive, at its beginning */

struct name_list {
	char **items;
	size_t count, cap;
};

struct object {
	char *path, *unit;
	char *file;		 /* its STT_FILE; NULL: none */
	struct name_list locals; /* sorted */
};

struct global {
	const char *name;
	size_t object;
};

struct object_files {
	char *tree;
	struct object *objects;
	size_t count, cap;
	struct object **filed; /* those that have a file, by it */
	size_t filed_count;
	struct global *globals; /* by name */
	size_t global_count, global_cap;
	struct name_list names; /* of the globals */
};

/* Takes the name over, also when it fails. */
static int list_add(struct name_list *list, char *name, struct error *err)
{
	if (!name ||
	    !array_room((void **)&list->items, &list->cap, list->count, sizeof(*list->items))) {
		free(name);
		return error_nomem(err);
	}
	list->items[list->count++] = name;
	return 0;
}

static void list_release(struct name_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct name_list){ 0 };
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool ends_with(const char *name, const char *end)
{
	size_t a = strlen(name), b = strlen(end);

	return a > b && !strcmp(name + a - b, end);
}

/* ---- which objects ---- */

static bool in_tree(const char *tree, const char *below)
{
	struct stat st;
	char *path;
	bool there;

	if (asprintf(&path, "%s/%s", tree, below) < 0)
		return false;
	there = stat(path, &st) == 0 && S_ISREG(st.st_mode);
	free(path);
	return there;
}

/* "fs/open.o" -> "fs/open.c" where that is a file of the tree or of its source. Heap. */
static char *unit_name(const char *tree, const char *object)
{
	static const char *const ends[] = { "c", "S", "rs", NULL };
	int stem = (int)strlen(object) - 1;

	for (size_t i = 0; ends[i]; i++) {
		char *name;

		if (asprintf(&name, "source/%.*s%s", stem, object, ends[i]) < 0)
			return NULL;
		if (in_tree(tree, name) || in_tree(tree, name + strlen("source/"))) {
			memmove(name, name + strlen("source/"), strlen(name + 7) + 1);
			return name;
		}
		free(name);
	}
	return strdup(object);
}

/*
 * One member of an archive: names are relative to the archive or to the tree. Archives in archives are found on their
 * own, and what is not there any more cannot be counted.
 */
static int add_member(struct object_files *o, struct name_list *paths, const char *dir,
		      const char *name, size_t len, struct error *err)
{
	char *path;

	if (len < 3 || strncmp(name + len - 2, ".o", 2) || memchr(name, '\0', len))
		return 0;
	if (*dir && *name != '/') {
		if (asprintf(&path, "%s/%.*s", dir, (int)len, name) < 0)
			return error_nomem(err);
		if (in_tree(o->tree, path))
			return list_add(paths, path, err);
		free(path);
	}
	path = strndup(name, len);
	if (path && !in_tree(o->tree, path)) {
		free(path);
		return error_set(
			err, ERR_DAMAGED,
			"an archive in '%s/%s' names '%.*s', which is not there: build the tree again",
			o->tree, dir, (int)len, name);
	}
	return list_add(paths, path, err);
}

/* The name of a member: "name/", or "/N" where it stands in the table of long names. */
static const char *member_name(const char *header, const char *longs, size_t longs_len,
			       size_t *ret_len)
{
	char digits[MEMBER_NAME] = "";
	const char *end;
	size_t at;

	if (header[0] != '/') {
		end = memchr(header, '/', MEMBER_NAME);
		*ret_len = end ? (size_t)(end - header) : 0;
		return header;
	}
	memcpy(digits, header + 1, MEMBER_NAME - 1);
	at = *digits >= '0' && *digits <= '9' ? strtoul(digits, NULL, 10) : longs_len;
	if (at >= longs_len)
		return NULL;
	end = memmem(longs + at, longs_len - at, "/\n", 2);
	*ret_len = end ? (size_t)(end - longs) - at : 0;
	return longs + at;
}

static int read_archive(struct object_files *o, struct name_list *paths, const char *path,
			const char *dir, struct error *err)
{
	struct buf b = { 0 };
	const char *longs = NULL;
	size_t at = 8, longs_len = 0;
	bool thin;
	int rc = file_slurp(AT_FDCWD, path, ARCHIVE_MOST, &b, err);

	if (rc < 0 || b.len < 8)
		goto out;
	thin = !memcmp(b.data, "!<thin>\n", 8);
	while (rc == 0 && b.len - at >= 60) {
		const char *header = (const char *)b.data + at, *name;
		char digits[11] = "";
		size_t size, len = 0;
		bool table = header[0] == '/' && (header[1] == '/' || header[1] == ' ' ||
						  !strncmp(header, "/SYM64/", 7));

		memcpy(digits, header + 48, 10);
		size = strtoul(digits, NULL, 10);
		at += 60;
		if (table || !thin) {
			if (size > b.len - at)
				break;
		}
		if (header[0] == '/' && header[1] == '/') {
			longs = header + 60;
			longs_len = size;
		} else if (!table) {
			name = member_name(header, longs, longs_len, &len);
			if (name)
				rc = add_member(o, paths, dir, name, len, err);
		}
		if (table || !thin)
			at += size + (size & 1);
		if (at > b.len)
			break;
	}
out:
	buf_release(&b);
	return rc;
}

static bool is_archive(const char *name)
{
	return !strcmp(name, "built-in.a") || !strcmp(name, "lib.a") || !strcmp(name, "vmlinux.a");
}

/* Objects that are made of other objects, or for modules, or on the way to vmlinux. */
static bool is_plain_object(const char *name)
{
	return ends_with(name, ".o") && !ends_with(name, ".mod.o") && *name != '.' &&
	       strcmp(name, "vmlinux.o") && strcmp(name, "built-in.o");
}

struct finder {
	struct object_files *o;
	struct name_list archived, lying;
	struct error *err;
	int rc;
};

static bool is_no_secret(const char *name)
{
	return *name != '.';
}

static bool take_file(void *arg, const char *path, bool link)
{
	struct finder *f = arg;
	const char *below = path + strlen(f->o->tree), *name = strrchr(path, '/') + 1;
	char *dir;

	below += strspn(below, "/");
	if (link || f->archived.count + f->lying.count > OBJECTS_MOST)
		return true;
	if (is_plain_object(name))
		f->rc = list_add(&f->lying, strdup(below), f->err);
	if (f->rc || !is_archive(name))
		return f->rc == 0;
	dir = strndup(below, below < name ? (size_t)(name - 1 - below) : 0);
	f->rc = dir ? read_archive(f->o, &f->archived, path, dir, f->err) : error_nomem(f->err);
	free(dir);
	return f->rc == 0;
}

static int walk(struct finder *f)
{
	struct dir_walk w = {
		.root = f->o->tree, .enter = is_no_secret, .file = take_file, .arg = f
	};

	if (!dir_walk(&w) && f->rc == 0)
		f->rc = error_nomem(f->err);
	return f->rc;
}

static int take_paths(struct object_files *o, struct name_list *paths, struct error *err)
{
	if (paths->count)
		qsort(paths->items, paths->count, sizeof(*paths->items), by_text);
	for (size_t i = 0; i < paths->count; i++) {
		struct object new = { 0 };

		if (i && !strcmp(paths->items[i], paths->items[i - 1]))
			continue;
		new.path = strdup(paths->items[i]);
		new.unit = new.path ? unit_name(o->tree, new.path) : NULL;
		if (!new.unit ||
		    !array_room((void **)&o->objects, &o->cap, o->count, sizeof(*o->objects))) {
			free(new.path);
			free(new.unit);
			return error_nomem(err);
		}
		o->objects[o->count++] = new;
	}
	return 0;
}

int object_files_new(struct object_files **ret, const char *tree, struct error *err)
{
	struct object_files *o = calloc(1, sizeof(*o));
	struct finder f = { .o = o, .err = err };
	int rc;

	if (!o)
		return error_nomem(err);
	o->tree = strdup(tree);
	rc = o->tree ? walk(&f) : error_nomem(err);
	if (rc == 0)
		rc = take_paths(o, f.archived.count ? &f.archived : &f.lying, err);
	list_release(&f.archived);
	list_release(&f.lying);
	if (rc < 0)
		object_files_free(o);
	else
		*ret = o;
	return rc;
}

void object_files_free(struct object_files *o)
{
	if (!o)
		return;
	for (size_t i = 0; i < o->count; i++) {
		free(o->objects[i].path);
		free(o->objects[i].unit);
		free(o->objects[i].file);
		list_release(&o->objects[i].locals);
	}
	list_release(&o->names);
	free(o->objects);
	free(o->filed);
	free(o->globals);
	free(o->tree);
	free(o);
}

size_t object_files_count(const struct object_files *o)
{
	return o->count;
}

const char *object_files_path(const struct object_files *o, size_t index)
{
	return o->objects[index].path;
}

const char *object_files_unit(const struct object_files *o, size_t index)
{
	return o->objects[index].unit;
}

/* ---- their symbols ---- */

static int add_global(struct object_files *o, size_t object, const char *name, struct error *err)
{
	int rc = list_add(&o->names, strdup(name), err);

	if (rc < 0)
		return rc;
	if (!array_room((void **)&o->globals, &o->global_cap, o->global_count, sizeof(*o->globals)))
		return error_nomem(err);
	o->globals[o->global_count++] = (struct global){ o->names.items[o->names.count - 1],
							 object };
	return 0;
}

static int take_symbol(struct object_files *o, size_t index, const GElf_Sym *sym, const char *name,
		       struct error *err)
{
	struct object *object = &o->objects[index];
	int type = GELF_ST_TYPE(sym->st_info);

	if (type == STT_FILE && !object->file) {
		object->file = strdup(name);
		return object->file ? 0 : error_nomem(err);
	}
	if (!sym->st_size || type == STT_SECTION || sym->st_shndx == SHN_UNDEF || !*name)
		return 0;
	if (GELF_ST_BIND(sym->st_info) == STB_LOCAL)
		return list_add(&object->locals, strdup(name), err);
	/* a weak definition gives way to another one, so it does not tell where the bytes come from */
	return GELF_ST_BIND(sym->st_info) == STB_GLOBAL ? add_global(o, index, name, err) : 0;
}

static int read_symbols(struct object_files *o, size_t index, Elf *elf, struct error *err)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;
	GElf_Sym sym;
	int rc = 0;

	while ((scn = elf_nextscn(elf, scn))) {
		Elf_Data *data;

		if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_SYMTAB)
			continue;
		data = elf_getdata(scn, NULL);
		for (int i = 0; data && rc == 0 && gelf_getsym(data, i, &sym); i++) {
			const char *name = elf_strptr(elf, sh.sh_link, sym.st_name);

			if (name)
				rc = take_symbol(o, index, &sym, name, err);
		}
	}
	return rc;
}

static int read_object(struct object_files *o, size_t index, struct error *err)
{
	struct name_list *locals = &o->objects[index].locals;
	char *path = NULL;
	Elf *elf = NULL;
	int fd = -1, rc;

	elf_version(EV_CURRENT);
	if (asprintf(&path, "%s/%s", o->tree, o->objects[index].path) < 0)
		return error_nomem(err);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		rc = error_errno(err, "cannot read '%s'", path);
	else if (!(elf = elf_begin(fd, ELF_C_READ_MMAP, NULL)) || elf_kind(elf) != ELF_K_ELF)
		rc = error_set(err, ERR_FORMAT, "'%s' is no ELF object file", path);
	else
		rc = read_symbols(o, index, elf, err);
	if (locals->count)
		qsort(locals->items, locals->count, sizeof(*locals->items), by_text);
	elf_end(elf);
	if (fd >= 0)
		close(fd);
	free(path);
	return rc;
}

static int by_name(const void *a, const void *b)
{
	const struct global *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : x->object < y->object ? -1 : x->object > y->object;
}

static int by_file(const void *a, const void *b)
{
	const struct object *x = *(struct object *const *)a, *y = *(struct object *const *)b;
	int order = strcmp(x->file, y->file);

	return order ? order : (x > y) - (x < y);
}

static int sort_by_file(struct object_files *o, struct error *err)
{
	o->filed = calloc(o->count + 1, sizeof(*o->filed));
	if (!o->filed)
		return error_nomem(err);
	for (size_t i = 0; i < o->count; i++)
		if (o->objects[i].file)
			o->filed[o->filed_count++] = &o->objects[i];
	qsort(o->filed, o->filed_count, sizeof(*o->filed), by_file);
	return 0;
}

int object_files_read(struct object_files *o, struct error *err)
{
	int rc = 0;

	for (size_t i = 0; i < o->count && rc == 0; i++)
		rc = read_object(o, i, err);
	if (rc == 0)
		rc = sort_by_file(o, err);
	if (o->global_count)
		qsort(o->globals, o->global_count, sizeof(*o->globals), by_name);
	return rc;
}

const char *object_files_global(const struct object_files *o, const char *name)
{
	size_t low = 0, high = o->global_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(o->globals[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == o->global_count || strcmp(o->globals[low].name, name))
		return NULL;
	if (low + 1 < o->global_count && !strcmp(o->globals[low + 1].name, name))
		return NULL;
	return o->objects[o->globals[low].object].unit;
}

/* Place in filed of the first object of that file, or of a later one. */
static size_t first_of_file(const struct object_files *o, const char *file)
{
	size_t low = 0, high = o->filed_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(o->filed[middle]->file, file) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const char *object_files_local(const struct object_files *o, const char *file,
			       const char *const *names, size_t count)
{
	const struct object *best = NULL;
	size_t best_hits = 0;
	bool tie = false;

	for (size_t i = first_of_file(o, file);
	     i < o->filed_count && !strcmp(o->filed[i]->file, file); i++) {
		const struct object *object = o->filed[i];
		size_t hits = 0;

		for (size_t n = 0; n < count && object->locals.count; n++)
			hits += bsearch(&names[n], object->locals.items, object->locals.count,
					sizeof(*object->locals.items), by_text) != NULL;
		if (!hits || hits < best_hits)
			continue;
		if (hits > best_hits || object->locals.count < best->locals.count) {
			best = object;
			best_hits = hits;
			tie = false;
		} else {
			tie |= object->locals.count == best->locals.count;
		}
	}
	return best && !tie ? best->unit : NULL;
}
