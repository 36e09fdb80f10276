#define _GNU_SOURCE /* O_TMPFILE, asprintf */
#include "record/output.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "format/base/fileio.h"
#include "record/clock_step.h"

#define NUMBER_DIGITS 6

/* ---- names: DIRECTORY/STEM.NUMBER.EXTENSION ---- */

/* Where the extension of a path begins, its dot included; the end where it has none. */
static const char *extension(const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	const char *dot = strrchr(base, '.');

	return dot && dot != base ? dot : base + strlen(base);
}

static char *segment_name(const char *path, uint32_t number)
{
	const char *dot = extension(path);
	char *name;

	return asprintf(&name, "%.*s.%0*" PRIu32 "%s", (int)(dot - path), path, NUMBER_DIGITS,
			number, dot) < 0 ?
		       NULL :
		       name;
}

/* Heap; NULL: no memory. */
static char *directory(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
}

/* Whether an entry of the directory is called like a segment of this path. */
static bool is_segment_name(const char *entry, const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	const char *dot = extension(path);
	size_t stem = (size_t)(dot - base), digits;

	if (strncmp(entry, base, stem) || entry[stem] != '.')
		return false;
	digits = strspn(entry + stem + 1, "0123456789");
	return digits >= NUMBER_DIGITS && !strcmp(entry + stem + 1 + digits, dot);
}

/* A series that stands there already would be mixed with ours. */
static int refuse_old_series(const char *path, struct error *err)
{
	char *name = directory(path);
	DIR *dir = name ? opendir(name) : NULL;
	struct dirent *d;
	int rc = 0;

	if (!name)
		return error_nomem(err);
	if (!dir)
		rc = error_errno(err, "cannot read directory '%s'", name);
	while (dir && rc == 0 && (d = readdir(dir)))
		if (is_segment_name(d->d_name, path))
			rc = error_set(err, ERR_EXISTS,
				       "'%s' exists in '%s'; choose another name, or give -f to "
				       "overwrite such files when it is their turn",
				       d->d_name, name);
	if (dir)
		closedir(dir);
	free(name);
	return rc;
}

/* ---- files ---- */

/*
 * A file without a name, so that nobody ever sees a segment without what belongs in front. Where
 * the file system has none: under its name at once.
 */
static int open_segment(struct output *o, struct error *err)
{
	char *dir = directory(o->name);
	int fd = dir ? open(dir, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600) : -1;

	if (!dir)
		return error_nomem(err);
	free(dir);
	o->named = fd < 0;
	return fd < 0 ? file_create(o->name, o->options.force, err) : fd;
}

static int give_name(struct output *o, struct error *err)
{
	char self[64];
	struct stat st;

	snprintf(self, sizeof(self), "/proc/self/fd/%d", o->fd);
	if (linkat(AT_FDCWD, self, AT_FDCWD, o->name, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	if (errno != EEXIST)
		return error_errno(err, "cannot create '%s'", o->name);
	if (!o->options.force)
		return error_set(err, ERR_EXISTS,
				 "'%s' exists; choose another name, or give -f to overwrite it",
				 o->name);
	if (lstat(o->name, &st) < 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1)
		return error_set(err, ERR_IO,
				 "will not overwrite '%s': it is no regular file of one name",
				 o->name);
	if (unlink(o->name) < 0 || linkat(AT_FDCWD, self, AT_FDCWD, o->name, AT_SYMLINK_FOLLOW) < 0)
		return error_errno(err, "cannot overwrite '%s'", o->name);
	return 0;
}

int output_publish(struct output *o, struct error *err)
{
	int rc = o->named || !o->number ? 0 : give_name(o, err);

	if (rc < 0)
		return rc;
	o->named = o->named || o->number;
	/* a name that a power failure takes away again is the capture's least loss */
	if (o->number)
		file_sync_parent(o->name, NULL);
	return 0;
}

static int open_standard_output(struct output *o, struct error *err)
{
	if (isatty(STDOUT_FILENO))
		return error_set(err, ERR_USAGE,
				 "a capture is not for a terminal: send it to a file or a pipe");
	o->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	return o->fd < 0 ? error_errno(err, "cannot write to standard output") : 0;
}

static int open_file(struct output *o, struct error *err)
{
	struct stat st;

	o->fd = file_create(o->name, o->options.force, err);
	if (o->fd < 0)
		return o->fd;
	o->named = fstat(o->fd, &st) == 0 && S_ISREG(st.st_mode);
	return 0;
}

static int open_series(struct output *o, struct error *err)
{
	int rc = o->options.force ? 0 : refuse_old_series(o->options.path, err);

	o->number = 1;
	if (rc == 0)
		rc = o->fd = open_segment(o, err);
	return rc < 0 ? rc : 0;
}

int output_open(struct output *o, const struct output_options *options, struct error *err)
{
	bool standard = !strcmp(options->path, "-");
	int rc;

	*o = OUTPUT_NONE;
	o->options = *options;
	o->clock_step = clock_step_measure();
	o->name = standard		? strdup("standard output") :
		  options->rotate_bytes ? segment_name(options->path, 1) :
					  strdup(options->path);
	if (!o->name)
		return error_nomem(err);
	rc = standard		   ? open_standard_output(o, err) :
	     options->rotate_bytes ? open_series(o, err) :
				     open_file(o, err);
	return rc < 0 ? rc : capture_writer_new(&o->writer, o->fd, o->name, o->clock_step, err);
}

static void close_file(struct capture_writer **writer, int *fd, char **name)
{
	capture_writer_free(*writer);
	if (*fd >= 0)
		close(*fd);
	free(*name);
	*writer = NULL;
	*fd = -1;
	*name = NULL;
}

void output_release(struct output *o, bool keep)
{
	if (o->named && !keep)
		unlink(o->name);
	close_file(&o->writer, &o->fd, &o->name);
	close_file(&o->last, &o->last_fd, &o->last_name);
	for (uint32_t i = 0; i < o->old_count; i++)
		free(o->old[i].name);
	free(o->old);
	*o = OUTPUT_NONE;
}

/* ---- a series ---- */

int output_next(struct output *o, struct error *err)
{
	struct output next = *o;
	int rc;

	next.number++;
	next.writer = NULL;
	next.name = segment_name(o->options.path, next.number);
	if (!next.name)
		return error_nomem(err);
	rc = next.fd = open_segment(&next, err);
	if (rc >= 0)
		rc = capture_writer_new(&next.writer, next.fd, next.name, o->clock_step, err);
	if (rc < 0) {
		if (next.fd >= 0 && next.named)
			unlink(next.name);
		close_file(&next.writer, &next.fd, &next.name);
		return rc;
	}
	next.last = o->writer;
	next.last_fd = o->fd;
	next.last_name = o->name;
	*o = next;
	return 0;
}

void output_back(struct output *o)
{
	if (o->named)
		unlink(o->name);
	close_file(&o->writer, &o->fd, &o->name);
	o->writer = o->last;
	o->fd = o->last_fd;
	o->name = o->last_name;
	o->named = true;
	o->number--;
	o->last = NULL;
	o->last_fd = -1;
	o->last_name = NULL;
}

static void delete_oldest(struct output *o)
{
	struct old_segment *s = &o->old[0];
	struct stat st;

	if (lstat(s->name, &st) == 0 && st.st_dev == s->device && st.st_ino == s->inode)
		unlink(s->name);
	free(s->name);
	o->old_count--;
	memmove(o->old, o->old + 1, o->old_count * sizeof(*o->old));
}

/* Without memory it is not remembered, and stays. */
static void remember_last(struct output *o)
{
	struct old_segment *p = realloc(o->old, (o->old_count + 1) * sizeof(*p));
	struct stat st;

	if (!p)
		return;
	o->old = p;
	if (fstat(o->last_fd, &st) < 0)
		return;
	p[o->old_count++] = (struct old_segment){ o->last_name, st.st_dev, st.st_ino };
	o->last_name = NULL;
}

void output_close_last(struct output *o)
{
	o->done_bytes += capture_writer_bytes(o->last);
	o->done_events += capture_writer_events(o->last);
	if (o->options.keep)
		remember_last(o);
	close_file(&o->last, &o->last_fd, &o->last_name);
	while (o->options.keep && o->old_count > o->options.keep - 1)
		delete_oldest(o);
}

/* A next file as large as this one, and what this one still gets while readers go over. */
static bool has_room(const struct output *o)
{
	uint64_t now = capture_writer_bytes(o->writer), size = o->options.rotate_bytes;
	uint64_t need = (now > size ? now : size) / 2 * 3;
	struct statvfs fs;

	return fstatvfs(o->fd, &fs) < 0 || (uint64_t)fs.f_bavail * fs.f_frsize >= need;
}

bool output_make_room(struct output *o)
{
	bool deleted = false;

	while (o->old_count && !has_room(o)) {
		delete_oldest(o);
		deleted = true;
	}
	return deleted;
}

uint64_t output_bytes(const struct output *o)
{
	return o->done_bytes + capture_writer_bytes(o->writer) +
	       (o->last ? capture_writer_bytes(o->last) : 0);
}

uint64_t output_events(const struct output *o)
{
	return o->done_events + capture_writer_events(o->writer) +
	       (o->last ? capture_writer_events(o->last) : 0);
}
