#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* asprintf */
#endif
#include "analyze/dir_walk.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_entry(const struct dirent *e)
{
	return strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
}

static bool walk(const struct dir_walk *w, const char *dir, dev_t device, int depth);

static bool visit(const struct dir_walk *w, const char *path, const char *name, dev_t device,
		  int depth)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return true;
	if (S_ISREG(st.st_mode) || S_ISLNK(st.st_mode))
		return w->file(w->arg, path, S_ISLNK(st.st_mode));
	if (!S_ISDIR(st.st_mode) || depth >= DIR_WALK_DEPTH || !w->enter(name) ||
	    (w->one_device && st.st_dev != device))
		return true;
	return walk(w, path, device, depth + 1);
}

static bool walk(const struct dir_walk *w, const char *dir, dev_t device, int depth)
{
	struct dirent **entries = NULL;
	int count = scandir(dir, &entries, is_entry, by_name);
	const char *slash = *dir && dir[strlen(dir) - 1] == '/' ? "" : "/";
	bool ok = count >= 0 || errno != ENOMEM;

	for (int i = 0; i < count; i++) {
		char *path = NULL;

		if (ok && asprintf(&path, "%s%s%s", dir, slash, entries[i]->d_name) < 0) {
			path = NULL;
			ok = false;
		}
		ok = ok && visit(w, path, entries[i]->d_name, device, depth);
		free(path);
		free(entries[i]);
	}
	free(entries);
	return ok;
}

bool dir_walk(const struct dir_walk *w)
{
	struct stat st;

	return stat(w->root, &st) < 0 || walk(w, w->root, st.st_dev, 0);
}
