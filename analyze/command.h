/*
 * command.h - one row per command: a new command is one cmd_NAME.c and one row in main.c's table.
 *
 *	static int run(const struct command *self, int argc, char **argv)
 *	{
 *		struct account_options o = { 0 };
 *		int first = command_parse(self, &o, argc, argv, 1, 1);
 *
 *		if (first < 0)
 *			return command_exit_code(first);
 *		...
 *	}
 *	const struct command cmd_account = { "account", "...", "CAPTURE|DB", examples, rows, run };
 *
 * A command prints its errors itself, once, through command_fail.
 */
#ifndef KMEM_ANALYZE_COMMAND_H
#define KMEM_ANALYZE_COMMAND_H

#include "format/base/error.h"
#include "format/base/options.h"

enum exit_code {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_INCOMPLETE = 3, /* done, but events were lost or the capture was cut off or damaged */
	EXIT_CONDITION = 4,  /* a --fail-if condition held */
};

struct command {
	const char *name;
	const char *summary;	 /* one line for the list of commands */
	const char *operands;	 /* "CAPTURE|DB" */
	const char *description; /* a few lines for --help; ends with a newline */
	const char *examples;	 /* the same */
	const struct option_row *options;
	int (*run)(const struct command *self, int argc, char **argv); /* returns an exit code */
};

/* command_parse printed the help that was asked for: no failure, nothing more to do. */
#define COMMAND_HELP_SHOWN (-100)

/*
 * Parses argv[1..]; handles --help. Returns the index of the first operand, or a negative code
 * after it printed what is wrong (also when there are fewer than min or more than max operands).
 */
int command_parse(const struct command *self, void *options, int argc, char **argv, int min,
		  int max);

/* Prints the error, once; returns the exit code that belongs to it. */
int command_fail(const struct error *err);
int command_exit_code(int code);

void command_help(const struct command *self);

/* a line each: commands come and go alone */
extern const struct command cmd_account;
extern const struct command cmd_diff;
extern const struct command cmd_domains;
extern const struct command cmd_export;
extern const struct command cmd_flame;
extern const struct command cmd_graph;
extern const struct command cmd_history;
extern const struct command cmd_info;
extern const struct command cmd_kmemleak;
extern const struct command cmd_kmemprof;
extern const struct command cmd_lifetimes;
extern const struct command cmd_load;
extern const struct command cmd_peak;
extern const struct command cmd_report;
extern const struct command cmd_rings;
extern const struct command cmd_sql;
extern const struct command cmd_stat;
extern const struct command cmd_static;
extern const struct command cmd_symbolize;
extern const struct command cmd_timeline;
extern const struct command cmd_top;
extern const struct command cmd_verify;

#endif
