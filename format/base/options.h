/*
 * options.h - one table gives parsing, --help and shell completion, so that they cannot drift.
 *
 *	struct top_options { const char *output; bool force; uint64_t count; };
 *	static const struct option_row rows[] = {
 *		{ "output", 'o', "FILE", "write the report to FILE", OPT_STRING, offsetof(struct top_options, output) },
 *		{ "force", 'f', NULL, "overwrite it", OPT_FLAG, offsetof(struct top_options, force) },
 *		{ "top", 'n', "N", "the first N rows", OPT_NUMBER, offsetof(struct top_options, count), .max = 1000 },
 *		{ NULL }
 *	};
 *	first = options_parse(rows, &options, argc, argv, &err);	// argv[first] is the first operand
 *
 * Options may stand before and after operands; "--" ends them. "--name=value" and "--name value",
 * "-nVALUE" and "-n VALUE", clustered flags ("-fq") work. A unique prefix of a long name is
 * accepted.
 */
#ifndef KMEM_BASE_OPTIONS_H
#define KMEM_BASE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "format/base/error.h"

enum option_kind {
	OPT_FLAG,   /* bool: becomes true */
	OPT_STRING, /* const char * */
	OPT_LIST,   /* struct option_list: every use adds one */
	OPT_NUMBER, /* uint64_t, within min..max (max 0: no limit) */
	OPT_BYTES,  /* uint64_t bytes: 4096, 64k, 16M, 2G */
	OPT_TIME,   /* uint64_t ns: 10s 5ms 3us 100ns 2m 1h; a bare number counts `unit` ns */
	OPT_CHOICE, /* const char *: one of `choices` */
};

struct option_list {
	const char **items; /* heap, the strings are argv's; free with option_list_release */
	size_t count;
};

struct option_row {
	const char *name; /* long, without dashes; NULL ends the table */
	char letter;	  /* 0: none */
	const char *arg;  /* name of the argument in --help; NULL for flags */
	const char *help; /* NULL: accepted, not shown (an alias of an older tool) */
	enum option_kind kind;
	size_t offset;		    /* of the destination in the options struct */
	uint64_t min, max;	    /* OPT_NUMBER, OPT_BYTES */
	uint64_t unit;		    /* OPT_TIME */
	const char *const *choices; /* OPT_CHOICE: NULL-terminated */
};

/*
 * Fills *options. Operands are moved behind the options, in order. With stop_at_operand, parsing
 * ends at the first operand (for programs that run a command). Returns the index of the first
 * operand, or ERR_USAGE with a text that names the option and what it wants.
 */
int options_parse(const struct option_row *rows, void *options, int argc, char **argv,
		  bool stop_at_operand, struct error *err);

/* One line per option, at most 100 columns. */
void options_help(FILE *out, const struct option_row *rows);

void option_list_release(struct option_list *list);

/* The same parsing for values that come from elsewhere. ERR_USAGE names what. */
int parse_bytes(const char *text, const char *what, uint64_t *ret, struct error *err);
int parse_time_ns(const char *text, const char *what, uint64_t unit, uint64_t *ret,
		  struct error *err);
int parse_number(const char *text, const char *what, uint64_t min, uint64_t max, uint64_t *ret,
		 struct error *err);

#endif
