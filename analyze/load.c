#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* asprintf */
#endif
#include "analyze/load.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "analyze/db_open.h"
#include "analyze/db_tables.h"
#include "analyze/folded_totals.h"
#include "analyze/kernel_names.h"
#include "analyze/loss_map.h"
#include "analyze/merge.h"
#include "analyze/other_table.h"
#include "analyze/progress.h"
#include "analyze/replay.h"
#include "analyze/text_event.h"
#include "analyze/text_facts.h"
#include "analyze/text_input.h"
#include "analyze/text_log.h"
#include "format/base/fileio.h"
#include "schema_sql.h"

/* Set by the signal handler, read by both threads; signals allow no other way than a global. */
static int interrupted;

static bool is_interrupted(void)
{
	return __atomic_load_n(&interrupted, __ATOMIC_RELAXED) != 0;
}

struct load {
	struct series series;
	struct capture_identity identity;
	struct capture_scan scan;
	struct capture_model model;
	struct symbols *symbols;
	struct role *roles;
	struct stacks stacks;
	struct sites sites;
	struct tasks tasks;
	struct processes processes;
	struct user_frames users;
	struct modules *modules;
	struct late_sites late;
	struct symbol_files symbol_files;
	struct losses losses;
	struct dictionaries *dictionaries;
	struct text_log
		*text; /* instead of series, dictionaries, streams and merge; NULL: a capture */
	struct kernel_names log_names; /* of a text log: from what was given with -k */
	struct cpu_streams streams;
	struct merge merge;
	struct replay replay;
	struct folded_totals folded;
	struct feed *feed;
	struct db_writer *writer;
	struct other_tables others;
	struct progress progress;
	uint64_t base;
	struct error replay_error; /* of the replay thread */
	uint64_t bytes_done;	   /* by the replay thread, read by the other: relaxed atomics */
};

static void on_signal(int signal)
{
	(void)signal;
	__atomic_store_n(&interrupted, 1, __ATOMIC_RELAXED);
}

char *load_db_name(const char *capture)
{
	char *name;

	return asprintf(&name, "%s.db", capture) < 0 ? NULL : name;
}

char *load_series_db_name(const char *segment)
{
	char *series = series_name(segment), *name = series ? load_db_name(series) : NULL;

	free(series);
	return name;
}

/* -f means a database: a capture cannot be made again. */
static int check_target(const char *target, struct error *err)
{
	enum db_path_kind kind;

	if (db_path_kind(target, &kind, NULL) == 0 && kind != DB_PATH_DATABASE)
		return error_set(err, ERR_EXISTS, "'%s' is a %s; it is not overwritten", target,
				 kind == DB_PATH_CAPTURE ? "capture" : "text log");
	return 0;
}

static void on_scan(void *arg, uint64_t done, uint64_t all)
{
	progress_show(arg, done, all);
}

static int find_symbols(struct load *l, struct error *err)
{
	const struct model_file *f = capture_model_file(&l->model, "/proc/kallsyms", "start");

	if (!f)
		f = capture_model_file(&l->model, "/proc/kallsyms.used", "end");
	if (!f)
		f = capture_model_file(&l->model, "/proc/kallsyms", "end");
	return symbols_new(&l->symbols, f ? f->content.data : NULL, f ? f->content.len : 0, err);
}

/* The trace clock at 0 of all times in the database. */
static uint64_t time_base(const struct load *l)
{
	uint64_t base = capture_model_number(&l->model, "time.start_ns", UINT64_MAX);

	if (base != UINT64_MAX)
		return base;
	for (size_t i = 0; i < l->scan.count; i++) {
		const struct block_header *h = &l->scan.blocks[i];

		if (h->type == BLOCK_EVENTS && h->event_count && h->first_time < base)
			base = h->first_time;
	}
	/* cut off before the first event: the clock was read by then */
	return base == UINT64_MAX ? capture_model_number(&l->model, "clock.start.trace_ns", 0) :
				    base;
}

static int by_task_time(const void *a, const void *b)
{
	const struct model_task *x = *(const struct model_task *const *)a,
				*y = *(const struct model_task *const *)b;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	return (x > y) - (x < y);
}

/* Names that /proc showed are taken as known from the beginning; events tell of all changes. */
static int name_tasks(struct load *l, struct error *err)
{
	const struct model_task **order = calloc(l->model.task_count + 1, sizeof(*order));
	int rc = order ? 0 : error_nomem(err);

	l->tasks.recorder_tgid = (int32_t)capture_model_number(&l->model, "recorder.tgid", 0);
	for (size_t i = 0; i < l->model.task_count && order; i++)
		order[i] = &l->model.tasks[i];
	if (order)
		qsort(order, l->model.task_count, sizeof(*order), by_task_time);
	for (size_t i = 0; i < l->model.task_count && rc == 0; i++)
		if (!tasks_known(&l->tasks, order[i]->pid) &&
		    !tasks_name(&l->tasks, order[i]->pid, order[i]->tgid, order[i]->comm,
				strlen(order[i]->comm)))
			rc = error_nomem(err);
	free(order);
	return rc;
}

static int prepare_roles(struct load *l, struct error *err)
{
	l->roles = calloc(l->model.type_count + 1, sizeof(*l->roles));
	if (!l->roles)
		return error_nomem(err);
	for (size_t i = 0; i < l->model.type_count; i++)
		l->roles[i] = role_of(&l->model.types[i]);
	return 0;
}

/* What a capture knows before its first event. */
static int read_metadata(struct load *l, char *const *paths, size_t count, bool trusted,
			 struct error *err)
{
	int rc = series_open(&l->series, paths, count, err);

	if (rc < 0)
		return rc;
	l->series.trusted = trusted;
	series_identity(&l->series, &l->identity);
	rc = series_scan(&l->series, &l->scan, on_scan, &l->progress, err);
	if (rc == 0)
		rc = capture_model_read(&l->model, &l->series, &l->scan, err);
	if (rc < 0)
		return rc;
	l->progress.what = "loading";
	l->base = time_base(l);
	rc = find_symbols(l, err);
	if (rc == 0)
		rc = prepare_roles(l, err);
	if (rc == 0)
		rc = name_tasks(l, err);
	if (rc == 0)
		rc = loss_map(&l->losses, &l->scan, &l->model, l->base, err);
	return rc;
}

/* Whether a function of the log was found in what -k names. */
static bool text_is_of_kernel(const struct load *l)
{
	for (size_t i = 0; i < l->stacks.frame_count; i++)
		if (l->stacks.frames[i].known && !l->stacks.frames[i].extra)
			return true;
	return l->stacks.frame_count == 0;
}

/* The same of a text log: what a capture knows before its events comes with them there. */
static int read_text(struct load *l, const char *path, const struct symbolize_options *symbols,
		     struct error *err)
{
	struct text_targets to = { .sites = &l->sites, .tasks = &l->tasks, .losses = &l->losses };
	int rc = text_input_identity(path, &l->identity, err);

	if (rc == 0)
		rc = text_log_open(&l->text, path, err);
	if (rc == 0 && symbols->count)
		rc = kernel_names_read(&l->log_names, symbols->paths, symbols->count, err);
	if (rc == 0)
		rc = symbols_new(&l->symbols, l->log_names.text.data, l->log_names.text.len, err);
	if (rc == 0)
		rc = symbols_index_names(l->symbols, err);
	if (rc == 0)
		rc = text_event_types(&l->model, err);
	if (rc == 0)
		rc = prepare_roles(l, err);
	if (rc < 0)
		return rc;
	to.types = l->model.types;
	l->stacks.symbols = l->symbols;
	l->sites.stacks = &l->stacks;
	l->progress.what = "loading";
	l->scan.length = text_log_length(l->text);
	rc = text_log_start(l->text, &to, err);
	l->base = text_log_base(l->text);
	return rc;
}

static int prepare_replay(struct load *l, struct error *err)
{
	const struct capture_model *m = &l->model;
	uint64_t long_size = capture_model_number(m, "long_size", 8);
	int rc;

	l->stacks.symbols = l->symbols;
	l->sites.stacks = &l->stacks;
	l->processes.log = &l->model.processes;
	l->users = (struct user_frames){ .stacks = &l->stacks, .dsos = &l->model.processes.dsos };
	l->late = (struct late_sites){ .sites = &l->sites,
				       .tasks = &l->tasks,
				       .processes = &l->processes,
				       .users = &l->users };
	rc = processes_init(&l->processes, err);
	if (rc == 0)
		rc = modules_new(&l->modules, m, l->symbols, &l->stacks, err);
	if (rc < 0)
		return rc;
	l->late.modules = l->modules;
	rc = dictionaries_new(&l->dictionaries, &l->series, &l->scan, BLOCK_EVENTS, m->types,
			      m->type_count, l->roles, &l->sites, l->modules,
			      capture_model_number(m, "page_size", 4096), err);
	if (rc < 0)
		return rc;
	l->streams = (struct cpu_streams){ .series = &l->series,
					   .scan = &l->scan,
					   .types = m->types,
					   .type_count = m->type_count,
					   .dictionaries = l->dictionaries,
					   .losses = &l->losses,
					   .base = l->base };
	l->merge = (struct merge){ .streams = &l->streams, .roles = l->roles };
	l->replay = (struct replay){ .types = m->types,
				     .type_count = m->type_count,
				     .roles = l->roles,
				     .sites = &l->sites,
				     .tasks = &l->tasks,
				     .losses = &l->losses,
				     .feed = l->feed,
				     .processes = &l->processes,
				     .late = &l->late,
				     .base = l->base,
				     .end = capture_model_number(m, "time.end_ns", 0),
				     .long_size = long_size == 4 ? 4 : 8 };
	rc = cpu_streams_init(&l->streams, err);
	return rc < 0 ? rc : replay_init(&l->replay, err);
}

static int add_folded(struct load *l)
{
	l->folded = (struct folded_totals){ .series = &l->series,
					    .scan = &l->scan,
					    .replay = &l->replay,
					    .page_size = capture_model_number(&l->model,
									      "page_size", 4096) };
	return folded_totals(&l->folded, &l->replay_error);
}

/* Whichever source it is: the next events that the replay takes at once. 0: no more. */
static int next_events(struct load *l, struct cpu_stream **stream, uint32_t *count,
		       uint64_t *ret_done)
{
	int rc;

	if (l->text) {
		rc = text_log_next(l->text, stream, count, &l->replay_error);
		*ret_done = text_log_read(l->text);
		return rc;
	}
	rc = merge_next(&l->merge, stream, count, &l->replay_error);
	*ret_done = l->streams.bytes_done;
	return rc;
}

/* The first thread: blocks or lines to rows. */
static void *replay_thread(void *arg)
{
	struct load *l = arg;
	struct cpu_stream *stream;
	uint32_t count;
	uint64_t done;
	int rc;

	while ((rc = next_events(l, &stream, &count, &done)) > 0) {
		if (is_interrupted())
			rc = error_set(&l->replay_error, ERR_INTERRUPTED,
				       "interrupted; nothing was written");
		else
			rc = replay_run(&l->replay, stream, count, &l->replay_error);
		if (rc < 0)
			break;
		__atomic_store_n(&l->bytes_done, done, __ATOMIC_RELAXED);
	}
	if (rc == 0 && l->text)
		l->replay.end = text_log_end(l->text);
	if (rc == 0)
		rc = add_folded(l);
	if (rc == 0)
		replay_finish(&l->replay, &l->replay_error);
	feed_finish(l->feed);
	return NULL;
}

/*
 * The second thread, this one: rows to SQLite, or where there is no writer nowhere, until there are no more or
 * one of the two fails.
 */
static int write_rows(struct load *l, struct error *err)
{
	struct feed_batch *batch;
	int rc = 0;

	while ((batch = feed_next(l->feed)) != NULL) {
		if (rc == 0 && l->writer)
			rc = batch->kind == FEED_OTHER ?
				     other_tables_batch(&l->others, batch, err) :
				     db_writer_batch(l->writer, batch, err);
		if (rc < 0)
			feed_cancel(l->feed);
		feed_recycle(l->feed, batch);
		progress_show(&l->progress, __atomic_load_n(&l->bytes_done, __ATOMIC_RELAXED),
			      l->scan.length);
	}
	return rc;
}

static int run_threads(struct load *l, struct error *err)
{
	pthread_t thread;
	int rc, failed = pthread_create(&thread, NULL, replay_thread, l);

	if (failed)
		return error_set(err, ERR_IO, "cannot start a thread: %s", strerror(failed));
	rc = write_rows(l, err);
	pthread_join(thread, NULL);
	if (rc == 0 && l->replay_error.code)
		rc = error_set(err, l->replay_error.code, "%s", l->replay_error.text);
	return rc;
}

static int make_database(struct load *l, const char *target, bool force, struct error *err)
{
	int rc = db_writer_new(&l->writer, target, force, err);

	if (rc < 0)
		return rc;
	db_writer_watch(l->writer, &interrupted);
	l->others = (struct other_tables){ .writer = l->writer,
					   .types = l->model.types,
					   .roles = l->roles,
					   .type_count = l->model.type_count };
	rc = other_tables_create(&l->others, err);
	if (rc == 0)
		rc = run_threads(l, err);
	if (rc == 0)
		rc = db_writer_rows_end(l->writer, err);
	other_tables_release(&l->others);
	return rc;
}

/* User frames get their names when all that have one are known. */
static int name_user_frames(struct load *l, struct error *err)
{
	int rc = processes_advance(&l->processes, UINT64_MAX, NULL, NULL, err);

	return rc < 0 ?
		       rc :
		       user_frames_name(&l->users, &l->symbol_files, &l->processes, &l->model, err);
}

static uint32_t ignored_features(const struct series *s)
{
	uint32_t n = 0;

	for (size_t i = 0; i < s->count; i++)
		n += capture_reader_ignored_features(s->files[i].reader);
	return n;
}

static int finish_database(struct load *l, const struct load_options *options,
			   struct load_result *ret, struct error *err)
{
	struct db_facts facts = { .model = &l->model,
				  .scan = &l->scan,
				  .replay = &l->replay,
				  .symbols = l->symbols,
				  .users = &l->users,
				  .modules = l->modules,
				  .maps_refused = l->processes.refused,
				  .identity = l->identity,
				  .unknown = ignored_features(&l->series) + l->model.unknown +
					     l->streams.unknown + l->folded.unknown +
					     dictionaries_unknown(l->dictionaries) };
	int rc;

	if (l->text) {
		facts.only_seen = true;
		facts.created_ns = 0;
		l->scan.clean_end = !text_log_counts(l->text)->cut;
		rc = text_facts(&l->model, text_log_counts(l->text), err);
	} else {
		facts.created_ns = capture_reader_created_ns(l->series.files[0].reader);
		modules_settle(l->modules);
		rc = name_user_frames(l, err);
	}
	if (rc == 0)
		rc = db_tables_write(l->writer, &facts, err);
	if (rc == 0)
		rc = db_writer_run(l->writer, schema_indexes_sql, err);
	if (rc == 0 && l->log_names.debug && !text_is_of_kernel(l))
		rc = error_set(
			err, ERR_FORMAT,
			"-k: '%s' is of another build than the kernel of the log: no function that allocates"
			" there is in it with the same length, or at such an address",
			options->symbols.paths[0]);
	if (rc == 0 && options->symbols.count && (!l->text || l->log_names.debug))
		rc = symbolize(l->writer, &options->symbols, &ret->symbols, err);
	if (rc == 0)
		rc = db_writer_run(l->writer, schema_views_sql, err);
	if (rc == 0 && is_interrupted())
		rc = error_set(err, ERR_INTERRUPTED, "interrupted; nothing was written");
	if (rc == 0)
		rc = db_writer_commit(l->writer, &ret->db_bytes, err);
	if (rc < 0)
		return rc;
	ret->events = l->replay.counts.events;
	ret->allocations = l->replay.counts.allocs;
	ret->lost = db_facts_lost(&facts);
	ret->damage = l->scan.damage_count;
	ret->capture_bytes = l->identity.length;
	ret->clean_end = l->scan.clean_end;
	if (l->text) {
		ret->is_text = true;
		ret->text = *text_log_counts(l->text);
	}
	return 0;
}

static void load_release(struct load *l)
{
	progress_clear(&l->progress);
	db_writer_free(l->writer);
	replay_release(&l->replay);
	text_log_free(l->text);
	merge_release(&l->merge);
	cpu_streams_release(&l->streams);
	dictionaries_free(l->dictionaries);
	feed_free(l->feed);
	losses_release(&l->losses);
	modules_free(l->modules);
	symbol_files_release(&l->symbol_files);
	processes_release(&l->processes);
	tasks_release(&l->tasks);
	sites_release(&l->sites);
	stacks_release(&l->stacks);
	free(l->roles);
	symbols_free(l->symbols);
	buf_release(&l->log_names.text);
	capture_model_release(&l->model);
	capture_scan_release(&l->scan);
	series_release(&l->series);
	free(l);
}

/* Everything up to the first event. */
static int prepare(struct load *l, const struct load_options *options, struct error *err)
{
	char *one[] = { (char *)(uintptr_t)options->capture };
	char *const *paths = options->count ? options->captures : one;
	int rc = feed_new(&l->feed, err);

	if (rc == 0)
		rc = text_log_is_one(paths[0], err);
	if (rc == 1)
		rc = options->count > 1 ?
			     error_set(err, ERR_USAGE,
				       "'%s' is a text log; one log is loaded at a time",
				       paths[0]) :
			     read_text(l, paths[0], &options->symbols, err);
	else if (rc == 0)
		rc = read_metadata(l, paths, options->count ? options->count : 1, options->trust,
				   err);
	return rc < 0 ? rc : prepare_replay(l, err);
}

static int load(const struct load_options *options, const char *target, struct load_result *ret,
		struct error *err)
{
	struct load *l = calloc(1, sizeof(*l));
	int rc;

	if (!l)
		return error_nomem(err);
	progress_init(&l->progress, "scanning", options->progress);
	l->symbol_files = (struct symbol_files){ .dirs = options->debug_dirs,
						 .dir_count = options->debug_dir_count };
	rc = check_target(target, err);
	if (rc == 0)
		rc = prepare(l, options, err);
	if (rc == 0)
		rc = make_database(l, target, options->force, err);
	if (rc == 0)
		rc = finish_database(l, options, ret, err);
	load_release(l);
	return rc;
}

int load_rows_only(const char *capture, struct load_result *ret, struct error *err)
{
	const struct load_options options = { .capture = capture };
	struct load *l = calloc(1, sizeof(*l));
	int rc;

	if (!l)
		return error_nomem(err);
	rc = prepare(l, &options, err);
	if (rc == 0)
		rc = run_threads(l, err);
	ret->events = l->replay.counts.events;
	ret->allocations = l->replay.counts.allocs;
	load_release(l);
	return rc;
}

int load_capture(const struct load_options *options, struct load_result *ret, struct error *err)
{
	/* The second signal has its usual effect. */
	const struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };
	struct sigaction old_int, old_term;
	struct load_result result = { 0 };
	struct timespec start, end;
	char *name = options->db ?
			     strdup(options->db) :
		     options->count > 1 ?
			     load_series_db_name(options->captures[0]) :
			     load_db_name(options->count ? options->captures[0] : options->capture);
	int rc;

	if (!name)
		return error_nomem(err);
	clock_gettime(CLOCK_MONOTONIC, &start);
	__atomic_store_n(&interrupted, 0, __ATOMIC_RELAXED);
	sigaction(SIGINT, &action, &old_int);
	sigaction(SIGTERM, &action, &old_term);
	rc = load(options, name, &result, err);
	sigaction(SIGINT, &old_int, NULL);
	sigaction(SIGTERM, &old_term, NULL);
	clock_gettime(CLOCK_MONOTONIC, &end);
	result.seconds = (double)(end.tv_sec - start.tv_sec) +
			 (double)(end.tv_nsec - start.tv_nsec) / 1e9;
	if (rc == 0 && ret)
		*ret = result;
	free(name);
	return rc;
}
