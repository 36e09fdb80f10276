/* verify: is this capture whole, and if not, what survives? */
#include <inttypes.h>
#include <stdio.h>

#include "analyze/command.h"
#include "analyze/text_facts.h"
#include "analyze/text_summary.h"
#include "analyze/verify.h"
#include "format/base/units.h"

struct verify_options {
	bool quiet;
};

/* clang-format off */
static const struct option_row rows[] = {
	{ "quiet", 'q', NULL, "only the exit status", OPT_FLAG, offsetof(struct verify_options, quiet), 0, 0, 0, NULL },
	{ NULL, 0, NULL, NULL, OPT_FLAG, 0, 0, 0, 0, NULL },
};
/* clang-format on */

/* A capture with thousands of holes need not list them all. */
#define PROBLEMS_SHOWN 20

struct printer {
	bool quiet;
	uint64_t count;
};

static void print_problem(void *arg, const char *text)
{
	struct printer *p = arg;

	if (!p->quiet && p->count < PROBLEMS_SHOWN)
		printf("damage: %s\n", text);
	p->count++;
}

static void print_result(const char *path, const struct verify_result *v)
{
	char a[UNITS_TEXT], b[UNITS_TEXT];

	if (v->damage > PROBLEMS_SHOWN)
		printf("damage: ... and %" PRIu64 " more\n", v->damage - PROBLEMS_SHOWN);
	printf("%s: %s, %" PRIu64 " blocks, %s events in %" PRIu64 " event blocks, %" PRIu64
	       " stacks\n",
	       path, units_bytes(a, v->length), v->blocks, units_count(b, v->events),
	       v->event_blocks, v->stacks);
	if (v->folded)
		printf("counted instead of written (--survivors): %s events\n",
		       units_count(a, v->folded));
	if (v->unknown)
		printf("note: %" PRIu64
		       " blocks, sections or features are of kinds that this version does not know; "
		       "they were skipped\n",
		       v->unknown);
	if (v->lost_records)
		printf("lost while recording: %s records (the rings were full)\n",
		       units_count(a, v->lost_records));
	if (v->bad_blocks)
		printf("lost to damage: %" PRIu64 " blocks with %s events\n", v->bad_blocks,
		       units_count(a, v->lost_events));
	if (!v->damage)
		printf("the capture is whole\n");
	else if (!v->clean_end && v->damage == 1)
		printf("the capture was cut off; everything before the cut is good\n");
	else
		printf("the capture is damaged; what is listed above is missing, everything else is good\n");
}

/* A text log has no checksums: all that can be told is whether its lines are whole events. */
static int verify_text(const char *path, bool quiet, struct error *err)
{
	struct text_log *log;
	struct text_counts counts;
	uint64_t events;
	char lines[UNITS_TEXT], memory[UNITS_TEXT], stacks[UNITS_TEXT];
	int rc = text_log_open(&log, path, err);

	if (rc < 0)
		return rc;
	rc = text_log_count(log, &events, err);
	counts = *text_log_counts(log);
	text_log_free(log);
	if (rc < 0)
		return rc;
	if (!quiet) {
		printf("%s: ftrace text log, %s lines, %s events of memory, %s stacks\n", path,
		       units_count(lines, counts.lines), units_count(memory, events),
		       units_count(stacks, counts.stacks));
		text_summary(stdout, &counts);
	}
	if (text_is_missing(&counts) || counts.cut || counts.lost || counts.header_lost)
		return EXIT_INCOMPLETE;
	if (!quiet)
		printf("as far as a text log can tell, it is whole\n");
	return EXIT_DONE;
}

static int run(const struct command *self, int argc, char **argv)
{
	struct verify_options o = { 0 };
	int first = command_parse(self, &o, argc, argv, 1, 0);
	int code = EXIT_DONE;

	if (first < 0)
		return command_exit_code(first);
	for (; first < argc; first++) {
		struct printer printer = { .quiet = o.quiet };
		struct verify_result result;
		struct error err = { 0 };

		int text = text_log_is_one(argv[first], &err);

		if (text < 0)
			return command_fail(&err);
		if (text) {
			text = verify_text(argv[first], o.quiet, &err);
			if (text < 0)
				return command_fail(&err);
			code = text ? text : code;
			continue;
		}
		if (verify_capture(argv[first], print_problem, &printer, &result, &err) < 0)
			return command_fail(&err);
		if (!o.quiet)
			print_result(argv[first], &result);
		if (result.damage || result.lost_records)
			code = EXIT_INCOMPLETE;
	}
	return code;
}

const struct command cmd_verify = {
	.name = "verify",
	.summary = "check every block of a capture: what is damaged, what survives",
	.operands = "CAPTURE...|TEXT_LOG...",
	.description =
		"Reads the whole capture, checks every checksum, decodes every block and compares the totals.\n"
		"Each file is looked at alone. Nothing is written.\n"
		"Of an ftrace text log it can tell lost events and lines that are no whole event.\n"
		"Exit status: 0 whole; 3 usable, but something is missing; 1 no capture.\n",
	.examples = "  kmem-analyze verify cap.kmem\n"
		    "  kmem-analyze verify -q cap.kmem && scp cap.kmem host:\n",
	.options = rows,
	.run = run,
};
