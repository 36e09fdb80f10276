/*
 * A saved directory of another machine, as `kmem-record dump --root` reads it. The input is an archive: for each file its path with a 0
 * behind it, u32 length, bytes (tests/fuzz/seeds.py makes them of directories).
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format/base/cursor.h"
#include "format/base/fileio.h"
#include "record/dump.h"
#include "tests/fuzz/fuzz.h"

#define FILES_MAX 200

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static void put(int root, const char *name, const uint8_t *data, size_t len)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s", name);
	if (strstr(path, "..") || *path == '/')
		return;
	for (char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdirat(root, path, 0700);
		*slash = '/';
	}
	fd = openat(root, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return;
	if (file_write_all(fd, data, len, path, NULL) < 0)
		abort();
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cursor c = cursor_of(data, size);
	struct dump_report report = { 0 };
	char root[128], out[128];
	const struct dump_options options = { .output = out,
					      .root = root,
					      .force = true,
					      .command_line = "fuzz",
					      .version = "fuzz" };
	int fd;

	snprintf(root, sizeof(root), "%s/root", fuzz_directory());
	snprintf(out, sizeof(out), "%s/out.kmem", fuzz_directory());
	nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	if (mkdir(root, 0700) < 0 || (fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		abort();
	for (int i = 0; i < FILES_MAX && cursor_left(&c); i++) {
		const char *name = (const char *)c.pos;
		size_t room = cursor_left(&c), len;

		if (strnlen(name, room) == room)
			break;
		cursor_take(&c, strlen(name) + 1);
		len = cursor_u32(&c);
		if (len > cursor_left(&c))
			len = cursor_left(&c);
		put(fd, name, cursor_take(&c, len), len);
	}
	close(fd);
	dump_run(&options, &report, NULL);
	dump_report_release(&report);
	unlink(out);
	return 0;
}
