/* What reports print alike: text from a capture, times, stacks. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "analyze/report.h"
#include "format/base/safe_text.h"
#include "schema_sql.h"

const char *report_safe(char *room, size_t size, const char *text)
{
	return safe_text(room, size, text);
}

void report_timestamp(struct report *r, int64_t time_ns)
{
	/* their sum in ns may be more than there is room for */
	int64_t ns = r->base_wall_ns % 1000000000 + time_ns % 1000000000;
	time_t seconds = r->base_wall_ns / 1000000000 + time_ns / 1000000000 + ns / 1000000000;
	unsigned int us = (unsigned int)(ns % 1000000000 / 1000);
	struct tm tm;
	char text[32];

	if (!r->has_wall) {
		fprintf(r->out, "%" PRId64 ".%06u \n", (int64_t)seconds, us);
		return;
	}
	localtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	fprintf(r->out, "%s.%06u \n", text, us);
}

/* Where the code was written, ready for print: " fs/pipe.c:805", or nothing. */
static const char *line_of(char *room, size_t size, const struct query *q)
{
	char path[400];

	*room = '\0';
	if (query_is_null(q, 6))
		return room;
	report_safe(path, sizeof(path), query_text(q, 6));
	if (query_is_null(q, 7))
		snprintf(room, size, " %s", path);
	else
		snprintf(room, size, " %s:%" PRId64, path, query_int(q, 7));
	return room;
}

/* A function at a frame: one that is inlined there, or the frame's own. */
static void print_frame(struct report *r, const struct query *q)
{
	char name[256], module[80], path[512], line[440], offset[24] = "";

	line_of(line, sizeof(line), q);
	fprintf(r->out, "    %016" PRIx64, (uint64_t)query_int(q, 0));
	if (query_int(q, 8)) {
		fprintf(r->out, " %s (inlined)%s\n",
			report_safe(name, sizeof(name), query_text(q, 5)), line);
		return;
	}
	if (!query_is_null(q, 2)) /* a text log may tell the function only */
		snprintf(offset, sizeof(offset), "+0x%" PRIx64, (uint64_t)query_int(q, 2));
	if (!query_is_null(q, 4)) {
		report_safe(path, sizeof(path), query_text(q, 4));
		if (query_is_null(q, 1))
			fprintf(r->out, " [unknown] (%s)%s\n", path, line);
		else
			fprintf(r->out, " %s%s (%s)%s\n",
				report_safe(name, sizeof(name), query_text(q, 1)), offset, path,
				line);
		return;
	}
	if (query_is_null(q, 1)) {
		fprintf(r->out, " [unknown]%s\n", line);
		return;
	}
	report_safe(name, sizeof(name), query_text(q, 1));
	report_safe(module, sizeof(module),
		    query_is_null(q, 3) ? "kernel.kallsyms" : query_text(q, 3));
	fprintf(r->out, " %s%s ([%s])%s\n", name, offset, module, line);
}

int report_stack(struct report *r, bool has_stack, int64_t stack, bool has_call_site,
		 int64_t call_site, struct error *err)
{
	struct query q = { 0 };
	int rc;

	if (!has_stack && !has_call_site) {
		fprintf(r->out, "    (no call site and no stack recorded)\n");
		return 0;
	}
	if (has_stack) {
		rc = query_init(&q, r->db, schema_query_stack_sql, NULL, err);
		if (rc == 0)
			query_bind_int(&q, ":stack", stack);
	} else {
		rc = query_init(&q, r->db, schema_query_frame_sql, NULL, err);
		if (rc == 0)
			query_bind_int(&q, ":frame", call_site);
	}
	while (rc == 0 && (rc = query_step(&q, err)) == 1) {
		print_frame(r, &q);
		rc = 0;
	}
	query_release(&q);
	return rc;
}

void report_stack_unknown(const struct report *r, bool has_stack)
{
	if (!has_stack && r->estimate)
		fprintf(r->out, "    (call site only: none of its stacks was recorded)\n");
}

int64_t report_limit(const struct report *r)
{
	return r->emit.format != EMIT_TEXT && r->options->top ? (int64_t)r->options->top : -1;
}

bool report_shows(const struct report *r, uint64_t *shown, uint64_t *all)
{
	bool shows = !r->options->top || *shown < r->options->top;

	++*all;
	*shown += shows;
	return shows;
}

void report_skipping(struct report *r, const char *what, uint64_t shown, uint64_t all)
{
	if (all > shown)
		fprintf(r->out, "Skipping %s numbered %" PRIu64 "..%" PRIu64 " (-n 0 shows all)\n",
			what, shown + 1, all);
}

const char *report_number(char room[UNITS_TEXT], const struct query *q, int column)
{
	if (query_is_null(q, column))
		snprintf(room, UNITS_TEXT, "?");
	else
		snprintf(room, UNITS_TEXT, "%" PRId64, query_int(q, column));
	return room;
}
