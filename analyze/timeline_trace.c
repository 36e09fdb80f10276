/* A timeline as counters for viewers of traces: Trace Event Format, "ph": "C". */
#include <inttypes.h>
#include <stdio.h>

#include "analyze/emit.h"
#include "analyze/timeline.h"

/* Microseconds. */
static void print_time(FILE *out, int64_t ns)
{
	uint64_t n = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;

	fprintf(out, "%s%" PRIu64 ".%03" PRIu64, ns < 0 ? "-" : "", n / 1000, n % 1000);
}

/* One counter; viewers stack its arguments: those of the total would count twice. */
static void print_counter(const struct timeline *t, uint64_t step, size_t first, size_t last,
			  const char *domain, bool bytes, FILE *out)
{
	fprintf(out, ",\n{\"name\": ");
	emit_json_text(out, domain);
	fprintf(out, ", \"ph\": \"C\", \"pid\": 0, \"ts\": ");
	print_time(out, t->times[step]);
	fprintf(out, ", \"args\": {");
	for (size_t i = first; i <= last; i++) {
		const struct timeline_value *v = timeline_value(t, step, i);

		fprintf(out, "%s", i > first ? ", " : "");
		emit_json_text(out, t->series[i].name);
		fprintf(out, ": %" PRIu64, bytes ? v->bytes : v->objects);
	}
	fprintf(out, "}}");
}

static void print_step(const struct timeline *t, uint64_t step, FILE *out)
{
	char name[100];

	for (int bytes = 1; bytes >= 0; bytes--) {
		const char *what = bytes ? "live bytes" : "live objects";

		if (t->adds_up && t->count > 1)
			print_counter(t, step, 1, t->count - 1, what, bytes, out);
		for (size_t i = 0; !t->adds_up && i < t->count; i++) {
			snprintf(name, sizeof(name), "%s of %.60s", what, t->series[i].name);
			print_counter(t, step, i, i, name, bytes, out);
		}
	}
}

void timeline_trace(const struct timeline *t, const char *const *lines, FILE *out)
{
	fprintf(out, "{\"displayTimeUnit\": \"ns\", \"otherData\": {\"notes\": [");
	for (size_t i = 0; lines[i]; i++) {
		fprintf(out, "%s", i ? ", " : "");
		emit_json_text(out, lines[i]);
	}
	fprintf(out,
		"]},\n\"traceEvents\": [\n{\"name\": \"process_name\", \"ph\": \"M\", \"pid\": 0,"
		" \"args\": {\"name\": \"kernel memory\"}}");
	for (uint64_t step = 0; step <= t->steps; step++)
		print_step(t, step, out);
	for (size_t i = 0; i < t->mark_count; i++) {
		fprintf(out, ",\n{\"name\": ");
		emit_json_text(out, t->marks[i].text);
		fprintf(out, ", \"ph\": \"i\", \"s\": \"g\", \"pid\": 0, \"tid\": 0, \"ts\": ");
		print_time(out, t->marks[i].time);
		fprintf(out, "}");
	}
	fprintf(out, "\n]}\n");
}
