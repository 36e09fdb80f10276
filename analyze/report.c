#include "analyze/report.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "analyze/callers.h"
#include "analyze/db_open.h"
#include "analyze/moments.h"
#include "analyze/row_pairs.h"
#include "analyze/static_input.h"
#include "analyze/text_header.h"
#include "format/base/fileio.h"
#include "format/base/units.h"
#include "schema_sql.h"

static void print_note(void *arg, const char *text)
{
	(void)arg;
	fprintf(stderr, "kmem-analyze: %s\n", text);
}

static int open_output(struct report *r, struct error *err)
{
	int fd;

	r->out = stdout;
	if (!r->options->output || !strcmp(r->options->output, "-"))
		return 0;
	fd = file_create(r->options->output, r->options->force, err);
	if (fd < 0)
		return fd;
	r->out = fdopen(fd, "w");
	if (r->out)
		return 0;
	error_errno(err, "cannot write '%s'", r->options->output);
	close(fd);
	r->out = stdout;
	return err->code;
}

static int parse_window(struct report *r, struct error *err)
{
	const struct report_options *o = r->options;
	int rc = 0;

	r->windowed = o->from || o->to;
	r->from_ns = INT64_MIN;
	r->to_ns = INT64_MAX;
	if (o->from)
		rc = moment_parse(r->db, o->from, "--from", MOMENT_FIRST, &r->from_ns, err);
	if (rc == 0 && o->to)
		rc = moment_parse(r->db, o->to, "--to", MOMENT_LAST, &r->to_ns, err);
	if (rc == 0 && r->from_ns >= r->to_ns)
		rc = error_set(err, ERR_USAGE, "--from is not before --to");
	return rc;
}

/* A dump was made after the fact: the time of its making says nothing about the events. */
static bool is_dump(struct report *r)
{
	char backend[16];

	return capture_text(r->db, "recorder.backend", backend, sizeof(backend)) &&
	       !strcmp(backend, "dump");
}

/* Callers, directories and the keys of --by. */
static int prepare_places(struct report *r, struct error *err)
{
	const struct report_options *o = r->options;
	int rc = 0;

	if (o->by || o->branch.dirs.count)
		rc = callers_select(r->db, o->skip_frames.items, o->skip_frames.count, err);
	if (rc == 0)
		rc = branch_prepare(&o->branch, r->db, err);
	return rc < 0 ? rc : by_prepare(&r->by, r->db, err);
}

static int report_open(struct report *r, const struct report_options *options, char *const *paths,
		       size_t count, struct error *err)
{
	struct db_open_options how = {
		.db = options->db,
		.force = options->force,
		.progress = true,
		.note = print_note,
	};
	int rc;

	*r = (struct report){ .options = options, .out = stdout, .by = r->by };
	rc = db_open_several(&r->db, paths, count, &how, err);
	if (rc < 0)
		return rc;
	r->base_wall_ns = capture_int(r->db, "clock.start.wall_ns", 0) +
			  capture_int(r->db, "time.base_ns", 0) -
			  capture_int(r->db, "clock.start.trace_ns", 0);
	r->has_wall = capture_int(r->db, "clock.start.wall_ns", 0) != 0;
	if (!r->has_wall && !is_dump(r) && !text_is_log(r->db)) {
		r->base_wall_ns = capture_int(r->db, "created_ns", 0);
		r->has_wall = true;
	}
	r->length_ns = capture_int(r->db, "time.length_ns", 0);
	r->complete = !capture_int(r->db, "events.lost", 0) &&
		      !capture_int(r->db, "damage.count", 0) &&
		      !capture_int(r->db, "tuples.lost", 0) &&
		      !capture_int(r->db, "text.missing", 0) && capture_int(r->db, "clean_end", 0);
	rc = parse_window(r, err);
	if (rc == 0)
		rc = prepare_places(r, err);
	return rc < 0 ? rc : open_output(r, err);
}

static int report_close(struct report *r, const struct error *err)
{
	struct error failure = *err;
	int code = EXIT_DONE;

	if (r->out && r->out != stdout) {
		bool bad = fflush(r->out) || ferror(r->out);

		if (bad)
			error_errno(&failure, "cannot write '%s'", r->options->output);
		if (fclose(r->out) && !bad)
			error_errno(&failure, "cannot write '%s'", r->options->output);
	}
	sqlite3_close(r->db);
	/* half a report must not be taken for a whole one */
	if (failure.code && r->out && r->out != stdout)
		unlink(r->options->output);
	if (failure.code)
		code = command_fail(&failure);
	else if (!r->complete)
		code = EXIT_INCOMPLETE;
	*r = (struct report){ 0 };
	return code;
}

const char *const report_domains[] = { "slab", "page", "percpu", "vmalloc", NULL };

const char *report_domain(const struct report_options *options)
{
	return options->domain ? options->domain : report_domains[0];
}

const char *report_api(const struct report_options *options)
{
	if (options->malloc_only == options->cache_only)
		return NULL;
	return options->malloc_only ? "malloc" : "cache";
}

/* The summaries know no times: with --from and --to the same rows come from the objects. */
static int select_window(struct report *r, struct error *err)
{
	struct query q = { 0 };
	char *sql = sqlite3_mprintf("INSERT INTO temp.window_pair %s",
				    schema_query_pair_window_sql);
	int rc = sql ? query_run(r->db,
				 "CREATE TEMP TABLE window_pair (alloc_site, free_site, end, self,"
				 " objects, lifetime_sum, lifetime_min, lifetime_max)",
				 err) :
		       error_nomem(err);

	if (rc == 0)
		rc = query_init(&q, r->db, sql, NULL, err);
	if (rc == 0) {
		query_bind_int(&q, ":from", r->from_ns);
		query_bind_int(&q, ":to", r->to_ns);
		query_bind_int(&q, ":length", r->length_ns);
		rc = query_step(&q, err);
	}
	query_release(&q);
	sqlite3_free(sql);
	return rc < 0 ? rc : report_select_pairs_of(r, "pair", "temp.window_pair", err);
}

int report_select_pairs(struct report *r, struct error *err)
{
	if (r->windowed)
		return select_window(r, err);
	return report_select_pairs_of(r, "pair", "pair_total", err);
}

static int select_rows(struct report *r, struct error *err)
{
	const struct row_pairs how = { .task = r->by.task,
				       .cpu = r->by.cpu,
				       .initcall = r->by.initcall,
				       .folded = !r->windowed &&
						 capture_int(r->db, "folded.pairs", 0),
				       .from = r->from_ns,
				       .to = r->to_ns,
				       .length = r->length_ns };
	int rc = row_pairs_select(r->db, &how, "row_pair", err);

	return rc < 0 ? rc : report_select_pairs_of(r, "pair", "temp.row_pair", err);
}

int report_select_groups(struct report *r, struct error *err)
{
	int rc = r->by.rows ? select_rows(r, err) : report_select_pairs(r, err);

	if (rc == 0 && r->by.count)
		rc = by_view(&r->by, r->db, "alloc_by", "pair", false, err);
	return rc;
}

int report_select_pairs_of(struct report *r, const char *name, const char *source,
			   struct error *err)
{
	const char *api = report_api(r->options);
	char *sql = sqlite3_mprintf(
		"CREATE TEMP VIEW %s AS SELECT p.* FROM %s p"
		" JOIN alloc_site a ON a.id = p.alloc_site JOIN event e ON e.id = a.event"
		" WHERE e.domain = '%s'%s%s%s%s%s",
		name, source, report_domain(r->options),
		r->options->include_self ? "" : " AND p.self = 0", api ? " AND e.api = '" : "",
		api ? api : "", api ? "'" : "",
		r->options->branch.dirs.count ? " AND a.id IN (SELECT site FROM temp.branch_site)" :
						"");
	int rc = sql ? query_run(r->db, sql, err) : error_nomem(err);

	sqlite3_free(sql);
	return rc;
}

static const struct sort_key *find_key(const struct sort_key *keys, const char *name, size_t len)
{
	for (; keys->name; keys++)
		if (strlen(keys->name) == len && !strncmp(keys->name, name, len))
			return keys;
	return NULL;
}

static int unknown_key(const struct sort_key *keys, const char *name, size_t len, struct error *err)
{
	char all[256] = "";
	size_t used = 0;

	for (; keys->name && used < sizeof(all); keys++)
		used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s", used ? ", " : "",
					 keys->name);
	return error_set(err, ERR_USAGE, "unknown sort key '%.*s'; the keys are: %s", (int)len,
			 name, all);
}

static int report_order(char *text, size_t room, const struct sort_key *keys, const char *chosen,
			const char *ties, struct error *err)
{
	size_t used = (size_t)snprintf(text, room, "ORDER BY ");

	if (!chosen)
		chosen = keys->name;
	while (used < room) {
		size_t len = strcspn(chosen, ",");
		const struct sort_key *key = find_key(keys, chosen, len);

		if (!key)
			return unknown_key(keys, chosen, len, err);
		used += (size_t)snprintf(text + used, room - used, "%s, ", key->sql);
		chosen += len;
		if (!*chosen++)
			break;
	}
	if (used < room)
		used += (size_t)snprintf(text + used, room - used, "%s", ties);
	if (used >= room)
		return error_set(err, ERR_USAGE, "too many sort keys");
	return 0;
}

/* ---- text ---- */

/*
 * Length of the UTF-8 sequence at p, or 0 if there is none. Overlong forms and surrogates are none.
 */
static size_t utf8_len(const unsigned char *p)
{
	static const unsigned int least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = *p < 0x80		   ? 1 :
		   *p >= 0xf0 && *p < 0xf5 ? 4 :
		   *p >= 0xe0		   ? 3 :
		   *p >= 0xc2		   ? 2 :
					     0;
	unsigned int code;

	if (n <= 1)
		return n;
	if (*p >= 0xf5)
		return 0;
	code = *p & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (p[i] & 0x3f);
	}
	/* U+0080..U+009F are control characters: terminals obey some of them */
	if (code < least[n] || code < 0xa0 || (code >= 0xd800 && code < 0xe000) || code > 0x10ffff)
		return 0;
	return n;
}

const char *report_safe(char *room, size_t size, const char *text)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t used = 0;

	while (*p && used + 5 < size) {
		size_t n = utf8_len(p);

		if (n == 0 || *p < 0x20 || *p == 0x7f) {
			used += (size_t)snprintf(room + used, size - used, "\\x%02x", *p++);
			continue;
		}
		memcpy(room + used, p, n);
		used += n;
		p += n;
	}
	room[used] = '\0';
	return room;
}

void report_timestamp(struct report *r, int64_t time_ns)
{
	int64_t wall = r->base_wall_ns + time_ns;
	time_t seconds = (time_t)(wall / 1000000000);
	struct tm tm;
	char text[32];

	if (!r->has_wall) {
		fprintf(r->out, "%" PRId64 ".%06u \n", wall / 1000000000,
			(unsigned int)(wall % 1000000000 / 1000));
		return;
	}
	localtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	fprintf(r->out, "%s.%06u \n", text, (unsigned int)(wall % 1000000000 / 1000));
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

/* ---- the header ---- */

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
	if (r->complete) {
		fprintf(r->out, "# %s events, none lost: every number is exact for what %s\n",
			events, partial ? "was recorded" : "the kernel traces");
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

/* The header counts all of the capture, the report below it only these objects. */
static void header_window(struct report *r)
{
	char from[UNITS_TEXT] = "the start", to[UNITS_TEXT] = "the end";

	if (!r->windowed)
		return;
	if (r->options->from)
		units_duration(from, (uint64_t)r->from_ns);
	if (r->options->to)
		units_duration(to, (uint64_t)r->to_ns);
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
	query_bind_text(&q, ":domain", report_domain(r->options));
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
	const char *domain = report_domain(r->options);
	char safe[80];
	struct query q;
	int rc = query_init(&q, r->db,
			    "SELECT count(*) FILTER (WHERE domain = :domain),"
			    " coalesce(group_concat(DISTINCT domain), 'none')"
			    " FROM event WHERE role = 'alloc' AND (events > 0 OR domain = :domain)",
			    NULL, err);

	if (rc == 0) {
		query_bind_text(&q, ":domain", domain);
		rc = query_step(&q, err);
	}
	if (rc == 1 && !query_int(&q, 0))
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

int report_header(struct report *r, const char *name, struct error *err)
{
	int64_t unknown = capture_int(r->db, "blocks.unknown", 0);
	int rc;

	header_capture(r, name);
	header_segments(r);
	header_loss(r);
	text_header(r->db, r->out);
	header_tasks(r);
	header_selection(r);
	rc = moments_header(r->db, r->out, err);
	if (rc < 0)
		return rc;
	header_window(r);
	header_folded(r);
	if (r->windowed)
		report_without_folded(r, "--from, --to");
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

static int static_open(struct report *r, const struct report_options *options, const char *path,
		       enum static_input_kind kind, struct error *err)
{
	int rc;

	*r = (struct report){ .options = options, .out = stdout, .complete = true };
	rc = static_input_open(&r->db, path, kind, err);
	return rc < 0 ? rc : open_output(r, err);
}

static int run_report(const struct command *self, int argc, char **argv, void *options,
		      const struct report_options *common, const struct sort_key *keys,
		      const char *ties, bool linked,
		      int (*print)(struct report *r, void *options, const char *order,
				   struct error *err))
{
	int first = command_parse(self, options, argc, argv, 1, 0), rc;
	enum static_input_kind kind = STATIC_INPUT_NONE;
	struct error err = { 0 };
	struct report r = { 0 };
	struct by by;
	char order[256] = "";

	if (first < 0)
		return command_exit_code(first);
	if (by_parse(&by, common->by, &err) < 0 ||
	    (keys && report_order(order, sizeof(order), keys, common->sort,
				  by.count ? BY_COLUMNS : ties, &err) < 0))
		return command_fail(&err);
	r.by = by;
	if (linked && argc - first == 1)
		kind = static_input_kind(argv[first]);
	if (kind != STATIC_INPUT_NONE)
		rc = static_open(&r, common, argv[first], kind, &err);
	else
		rc = report_open(&r, common, argv + first, (size_t)(argc - first), &err);
	if (rc == 0)
		print(&r, options, order, &err);
	return report_close(&r, &err);
}

int report_run(const struct command *self, int argc, char **argv, void *options,
	       struct report_options *common, const struct sort_key *keys, const char *ties,
	       int (*print)(struct report *r, void *options, const char *order, struct error *err))
{
	int code = run_report(self, argc, argv, options, common, keys, ties, false, print);

	option_list_release(&common->branch.dirs);
	option_list_release(&common->skip_frames);
	return code;
}

int report_run_on(const struct command *self, int argc, char **argv, void *options,
		  const struct report_options *common, const struct sort_key *keys,
		  const char *ties,
		  int (*print)(struct report *r, void *options, const char *order,
			       struct error *err))
{
	return run_report(self, argc, argv, options, common, keys, ties, true, print);
}
