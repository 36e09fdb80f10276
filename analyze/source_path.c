#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* asprintf */
#endif
#include "analyze/source_path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char main_unit[] = "init/main.c";

/* Takes out '.', 'x/..' and double slashes, in place and by the text alone; '..' in front stays. */
static void clean(char *path)
{
	bool absolute = *path == '/';
	char *out = path + absolute, *floor = out;
	const char *in = path;

	while (*in) {
		size_t len;

		in += strspn(in, "/");
		len = strcspn(in, "/");
		if (len == 2 && in[0] == '.' && in[1] == '.' && out > floor) {
			while (out > floor && *--out != '/')
				;
		} else if (len == 2 && in[0] == '.' && in[1] == '.' && absolute) {
			;
		} else if (len && !(len == 1 && *in == '.')) {
			if (out > path + absolute)
				*out++ = '/';
			memmove(out, in, len);
			out += len;
			if (len == 2 && out[-1] == '.' && out[-2] == '.')
				floor = out;
		}
		in += len;
	}
	*out = '\0';
}

static char *cleaned(const char *a, const char *b)
{
	char *path;

	if (asprintf(&path, *b && *b != '/' && *a ? "%s/%s" : "%.0s%s", a, b) < 0)
		return NULL;
	clean(path);
	return path;
}

/* The part of path below dir; NULL: it is not below it. */
static const char *below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	while (len && dir[len - 1] == '/')
		len--;
	if (!len)
		return NULL;
	return !strncmp(path, dir, len) && path[len] == '/' ? path + len + 1 : NULL;
}

int source_tree_unit(struct source_tree *tree, const char *name, const char *comp_dir,
		     struct error *err)
{
	size_t len = strlen(name), tail = strlen(main_unit);
	char *path;

	if (tree->root || len < tail || strcmp(name + len - tail, main_unit) ||
	    (len > tail && name[len - tail - 1] != '/'))
		return 0;
	path = cleaned("", name);
	if (!path)
		return error_nomem(err);
	path[strlen(path) - tail] = '\0';
	tree->object = comp_dir ? cleaned("", comp_dir) : NULL;
	if (comp_dir && !tree->object) {
		free(path);
		return error_nomem(err);
	}
	tree->root = path;
	return 1;
}

void source_tree_release(struct source_tree *tree)
{
	free(tree->root);
	free(tree->object);
	*tree = (struct source_tree){ 0 };
}

/*
 * Where the compiler maps the tree's place to nothing (Debian), the assembler does not: the tree's place is then
 * what its directory has in front of the compiler's.
 */
static const char *below_unmapped(const struct source_tree *tree, const char *comp_dir,
				  const char *path)
{
	size_t len = strlen(comp_dir), tail = tree->object ? strlen(tree->object) : 0;

	if (!tail || *tree->object == '/' || *comp_dir != '/' || len <= tail ||
	    strcmp(comp_dir + len - tail, tree->object) || comp_dir[len - tail - 1] != '/')
		return NULL;
	return strncmp(path, comp_dir, len - tail) ? NULL : path + len - tail;
}

static const char *below_root(const struct source_tree *tree, const char *path)
{
	const char *rest;
	char *root;

	if (*tree->root == '/')
		return below(path, tree->root);
	if (!*tree->root)
		return NULL;
	if (!strncmp(path, tree->root, strlen(tree->root)))
		return path + strlen(tree->root);
	root = tree->object ? cleaned(tree->object, tree->root) : NULL;
	rest = root ? below(path, root) : NULL;
	free(root);
	return rest;
}

char *source_path(const struct source_tree *tree, const char *comp_dir, const char *name)
{
	char *path = cleaned("", name), *dir = cleaned("", comp_dir ? comp_dir : "");
	const char *best = path;

	if (path && dir) {
		const char *const rests[] = {
			below(path, dir),
			tree->object ? below(path, tree->object) : NULL,
			tree->root ? below_root(tree, path) : NULL,
			below_unmapped(tree, dir, path),
		};

		/* one of these directories may lie in another: the innermost is meant */
		for (size_t i = 0; i < sizeof(rests) / sizeof(rests[0]); i++)
			if (rests[i] && rests[i] > best)
				best = rests[i];
		memmove(path, best, strlen(best) + 1);
	} else {
		free(path);
		path = NULL;
	}
	free(dir);
	return path;
}

size_t source_directory(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? (size_t)(slash - path) : 0;
}
