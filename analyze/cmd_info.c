/* info: what is in this capture. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "analyze/moments.h"
#include "analyze/report.h"
#include "format/base/units.h"
#include "schema_sql.h"

struct info_options {
	struct report_options report;
	bool all, bytes;
};

/* clang-format off */
static const struct option_row rows[] = {
	{ "output", 'o', "FILE", "write the report to FILE (mode 0600)", OPT_STRING,
	  offsetof(struct info_options, report.output), 0, 0, 0, NULL },
	{ "force", 'f', NULL, "overwrite FILE, or a database that is in the way", OPT_FLAG,
	  offsetof(struct info_options, report.force), 0, 0, 0, NULL },
	{ "all", 'a', NULL, "every fact that the capture holds about itself, key by key", OPT_FLAG,
	  offsetof(struct info_options, all), 0, 0, 0, NULL },
	{ "bytes", 0, NULL, "exact sizes, in bytes", OPT_FLAG, offsetof(struct info_options, bytes), 0, 0, 0, NULL },
	FORMAT_ROW(struct info_options, report),
	{ "db", 0, "FILE", "keep the database of the capture in FILE (default: CAPTURE.db)", OPT_STRING,
	  offsetof(struct info_options, report.db), 0, 0, 0, NULL },
	{ NULL, 0, NULL, NULL, OPT_FLAG, 0, 0, 0, 0, NULL },
};
/* clang-format on */

/* "label:   text", left out where the capture does not know. */
static void line(struct report *r, const char *label, const char *key)
{
	char text[1024], safe[1200];

	if (capture_text(r->db, key, text, sizeof(text)) && text[0])
		fprintf(r->out, "%-22s%s\n", label, report_safe(safe, sizeof(safe), text));
}

static void bytes_line(struct report *r, const char *label, const char *key, bool exact)
{
	int64_t n = capture_int(r->db, key, -1);
	char text[UNITS_TEXT];

	if (n >= 0 && exact)
		fprintf(r->out, "%-22s%" PRId64 "\n", label, n);
	else if (n >= 0)
		fprintf(r->out, "%-22s%s\n", label, units_bytes(text, (uint64_t)n));
}

static void count_line(struct report *r, const char *label, const char *key)
{
	char text[UNITS_TEXT];

	fprintf(r->out, "%-22s%s\n", label,
		units_count(text, (uint64_t)capture_int(r->db, key, 0)));
}

static void print_segments(struct report *r)
{
	int64_t first = capture_int(r->db, "segments.first", 0),
		missing = capture_int(r->db, "segments.missing", 0);

	if (!first)
		return;
	fprintf(r->out, "%-22s%" PRId64 " to %" PRId64, "segments:", first,
		capture_int(r->db, "segments.last", 0));
	if (missing)
		fprintf(r->out, ", %" PRId64 " of them MISSING", missing);
	fprintf(r->out, "%s\n",
		capture_int(r->db, "segments.more", 0) ? ", and the recording went on" : "");
}

static void print_facts(struct report *r, bool exact)
{
	char text[UNITS_TEXT];

	line(r, "host:", "hostname");
	line(r, "machine:", "machine");
	line(r, "kernel:", "kernel.release");
	line(r, "kernel build:", "kernel.version");
	line(r, "kernel build-id:", "kernel.build_id");
	line(r, "kernel command line:", "kernel.cmdline");
	line(r, "CPUs possible:", "cpus.possible");
	line(r, "CPUs online:", "cpus.online");
	line(r, "page size:", "page_size");
	line(r, "byte order:", "endian");
	line(r, "clock:", "clock");
	line(r, "recorded by:", "recorder.command");
	line(r, "recorder version:", "recorder.version");
	line(r, "backend:", "recorder.backend");
	line(r, "stacks:", "recorder.stacks");
	line(r, "stacks, one in:", "events.stack_sample");
	line(r, "  chosen by:", "events.stack_sample_by");
	bytes_line(r, "ring per CPU:", "recorder.ring_bytes", exact);
	line(r, "only processes:", "selection.pids");
	line(r, "only threads:", "selection.tids");
	line(r, "only the workload:", "selection.command");
	line(r, "only control group:", "selection.cgroup");
	line(r, "only CPUs:", "selection.cpus");
	line(r, "workload:", "command");
	line(r, "workload ended with:", "command.status");
	line(r, "ended by:", "end.reason");
	line(r, "events not there:", "events.absent");
	fprintf(r->out, "%-22s", "start:");
	report_timestamp(r, 0);
	fprintf(r->out, "%-22s%s\n", "length:", units_duration(text, (uint64_t)r->length_ns));
	bytes_line(r, "capture file:", "identity.length", exact);
	print_segments(r);
}

static int print_events(struct report *r, bool exact, struct error *err)
{
	int64_t events = capture_int(r->db, "events", 0),
		size = capture_int(r->db, "identity.length", 0);
	char count[UNITS_TEXT], name[120];
	struct query q;
	int rc = query_init(&q, r->db, schema_query_info_event_sql, NULL, err);

	fprintf(r->out, "\nevents:\n");
	while (rc == 0 && (rc = query_step(&q, err)) == 1) {
		fprintf(r->out, "  %15s  %s%s\n", units_count(count, (uint64_t)query_int(&q, 1)),
			report_safe(name, sizeof(name), query_text(&q, 0)),
			query_int(&q, 2) ? ", with stacks" : "");
		rc = 0;
	}
	query_release(&q);
	fprintf(r->out, "  %15s  in all", units_count(count, (uint64_t)events));
	if (events)
		fprintf(r->out, ", %.2f bytes of file each", (double)size / (double)events);
	fprintf(r->out, "\n\n");
	count_line(r, "lost records:", "events.lost");
	if (capture_int(r->db, "events.out_of_order", 0))
		count_line(r, "events dated back:", "events.out_of_order");
	count_line(r, "untraced frees:", "objects.reused");
	count_line(r, "unmatched frees:", "events.unmatched_free");
	count_line(r, "NULL frees:", "events.null_free");
	count_line(r, "failed allocations:", "events.failed_alloc");
	if (capture_int(r->db, "recorder.survivors_ns", 0)) {
		count_line(r, "folded objects:", "folded.pairs");
		count_line(r, "folded NULL frees:", "folded.null_frees");
	}
	count_line(r, "stacks lost:", "stacks.lost");
	count_line(r, "objects live at end:", "objects.live");
	bytes_line(r, "bytes live at end:", "objects.live_bytes", exact);
	count_line(r, "kernel symbols:", "symbols");
	if (capture_int(r->db, "symbols.frames", 0))
		count_line(r, "source lines:", "symbols.frames");
	return rc;
}

static int print_rings(struct report *r, struct error *err)
{
	struct query q;
	bool several = false;
	int lines = 0;
	int rc = query_init(
		&q, r->db,
		"SELECT cpu, read, entries, overrun, commit_overrun, dropped, events, stacks,"
		" orphan_stacks, missing_stacks, ring, max(ring) OVER () FROM ring ORDER BY cpu, ring",
		NULL, err);

	while (rc == 0 && (rc = query_step(&q, err)) == 1) {
		several = query_int(&q, 11) > 0;
		if (!lines++)
			fprintf(r->out,
				"\nrings, in records (read + left + overrun + nested + dropped = entered):\n"
				"  CPU%s         read     left  overrun   nested  dropped       events       "
				"stacks  orphan  missing\n",
				several ? " ring" : "");
		fprintf(r->out, "  %3" PRId64, query_int(&q, 0));
		if (several)
			fprintf(r->out, " %4" PRId64, query_int(&q, 10));
		fprintf(r->out,
			" %12" PRId64 " %8" PRId64 " %8" PRId64 " %8" PRId64 " %8" PRId64
			" %12" PRId64 " %12" PRId64 " %7" PRId64 " %8" PRId64 "\n",
			query_int(&q, 1), query_int(&q, 2), query_int(&q, 3), query_int(&q, 4),
			query_int(&q, 5), query_int(&q, 6), query_int(&q, 7), query_int(&q, 8),
			query_int(&q, 9));
		rc = 0;
	}
	query_release(&q);
	return rc;
}

/* A capture in shreds has more of them than anybody reads. */
#define LINES_SHOWN 20

static void print_more(struct report *r, const char *what, uint64_t count)
{
	if (count > LINES_SHOWN)
		fprintf(r->out, "%s: ... and %" PRIu64 " more (--format json has all)\n", what,
			count - LINES_SHOWN);
}

static int print_losses(struct report *r, struct error *err)
{
	char from[UNITS_TEXT], to[UNITS_TEXT], safe[400];
	uint64_t count = 0;
	struct query q;
	int rc = query_init(
		&q, r->db,
		"SELECT cpu, from_time, to_time, records FROM loss WHERE kind = 'lost' ORDER BY 2, 1",
		NULL, err);

	while (rc == 0 && (rc = query_step(&q, err)) == 1) {
		rc = 0;
		if (++count > LINES_SHOWN)
			continue;
		fprintf(r->out, "loss: CPU %" PRId64 ", %" PRId64 " records between %s and %s\n",
			query_int(&q, 0), query_int(&q, 3),
			units_duration(from, (uint64_t)query_int(&q, 1)),
			units_duration(to, (uint64_t)query_int(&q, 2)));
	}
	query_release(&q);
	print_more(r, "loss", count);
	count = 0;
	if (rc == 0)
		rc = query_init(&q, r->db, "SELECT text FROM damage ORDER BY offset", NULL, err);
	while (rc == 0 && (rc = query_step(&q, err)) == 1) {
		rc = 0;
		if (++count <= LINES_SHOWN)
			fprintf(r->out, "damage: %s\n",
				report_safe(safe, sizeof(safe), query_text(&q, 0)));
	}
	query_release(&q);
	print_more(r, "damage", count);
	return rc;
}

static int print_all(struct report *r, struct error *err)
{
	char key[200], value[2000];
	struct query q;
	int rc = query_init(&q, r->db, "SELECT key, value FROM capture ORDER BY key", NULL, err);

	while (rc == 0 && (rc = query_step(&q, err)) == 1) {
		fprintf(r->out, "%s=%s\n", report_safe(key, sizeof(key), query_text(&q, 0)),
			report_safe(value, sizeof(value), query_text(&q, 1)));
		rc = 0;
	}
	query_release(&q);
	return rc;
}

/* All facts, and the tables that the text is made of. */
static int emit_all(struct report *r, struct error *err)
{
	static const struct {
		const char *name, *sql;
	} sections[] = {
		{ "facts", "SELECT key, value FROM capture ORDER BY key" },
		{ "events", schema_query_info_event_sql },
		{ "rings", "SELECT * FROM ring ORDER BY cpu, ring" },
		{ "gaps",
		  "SELECT kind, cpu, from_time, to_time, records FROM gap ORDER BY from_time, cpu" },
		{ "marks", "SELECT time, text FROM mark ORDER BY id" },
		{ "damage", "SELECT offset, length, text FROM damage ORDER BY offset" },
	};
	struct query q = { 0 };
	int rc;

	r->all_domains = true;
	rc = report_header(r, "info", err);
	for (size_t i = 0; rc == 0 && i < sizeof(sections) / sizeof(sections[0]); i++) {
		emit_section(r, sections[i].name, i ? EMIT_PART : EMIT_TABLE);
		rc = query_init(&q, r->db, sections[i].sql, NULL, err);
		if (rc == 0)
			rc = emit_step(r, &q, err);
		query_release(&q);
	}
	return rc;
}

static int print(struct report *r, void *options, const char *order, struct error *err)
{
	const struct info_options *o = options;
	int rc;

	(void)order;
	if (r->emit.format != EMIT_TEXT)
		return emit_all(r, err);
	if (o->all)
		return print_all(r, err);
	print_facts(r, o->bytes);
	rc = report_notes(r, "note: ", "  ", err);
	if (rc == 0)
		rc = print_events(r, o->bytes, err);
	if (rc == 0)
		rc = print_rings(r, err);
	if (rc == 0)
		rc = moments_list(r->db, r->out, err);
	if (rc == 0)
		rc = print_losses(r, err);
	return rc;
}

static int run(const struct command *self, int argc, char **argv)
{
	struct info_options o = { 0 };

	return report_run(self, argc, argv, &o, &o.report, NULL, NULL, print);
}

const struct command cmd_info = {
	.name = "info",
	.summary = "what is in a capture: machine, kernel, length, events, losses",
	.operands = "CAPTURE...|DB",
	.description =
		"Where, when and how the capture was made, how many events of which type it has, what was lost.\n",
	.examples = "  kmem-analyze info cap.kmem\n"
		    "  kmem-analyze info --all cap.kmem | grep ^clock\n",
	.options = rows,
	.run = run,
};
