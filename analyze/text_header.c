#include "analyze/text_header.h"

#include <inttypes.h>
#include <string.h>

#include "analyze/query.h"
#include "analyze/report.h"
#include "analyze/text_log.h"
#include "format/base/units.h"

bool text_is_log(sqlite3 *db)
{
	char backend[16];

	return capture_text(db, "recorder.backend", backend, sizeof(backend)) &&
	       !strcmp(backend, "text");
}

void text_header_first(sqlite3 *db, FILE *out, const char *report, int64_t start_ns,
		       int64_t length_ns)
{
	char length[UNITS_TEXT];

	fprintf(out, "# kmem %s: ", report);
	if (capture_int(db, "text.ticks", 0)) {
		fprintf(out,
			"ftrace text log of %" PRId64
			" ticks\n# the trace clock did not count time: every time here is in its ticks, taken as ns\n",
			length_ns);
		return;
	}
	fprintf(out, "%s from %" PRId64 ".%06u s of the trace clock, ftrace text log\n",
		length_ns ? units_duration(length, (uint64_t)length_ns) : "0 s",
		start_ns / 1000000000, (unsigned int)(start_ns % 1000000000 / 1000));
	if (!capture_int(db, "text.nanoseconds", 0))
		fprintf(out,
			"# times are in whole us; events of one us keep the order of the log, ns only count them\n");
}

/* "# DAMAGED lines: 12", with the first ones below it. */
static void examples(sqlite3 *db, FILE *out, const char *key, const char *what)
{
	char name[40], text[300], safe[400], n[UNITS_TEXT];
	int64_t count = capture_int(db, key, 0);

	if (!count)
		return;
	fprintf(out, "# %s: %s\n", what, units_count(n, (uint64_t)count));
	for (int i = 1;; i++) {
		snprintf(name, sizeof(name), "%s.%d", key, i);
		if (!capture_text(db, name, text, sizeof(text)))
			break;
		fprintf(out, "#   %s\n", report_safe(safe, sizeof(safe), text));
	}
	if (count > TEXT_EXAMPLES)
		fprintf(out, "#   ...\n");
}

/* A line with the count at the key, if there is any. */
static void line(sqlite3 *db, FILE *out, const char *key, const char *what)
{
	int64_t count = capture_int(db, key, 0);
	char n[UNITS_TEXT];

	if (count)
		fprintf(out, "# %s: %s\n", what, units_count(n, (uint64_t)count));
}

static void others(sqlite3 *db, FILE *out)
{
	char name[40], text[120], safe[200], n[UNITS_TEXT];
	int64_t count = capture_int(db, "text.others", 0);

	if (!count)
		return;
	fprintf(out, "# left out: %s events that are not of memory (",
		units_count(n, (uint64_t)count));
	for (int i = 1; i <= 3; i++) {
		snprintf(name, sizeof(name), "text.other.%d", i);
		if (capture_text(db, name, text, sizeof(text)))
			fprintf(out, "%s%s", i > 1 ? ", " : "",
				report_safe(safe, sizeof(safe), text));
	}
	snprintf(name, sizeof(name), "text.other.%d", 4);
	fprintf(out, "%s)\n", capture_text(db, name, text, sizeof(text)) ? ", ..." : "");
}

static void back(sqlite3 *db, FILE *out)
{
	int64_t count = capture_int(db, "text.back", 0);
	char n[UNITS_TEXT], most[UNITS_TEXT];

	if (count)
		fprintf(out,
			"# the log is NOT in the order of time: %s lines step back, by up to %s; its order was kept\n",
			units_count(n, (uint64_t)count),
			units_duration(most, (uint64_t)capture_int(db, "text.back_ns", 0)));
}

void text_header(sqlite3 *db, FILE *out)
{
	int64_t plain = capture_int(db, "text.addresses", 0),
		named = capture_int(db, "text.addresses.named", 0);
	char text[120], safe[200];

	if (!text_is_log(db))
		return;
	if (capture_text(db, "text.cut", text, sizeof(text)))
		fprintf(out, "# the log was CUT OFF (%s): what came later is not here\n",
			report_safe(safe, sizeof(safe), text));
	line(db, out, "text.short",
	     "entries that the log's header tells of and that are MISSING in it");
	line(db, out, "text.hidden",
	     "events MISSING, whose pointers the kernel did not print (ptrval) yet");
	examples(db, out, "text.damaged", "DAMAGED lines, with parts of an event that is missing");
	examples(db, out, "text.foreign", "lines that are not of ftrace, stepped over");
	others(db, out);
	back(db, out);
	line(db, out, "text.orphan_stacks", "stack traces that belong to no event here");
	line(db, out, "text.no_irq",
	     "events without irq columns, which count as of the task (interrupts, too)");
	if (capture_int(db, "text.hashed", 0))
		fprintf(out,
			"# pointers are hashes of 32 bits: they tell objects apart within a boot (two may meet by chance), no addresses\n");
	if (capture_int(db, "page_size", 0))
		fprintf(out, "# the log does not say how large a page is: 4096 bytes were taken\n");
	if (plain && named < plain)
		fprintf(out, "# %" PRId64 " of %" PRId64 " addresses have no name%s\n",
			plain - named, plain,
			named ? "" : ": load -k FILE takes a System.map or kallsyms");
}
