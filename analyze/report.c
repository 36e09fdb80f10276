#include "analyze/report.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "analyze/callers.h"
#include "analyze/db_memory.h"
#include "analyze/db_open.h"
#include "analyze/moments.h"
#include "analyze/static_input.h"
#include "analyze/text_header.h"
#include "format/base/fileio.h"
#include "format/base/safe_text.h"
#include "format/base/units.h"
#include "schema_sql.h"

static void print_note(void *arg, const char *text)
{
	(void)arg;
	safe_complain("kmem-analyze", text);
}

static int open_output(struct report *r, struct error *err)
{
	r->out = stdout;
	if (!r->options->output || !strcmp(r->options->output, "-"))
		return 0;
	return file_create_stream(r->options->output, r->options->force, &r->out, err);
}

static int parse_window(struct report *r, struct error *err)
{
	const struct report_options *o = r->options;
	int rc = 0;

	r->windowed = o->from || o->to;
	r->end_ns = r->length_ns;
	r->from_ns = INT64_MIN;
	r->to_ns = INT64_MAX;
	if (o->from)
		rc = moment_parse(r->db, o->from, "--from", MOMENT_FIRST, &r->from_ns, err);
	if (rc == 0 && o->to)
		rc = moment_parse(r->db, o->to, "--to", MOMENT_LAST, &r->to_ns, err);
	if (rc == 0 && r->from_ns >= r->to_ns)
		rc = error_set(err, ERR_USAGE, "--from is not before --to");
	if (rc == 0 && o->at)
		rc = moment_parse(r->db, o->at, "--at", MOMENT_LAST, &r->end_ns, err);
	/* nobody knows what was live later, nor that ages went on */
	r->at_end = rc == 0 && o->at && r->end_ns > r->length_ns;
	if (r->at_end)
		r->end_ns = r->length_ns;
	return rc;
}

/* A dump was made after the fact: the time of its making says nothing about the events. */
static bool is_dump(struct report *r)
{
	char backend[16];

	return capture_text(r->db, "recorder.backend", backend, sizeof(backend)) &&
	       !strcmp(backend, "dump");
}

static enum estimate_depth depth_of(const struct report *r)
{
	const struct report_options *o = r->options;
	enum estimate_depth depth = by_looks(&r->by), least = ESTIMATE_NOTHING;

	if (o->looks == LOOKS_AT_NOTHING || o->looks == LOOKS_AT_ROWS ||
	    o->looks == LOOKS_AS_RECORDED)
		return ESTIMATE_NOTHING;
	if (o->looks == LOOKS_AT_STACKS)
		depth = ESTIMATE_STACKS;
	else if (o->looks == LOOKS_AT_CALLERS)
		depth = ESTIMATE_CALLERS;
	else if (!r->by.count)
		depth = o->looks == LOOKS_AT_STACKS_OR_BY ? ESTIMATE_STACKS : ESTIMATE_CALL_SITES;
	if (o->branch.dirs.count)
		least = o->branch.any_frame ? ESTIMATE_STACKS : ESTIMATE_CALLERS;
	return depth < least ? least : depth;
}

/* Callers, directories and the keys of --by; and what sampled stacks are needed for these and for the report. */
static int prepare_places(struct report *r, struct error *err)
{
	const struct report_options *o = r->options;
	bool callers = r->by.count || o->branch.dirs.count;
	const struct estimate_how how = { .depth = depth_of(r),
					  .domain = report_domain(o),
					  .callers = callers,
					  .any_caller = !callers && o->skip_frames.count };
	int rc = 0;

	if (callers)
		rc = callers_select(r->db, o->skip_frames.items, o->skip_frames.count, err);
	if (rc == 0)
		rc = estimate_new(&r->estimate, r->db, &how, err);
	r->estimates = r->estimate != NULL;
	if (rc == 0)
		rc = branch_prepare(&o->branch, r->db, err);
	return rc < 0 ? rc : by_prepare(&r->by, r->db, err);
}

/* Reports of the whole capture are made of sums: its single objects need not be kept then. */
static int make_pairs(struct report *r, struct error *err)
{
	const struct report_options *o = r->options;
	const struct object_filter *f = &o->filter;
	struct pair_request request = o->pairs;

	request.rows |= r->windowed || o->at || o->moments_ns || r->by.rows || f->where ||
			f->comms.count || f->pids || f->tids || f->cpus;
	return event_pairs_make(&r->pairs, r->db, &request, report_domain(o), print_note, err);
}

/* Events are missing that nobody counted: FORMAT.md, INFO. */
static bool says_incomplete(sqlite3 *db)
{
	struct query q;
	bool says = query_init(&q, db,
			       "SELECT 1 FROM capture WHERE key GLOB 'warning.[0-9]*'"
			       " AND (value GLOB 'not-exact:*' OR value GLOB 'memory-short:*')",
			       NULL, NULL) == 0 &&
		    query_step(&q, NULL) == 1;

	query_release(&q);
	return says;
}

int report_open(struct report *r, const struct report_options *options, char *const *paths,
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
	r->emit.format = emit_format_of(options->format);
	rc = db_open_several(&r->db, paths, count, &how, err);
	if (rc < 0)
		return rc;
	r->base_wall_ns = capture_base_ns(r->db);
	r->has_wall = capture_int(r->db, "clock.start.wall_ns", 0) != 0;
	if (!r->has_wall && !is_dump(r) && !text_is_log(r->db)) {
		r->base_wall_ns = capture_int(r->db, "created_ns", 0);
		r->has_wall = true;
	}
	r->length_ns = capture_int(r->db, "time.length_ns", 0);
	r->complete = !capture_int(r->db, "events.lost", 0) &&
		      !capture_int(r->db, "damage.count", 0) &&
		      !capture_int(r->db, "tuples.lost", 0) &&
		      !capture_int(r->db, "text.missing", 0) &&
		      capture_int(r->db, "clean_end", 0) && !says_incomplete(r->db);
	/* what it says of itself was asked for without looking for errors */
	rc = db_memory_failed() ? error_nomem(err) : parse_window(r, err);
	if (rc == 0 && options->pairs.alloc.count)
		rc = make_pairs(r, err);
	if (rc == 0)
		rc = prepare_places(r, err);
	if (rc == 0)
		rc = report_prepare_selection(r, err);
	return rc < 0 ? rc : open_output(r, err);
}

int report_close(struct report *r, const struct error *err)
{
	struct error failure = *err;
	int code = EXIT_DONE;

	/* of two reports, the one that writes tells */
	if (db_memory_failed() && r->out)
		error_nomem(&failure);
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

int report_other_open(struct report_other *o, const struct report *like, const char *path,
		      struct error *err)
{
	char *paths[] = { (char *)path };
	int rc;

	o->options = *like->options;
	o->options.db = o->options.output = o->options.format = NULL;
	o->report = (struct report){ .by = like->by };
	rc = report_open(&o->report, &o->options, paths, 1, err);
	return rc < 0 ? error_prefix(err, "%s", path) : 0;
}

void report_other_close(struct report_other *o)
{
	sqlite3_close(o->report.db);
	o->report = (struct report){ 0 };
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

int report_order(char *text, size_t room, const struct sort_key *keys, const char *chosen,
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

static int static_open(struct report *r, const struct report_options *options, const char *path,
		       enum static_input_kind kind, struct error *err)
{
	int rc;

	*r = (struct report){ .options = options, .out = stdout, .complete = true };
	r->emit.format = emit_format_of(options->format);
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
	if ((common->check && common->check(options, &err) < 0) ||
	    by_parse(&by, common->by, &err) < 0 ||
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
	if (rc == 0 && print(&r, options, order, &err) == 0)
		emit_end(&r);
	return report_close(&r, &err);
}

void report_options_release(struct report_options *options)
{
	option_list_release(&options->branch.dirs);
	option_list_release(&options->skip_frames);
	object_filter_release(&options->filter);
}

int report_run(const struct command *self, int argc, char **argv, void *options,
	       struct report_options *common, const struct sort_key *keys, const char *ties,
	       int (*print)(struct report *r, void *options, const char *order, struct error *err))
{
	int code = run_report(self, argc, argv, options, common, keys, ties, false, print);

	report_options_release(common);
	return code;
}

int report_run_on(const struct command *self, int argc, char **argv, void *options,
		  struct report_options *common, const struct sort_key *keys, const char *ties,
		  int (*print)(struct report *r, void *options, const char *order,
			       struct error *err))
{
	int code = run_report(self, argc, argv, options, common, keys, ties, true, print);

	report_options_release(common);
	return code;
}
