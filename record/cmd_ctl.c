/* ctl: steers a recorder that runs. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/base/options.h"
#include "record/commands.h"
#include "record/control.h"

#define LISTED_MAX 16

struct ctl_options {
	bool help;
};

/* clang-format off */
static const struct option_row rows[] = {
	{ .name = "help", .letter = 'h', .kind = OPT_FLAG, .offset = offsetof(struct ctl_options, help),
	  .help = "this text" },
	{ .name = NULL }
};
/* clang-format on */

static void print_help(void)
{
	printf("usage: " PROGRAM " ctl pause|resume|dump|stop [PID]\n"
	       "       " PROGRAM " ctl mark TEXT [PID]\n\n"
	       "Steers a kmem-record that runs: the only one there is, or the one with that process id.\n\n"
	       "  pause, resume   nothing is recorded in between; the capture says when, and reports know it\n"
	       "  mark TEXT       gives this moment a name: kmem-analyze ... --from mark:TEXT --to mark:TEXT\n"
	       "  dump            a flight recorder (--overwrite) writes what it has, and goes on\n"
	       "  stop            ends the recording, waits until it is written and says where it is\n\n");
	options_help(stdout, rows);
	printf("\nexamples:\n"
	       "  " PROGRAM " ctl mark 'before the test'\n"
	       "  " PROGRAM " ctl stop 4711\n"
	       "\nexit status: 0 done; 1 no such recorder, or it failed; 2 usage, or the recorder refused\n");
}

static int the_only_one(pid_t *ret, struct error *err)
{
	pid_t list[LISTED_MAX];
	size_t count = control_list(list, LISTED_MAX), used = 0;
	char text[LISTED_MAX * 12] = "";

	if (count == 0)
		return error_set(err, ERR_IO, "no recorder is running");
	if (count == 1) {
		*ret = list[0];
		return 0;
	}
	for (size_t i = 0; i < count && i < LISTED_MAX; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, " %d", (int)list[i]);
	return error_set(err, ERR_USAGE, "%zu recorders are running; name one of them:%s", count,
			 text);
}

static int parse_request(int argc, char **argv, enum control_verb *verb, const char **text,
			 pid_t *pid, struct error *err)
{
	int at = 0;
	uint64_t n;

	*text = NULL;
	if (argc < 1 || !control_verb(argv[at], verb))
		return error_set(err, ERR_USAGE,
				 "%s%s%s; ctl knows pause, resume, mark TEXT, dump and stop",
				 argc ? "unknown request '" : "what shall the recorder do",
				 argc ? argv[0] : "", argc ? "'" : "?");
	at++;
	if (*verb == CONTROL_MARK) {
		if (at >= argc || !argv[at][0])
			return error_set(err, ERR_USAGE, "mark needs a text");
		*text = argv[at++];
	}
	if (at == argc)
		return the_only_one(pid, err);
	if (argc > at + 1)
		return error_set(err, ERR_USAGE,
				 "'%s' is too much; a text of several words needs"
				 " quotes",
				 argv[at + 1]);
	if (parse_number(argv[at], "process id", 1, INT32_MAX, &n, err) < 0)
		return err->code;
	*pid = (pid_t)n;
	return 0;
}

enum exit_code cmd_ctl(int argc, char **argv)
{
	struct ctl_options o = { 0 };
	char answer[CONTROL_ANSWER_MAX];
	enum control_verb verb;
	struct error err = { 0 };
	const char *text;
	pid_t pid = 0;
	int rc = options_parse(rows, &o, argc, argv, false, &err);

	if (rc >= 0 && o.help) {
		print_help();
		return EXIT_DONE;
	}
	if (rc >= 0)
		rc = parse_request(argc - rc, argv + rc, &verb, &text, &pid, &err);
	if (rc == 0)
		rc = control_ask(pid, verb, text, answer, sizeof(answer), &err);
	if (rc < 0) {
		complain(err.text);
		return rc == ERR_USAGE ? EXIT_USAGE : EXIT_FAILED;
	}
	printf("%s\n", answer);
	return EXIT_DONE;
}
