#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* asprintf */
#endif
#include "analyze/debug_search.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "analyze/array_room.h"
#include "analyze/dir_walk.h"
#include "analyze/id_index.h"
#include "format/process.h"

#define FILES_MAX (1u << 20)

enum kind { KIND_KERNEL, KIND_MODULE, KIND_OTHER };

struct candidate {
	char *path;
	enum kind kind; /* as its name says */
	bool named;	/* by the user */
};

struct debug_search {
	const char **dirs;
	size_t dir_count;
	struct candidate *list; /* those named first, the others by path */
	size_t count, cap;
	bool walked;
};

/* ---- the files ---- */

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), tail = strlen(end);

	return len >= tail && !strcmp(text + len - tail, end);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static enum kind kind_of(const char *path)
{
	const char *name = base_name(path);

	if (!strncmp(name, "vmlinux", 7))
		return KIND_KERNEL;
	return ends_with(name, ".ko") || ends_with(name, ".ko.debug") ? KIND_MODULE : KIND_OTHER;
}

static bool add(struct debug_search *s, const char *path, bool named)
{
	struct candidate *c;

	if (s->count >= FILES_MAX)
		return true;
	if (!array_room((void **)&s->list, &s->cap, s->count, sizeof(*c)))
		return false;
	c = &s->list[s->count];
	*c = (struct candidate){ strdup(path), kind_of(path), named };
	if (!c->path)
		return false;
	s->count++;
	return true;
}

int debug_search_new(struct debug_search **ret, const char *const *paths, size_t count,
		     struct error *err)
{
	struct debug_search *s = calloc(1, sizeof(*s));
	int rc = 0;

	if (s)
		s->dirs = calloc(count + 1, sizeof(*s->dirs));
	if (!s || !s->dirs)
		rc = error_nomem(err);
	for (size_t i = 0; i < count && rc == 0; i++) {
		struct stat st;

		if (stat(paths[i], &st) < 0)
			rc = error_errno(err, "-k: cannot find '%s'", paths[i]);
		else if (S_ISDIR(st.st_mode))
			s->dirs[s->dir_count++] = paths[i];
		else if (!add(s, paths[i], true))
			rc = error_nomem(err);
	}
	if (rc < 0)
		debug_search_free(s);
	else
		*ret = s;
	return rc;
}

void debug_search_free(struct debug_search *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->count; i++)
		free(s->list[i].path);
	free(s->list);
	free(s->dirs);
	free(s);
}

static bool is_wanted(const char *name)
{
	return kind_of(name) != KIND_OTHER || ends_with(name, ".debug");
}

/* links of .build-id lead to files that lie elsewhere, too */
static bool is_searched(const char *name)
{
	return strcmp(name, ".git") && strcmp(name, ".build-id");
}

static bool take(void *arg, const char *path, bool link)
{
	(void)link;
	return !is_wanted(base_name(path)) || add(arg, path, false);
}

static bool walk(struct debug_search *s)
{
	bool ok = true;

	for (size_t i = 0; i < s->dir_count && ok && !s->walked; i++)
		ok = dir_walk(&(struct dir_walk){ .root = s->dirs[i],
						  .one_device = true,
						  .enter = is_searched,
						  .file = take,
						  .arg = s });
	s->walked = true;
	return ok;
}

/* ---- one of them ---- */

struct wanted {
	const void *id;
	size_t len;  /* 0: any */
	bool kernel; /* none but one */
};

/* 1: *ret is the one; 0: it is not there, or another. */
static int try_path(const char *path, const struct wanted *w, struct debug_file **ret)
{
	struct debug_file *f = NULL;
	struct error why = { 0 };
	uint64_t address;
	int rc = debug_file_open(&f, path, &why);

	if (rc < 0)
		return rc == ERR_NOMEM ? rc : 0;
	if ((!w->len || debug_file_has_id(f, w->id, w->len)) && debug_file_has_dwarf(f) &&
	    (!w->kernel || debug_file_symbol(f, "_stext", &address))) {
		*ret = f;
		return 1;
	}
	debug_file_close(f);
	return 0;
}

static int try_below(const struct debug_search *s, const char *format, const char *text,
		     const struct wanted *w, struct debug_file **ret)
{
	int rc = 0;

	for (size_t i = 0; i < s->dir_count && rc == 0; i++) {
		char *tail = NULL, *path = NULL;

		/* a name from the capture must not lead out of the directory by a format or by '..' */
		if (asprintf(&tail, format, text) < 0)
			return ERR_NOMEM;
		if (!strstr(tail, "/../")) {
			if (asprintf(&path, "%s/%s", s->dirs[i], tail) < 0)
				path = NULL;
			rc = path ? try_path(path, w, ret) : ERR_NOMEM;
		}
		free(path);
		free(tail);
	}
	return rc;
}

static int try_id(const struct debug_search *s, const struct wanted *w, struct debug_file **ret)
{
	static const char *const places[] = { ".build-id/%s.debug", ".build-id/%s",
					      "usr/lib/debug/.build-id/%s.debug" };
	const uint8_t *bytes = w->id;
	char text[2 * BUILD_ID_MAX + 2], *t = text;
	int rc = 0;

	if (!w->len || w->len > BUILD_ID_MAX)
		return 0;
	for (size_t i = 0; i < w->len; i++)
		t += snprintf(t, 4, i ? "%02x" : "%02x/", bytes[i]);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]) && rc == 0; i++)
		rc = try_below(s, places[i], text, w, ret);
	return rc;
}

/* "net/ipv4/nf-nat.ko.debug" is module nf_nat. */
static bool is_module_file(const char *path, const char *module)
{
	const char *name = base_name(path);

	for (; *module; module++, name++)
		if (*name != *module && !(*module == '_' && *name == '-'))
			return false;
	return !strcmp(name, ".ko") || !strcmp(name, ".ko.debug");
}

static int try_candidates(struct debug_search *s, enum kind kind, const char *module, bool named,
			  const struct wanted *w, struct debug_file **ret)
{
	int rc = 0;

	for (size_t i = 0; i < s->count && rc == 0; i++) {
		const struct candidate *c = &s->list[i];

		/* what the user names may have any name */
		if (c->named != named || (c->kind != kind && !(named && c->kind == KIND_OTHER)))
			continue;
		if (module && c->kind == KIND_MODULE && !is_module_file(c->path, module))
			continue;
		rc = try_path(c->path, w, ret);
	}
	return rc;
}

static int found(int rc, struct error *err)
{
	return rc < 0 ? error_nomem(err) : rc;
}

int debug_search_kernel(struct debug_search *s, const void *id, size_t len, const char *release,
			struct debug_file **ret, struct error *err)
{
	static const char *const places[] = { "vmlinux-%s",
					      "boot/vmlinux-%s",
					      "usr/lib/debug/boot/vmlinux-%s",
					      "usr/lib/debug/lib/modules/%s/vmlinux",
					      "lib/modules/%s/vmlinux",
					      "lib/modules/%s/build/vmlinux" };
	const struct wanted w = { id, len, true };
	int rc = try_id(s, &w, ret);

	if (rc == 0)
		rc = try_candidates(s, KIND_KERNEL, NULL, true, &w, ret);
	if (rc == 0)
		rc = try_below(s, "vmlinux%s", "", &w, ret);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]) && rc == 0 && release; i++)
		rc = try_below(s, places[i], release, &w, ret);
	if (rc == 0)
		rc = walk(s) ? try_candidates(s, KIND_KERNEL, NULL, false, &w, ret) : ERR_NOMEM;
	return found(rc, err);
}

int debug_search_module(struct debug_search *s, const char *name, const void *id, size_t len,
			struct debug_file **ret, struct error *err)
{
	const struct wanted w = { id, len, false };
	int rc = try_id(s, &w, ret);

	/* without an id only its name tells a module */
	if (rc == 0)
		rc = try_candidates(s, KIND_MODULE, name, true, &w, ret);
	if (rc == 0)
		rc = walk(s) ? try_candidates(s, KIND_MODULE, name, false, &w, ret) : ERR_NOMEM;
	return found(rc, err);
}

int debug_search_program(struct debug_search *s, const char *path, const void *id, size_t len,
			 struct debug_file **ret, struct error *err)
{
	const struct wanted w = { id, len, false };
	int rc = len ? try_id(s, &w, ret) : 0;

	if (!len)
		return 0;
	if (rc == 0)
		rc = try_candidates(s, KIND_OTHER, NULL, true, &w, ret);
	if (rc == 0 && *path == '/')
		rc = try_below(s, "%s", path + 1, &w, ret);
	if (rc == 0 && *path == '/')
		rc = try_below(s, "%s", base_name(path), &w, ret);
	if (rc == 0)
		rc = walk(s) ? try_candidates(s, KIND_OTHER, NULL, false, &w, ret) : ERR_NOMEM;
	return found(rc, err);
}

const char *debug_search_nth(struct debug_search *s, bool kernels, size_t n)
{
	enum kind kind = kernels ? KIND_KERNEL : KIND_MODULE;

	if (!walk(s))
		return NULL;
	for (size_t i = 0; i < s->count; i++)
		if (s->list[i].kind == kind && !n--)
			return s->list[i].path;
	return NULL;
}
