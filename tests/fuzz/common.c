#define _GNU_SOURCE
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "format/base/fileio.h"
#include "tests/fuzz/fuzz.h"

static char directory[64], file[96];
static pid_t owner;

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static void clean_up(void)
{
	if (owner == getpid())
		nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *fuzz_directory(void)
{
	const char *tmp = getenv("TMPDIR");

	if (*directory)
		return directory;
	/* in memory, if it can be */
	snprintf(directory, sizeof(directory), "%s/kmem-fuzz-XXXXXX",
		 tmp && strlen(tmp) < 40  ? tmp :
		 access("/dev/shm", W_OK) ? "/tmp" :
					    "/dev/shm");
	if (!mkdtemp(directory))
		abort();
	owner = getpid();
	atexit(clean_up);
	return directory;
}

const char *fuzz_file(const uint8_t *data, size_t size)
{
	int fd;

	if (!*file)
		snprintf(file, sizeof(file), "%s/input", fuzz_directory());
	unlink(file);
	fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || file_write_all(fd, data, size, file, NULL) < 0 || close(fd))
		abort();
	return file;
}
