/* The lines that a report begins with: what the data can bear. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "analyze/aside.h"
#include "analyze/emit.h"
#include "analyze/moments.h"
#include "analyze/report.h"
#include "analyze/text_header.h"
#include "format/base/units.h"
#include "schema_sql.h"

/* "the start of the trace clock 'local'", or "12.3 s of" it. */
static void header_trace_time(struct report *r, char *text, size_t room)
{
	char clock[20] = "?", safe[40], time[UNITS_TEXT];

	capture_text(r->db, "clock", clock, sizeof(clock));
	report_safe(safe, sizeof(safe), clock);
	if (r->base_wall_ns)
		snprintf(text, room, "%s of the trace clock '%s'",
			 units_duration(time, (uint64_t)r->base_wall_ns), safe);
	else
		snprintf(text, room, "the start of the trace clock '%s'", safe);
}

static void header_capture(struct report *r, const char *name)
{
	char kernel[80] = "?", machine[32] = "?", text[96], when[100], length[UNITS_TEXT],
	     safe[2][200];
	time_t seconds = (time_t)(r->base_wall_ns / 1000000000);
	struct tm tm;

	capture_text(r->db, "kernel.release", kernel, sizeof(kernel));
	capture_text(r->db, "machine", machine, sizeof(machine));
	snprintf(text, sizeof(text), "%s",
		 r->length_ns ? units_duration(length, (uint64_t)r->length_ns) : "0 s");
	if (text_is_log(r->db)) {
		text_header_first(r->db, r->out, name, r->base_wall_ns, r->length_ns);
		return;
	}
	if (r->has_wall) {
		localtime_r(&seconds, &tm);
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
	} else {
		header_trace_time(r, when, sizeof(when));
	}
	fprintf(r->out, "# kmem %s: %s from %s, Linux %s %s\n", name, text, when,
		report_safe(safe[0], sizeof(safe[0]), kernel),
		report_safe(safe[1], sizeof(safe[1]), machine));
}

/* Of a series: which part of the recording this is. */
static void header_segments(struct report *r)
{
	int64_t first = capture_int(r->db, "segments.first", 0),
		last = capture_int(r->db, "segments.last", 0),
		missing = capture_int(r->db, "segments.missing", 0);

	if (!first)
		return;
	if (first > 1)
		fprintf(r->out,
			"# begins with segment %" PRId64
			" of the recording: what was allocated before is not here\n",
			first);
	if (capture_int(r->db, "segments.more", 0))
		fprintf(r->out,
			"# ends with segment %" PRId64
			": the recording went on in segments that are not here\n",
			last);
	if (missing)
		fprintf(r->out,
			"# %" PRId64 " of the segments %" PRId64 " to %" PRId64
			" %s MISSING: %s events are lost\n",
			missing, first, last, missing == 1 ? "is" : "are",
			missing == 1 ? "its" : "their");
}

static void header_loss(struct report *r)
{
	char events[UNITS_TEXT], lost[UNITS_TEXT];
	bool partial = report_is_partial(r) || text_is_log(r->db), paused, flight;
	int64_t n = capture_int(r->db, "events.lost", 0);

	units_count(events, (uint64_t)capture_int(r->db, "events", 0));
	units_count(lost, (uint64_t)n);
	if (moments_gaps(r->db, &paused, &flight, NULL) == 0)
		partial |= paused || flight;
	if (r->complete && capture_int(r->db, "events.out_of_order", 0)) {
		fprintf(r->out, "# %s events, none lost\n", events);
		return;
	}
	if (r->complete) {
		fprintf(r->out, "# %s events, none lost: every %s is exact for what %s\n", events,
			r->estimate ? "total" : "number",
			partial ? "was recorded" : "the kernel traces");
		return;
	}
	if (n)
		fprintf(r->out,
			"# %s events, %s records LOST: totals are lower bounds, and a lost free looks live\n",
			events, lost);
	else
		fprintf(r->out, "# %s events\n", events);
	if (!capture_int(r->db, "clean_end", 0) && !text_is_log(r->db))
		fprintf(r->out,
			"# the capture was CUT OFF (or is still being written): what came later is not here\n");
	n = capture_int(r->db, "damage.count", 0) - !capture_int(r->db, "clean_end", 0);
	if (n > 0)
		fprintf(r->out,
			"# %" PRId64
			" part%s of the capture DAMAGED, their events are missing: see "
			"kmem-analyze verify\n",
			n, n == 1 ? " is" : "s are");
	n = capture_int(r->db, "tuples.lost", 0);
	if (n > 0)
		fprintf(r->out,
			"# %s events came without call site and size (DAMAGED): they count with 0 bytes\n",
			units_count(lost, (uint64_t)n));
}

/* In what order the events of several CPUs came is known by their times alone. */
static void header_order(struct report *r)
{
	int64_t count = capture_int(r->db, "events.out_of_order", 0);
	char n[UNITS_TEXT], most[UNITS_TEXT];

	if (!count)
		return;
	fprintf(r->out,
		"# NOT in the order of time: %s events are dated before one that came earlier on their CPU, by up to"
		" %s;\n#   their order among the other CPUs is not known, so lifetimes, what was live, and when, may be"
		" wrong\n",
		units_count(n, (uint64_t)count),
		units_duration(most, (uint64_t)capture_int(r->db, "events.out_of_order_ns", 0)));
}

/* Of what was live at a moment losses make no bound in any direction. */
static void header_levels(struct report *r)
{
	bool paused = false, flight = false;

	moments_gaps(r->db, &paused, &flight, NULL);
	if (r->complete && !paused && !flight)
		return;
	fprintf(r->out,
		"# what was live is an ESTIMATE wherever events are missing: a lost free leaves too much, a lost"
		" allocation too little\n");
}

#define MOMENT_TEXT (UNITS_TEXT + 24)

/* A date may lie before the capture. */
static const char *moment_text(char room[MOMENT_TEXT], int64_t ns)
{
	char text[UNITS_TEXT];
	bool before = ns < 0;

	units_duration(text, before ? 0 - (uint64_t)ns : (uint64_t)ns);
	snprintf(room, MOMENT_TEXT, "%s%s", text, before ? " before the start" : "");
	return room;
}

/* The header counts all of the capture, the report below it only these objects. */
static void header_window(struct report *r)
{
	char from[MOMENT_TEXT] = "the start", to[MOMENT_TEXT] = "the end", at[MOMENT_TEXT];

	if (r->options->at)
		fprintf(r->out,
			"# as it was at %s: what was live then; this header is about the whole capture\n",
			moment_text(at, r->end_ns));
	if (r->at_end)
		fprintf(r->out, "#   --at is later: this is the END of the capture\n");
	if (!r->windowed)
		return;
	if (r->options->from)
		moment_text(from, r->from_ns);
	if (r->options->to)
		moment_text(to, r->to_ns);
	fprintf(r->out,
		"# only objects allocated from %s to %s, whenever they were freed; this header is"
		" about the whole capture\n",
		from, to);
}

static const char *const selections[][2] = {
	{ "selection.pids", "pid" },	{ "selection.tids", "tid" },
	{ "selection.command", "pid" }, { "selection.cgroup", "control group" },
	{ "selection.cpus", NULL },
};
#define SELECTIONS (sizeof(selections) / sizeof(selections[0]))

bool report_is_partial(struct report *r)
{
	char text[8];
	bool partial = capture_text(r->db, "events.filter", text, sizeof(text));

	for (size_t i = 0; i < SELECTIONS; i++)
		partial |= capture_text(r->db, selections[i][0], text, sizeof(text));
	return partial;
}

/* Whose allocations these are. */
static void header_tasks(struct report *r)
{
	char text[1000], safe[1100];
	bool tasks = false, cpus;

	for (size_t i = 0; selections[i][1]; i++) {
		if (!capture_text(r->db, selections[i][0], text, sizeof(text)))
			continue;
		fprintf(r->out, "%s%s %s", tasks ? " and " : "# only allocations of ",
			selections[i][1], report_safe(safe, sizeof(safe), text));
		tasks = true;
	}
	cpus = capture_text(r->db, "selection.cpus", text, sizeof(text));
	if (tasks)
		fprintf(r->out, " and children");
	if (cpus)
		fprintf(r->out, "%s on CPUs %s%s", tasks ? "," : "# only allocations",
			report_safe(safe, sizeof(safe), text), tasks ? "," : "");
	if (tasks || cpus)
		fprintf(r->out,
			" were recorded; frees of everybody\n"
			"# an untraced free shows only when an allocation that was recorded gets the "
			"address again\n");
}

/* One line per filter: the recorder writes "EVENT[,EVENT...] FILTER" lines (FORMAT.md). */
static void header_selection(struct report *r)
{
	char text[4096], events[300], filter[300], *save = NULL;

	if (capture_text(r->db, "events.filter", text, sizeof(text))) {
		for (char *line = strtok_r(text, "\n", &save); line;
		     line = strtok_r(NULL, "\n", &save)) {
			char *blank = strchr(line, ' ');

			if (!blank)
				continue;
			*blank = '\0';
			fprintf(r->out,
				"# recorded with filter '%s' on %s: totals count only what passed\n",
				report_safe(filter, sizeof(filter), blank + 1),
				report_safe(events, sizeof(events), line));
		}
	}
	if (capture_text(r->db, "events.max_stack", text, sizeof(text)))
		fprintf(r->out, "# stacks were cut to their innermost frames when recorded: %s\n",
			report_safe(events, sizeof(events), text));
}

static void header_folded(struct report *r)
{
	int64_t pairs = capture_int(r->db, "folded.pairs", 0);
	char n[UNITS_TEXT], age[UNITS_TEXT];

	if (!capture_int(r->db, "recorder.survivors_ns", 0) && !pairs)
		return;
	fprintf(r->out,
		"# %s objects that lived at most %s were folded by the recorder: they are in all totals, not in"
		" peaks and lists\n",
		units_count(n, (uint64_t)pairs),
		units_duration(age, (uint64_t)capture_int(r->db, "recorder.survivors_ns", 0)));
	if (capture_int(r->db, "folded.late", 0))
		fprintf(r->out,
			"# %s events reached the recorder too late for its order of time: a folded object may be a"
			" wrong one\n",
			units_count(n, (uint64_t)capture_int(r->db, "folded.late", 0)));
}

/* What a sample of stacks does to this report; nothing where it looks at none. */
static void header_sample(struct report *r)
{
	const struct report_options *o = r->options;

	if (r->estimate)
		estimate_header(
			r->db, r->out,
			"totals are of all allocations,\n#   their split over stacks is estimated within each call site,"
			" with intervals of 95 %");
	else if (!estimate_sampled(r->db))
		return;
	else if (report_by_call_site(r))
		estimate_header(r->db, r->out,
				"this report is by call site,\n#   which every allocation has");
	else if (o->looks == LOOKS_AS_RECORDED ||
		 ((o->looks == LOOKS_AT_ROWS || o->looks == LOOKS_AT_NOTHING) &&
		  (by_looks(&r->by) >= ESTIMATE_CALLERS || o->branch.dirs.count)))
		estimate_header(
			r->db, r->out,
			"this report estimates nothing:\n#   what has no stack has its call site alone");
}

void report_without_folded(struct report *r, const char *option)
{
	int64_t pairs = capture_int(r->db, "folded.pairs", 0);
	char n[UNITS_TEXT];

	if (pairs)
		fprintf(r->out, "# %s: WITHOUT the %s folded objects, whose times were not kept\n",
			option, units_count(n, (uint64_t)pairs));
}

static int header_counts(struct report *r, struct error *err)
{
	struct query q;
	int rc = query_init(&q, r->db, schema_query_header_sql, NULL, err);
	char n[5][UNITS_TEXT];

	if (rc < 0)
		goto out;
	query_bind_text(&q, ":domain", report_one_domain(r));
	rc = query_step(&q, err);
	if (rc != 1)
		goto out;
	for (int i = 0; i < 5; i++)
		units_count(n[i], (uint64_t)query_int(&q, i));
	fprintf(r->out,
		"# untraced frees %s (address allocated again), unmatched frees %s%s, NULL frees %s\n",
		n[0], n[1], report_is_partial(r) ? " (also of what was not recorded)" : "", n[2]);
	if (query_int(&q, 3) && !r->options->include_self)
		fprintf(r->out,
			"# left out: %s allocations of kmem-record itself (--include-self)\n",
			n[3]);
	if (query_int(&q, 4))
		fprintf(r->out, "# %s allocations have no stack although one was asked for\n",
			n[4]);
	rc = 0;
out:
	query_release(&q);
	return rc;
}

/* An empty report has to say whether nothing happened or nobody looked. */
static int header_domain(struct report *r, struct error *err)
{
	const char *domain = report_one_domain(r);
	char safe[80];
	struct query q;
	int rc;

	if (!domain)
		return 0;
	rc = query_init(
		&q, r->db,
		"SELECT count(*) FILTER (WHERE domain = :domain),"
		" coalesce(group_concat(DISTINCT domain), 'none'), (SELECT count(*) FROM event)"
		" FROM event WHERE role = 'alloc' AND (events > 0 OR domain = :domain)",
		NULL, err);

	if (rc == 0) {
		query_bind_text(&q, ":domain", domain);
		rc = query_step(&q, err);
	}
	if (rc == 1 && !query_int(&q, 2))
		fprintf(r->out,
			"# the capture does not get as far as to tell which events were recorded\n");
	else if (rc == 1 && !query_int(&q, 0))
		fprintf(r->out,
			"# allocations of domain %s were NOT RECORDED here (kmem-record -e %s); "
			"those of others: %s (--domain)\n",
			domain, domain, report_safe(safe, sizeof(safe), query_text(&q, 1)));
	query_release(&q);
	return rc < 0 ? rc : 0;
}

#define NOTE_COLUMNS 100

static void print_wrapped(FILE *out, const char *first, const char *next, const char *text)
{
	size_t column = (size_t)fprintf(out, "%s", first);

	while (*text) {
		size_t word = strcspn(text, " ");

		if (column + word > NOTE_COLUMNS)
			column = (size_t)fprintf(out, "\n%s", next) - 1;
		fprintf(out, "%.*s", (int)word, text);
		column += word + 1;
		text += word;
		text += strspn(text, " ");
		if (*text && column + strcspn(text, " ") <= NOTE_COLUMNS)
			fputc(' ', out);
	}
	fputc('\n', out);
}

int report_notes(struct report *r, const char *first, const char *next, struct error *err)
{
	char safe[1200];
	struct query q;
	int rc = query_init(&q, r->db,
			    "SELECT value FROM capture WHERE key GLOB 'warning.[0-9]*'"
			    " ORDER BY CAST(substr(key, 9) AS INTEGER)",
			    NULL, err);

	while (rc == 0 && (rc = query_step(&q, err)) == 1) {
		print_wrapped(r->out, first, next,
			      report_safe(safe, sizeof(safe), query_text(&q, 0)));
		rc = 0;
	}
	query_release(&q);
	return rc;
}

/* Where debug information may be of another build than the capture. */
static void header_symbols(struct report *r)
{
	char mine[140] = "none", other[140] = "none", safe[2][140];

	if (capture_int(r->db, "symbols.mismatch", 0)) {
		capture_text(r->db, "kernel.build_id", mine, sizeof(mine));
		capture_text(r->db, "symbols.build_id", other, sizeof(other));
		fprintf(r->out,
			"# source lines are from ANOTHER BUILD than the capture's (--allow-mismatch): they may be "
			"wrong\n#   build-id %s, the capture's %s\n",
			report_safe(safe[0], sizeof(safe[0]), other),
			report_safe(safe[1], sizeof(safe[1]), mine));
	} else if (capture_int(r->db, "symbols.unverified", 0)) {
		fprintf(r->out,
			"# source lines may be of another build: %" PRId64
			" of the files with debug information had no build-id\n"
			"#   that could be compared with the capture's\n",
			capture_int(r->db, "symbols.unverified", 0));
	}
}

/* --on-loss reset: totals are then of what is left. How many are forgotten is known of a whole domain alone. */
static void header_forgotten(struct report *r)
{
	char n[UNITS_TEXT] = "";

	if (!r->forget)
		return;
	if (!r->filtered && !report_selects_sites(r) && !report_api(r->options))
		snprintf(n, sizeof(n), "%" PRId64 " ", r->forgotten);
	fprintf(r->out,
		"# --on-loss reset: %sobjects that were live while events were lost or not recorded are"
		" FORGOTTEN:\n#   neither they nor their frees are in any number below\n",
		n);
}

static int print_header(struct report *r, const char *name, struct error *err)
{
	int64_t unknown = capture_int(r->db, "blocks.unknown", 0);
	int rc;

	header_capture(r, name);
	header_segments(r);
	header_loss(r);
	header_order(r);
	text_header(r->db, r->out);
	header_tasks(r);
	header_selection(r);
	rc = moments_header(r->db, r->out, err);
	if (rc < 0)
		return rc;
	header_window(r);
	object_filter_header(&r->options->filter, r->out);
	if (r->levels)
		header_levels(r);
	header_forgotten(r);
	if (r->options->pairs.alloc.count)
		rc = event_pairs_header(r->db, r->out, err);
	if (rc < 0)
		return rc;
	header_folded(r);
	header_sample(r);
	if (r->filtered)
		report_without_folded(r, r->windowed		? "--from, --to" :
					 r->options->at		? "--at" :
					 r->options->moments_ns ? "-i" :
								  "--where, --only-...");
	else if (r->rows_for)
		report_without_folded(r, r->rows_for);
	else if (r->by.rows && !r->live_only && capture_int(r->db, "folded.pairs", 0))
		fprintf(r->out,
			"# --by: of folded objects no task, CPU and time was kept: they are under (folded)\n");
	if (unknown)
		fprintf(r->out,
			"# %" PRId64
			" part%s of the capture skipped: of a kind that this version does not "
			"know\n",
			unknown, unknown == 1 ? " was" : "s were");
	header_symbols(r);
	rc = report_notes(r, "# ", "#   ", err);
	if (rc == 0)
		rc = branch_header(r, err);
	if (rc == 0)
		rc = header_domain(r, err);
	if (rc == 0)
		rc = header_counts(r, err);
	if (rc == 0)
		fprintf(r->out, "\n");
	return rc;
}

int report_header(struct report *r, const char *name, struct error *err)
{
	struct aside a = { 0 };
	int rc;

	if (r->emit.format == EMIT_TEXT)
		return print_header(r, name, err);
	rc = aside_begin(&a, r, err);
	if (rc == 0)
		rc = aside_end(&a, r, print_header(r, name, err), err);
	if (rc == 0)
		emit_begin(r, name, a.text);
	aside_release(&a);
	return rc;
}
