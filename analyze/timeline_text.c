/* A timeline as a table with bars, in 100 columns. */
#include <inttypes.h>
#include <stdio.h>

#include "analyze/timeline.h"

#define WIDTH	    100
#define TIME_WIDTH  15
#define VALUE_WIDTH 13
#define BAR_LEAST   16

/* 'A' and on: series without the total; '.' for what comes after 'Z'. */
static char letter(const struct timeline *t, size_t series)
{
	size_t n = series - t->adds_up;

	return n < 26 ? (char)('A' + n) : '.';
}

static void print_seconds(FILE *out, int64_t ns)
{
	uint64_t n = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
	char text[40];

	snprintf(text, sizeof(text), "%s%" PRIu64 ".%09" PRIu64, ns < 0 ? "-" : "", n / 1000000000,
		 n % 1000000000);
	fprintf(out, "%*s", TIME_WIDTH, text);
}

static void print_legend(const struct timeline *t, FILE *out)
{
	fprintf(out, "  %13s %13s %*s\n", "peak bytes", "in objects", TIME_WIDTH, "at (s)");
	for (size_t i = 0; i < t->count; i++) {
		const struct timeline_series *s = &t->series[i];

		fprintf(out, "%c %13" PRIu64 " %13" PRIu64 " ",
			s->kind == SERIES_TOTAL ? ' ' : letter(t, i), s->peak_bytes,
			s->peak_objects);
		print_seconds(out, s->peak_time);
		fprintf(out, "  %s\n", s->name);
	}
	fprintf(out, "\n");
}

/* Which series the bar shows, alone, or with all others if they add up. */
static size_t bar_series(const struct timeline *t)
{
	size_t biggest = 0;

	for (size_t i = 1; i < t->count && !t->adds_up; i++)
		if (t->series[i].peak_bytes > t->series[biggest].peak_bytes)
			biggest = i;
	return biggest;
}

/* The columns of the values that fit beside a bar. */
static size_t columns(const struct timeline *t)
{
	size_t most = (WIDTH - BAR_LEAST - 2 - TIME_WIDTH) / VALUE_WIDTH;

	return t->count < most ? t->count : most;
}

static void print_bar(const struct timeline *t, uint64_t step, size_t first, uint64_t most,
		      size_t width, FILE *out)
{
	size_t last = t->adds_up ? t->count - 1 : first, done = 0;
	uint64_t sum = 0;

	for (size_t i = first + t->adds_up; i <= last; i++) {
		double share;
		size_t to;

		sum += timeline_value(t, step, i)->bytes;
		share = most ? (double)sum / (double)most : 0;
		to = (size_t)((share < 1 ? share : 1) * (double)width + 0.5);
		for (; done < to && done < width; done++)
			fputc(letter(t, i), out);
	}
}

static void print_names(const struct timeline *t, size_t shown, size_t bar, uint64_t most,
			FILE *out)
{
	fprintf(out, "%*s", TIME_WIDTH, "time (s)");
	if (t->count == 1)
		fprintf(out, " %12s %12s %12s %12s", "bytes", "objects", "least", "most");
	for (size_t i = 0; t->count > 1 && i < shown; i++) {
		if (t->series[i].kind == SERIES_TOTAL)
			fprintf(out, " %*s", VALUE_WIDTH - 1, "all");
		else
			fprintf(out, " %*c", VALUE_WIDTH - 1, letter(t, i));
	}
	fprintf(out, "  |");
	if (!t->adds_up && t->count > 1)
		fprintf(out, "%c, ", letter(t, bar));
	fprintf(out, "0..%" PRIu64 "\n", most);
}

static void print_step(const struct timeline *t, uint64_t step, size_t shown, FILE *out)
{
	print_seconds(out, t->times[step]);
	if (t->count == 1) {
		const struct timeline_value *v = timeline_value(t, step, 0);

		fprintf(out, " %12" PRIu64 " %12" PRIu64 " %12" PRIu64 " %12" PRIu64, v->bytes,
			v->objects, v->least, v->most);
	}
	for (size_t i = 0; t->count > 1 && i < shown; i++)
		fprintf(out, " %*" PRIu64, VALUE_WIDTH - 1, timeline_value(t, step, i)->bytes);
	fprintf(out, " %c|", t->missing[step] ? '!' : ' ');
}

int timeline_text(const struct timeline *t, struct report *r)
{
	size_t bar = bar_series(t), shown = columns(t),
	       width = WIDTH - 3 - TIME_WIDTH - VALUE_WIDTH * (t->count == 1 ? 4 : shown);
	uint64_t most = 0;
	bool missing = false;

	if (!t->count) {
		fprintf(r->out, "(nothing that was asked for was ever live)\n");
		return 0;
	}
	print_legend(t, r->out);
	for (uint64_t i = 0; i <= t->steps; i++) {
		missing |= t->missing[i];
		if (timeline_value(t, i, bar)->bytes > most)
			most = timeline_value(t, i, bar)->bytes;
	}
	if (missing)
		fprintf(r->out, "! events are missing between the line before and this one\n");
	print_names(t, shown, bar, most, r->out);
	for (uint64_t i = 0; i <= t->steps; i++) {
		print_step(t, i, shown, r->out);
		print_bar(t, i, bar, most, width, r->out);
		fprintf(r->out, "\n");
	}
	if (shown < t->count)
		fprintf(r->out, "Not every column fits: --format csv has all\n");
	return 0;
}
