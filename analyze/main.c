/* kmem-analyze: finds the command, runs it, checks that what it printed arrived. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "analyze/command.h"
#include "analyze/db_memory.h"
#include "format/base/hash.h"
#include "version.h"

/* a line for each, in the order of --help */
/* clang-format off */
static const struct command *const commands[] = {
	&cmd_account,
	&cmd_kmemprof,
	&cmd_kmemleak,
	&cmd_top,
	&cmd_graph,
	&cmd_flame,
	&cmd_diff,
	&cmd_peak,
	&cmd_timeline,
	&cmd_lifetimes,
	&cmd_history,
	&cmd_export,
	&cmd_report,
	&cmd_static,
	&cmd_rings,
	&cmd_stat,
	&cmd_domains,
	&cmd_sql,
	&cmd_info,
	&cmd_load,
	&cmd_symbolize,
	&cmd_verify,
};
/* clang-format on */

#define COMMAND_COUNT (sizeof(commands) / sizeof(*commands))

static void help(void)
{
	printf("usage: kmem-analyze COMMAND [OPTION...] CAPTURE...|DB\n\n"
	       "Answers questions about kernel memory from a capture that kmem-record made. The first\n"
	       "question loads CAPTURE into CAPTURE.db (SQLite); every later one is answered from there.\n"
	       "\ncommands:\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		printf("  %-12s %s\n", commands[i]->name, commands[i]->summary);
	printf("\nexamples:\n"
	       "  kmem-analyze account cap.kmem             who allocated, who still holds, who wastes\n"
	       "  kmem-analyze kmemleak --comm cap.kmem     what was never freed, from where, by whom\n"
	       "  kmem-analyze kmemprof -n 5 cap.kmem       the stacks that allocate and free most\n"
	       "  kmem-analyze COMMAND --help               its options, with examples\n"
	       "\nexit status: 0 done; 1 failed; 2 wrong usage; 3 done, but the capture lost events or is cut off,\n"
	       "and the report says where; 4 a --fail-if condition holds\n");
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

static int dispatch(int argc, char **argv)
{
	const struct command *command;

	if (argc < 2) {
		fprintf(stderr, "kmem-analyze: no command; kmem-analyze --help lists them\n");
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		command = argc > 2 ? find_command(argv[2]) : NULL;
		if (command)
			command_help(command);
		else
			help();
		return EXIT_DONE;
	}
	if (!strcmp(argv[1], "--version")) {
		printf("kmem-analyze %s\n", KMEM_VERSION);
		return EXIT_DONE;
	}
	command = find_command(argv[1]);
	if (!command) {
		fprintf(stderr,
			"kmem-analyze: unknown command '%s'; kmem-analyze --help lists them\n",
			argv[1]);
		return EXIT_USAGE;
	}
	return command->run(command, argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
	int code;

	/* `| head` is no failure of ours; the write error is seen below and ends quietly */
	signal(SIGPIPE, SIG_IGN);
	db_memory_watch();
	hash_randomize();
	signal(SIGXFSZ, SIG_IGN); /* ulimit -f: a write error like any other */
	code = dispatch(argc, argv);
	/* the last net: what was printed may be wrong */
	if (db_memory_failed() && code != EXIT_FAILED && code != EXIT_USAGE) {
		fprintf(stderr, "kmem-analyze: out of memory\n");
		code = EXIT_FAILED;
	}
	errno = 0;
	if (fflush(stdout) || ferror(stdout)) {
		if (errno != EPIPE)
			fprintf(stderr, "kmem-analyze: cannot write the report: %s\n",
				errno ? strerror(errno) : "output error");
		if (code == EXIT_DONE || code == EXIT_INCOMPLETE)
			code = errno == EPIPE ? code : EXIT_FAILED;
	}
	return code;
}
