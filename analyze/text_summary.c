#include "analyze/text_summary.h"

#include <inttypes.h>

#include "format/base/units.h"

static void line(FILE *out, uint64_t count, const char *what)
{
	char n[UNITS_TEXT];

	if (count)
		fprintf(out, "%s: %s\n", what, units_count(n, count));
}

/* Examples hold no control characters: they were kept so. */
static void examples(FILE *out, uint64_t count, const char *what,
		     const struct text_example *examples)
{
	line(out, count, what);
	for (int i = 0; i < TEXT_EXAMPLES && examples[i].line; i++)
		fprintf(out, "  line %" PRIu64 ": %s\n", examples[i].line, examples[i].text);
	if (count > TEXT_EXAMPLES)
		fprintf(out, "  ...\n");
}

void text_summary(FILE *out, const struct text_counts *c)
{
	char n[UNITS_TEXT];

	if (c->cut)
		fprintf(out, "the log was CUT OFF: %s\n", c->cut);
	if (c->header_entries > c->entries)
		fprintf(out,
			"entries that the log's header tells of and that are MISSING in it: %s\n",
			units_count(n, c->header_entries - c->entries));
	line(out, c->header_lost, "overwritten in the ring before the log begins (records)");
	line(out, c->lost, "LOST while tracing, as the log tells (records, at least)");
	line(out, c->hidden,
	     "events left out, whose pointers the kernel did not print (ptrval) yet");
	examples(out, c->damaged, "DAMAGED lines, with parts of an event that is missing",
		 c->damaged_lines);
	examples(out, c->foreign, "lines that are not of ftrace, stepped over", c->foreign_lines);
	line(out, c->others, "events that are not of memory, left out");
	for (int i = 0; i < TEXT_OTHER_NAMES && c->other[i].events; i++)
		fprintf(out, "  %15s  %s\n", units_count(n, c->other[i].events),
			c->other[i].name[0] ? c->other[i].name : "(unnamed)");
	line(out, c->back, "lines that step back in time (the order of the log was kept)");
	line(out, c->orphan_stacks, "stack traces that belong to no event here");
	line(out, c->user_stacks, "stack traces of user space, left out");
	if (c->plain > c->plain_named)
		fprintf(out, "%" PRIu64 " of %" PRIu64 " addresses have no name%s\n",
			c->plain - c->plain_named, c->plain,
			c->plain_named ? "" : " (load -k FILE)");
}
