/* kmem-record: records the allocations of the running kernel into a capture file. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "format/base/buf.h"
#include "format/base/safe_text.h"
#include "record/commands.h"

struct command_row {
	const char *name;
	enum exit_code (*run)(int argc, char **argv);
};

static const struct command_row commands[] = {
	{ "ctl", cmd_ctl },
	{ "dump", cmd_dump },
	{ "boot-args", cmd_boot_args },
	{ NULL, NULL },
};

void complain(const char *text)
{
	safe_complain(PROGRAM, text);
}

char *command_line_text(int argc, char **argv)
{
	size_t len = 1;
	char *text;

	for (int i = 0; i < argc; i++)
		len += strlen(argv[i]) + 1;
	text = calloc(1, len);
	if (!text)
		buf_note_lack();
	for (int i = 0; text && i < argc; i++) {
		if (i)
			strcat(text, " ");
		strcat(text, argv[i]);
	}
	return text;
}

void default_output_name(char *name, size_t size)
{
	char host[65] = "host", stamp[32];
	time_t now = time(NULL);
	struct tm tm;

	gethostname(host, sizeof(host) - 1);
	for (char *p = host; *p; p++)
		if (*p == '/')
			*p = '_';
	localtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", &tm);
	snprintf(name, size, "kmem-%s-%s.kmem", host, stamp);
}

int main(int argc, char **argv)
{
	const struct command_row *c = commands;
	enum exit_code code;

	signal(SIGXFSZ, SIG_IGN); /* ulimit -f: a write error like any other */
	while (c->name && (argc < 2 || strcmp(argv[1], c->name)))
		c++;
	code = c->name ? c->run(argc - 1, argv + 1) : cmd_record(argc, argv);
	if (fflush(stdout) != 0) {
		complain("cannot write to standard output");
		code = EXIT_FAILED;
	}
	return code;
}
