/* kmem-record dump: saves what the kernel's tracing rings hold already. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/base/options.h"
#include "format/base/safe_text.h"
#include "format/base/units.h"
#include "record/commands.h"
#include "record/dump.h"
#include "version.h"

struct dump_command {
	const char *output, *root;
	bool force, leave_stopped, quiet, help;
	struct option_list instances;
};

#define AT(field) offsetof(struct dump_command, field)

/* clang-format off */
static const struct option_row rows[] = {
	{ .name = "output", .letter = 'o', .arg = "FILE", .kind = OPT_STRING, .offset = AT(output),
	  .help = "the capture; - is standard output (default: kmem-HOST-DATE-TIME.kmem)" },
	{ .name = "force", .letter = 'f', .kind = OPT_FLAG, .offset = AT(force), .help = "overwrite FILE" },
	{ .name = "instance", .arg = "NAME", .kind = OPT_LIST, .offset = AT(instances),
	  .help = "stop and save this tracing instance only; may be repeated; . is the top one" },
	{ .name = "leave-stopped", .kind = OPT_FLAG, .offset = AT(leave_stopped),
	  .help = "do not start tracing again" },
	{ .name = "root", .arg = "DIR", .kind = OPT_STRING, .offset = AT(root),
	  .help = "read a directory that collect-ftrace.sh saved, of any machine, instead of the kernel" },
	{ .name = "quiet", .letter = 'q', .kind = OPT_FLAG, .offset = AT(quiet),
	  .help = "say nothing unless something went wrong" },
	{ .name = "help", .letter = 'h', .kind = OPT_FLAG, .offset = AT(help), .help = "this text" },
	{ .name = NULL }
};
/* clang-format on */

static void print_help(void)
{
	printf("usage: " PROGRAM " dump [-o FILE] [--instance NAME]... [--leave-stopped]\n"
	       "       " PROGRAM " dump --root DIR [-o FILE] [--instance NAME]...\n\n"
	       "Saves what the kernel's tracing rings hold, after the fact: of boot above all, whose tracing the\n"
	       "kernel command line starts ('" PROGRAM
	       " boot-args' prints it). Tracing is stopped in all\n"
	       "instances but those of running recorders, the rings are saved, and tracing goes on as before.\n"
	       "Reading empties the rings: a second dump holds only what came later. It needs root and /proc,\n"
	       "and nothing else of the target; with --root it needs neither.\n\n");
	options_help(stdout, rows);
	printf("\nexamples:\n"
	       "  " PROGRAM " dump -o boot.kmem                 everything up to now\n"
	       "  " PROGRAM
	       " dump --instance boot -o b.kmem    of the instance of trace_instance=boot\n"
	       "  " PROGRAM " dump --root saved/ -o boot.kmem   what collect-ftrace.sh has saved\n"
	       "  kmem-analyze kmemleak boot.kmem             what was allocated and not freed\n"
	       "\nexit status: 0 nothing lost; 1 failed; 2 usage; 3 the capture is good but incomplete\n");
}

static void print_account(const struct dump_report *r, const char *output)
{
	char n[2][UNITS_TEXT], times[2][UNITS_TEXT], bytes[UNITS_TEXT], lost[UNITS_TEXT];

	fprintf(stderr, PROGRAM ": %s events and %s stacks of %zu CPU%s, from %s to %s; %s; ",
		units_count(n[0], r->events), units_count(n[1], r->stacks), r->cpus,
		r->cpus == 1 ? "" : "s", units_duration(times[0], r->first_ns),
		units_duration(times[1], r->last_ns), units_bytes(bytes, r->bytes));
	if (r->lost)
		fprintf(stderr, "%s records were lost\n", units_count(lost, r->lost));
	else
		fprintf(stderr, "nothing lost\n");
	if (r->missing_stacks || r->orphan_stacks)
		fprintf(stderr,
			"  %" PRIu64 " events without their stack, %" PRIu64
			" stacks without their event\n",
			r->missing_stacks, r->orphan_stacks);
	for (size_t i = 0; i < r->notes.count; i++) {
		char text[1024];

		fprintf(stderr, "  %s: %s\n", r->notes.items[i].code,
			safe_text(text, sizeof(text), r->notes.items[i].text));
	}
	if (strcmp(output, "-"))
		fprintf(stderr, "  %s\n  next: kmem-analyze kmemleak %s\n", output, output);
}

static enum exit_code exit_code_of(int rc, const struct dump_report *r)
{
	if (rc == ERR_USAGE)
		return EXIT_USAGE;
	if (rc == ERR_FULL && r->started)
		return EXIT_INCOMPLETE;
	if (rc < 0)
		return EXIT_FAILED;
	return r->lost || !r->exact || !r->complete ? EXIT_INCOMPLETE : EXIT_DONE;
}

static enum exit_code dump(const struct dump_command *o, int argc, char **argv)
{
	char *command_line = command_line_text(argc + 1,
					       argv - 1); /* with the program before dump */
	struct dump_options options = {
		.output = o->output,
		.force = o->force,
		.root = o->root,
		.instances = o->instances.items,
		.instance_count = o->instances.count,
		.leave_stopped = o->leave_stopped,
		.command_line = command_line ? command_line : PROGRAM,
		.version = KMEM_VERSION,
	};
	struct dump_report report;
	struct error err = { 0 };
	int rc = dump_run(&options, &report, &err);
	enum exit_code code = exit_code_of(rc, &report);

	if (rc < 0) {
		complain(err.text);
		if (report.started)
			fprintf(stderr,
				"  '%s' is good up to there: %" PRIu64
				" events; the rings were read and are empty now\n",
				o->output, report.events);
	} else if (!o->quiet || code != EXIT_DONE) {
		print_account(&report, o->output);
	}
	dump_report_release(&report);
	free(command_line);
	return code;
}

enum exit_code cmd_dump(int argc, char **argv)
{
	struct dump_command o = { 0 };
	struct error err = { 0 };
	enum exit_code code = EXIT_DONE;
	char name[160];
	int first = options_parse(rows, &o, argc, argv, false, &err);

	if (first >= 0 && !o.help && first < argc)
		first = error_set(&err, ERR_USAGE, "'%s' is no option of dump%s", argv[first],
				  strcmp(argv[first], "--") ?
					  "; a saved directory is named by --root" :
					  "");
	if (first < 0) {
		complain(err.text);
		fprintf(stderr, "'" PROGRAM " dump --help' lists the options\n");
		code = EXIT_USAGE;
	} else if (o.help) {
		print_help();
	} else {
		if (!o.output) {
			default_output_name(name, sizeof(name));
			o.output = name;
		}
		code = dump(&o, argc, argv);
	}
	option_list_release(&o.instances);
	return code;
}
