#include "analyze/command.h"

#include <stdio.h>
#include <string.h>

#include "format/base/safe_text.h"

void command_help(const struct command *self)
{
	printf("usage: kmem-analyze %s [OPTION...] %s\n\n%s", self->name, self->operands,
	       self->description);
	printf("\noptions:\n");
	options_help(stdout, self->options);
	printf("  -h, --help                this text\n");
	printf("\nexamples:\n%s", self->examples);
}

int command_exit_code(int code)
{
	if (code == COMMAND_HELP_SHOWN)
		return EXIT_DONE;
	return code == ERR_USAGE ? EXIT_USAGE : EXIT_FAILED;
}

int command_fail(const struct error *err)
{
	safe_complain("kmem-analyze", err->text);
	return command_exit_code(err->code);
}

static bool asks_for_help(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++)
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			return true;
	return false;
}

int command_parse(const struct command *self, void *options, int argc, char **argv, int min,
		  int max)
{
	struct error err = { 0 };
	int first;

	if (asks_for_help(argc, argv)) {
		command_help(self);
		return COMMAND_HELP_SHOWN;
	}
	first = options_parse(self->options, options, argc, argv, false, &err);
	if (first >= 0 && argc - first < min)
		error_set(&err, ERR_USAGE, "%s needs %s; see kmem-analyze %s --help", self->name,
			  self->operands, self->name);
	else if (first >= 0 && max && argc - first > max)
		error_set(&err, ERR_USAGE,
			  "%s: '%s' is one argument too many; see kmem-analyze %s --help",
			  self->name, argv[first + max], self->name);
	if (!err.code)
		return first;
	command_fail(&err);
	return err.code;
}
