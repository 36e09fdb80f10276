/*
 * A database that somebody else has made or damaged, and questions to it. The bytes are laid over a good database (KMEM_FUZZ_DB, which
 * `make fuzz` and the replay make): u32 place, u8 length, bytes; and so on. SQLite has no checksums, so each change arrives.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analyze/command.h"
#include "format/base/cursor.h"
#include "format/base/fileio.h"
#include "tests/fuzz/fuzz.h"

static struct buf good;

/* What the commands print is not what a fuzzer wants to see. */
static void ask(const struct command *command, char *first, char *second, char *db)
{
	char *argv[] = { (char *)(uintptr_t)command->name, first, second, db, NULL };

	command->run(command, 4, argv);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char n[] = "-n", five[] = "5", all[] = "--include-self", force[] = "-f",
		    by[] = "--by", comm[] = "comm";
	const char *source = getenv("KMEM_FUZZ_DB");
	struct cursor c = cursor_of(data, size);
	int out = dup(1), err = dup(2), null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	uint8_t *copy;
	char *path;

	if (!good.len && (!source || file_slurp(AT_FDCWD, source, 64u << 20, &good, NULL) < 0)) {
		fprintf(stderr, "KMEM_FUZZ_DB must name a database\n");
		exit(1);
	}
	copy = malloc(good.len);
	memcpy(copy, good.data, good.len);
	while (cursor_left(&c)) {
		size_t at = cursor_u32(&c) % good.len, len = cursor_u8(&c);
		const uint8_t *bytes;

		if (len > cursor_left(&c))
			len = cursor_left(&c);
		bytes = cursor_take(&c, len);
		if (bytes)
			memcpy(copy + at, bytes, len < good.len - at ? len : good.len - at);
	}
	path = strdup(fuzz_file(copy, good.len));
	fflush(stdout);
	dup2(null, 1);
	dup2(null, 2);
	ask(&cmd_account, n, five, path);
	ask(&cmd_kmemleak, by, comm, path);
	ask(&cmd_kmemprof, force, all, path);
	ask(&cmd_top, n, five, path);
	ask(&cmd_info, force, force, path);
	fflush(stdout);
	dup2(out, 1);
	dup2(err, 2);
	close(out);
	close(err);
	close(null);
	free(path);
	free(copy);
	return 0;
}
