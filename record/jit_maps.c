#define _GNU_SOURCE /* pipe2, O_PATH */
#include "record/jit_maps.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format/base/fileio.h"
#include "record/intern.h"
#include "record/meta.h"

#define END_OF_EXITS (-1)

struct jit_maps {
	int fds[2]; /* of a pipe of int32_t */
	struct meta meta;
	struct intern saved; /* int32_t: processes whose file is in the capture */
	pthread_t thread;
	bool started;
	struct error failure;
};

/* Opens name in directory "tmp" below root, and no link on the way. -1: there is none. */
static int open_below(int root, const char *name)
{
	int tmp = openat(root, "tmp", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), fd = -1;

	if (tmp >= 0) {
		fd = openat(tmp, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		close(tmp);
	}
	return fd;
}

static bool is_trusted(int fd, const struct stat *process, size_t *ret_size)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1 ||
	    (st.st_mode & (S_IWGRP | S_IWOTH)) || st.st_size <= 0 ||
	    (uint64_t)st.st_size > JIT_MAP_MAX)
		return false;
	*ret_size = (size_t)st.st_size;
	return !process || st.st_uid == process->st_uid || st.st_uid == 0;
}

/* process: what its directory in /proc says; NULL: it is gone. */
static int save(struct jit_maps *m, int32_t tgid, int fd, const struct stat *process)
{
	struct buf b = { 0 };
	char name[64];
	bool is_new;
	size_t size;
	int rc = 0;

	snprintf(name, sizeof(name), "/tmp/perf-%d.map", (int)tgid);
	if (is_trusted(fd, process, &size) &&
	    intern(&m->saved, &tgid, sizeof(tgid), &is_new) != INTERN_FULL && is_new &&
	    buf_reserve(&b, size) && file_read_at(fd, b.data, size, 0, name, NULL) == 0)
		rc = meta_put_bytes(&m->meta, name, "end", b.data, size, &m->failure);
	buf_release(&b);
	return rc;
}

/* The number that the process has for itself: the last of the line NSpid. */
static int own_number(int process, int32_t tgid)
{
	struct buf b = { 0 };
	int number = tgid;

	if (file_slurp(process, "status", 1u << 16, &b, NULL) == 0) {
		char *line, *last;

		buf_u8(&b, '\0');
		line = b.oom ? NULL : strstr((char *)b.data, "\nNSpid:");
		if (line) {
			line[1 + strcspn(line + 1, "\n")] = '\0';
			last = strrchr(line, '\t');
			if (last && atoi(last) > 0)
				number = atoi(last);
		}
	}
	buf_release(&b);
	return number;
}

static int save_running(struct jit_maps *m, int32_t tgid)
{
	int process, root, fd = -1, rc = 0;
	char path[64], name[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d", (int)tgid);
	process = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (process < 0)
		return 0;
	root = openat(process, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	snprintf(name, sizeof(name), "perf-%d.map", own_number(process, tgid));
	if (root >= 0)
		fd = open_below(root, name);
	if (fd >= 0 && fstat(process, &st) == 0)
		rc = save(m, tgid, fd, &st);
	if (fd >= 0)
		close(fd);
	if (root >= 0)
		close(root);
	close(process);
	return rc;
}

static int save_ended(struct jit_maps *m, int32_t tgid)
{
	int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), fd = -1, rc = 0;
	struct stat process;
	char text[64];

	snprintf(text, sizeof(text), "perf-%d.map", (int)tgid);
	if (root >= 0)
		fd = open_below(root, text);
	snprintf(text, sizeof(text), "/proc/%d", (int)tgid);
	if (fd >= 0) {
		rc = save(m, tgid, fd, stat(text, &process) == 0 ? &process : NULL);
		close(fd);
	}
	if (root >= 0)
		close(root);
	return rc;
}

static void *saver(void *arg)
{
	struct jit_maps *m = arg;
	int32_t tgid;
	ssize_t n;

	for (;;) {
		n = read(m->fds[0], &tgid, sizeof(tgid));
		if (n < 0 && errno == EINTR)
			continue;
		if (n != sizeof(tgid) || tgid == END_OF_EXITS || save_ended(m, tgid) < 0)
			return NULL;
	}
}

int jit_maps_new(struct jit_maps **ret, struct error *err)
{
	struct jit_maps *m = calloc(1, sizeof(*m));

	if (!m)
		return error_nomem(err);
	if (pipe2(m->fds, O_CLOEXEC) < 0) {
		free(m);
		return error_errno(err, "cannot make a pipe");
	}
	/* a reader of rings never waits */
	fcntl(m->fds[1], F_SETFL, O_NONBLOCK);
	*ret = m;
	return 0;
}

int jit_maps_fd(const struct jit_maps *m)
{
	return m->fds[1];
}

int jit_maps_start(struct jit_maps *m, struct capture_writer *writer, struct error *err)
{
	int e;

	meta_init(&m->meta, writer, tree_live(-1), "end");
	e = pthread_create(&m->thread, NULL, saver, m);
	if (e) {
		errno = e;
		return error_errno(err, "cannot start a thread");
	}
	m->started = true;
	pthread_setname_np(m->thread, "kmem-maps");
	return 0;
}

static void join(struct jit_maps *m)
{
	const int32_t end = END_OF_EXITS;

	if (!m->started)
		return;
	fcntl(m->fds[1], F_SETFL, 0);
	if (write(m->fds[1], &end, sizeof(end)) == sizeof(end))
		pthread_join(m->thread, NULL);
	m->started = false;
}

int jit_maps_finish(struct jit_maps *m, struct error *err)
{
	struct dirent *d;
	DIR *dir;
	int rc;

	join(m);
	rc = m->failure.code;
	dir = opendir("/proc");
	while (dir && rc == 0 && (d = readdir(dir)))
		if (isdigit((unsigned char)d->d_name[0]))
			rc = save_running(m, atoi(d->d_name));
	if (dir)
		closedir(dir);
	return rc < 0 ? error_set(err, rc, "%s", m->failure.text) : 0;
}

void jit_maps_free(struct jit_maps *m)
{
	if (!m)
		return;
	join(m);
	close(m->fds[0]);
	close(m->fds[1]);
	meta_release(&m->meta);
	intern_release(&m->saved);
	free(m);
}
