#define _GNU_SOURCE /* O_PATH */
#include "record/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format/base/fileio.h"
#include "record/tracefs.h"

#define FACTS_MAX (64u << 10)

/* The directory of a path below fd, component by component, so that no link leads out of it. */
static int open_beneath(int fd, const char *path, int flags)
{
	int at = fd, next;

	while (*path == '/')
		path++;
	for (;;) {
		size_t n = strcspn(path, "/");
		const char *rest = path + n + strspn(path + n, "/");
		char part[256];

		if (!n || n >= sizeof(part) || (n == 2 && !memcmp(path, "..", 2))) {
			errno = ENOENT;
			next = -1;
		} else {
			memcpy(part, path, n);
			part[n] = '\0';
			next = openat(at, part,
				      *rest ? O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC :
					      O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY |
						      O_CLOEXEC | flags);
		}
		if (at != fd)
			close(at);
		if (next < 0 || !*rest)
			return next;
		at = next;
		path = rest;
	}
}

static int open_path(const struct tree *t, const char *path, int flags)
{
	int fd;

	if (t->saved) {
		struct stat st;

		fd = open_beneath(*path == '/' ? t->root : t->tracing, path, flags);
		if (fd >= 0 &&
		    (fstat(fd, &st) < 0 || !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))) {
			close(fd);
			errno = EINVAL;
			return -1;
		}
		return fd;
	}
	if (*path != '/' && t->tracing < 0) {
		errno = ENOENT;
		return -1;
	}
	return openat(t->tracing, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | flags);
}

static int open_saved(struct tree *t, struct error *err)
{
	static const char *const places[] = { "tracing", "sys/kernel/tracing",
					      "sys/kernel/debug/tracing" };

	t->root = open(t->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (t->root < 0)
		return error_errno(err, "cannot open '%s'", t->name);
	for (size_t i = 0; t->tracing < 0 && i < sizeof(places) / sizeof(places[0]); i++)
		t->tracing = open_beneath(t->root, places[i], O_DIRECTORY);
	if (t->tracing < 0)
		return error_set(err, ERR_FORMAT,
				 "'%s' holds no directory 'tracing': it was not saved by "
				 "collect-ftrace.sh (unpack its archive first)",
				 t->name);
	return 0;
}

int tree_open(struct tree *ret, const char *saved, struct error *err)
{
	struct tree t = { .saved = saved, .root = -1, .tracing = -1, .name = saved };
	int rc;

	if (saved) {
		rc = open_saved(&t, err);
	} else {
		t.tracing = tracefs_open(err);
		rc = t.tracing < 0 ? t.tracing : tracefs_check_instances(t.tracing, err);
	}
	if (rc < 0)
		tree_close(&t);
	else
		*ret = t;
	return rc;
}

void tree_close(struct tree *t)
{
	if (t->root >= 0)
		close(t->root);
	if (t->tracing >= 0)
		close(t->tracing);
	*t = (struct tree){ .root = -1, .tracing = -1 };
}

static const char *saved_name(const struct tree *t)
{
	return t->saved ? t->name : "";
}

int tree_open_file(const struct tree *t, const char *path, int flags, struct error *err)
{
	int fd = open_path(t, path, flags);

	return fd < 0 ? error_errno(err, "cannot open '%s%s%s'", saved_name(t),
				    *path == '/' ? "" :
				    t->saved	 ? "/tracing/" :
						   "",
				    path) :
			fd;
}

DIR *tree_list(const struct tree *t, const char *path)
{
	int fd = open_path(t, path, O_DIRECTORY);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir && fd >= 0) {
		buf_note_lack();
		close(fd);
	}
	return dir;
}

int tree_read(const struct tree *t, const char *path, size_t most, struct buf *b, struct error *err)
{
	int fd = tree_open_file(t, path, 0, err), rc;

	buf_clear(b);
	if (fd < 0)
		return fd;
	rc = file_slurp_fd(fd, path, most, b, err);
	close(fd);
	if (rc < 0)
		return rc;
	if (!buf_reserve(b, 1))
		return error_nomem(err);
	b->data[b->len] = '\0';
	return 0;
}

bool tree_line(const struct tree *t, const char *path, char *text, size_t room)
{
	int fd = open_path(t, path, 0);
	ssize_t n = fd < 0 ? -1 : read(fd, text, room - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return n > 0;
}

bool tree_fact(const struct tree *t, const char *key, char *text, size_t room)
{
	size_t key_len = strlen(key);
	struct buf b = { 0 };
	bool found = false;

	text[0] = '\0';
	if (t->saved && tree_read(t, "/facts", FACTS_MAX, &b, NULL) == 0) {
		for (char *line = (char *)b.data, *end; *line && !found; line = end) {
			size_t n = strcspn(line, "\n");

			end = line + n + (line[n] == '\n');
			if (n <= key_len || memcmp(line, key, key_len) || line[key_len] != '=')
				continue;
			snprintf(text, room, "%.*s", (int)(n - key_len - 1), line + key_len + 1);
			found = text[0] != '\0';
		}
	}
	buf_release(&b);
	return found;
}
