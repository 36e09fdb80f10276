/* load: a capture into its database, without a question. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "analyze/command.h"
#include "analyze/load.h"
#include "analyze/series.h"
#include "analyze/text_facts.h"
#include "analyze/text_summary.h"
#include "format/base/safe_text.h"
#include "format/base/units.h"

struct load_command_options {
	const char *output;
	bool force, quiet;
	bool allow_mismatch, trust;
	struct option_list debug_dirs, symbols;
};

/* clang-format off */
static const struct option_row rows[] = {
	{ "output", 'o', "DB", "the database to make (default: CAPTURE.db)", OPT_STRING,
	  offsetof(struct load_command_options, output), 0, 0, 0, NULL },
	{ "force", 'f', NULL, "overwrite it", OPT_FLAG, offsetof(struct load_command_options, force), 0, 0, 0, NULL },
	{ "quiet", 'q', NULL, "no progress, no summary", OPT_FLAG, offsetof(struct load_command_options, quiet),
	  0, 0, 0, NULL },
	{ "vmlinux", 'k', "FILE|DIR", "source lines from a vmlinux, build tree or debug package (log: System.map)", OPT_LIST,
	  offsetof(struct load_command_options, symbols), 0, 0, 0, NULL },
	{ "allow-mismatch", 0, NULL, "use a vmlinux of another build; reports say so", OPT_FLAG,
	  offsetof(struct load_command_options, allow_mismatch), 0, 0, 0, NULL },
	{ "trust", 0, NULL, "load also what unpacks to more than recorders write", OPT_FLAG,
	  offsetof(struct load_command_options, trust), 0, 0, 0, NULL },
	{ "debug-dir", 0, "DIR", "look for symbols of user programs in DIR, too (repeatable)", OPT_LIST,
	  offsetof(struct load_command_options, debug_dirs), 0, 0, 0, NULL },
	{ "symfs", 0, "DIR", NULL, OPT_LIST, offsetof(struct load_command_options, debug_dirs), 0, 0, 0, NULL },
	{ "symbols", 0, "FILE", NULL, OPT_LIST, offsetof(struct load_command_options, symbols), 0, 0, 0, NULL },
	{ "save-db", 0, "DB", NULL, OPT_STRING, offsetof(struct load_command_options, output), 0, 0, 0, NULL },
	{ NULL, 0, NULL, NULL, OPT_FLAG, 0, 0, 0, 0, NULL },
};
/* clang-format on */

static void print_result(const struct load_result *result, const char *db)
{
	char events[UNITS_TEXT], rows_text[UNITS_TEXT], from[UNITS_TEXT], to[UNITS_TEXT],
		lost[UNITS_TEXT];

	fprintf(stderr, "%s events (%s), %s allocations -> %s (%s) in %.2f s\n",
		units_count(events, result->events), units_bytes(from, result->capture_bytes),
		units_count(rows_text, result->allocations), db, units_bytes(to, result->db_bytes),
		result->seconds);
	if (result->is_text) {
		text_summary(stderr, &result->text);
		return;
	}
	if (result->lost)
		fprintf(stderr, "%s records were LOST while recording: totals are lower bounds\n",
			units_count(lost, result->lost));
	if (!result->clean_end)
		fprintf(stderr,
			"the capture was cut off, or is still being written: this is what is there\n");
	if (result->damage > (result->clean_end ? 0u : 1u))
		fprintf(stderr,
			"parts of the capture are damaged; kmem-analyze verify lists them\n");
}

static void print_note(void *arg, const char *text)
{
	if (!*(const bool *)arg)
		safe_complain("kmem-analyze", text);
}

/* Files are those that are named; a name that is not there stands for the segments of that recording. */
static int find_files(struct path_list *ret, char *const *names, size_t count, bool quiet,
		      struct error *err)
{
	if (count != 1 || access(names[0], F_OK) == 0)
		return 0;
	return series_find(ret, names[0], print_note, &quiet, err);
}

static int run(const struct command *self, int argc, char **argv)
{
	struct load_command_options o = { 0 };
	int first = command_parse(self, &o, argc, argv, 1, 0);
	struct path_list found = { 0 };
	struct load_result result;
	struct error err = { 0 };
	struct load_options options;
	char *name, text[SYMBOLIZE_SUMMARY];
	int failed;

	if (first < 0) {
		option_list_release(&o.debug_dirs);
		option_list_release(&o.symbols);
		return command_exit_code(first);
	}
	options = (struct load_options){
		.captures = argv + first,
		.count = (size_t)(argc - first),
		.db = o.output,
		.force = o.force,
		.progress = !o.quiet,
		.trust = o.trust,
		.debug_dirs = o.debug_dirs.items,
		.debug_dir_count = o.debug_dirs.count,
		.symbols = { .paths = o.symbols.items,
			     .count = o.symbols.count,
			     .allow_mismatch = o.allow_mismatch },
	};
	failed = find_files(&found, options.captures, options.count, o.quiet, &err);
	if (found.count) {
		options.captures = found.items;
		options.count = found.count;
	}
	if (failed == 0)
		failed = load_capture(&options, &result, &err);
	option_list_release(&o.debug_dirs);
	option_list_release(&o.symbols);
	if (failed < 0) {
		path_list_release(&found);
		return command_fail(&err);
	}
	name = options.count > 1 ? load_series_db_name(options.captures[0]) :
				   load_db_name(options.captures[0]);
	if (!o.quiet)
		print_result(&result, o.output ? o.output : name ? name : "?");
	if (!o.quiet && options.symbols.count && (!result.is_text || result.symbols.frames))
		fprintf(stderr, "%s\n", symbolize_summary(text, sizeof(text), &result.symbols));
	free(name);
	path_list_release(&found);
	return result.lost || result.damage || !result.clean_end ||
			       (result.is_text && text_is_missing(&result.text)) ?
		       EXIT_INCOMPLETE :
		       EXIT_DONE;
}

const struct command cmd_load = {
	.name = "load",
	.summary =
		"load a capture or an ftrace text log into its database (every question does this on first use)",
	.operands = "CAPTURE...|TEXT_LOG",
	.description =
		"Replays the capture in the order of its timestamps, pairs allocations with frees and keeps the\n"
		"result in an SQLite database, whose documented views the sqlite3 shell can query, too.\n"
		"With -k frames get source lines and inlined functions (kmem-analyze symbolize does it later, too).\n"
		"User frames get their names here, from the ELF files of this machine, or of a DIR (a copy of the\n"
		"target's root, a tree of .build-id links, or just the files), whose build-id is that of the capture.\n"
		"Several files have to be segments of one recording (kmem-record --rotate); just those that are\n"
		"named are loaded, in the order of their numbers, or all with the name that was recorded to.\n"
		"A text log is what ftrace prints into trace or trace_pipe, plain or packed by gzip, zstd or xz; all\n"
		"reports take one, too. Lines that are not understood are counted, and the first of them shown.\n"
		"Of a log -k may also be a System.map or a copy of /proc/kallsyms: its plain addresses get names.\n",
	.examples =
		"  kmem-analyze load cap.kmem                     makes cap.kmem.db\n"
		"  kmem-analyze load -k vmlinux cap.kmem          with source lines (symbolize --help)\n"
		"  kmem-analyze load -f -o /tmp/cap.db cap.kmem\n"
		"  kmem-analyze load cap.000002.kmem cap.000003.kmem    two segments: makes cap.kmem.db\n"
		"  kmem-analyze load -k System.map kmem.log   a text log of an old kernel\n"
		"  sqlite3 cap.kmem.db 'SELECT cache, sum(bytes_alloc) FROM live GROUP BY cache'\n",
	.options = rows,
	.run = run,
};
