#define _GNU_SOURCE /* asprintf */
#include "record/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "format/base/fileio.h"
#include "format/base/near.h"

#define CGROUP2_MAGIC 0x63677270u /* CGROUP2_SUPER_MAGIC */
#define CGROUP1_MAGIC 0x27e0ebu	  /* CGROUP_SUPER_MAGIC */
#define DEPTH_MAX     32	  /* groups within groups */
#define THREADS_BYTES (64u << 20) /* of one cgroup.threads */

/* ---- where version 2 is mounted ---- */

/* Mount points are written with \040 for a blank. */
static void unescape(char *text)
{
	char *to = text;

	for (char *p = text; *p; p++) {
		if (p[0] == '\\' && strspn(p + 1, "01234567") >= 3) {
			*to++ = (char)((p[1] - '0') * 64 + (p[2] - '0') * 8 + (p[3] - '0'));
			p += 3;
		} else {
			*to++ = *p;
		}
	}
	*to = '\0';
}

/* The caller frees it; NULL: none. */
static char *mount_point(void)
{
	char *line = NULL, *found = NULL, place[4096];
	FILE *f = fopen("/proc/self/mounts", "re");
	size_t room = 0;

	while (f && !found && getline(&line, &room, f) > 0) {
		char type[32];

		if (sscanf(line, "%*s %4095s %31s", place, type) == 2 && !strcmp(type, "cgroup2")) {
			unescape(place);
			found = strdup(place);
		}
	}
	free(line);
	if (f)
		fclose(f);
	return found;
}

static bool is_on(const char *path, unsigned long magic)
{
	struct statfs fs;
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode) && statfs(path, &fs) == 0 &&
	       (unsigned long)fs.f_type == magic;
}

/* ---- walking ---- */

/* Opens the directory `name` below dirfd; takes nothing over. */
static DIR *open_directory(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir && fd >= 0)
		close(fd);
	return dir;
}

/* Calls visit for every group below dir, until it returns less than 0. path is relative to dir. */
static int each_group(DIR *dir, const char *path, unsigned int depth,
		      int (*visit)(void *arg, int fd, const char *path, const char *name),
		      void *arg)
{
	struct dirent *d;
	int rc = 0;

	while (rc == 0 && (d = readdir(dir))) {
		char full[4096];
		DIR *below;

		if (d->d_name[0] == '.' || (d->d_type != DT_DIR && d->d_type != DT_UNKNOWN) ||
		    snprintf(full, sizeof(full), "%s/%s", path, d->d_name) >= (int)sizeof(full))
			continue;
		below = open_directory(dirfd(dir), d->d_name);
		if (!below)
			continue;
		rc = visit(arg, dirfd(below), full, d->d_name);
		if (rc == 0 && depth < DEPTH_MAX)
			rc = each_group(below, full, depth + 1, visit, arg);
		closedir(below);
	}
	return rc;
}

/* ---- finding ---- */

struct search {
	const char *name, *mount;
	char found[2][4096];
	size_t count;
	struct near_names near;
};

static int visit_name(void *arg, int fd, const char *path, const char *name)
{
	struct search *s = arg;
	/* a path that was not there is never taken for another group of the same name */
	const char *known = strchr(s->name, '/') ? path + strlen(s->mount) + 1 : name;

	(void)fd;
	near_add(&s->near, known, near_distance(known, s->name));
	if (!strcmp(known, s->name) && s->count++ < 2)
		snprintf(s->found[s->count - 1], sizeof(s->found[0]), "%s", path);
	return 0;
}

static int find_by_name(char **ret, const char *mount, const char *name, struct error *err)
{
	struct search *s = calloc(1, sizeof(*s));
	DIR *dir = open_directory(AT_FDCWD, mount);
	char text[330];
	int rc = 0;

	if (!s) {
		rc = error_nomem(err);
	} else if (!dir) {
		rc = error_errno(err, "cannot look for control groups in '%s'", mount);
	} else {
		s->name = name;
		s->mount = mount;
		each_group(dir, mount, 0, visit_name, s);
		if (s->count > 1)
			rc = error_set(
				err, ERR_USAGE,
				"--cgroup: there are %zu groups '%s': which one, as in %.100s or "
				"%.100s?",
				s->count, name, s->found[0], s->found[1]);
		else if (!s->count)
			rc = error_set(
				err, ERR_USAGE,
				"--cgroup: there is no control group '%.100s' below %.100s%s%s%s",
				name, mount, s->near.count ? ": did you mean " : "",
				near_text(&s->near, text, sizeof(text)), s->near.count ? "?" : "");
		else if (!(*ret = strdup(s->found[0])))
			rc = error_nomem(err);
	}
	if (dir)
		closedir(dir);
	free(s);
	return rc;
}

static int not_version_2(const char *name, const char *mount, struct error *err)
{
	if (is_on(name, CGROUP1_MAGIC))
		return error_set(
			err, ERR_USAGE,
			"--cgroup: '%.100s' is of cgroup version 1: a group of version 2 is "
			"wanted, below %.100s",
			name, mount);
	return error_set(err, ERR_USAGE,
			 "--cgroup: '%.100s' is not a control group: they are below %.100s", name,
			 mount);
}

int cgroup_find(char **ret, const char *name, struct error *err)
{
	char *mount = mount_point(), *below = NULL;
	struct stat st;
	int rc = 0;

	if (!mount)
		return error_set(
			err, ERR_UNSUPPORTED,
			"--cgroup: cgroup version 2 is mounted nowhere: mount it with 'mount -t "
			"cgroup2 none DIRECTORY'");
	if (asprintf(&below, "%s/%s", mount, name) < 0)
		below = NULL;
	if (!below)
		rc = error_nomem(err);
	else if (!*name)
		rc = error_set(err, ERR_USAGE, "--cgroup: a name is missing");
	else if (is_on(name, CGROUP2_MAGIC))
		rc = (*ret = realpath(name, NULL)) ? 0 : error_errno(err, "cannot use '%s'", name);
	else if (is_on(below, CGROUP2_MAGIC)) /* also /a/b as /proc/PID/cgroup writes it */
		rc = (*ret = realpath(below, NULL)) ? 0 : error_errno(err, "cannot use '%s'", name);
	else if (stat(name, &st) == 0)
		rc = not_version_2(name, mount, err);
	else
		rc = find_by_name(ret, mount, name, err);
	free(mount);
	free(below);
	return rc;
}

/* ---- threads ---- */

struct threads {
	struct number_list *list;
	struct buf text;
	struct error *err;
};

static int add_threads(struct threads *t, int fd)
{
	char *save = NULL;
	int rc = 0;

	buf_clear(&t->text);
	if (file_slurp(fd, "cgroup.threads", THREADS_BYTES, &t->text, NULL) < 0)
		return 0; /* it has just been removed */
	buf_u8(&t->text, '\0');
	if (t->text.oom)
		return error_nomem(t->err);
	for (char *line = strtok_r((char *)t->text.data, "\n", &save); rc == 0 && line;
	     line = strtok_r(NULL, "\n", &save)) {
		unsigned long tid = strtoul(line, NULL, 10);

		if (tid && tid <= INT32_MAX) /* 0: of another PID namespace */
			rc = number_list_add(t->list, (uint32_t)tid, t->err);
	}
	return rc;
}

static int visit_threads(void *arg, int fd, const char *path, const char *name)
{
	(void)path;
	(void)name;
	return add_threads(arg, fd);
}

int cgroup_threads(const char *dir, struct number_list *list, struct error *err)
{
	struct threads t = { .list = list, .err = err };
	DIR *top = open_directory(AT_FDCWD, dir);
	int rc;

	if (!top)
		return error_errno(err, "cannot read the control group '%s'", dir);
	rc = add_threads(&t, dirfd(top));
	if (rc == 0)
		rc = each_group(top, "", 0, visit_threads, &t);
	closedir(top);
	buf_release(&t.text);
	return rc;
}
