/* replay FILE|DIR... - a fuzz target's inputs once each, without libFuzzer. The program is named after the target. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "format/base/fileio.h"
#include "tests/fuzz/fuzz.h"

static unsigned int count;
static double slowest;

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void replay(const char *path)
{
	struct buf b = { 0 };
	double since;
	uint8_t *exact;

	if (file_slurp(AT_FDCWD, path, 64u << 20, &b, NULL) < 0) {
		printf("not ok %s: %s: %s\n", program_invocation_short_name, path, strerror(errno));
		exit(1);
	}
	/* of exactly its size, so that a sanitizer sees one byte too far */
	exact = malloc(b.len ? b.len : 1);
	if (b.len)
		memcpy(exact, b.data, b.len);
	fprintf(stderr, "# %s\n", path);
	since = seconds();
	LLVMFuzzerTestOneInput(exact, b.len);
	since = seconds() - since;
	slowest = since > slowest ? since : slowest;
	count++;
	free(exact);
	buf_release(&b);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		struct dirent **names;
		int n = scandir(argv[i], &names, NULL, alphasort);

		if (n < 0) {
			replay(argv[i]);
			continue;
		}
		for (int k = 0; k < n; k++) {
			char path[4096];

			snprintf(path, sizeof(path), "%s/%s", argv[i], names[k]->d_name);
			if (names[k]->d_name[0] != '.')
				replay(path);
			free(names[k]);
		}
		free(names);
	}
	if (count)
		printf("ok %s: %u inputs, the slowest took %.2f s\n", program_invocation_short_name,
		       count, slowest);
	else
		printf("not ok %s: no inputs\n", program_invocation_short_name);
	return !count;
}
