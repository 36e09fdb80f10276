#define _GNU_SOURCE /* syscall */
#include "record/tracefs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "format/base/fileio.h"

#define SMALL_FILE_MAX (4u << 20)

/*
 * Where tracefs is mounted nowhere, we use a mount of our own that has no place in the file system:
 * nobody sees it and it is gone with us. Linux 5.2 and later; the numbers are those of
 * <linux/mount.h>, which older libcs lack.
 */
static int open_detached(bool *ret_denied)
{
#if defined(SYS_fsopen) && defined(SYS_fsconfig) && defined(SYS_fsmount)
	enum { CLOEXEC = 1, CMD_CREATE = 6 };
	int fs = (int)syscall(SYS_fsopen, "tracefs", CLOEXEC), mount = -1, fd = -1;

	if (fs >= 0 && syscall(SYS_fsconfig, fs, CMD_CREATE, NULL, NULL, 0) == 0)
		mount = (int)syscall(SYS_fsmount, fs, CLOEXEC, 0);
	if (mount >= 0)
		fd = openat(mount, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*ret_denied = fd < 0 && (errno == EPERM || errno == EACCES);
	if (fs >= 0)
		close(fs);
	if (mount >= 0)
		close(mount);
	if (fd >= 0 && tracefs_has(fd, "instances"))
		return fd;
	if (fd >= 0)
		close(fd);
#else
	*ret_denied = false;
#endif
	return -1;
}

static int no_permission(struct error *err)
{
	return error_set(err, ERR_IO,
			 "no permission to use the kernel's tracing directory "
			 "(/sys/kernel/tracing): run as root (CAP_DAC_OVERRIDE is missing, or "
			 "CAP_SYS_ADMIN where it is not mounted)");
}

int tracefs_open(struct error *err)
{
	static const char *const places[] = { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" };
	bool denied = false;
	int detached;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		int fd = open(places[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0) {
			denied |= errno == EACCES || errno == EPERM;
			continue;
		}
		if (tracefs_has(fd, "events/enable") && tracefs_has(fd, "instances"))
			return fd;
		denied |= errno == EACCES || errno == EPERM;
		close(fd);
	}
	if (!denied && (detached = open_detached(&denied)) >= 0)
		return detached;
	if (denied)
		return no_permission(err);
	return error_set(
		err, ERR_UNSUPPORTED,
		"the kernel's tracing directory is not there: mount it with "
		"'mount -t tracefs tracefs /sys/kernel/tracing' (needs CONFIG_FTRACE and its events)");
}

int tracefs_check_instances(int top, struct error *err)
{
	return faccessat(top, "instances", W_OK | X_OK, AT_EACCESS) == 0 ? 0 : no_permission(err);
}

bool tracefs_has(int dirfd, const char *path)
{
	struct stat st; /* access(2) would ask for the real user, whom capabilities do not help */

	return fstatat(dirfd, path, &st, 0) == 0;
}

int tracefs_write(int dirfd, const char *path, const char *text, struct error *err)
{
	int fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC);
	ssize_t n;
	int rc = 0;

	if (fd < 0)
		return error_errno(err, "cannot open tracing file '%s'", path);
	do
		n = write(fd, text, strlen(text));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		rc = error_errno(err, "cannot write '%s' to tracing file '%s'", text, path);
	close(fd);
	return rc;
}

int tracefs_write_u64(int dirfd, const char *path, uint64_t value, struct error *err)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	return tracefs_write(dirfd, path, text, err);
}

int tracefs_read(int dirfd, const char *path, struct buf *b, struct error *err)
{
	int rc;

	buf_clear(b);
	rc = file_slurp(dirfd, path, SMALL_FILE_MAX, b, err);
	if (rc < 0)
		return rc;
	if (!buf_reserve(b, 1))
		return error_nomem(err);
	b->data[b->len] = '\0';
	return 0;
}

int tracefs_read_u64(int dirfd, const char *path, uint64_t *ret, struct error *err)
{
	struct buf b = { 0 };
	int rc = tracefs_read(dirfd, path, &b, err);
	char *end;
	uint64_t v;

	if (rc == 0) {
		v = strtoull((char *)b.data, &end, 10);
		if (end == (char *)b.data)
			rc = error_set(err, ERR_DAMAGED, "tracing file '%s' holds no number", path);
		else
			*ret = v;
	}
	buf_release(&b);
	return rc;
}
