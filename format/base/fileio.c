#define _GNU_SOURCE /* O_NOFOLLOW, O_CLOEXEC on older libcs */
#include "format/base/fileio.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_existing(const char *path, struct error *err)
{
	struct stat st;
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);

	if (fd < 0) {
		if (errno == ELOOP)
			return error_set(err, ERR_IO,
					 "will not write to '%s': it is a symbolic link; "
					 "name the file itself",
					 path);
		return error_errno(err, "cannot write '%s'", path);
	}
	if (fstat(fd, &st) < 0)
		error_errno(err, "cannot write '%s'", path);
	else if (!S_ISREG(st.st_mode))
		error_set(err, ERR_IO, "will not write to '%s': it is no regular file", path);
	else if (st.st_nlink != 1)
		error_set(err, ERR_IO,
			  "will not write to '%s': the file has other names (hard links)", path);
	else if (fchmod(fd, 0600) < 0 || ftruncate(fd, 0) < 0)
		error_errno(err, "cannot write '%s'", path);
	else
		return fd;
	close(fd);
	return err ? err->code : ERR_IO;
}

int file_create(const char *path, bool force, struct error *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd >= 0)
		return fd;
	if (errno != EEXIST)
		return error_errno(err, "cannot create '%s'", path);
	if (!force)
		return error_set(err, ERR_EXISTS,
				 "'%s' exists; choose another name, or give -f to overwrite it",
				 path);
	return open_existing(path, err);
}

int file_create_stream(const char *path, bool force, FILE **ret, struct error *err)
{
	int fd = file_create(path, force, err), rc;
	FILE *out;

	if (fd < 0)
		return fd;
	out = fdopen(fd, "w");
	if (out) {
		*ret = out;
		return 0;
	}
	rc = error_errno(err, "cannot write '%s'", path);
	close(fd);
	unlink(path);
	return rc;
}

int file_write_all(int fd, const void *data, size_t n, const char *path, struct error *err)
{
	const uint8_t *p = data;

	while (n) {
		ssize_t done = write(fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return error_errno(err, "cannot write '%s'", path);
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

int file_read_at(int fd, void *data, size_t n, uint64_t offset, const char *path, struct error *err)
{
	uint8_t *p = data;

	while (n) {
		ssize_t done = pread(fd, p, n, (off_t)offset);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return error_errno(err, "cannot read '%s' at offset %" PRIu64, path,
					   offset);
		if (!done)
			return error_set(err, ERR_TRUNCATED,
					 "cannot read '%s': it ends at offset %" PRIu64
					 ", %zu bytes too early",
					 path, offset, n);
		p += done;
		offset += (uint64_t)done;
		n -= (size_t)done;
	}
	return 0;
}

int file_slurp_fd(int fd, const char *path, size_t most, struct buf *b, struct error *err)
{
	size_t start = b->len;

	while (b->len - start < most) {
		size_t want = most - (b->len - start);
		ssize_t n;

		/* procfs and tracefs give at most a page or so for small requests: ask for much */
		if (want > 256u << 10)
			want = 256u << 10;
		if (!buf_reserve(b, want))
			return error_nomem(err);
		n = read(fd, b->data + b->len, want);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(err, "cannot read '%s'", path);
		if (n == 0)
			break;
		b->len += (size_t)n;
	}
	return 0;
}

int file_slurp(int dirfd, const char *path, size_t most, struct buf *b, struct error *err)
{
	int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY), rc;

	if (fd < 0)
		return error_errno(err, "cannot open '%s'", path);
	rc = file_slurp_fd(fd, path, most, b, err);
	close(fd);
	return rc;
}

int file_sync_parent(const char *path, struct error *err)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
	int fd, rc = 0;

	if (!dir)
		return error_nomem(err);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || (fsync(fd) < 0 && errno != EINVAL && errno != EROFS))
		rc = error_errno(err, "cannot bring directory '%s' to the disk", dir);
	if (fd >= 0)
		close(fd);
	free(dir);
	return rc;
}
