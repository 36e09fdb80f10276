/*
 * A database that somebody else has made or damaged, and a question to it. The first byte says which question; the others are laid over a
 * good database (KMEM_FUZZ_DB, which `make fuzz` and the replay make): u32 place, u8 length, bytes; and so on. The pages have no
 * checksums, so that each change arrives.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analyze/command.h"
#include "format/base/cursor.h"
#include "format/base/fileio.h"
#include "tests/fuzz/arena.h"
#include "tests/fuzz/fuzz.h"

#define WORDS 8 /* and NULL behind them */

/* "DB" is the database, "OUT..." a file of that ending. */
static const struct question {
	const struct command *command;
	const char *words[WORDS + 1];
} questions[] = {
	{ &cmd_account, { "-n", "5", "DB" } },
	{ &cmd_kmemleak, { "--by", "comm", "DB" } },
	{ &cmd_kmemprof, { "--include-self", "DB" } },
	{ &cmd_top, { "-n", "5", "DB" } },
	{ &cmd_info, { "--all", "DB" } },
	{ &cmd_account, { "--classic", "--malloc", "DB" } },
	{ &cmd_account, { "--by", "caller,stack", "--format", "json", "DB" } },
	{ &cmd_account, { "--domain", "page", "--by", "order,gfp", "DB" } },
	{ &cmd_kmemleak, { "--comm", "-v", "DB" } },
	{ &cmd_kmemleak,
	  { "--alloc", "kmem:kmalloc//ptr=ptr/stack/", "--free", "kmem:kfree//ptr=ptr/", "DB" } },
	{ &cmd_kmemprof,
	  { "-e", "kmem:kmalloc//size=bytes_alloc/stack/", "-e", "kmem:kfree", "-k", "ptr",
	    "DB" } },
	{ &cmd_kmemprof, { "--by", "comm,pid", "--format", "csv", "DB" } },
	{ &cmd_top, { "--tree", "DB" } },
	{ &cmd_top, { "--peek", "a", "DB" } },
	{ &cmd_graph, { "-f", "-o", "OUT.dot", "DB" } },
	{ &cmd_flame, { "--by", "comm", "DB" } },
	{ &cmd_diff, { "-a", "DB", "DB" } },
	{ &cmd_peak, { "--by", "comm,caller", "DB" } },
	{ &cmd_timeline, { "--by", "cache", "DB" } },
	{ &cmd_timeline, { "--format", "trace", "DB" } },
	{ &cmd_lifetimes, { "--by", "comm", "DB" } },
	{ &cmd_history, { "--ptr", "0xffff888000001000", "DB" } },
	{ &cmd_export, { "--as", "folded", "DB" } },
	{ &cmd_export, { "--as", "massif", "DB" } },
	{ &cmd_export, { "--as", "jemalloc", "DB" } },
	{ &cmd_export, { "--as", "speedscope", "DB" } },
	{ &cmd_export, { "--as", "pprof", "DB" } },
	{ &cmd_report, { "DB" } },
	{ &cmd_rings, { "-f", "-o", "OUT.json", "DB" } },
	{ &cmd_stat, { "--caller", "DB" } },
	{ &cmd_stat, { "--alloc", "--page", "DB" } },
	{ &cmd_domains, { "DB" } },
	{ &cmd_sql, { "DB", "SELECT *, bytes_text(bytes_alloc), stack_text(stack) FROM object" } },
};

static struct buf good;

/* What the commands print is not what a fuzzer wants to see. */
static void ask(const struct question *q, char *db)
{
	char *argv[WORDS + 2] = { (char *)(uintptr_t)q->command->name }, out[96];
	int count = 1;

	for (const char *const *word = q->words; *word; word++) {
		if (!strncmp(*word, "OUT", 3))
			snprintf(out, sizeof(out), "%s/%s", fuzz_directory(), *word);
		argv[count++] = !strcmp(*word, "DB")	  ? db :
				!strncmp(*word, "OUT", 3) ? out :
							    (char *)(uintptr_t)*word;
	}
	q->command->run(q->command, count, argv);
}

/* What a sanitizer has to say must not go where the answers go. */
void __sanitizer_set_report_fd(void *fd) __attribute__((weak));

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int out, err, null;
	const char *source = getenv("KMEM_FUZZ_DB");
	struct cursor c = cursor_of(data, size);
	uint8_t question = cursor_u8(&c);
	uint8_t *copy;
	char *path;

	if (!good.len) {
		if (!source || file_slurp(AT_FDCWD, source, 64u << 20, &good, NULL) < 0) {
			fprintf(stderr, "KMEM_FUZZ_DB must name a database\n");
			exit(1);
		}
		arena_install();
		out = dup(1);
		err = dup(2);
		null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		if (__sanitizer_set_report_fd)
			__sanitizer_set_report_fd((void *)(intptr_t)err);
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
	ask(&questions[question % (sizeof(questions) / sizeof(*questions))], path);
	fflush(stdout);
	dup2(out, 1);
	dup2(err, 2);
	arena_reset();
	free(path);
	free(copy);
	return 0;
}
