#include "record/session_state.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "format/base/units.h"
#include "record/software_event.h"
#include "record/tracefs.h"

#define STATUS_NS 500000000ull
#define SYNC_NS	  5000000000ull
#define TICK_NS	  1000000000ull
#define LOOK_NS	  100000000ull /* whether a trigger has stopped the rings */

uint64_t session_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void session_note(const struct session *s, const char *text)
{
	if (s->ui->note)
		s->ui->note(s->ui->arg, text);
}

/* ---- beginning ---- */

static int block_signals(struct session *s, struct error *err)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGHUP);
	sigaddset(&mask, SIGUSR1);
	sigaddset(&mask, SIGUSR2);
	sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_BLOCK, &mask, &s->old_mask);
	sigaction(SIGPIPE, &ignore, &s->old_pipe); /* a reader that is gone is a write error here */
	s->signal_fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signal_fd < 0 ? error_errno(err, "cannot wait for signals") : 0;
}

static void pass_warnings(const struct session *s)
{
	char *save = NULL;

	for (char *line = strtok_r((char *)s->events.warnings.data, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		session_note(s, line);
}

/*
 * Events carry the process ids of the initial namespace. In a container /proc shows other numbers,
 * which would name the wrong tasks: names are then left to the events.
 */
static void look_at_pid_namespace(struct session *s)
{
	const ino_t initial = 0xeffffffc; /* PROC_PID_INIT_INO */
	struct stat st;

	s->foreign_pids = stat("/proc/self/ns/pid", &st) == 0 && st.st_ino != initial;
	if (s->foreign_pids)
		session_note(
			s,
			"this is a PID namespace of its own: tasks that run already stay nameless, and what kmem-record"
			" allocates is not told apart");
}

/* What --survivors asks for is possible with these events. */
static int check_folding(struct session *s, struct error *err)
{
	char text[200], sentence[300];

	if (!s->options->survivors_ns)
		return 0;
	if (s->options->survivors_ns < FOLDING_AGE_MIN ||
	    s->options->survivors_ns > FOLDING_AGE_MAX)
		return error_set(err, ERR_USAGE, "--survivors: AGE is from 1ms to 60s");
	if (!folding_possible(&s->events, text, sizeof(text)))
		return error_set(err, ERR_USAGE,
				 "--survivors: of no kind of memory both allocations and frees are"
				 " recorded, so that nothing could be folded");
	if (*text) {
		snprintf(sentence, sizeof(sentence),
			 "--survivors: only one side is recorded of %s; its events are all written",
			 text);
		session_note(s, sentence);
	}
	return 0;
}

/* What --stack-sample asks for is possible with these events, and with these options. */
static int check_sampling(const struct session *s, struct error *err)
{
	const struct session_options *o = s->options;
	const char *with = o->stacks == STACKS_ALL  ? "--stacks all, which takes every stack" :
			   o->stacks == STACKS_NONE ? "--stacks none" :
			   o->user_stacks	    ? "--user-stacks" :
			   o->overwrite		    ? "--overwrite, which nobody reads meanwhile" :
			   o->survivors_ns	    ? "--survivors" :
			   o->backend == BACKEND_PERF ? "--backend perf" :
							NULL;
	bool any = false;

	if (!o->stack_sample)
		return 0;
	if (with)
		return error_set(err, ERR_USAGE,
				 "--stack-sample does not go with %s: leave one out", with);
	for (size_t i = 0; i < s->events.count; i++) {
		const struct listed_event *e = &s->events.items[i];

		if (!e->stacks)
			continue;
		if (!stack_sampler_knows(e->system, e->name))
			return error_set(
				err, ERR_USAGE,
				"--stack-sample takes stacks of allocations only: of %s:%s "
				"ask for none, or leave --stack-sample out",
				e->system, e->name);
		if (e->filter)
			return error_set(
				err, ERR_USAGE,
				"--stack-sample chooses among all of %s:%s: leave out its "
				"filter, or --stack-sample (a filter makes stacks rare, too)",
				e->system, e->name);
		any = true;
	}
	return any ? 0 :
		     error_set(err, ERR_USAGE,
			       "--stack-sample: stacks are asked for of no event: leave it out");
}

/* The tracing rings cost least; what they cannot do is perf's. */
static int choose_backend(struct session *s, const struct backend_request *request,
			  struct error *err)
{
	const struct session_options *o = s->options;
	const char *only_perf = o->user_stacks ? "user stacks" : NULL;

	for (size_t i = 0; i < s->events.count; i++)
		if (!strcmp(s->events.items[i].system, SOFTWARE_SYSTEM))
			only_perf = "page-fault events";
	if (only_perf && o->stack_sample)
		return error_set(err, ERR_USAGE,
				 "--stack-sample needs the ftrace backend, which cannot record %s: "
				 "leave one out",
				 only_perf);
	if (only_perf && o->backend == BACKEND_FTRACE)
		return error_set(err, ERR_USAGE, "%s need the perf backend: leave --backend out",
				 only_perf);
	if (!only_perf && o->backend != BACKEND_PERF)
		return ftrace_backend_new(&s->backend, request, err);
	/* it folds nothing around a loss, and perf tells some losses at the end only */
	if (o->survivors_ns)
		return error_set(err, ERR_USAGE, "--survivors needs the ftrace backend%s%s",
				 only_perf ? ", which cannot record " : "",
				 only_perf ? only_perf : "");
	return perf_backend_new(&s->backend, request, err);
}

static int prepare(struct session *s, struct error *err)
{
	const struct session_options *o = s->options;
	const struct output_options out = { .path = o->output,
					    .force = o->force,
					    .rotate_bytes = o->rotate_bytes,
					    .keep = o->keep };
	struct backend_request request = { .options = o,
					   .events = &s->events,
					   .selection = &s->selection,
					   .placement = &s->placement };
	int rc;

	rc = flight_check(o, err);
	if (rc < 0)
		return rc;
	look_at_pid_namespace(s);
	rc = selection_make(&s->selection, o, s->foreign_pids, err);
	if (rc == 0)
		rc = placement_make(&s->placement, o, err);
	if (rc < 0)
		return rc;
	s->top = tracefs_open(err);
	if (s->top < 0)
		return s->top;
	rc = event_list_make(&s->events, s->top, o->specs, o->spec_count, o->stacks, err);
	if (rc < 0)
		return rc;
	pass_warnings(s);
	if (o->trigger)
		rc = flight_trigger_parse(&s->trigger, o->trigger, s->top, err);
	if (rc < 0)
		return rc;
	request.trigger = o->trigger ? &s->trigger : NULL;
	rc = check_folding(s, err);
	if (rc == 0)
		rc = check_sampling(s, err);
	if (rc == 0)
		rc = block_signals(s, err);
	if (rc == 0 && o->command)
		rc = command_prepare(&s->command, o->command, &s->old_mask, err);
	if (o->only_command)
		s->selection.command = s->command.pid;
	if (rc < 0)
		return rc;
	request.top = s->top;
	request.foreign_pids = s->foreign_pids;
	rc = choose_backend(s, &request, err);
	if (rc == 0 && o->overwrite && !s->backend->ops->is_on)
		rc = error_set(err, ERR_USAGE, "--overwrite needs the ftrace backend");
	/* before the output: a filter that the kernel rejects must not empty a file */
	if (rc == 0)
		rc = s->backend->ops->prepare(s->backend, err);
	if (rc < 0 || o->overwrite)
		return rc;
	rc = output_open(&s->output, &out, err);
	if (rc < 0)
		return rc;
	meta_init(&s->meta, s->output.writer, tree_live(s->top), "start");
	module_watch_start(&s->modules, &s->meta.tree);
	rc = segments_init(&s->segments, &s->output, &s->meta, s->backend, o->max_bytes, err);
	s->segments.tasks = !s->foreign_pids;
	if (rc == 0)
		rc = segments_first(&s->segments, err);
	if (rc == 0)
		rc = session_put_metadata(s, err);
	return rc < 0 ? rc : segments_started(&s->segments, err);
}

static void listen_to_ctl(struct session *s)
{
	struct error cannot = { 0 };

	s->steer.can_dump = s->options->overwrite;
	if (steer_open(&s->steer, s->backend, &s->meta, &cannot) < 0)
		session_note(s, cannot.text); /* it records all the same */
}

/* A flight recorder: the rings run, and there is no capture yet. */
static int start_flight(struct session *s, struct error *err)
{
	int rc = s->backend->ops->arm(s->backend, NULL, err);

	if (rc < 0)
		return rc;
	s->start_ns = session_now_ns();
	s->report->started = true;
	rc = s->backend->ops->go(s->backend, err);
	command_go(&s->command);
	listen_to_ctl(s);
	return rc;
}

static int start(struct session *s, struct error *err)
{
	int rc = meta_put_memory_files(&s->meta, "start", err);

	if (rc == 0)
		rc = s->backend->ops->arm(s->backend, s->output.writer, err);
	if (rc < 0)
		return rc;
	s->start_ns = session_now_ns();
	s->report->started = true;
	rc = s->backend->ops->go(s->backend, err);
	info_encode_u64(&s->meta.info, "time.start_ns", s->start_ns);
	if (rc == 0)
		rc = meta_put_info(&s->meta, err);
	/* after the switch: whoever is born later is named by an event */
	if (rc == 0 && !s->foreign_pids)
		rc = meta_put_tasks(&s->meta, session_now_ns(), err);
	command_go(&s->command);
	listen_to_ctl(s);
	return rc;
}

/* ---- waiting ---- */

/* SIGUSR1 marks a moment; SIGUSR2 is a flight recorder's. A failure shows at the next block put. */
static void take_user_signal(struct session *s, uint32_t number)
{
	if (number == SIGUSR1)
		steer_mark(&s->steer, "SIGUSR1", NULL);
	else if (s->options->overwrite)
		s->want_dump = true;
	else
		session_note(s, "SIGUSR2 is ignored: this recorder writes as it goes");
}

/* True when the session is to end. */
static bool take_signals(struct session *s)
{
	struct signalfd_siginfo info;

	while (read(s->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD) {
			if (!command_ended(&s->command))
				continue;
			snprintf(s->report->end_reason, sizeof(s->report->end_reason), "command");
		} else if (info.ssi_signo == SIGUSR1 || info.ssi_signo == SIGUSR2) {
			take_user_signal(s, info.ssi_signo);
			continue;
		} else {
			snprintf(s->report->end_reason, sizeof(s->report->end_reason), "signal %u",
				 info.ssi_signo);
		}
		return true;
	}
	return false;
}

static void tell_status(const struct session *s, uint64_t now)
{
	struct session_status status = {
		.elapsed_ns = now - s->start_ns,
		.events = output_events(&s->output),
		.bytes = output_bytes(&s->output),
		.lost = s->backend->ops->lost(s->backend),
	};

	if (s->ui->status)
		s->ui->status(s->ui->arg, &status);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Segments that come later need them, too. */
int session_look_at_modules(struct session *s, bool last, struct error *err)
{
	int rc;

	s->meta.keep = s->output.number != 0;
	rc = module_watch_look(&s->modules, &s->meta, last, err);
	s->meta.keep = false;
	return rc;
}

static int wait_for_end(struct session *s, struct error *err)
{
	uint64_t end = s->options->duration_ns ? s->start_ns + s->options->duration_ns : UINT64_MAX;
	bool flight = s->options->overwrite;
	uint64_t next_status = s->ui->status && !flight ? s->start_ns + STATUS_NS : UINT64_MAX;
	uint64_t next_sync = flight ? UINT64_MAX : s->start_ns + SYNC_NS;
	uint64_t look_ns = s->options->trigger ? LOOK_NS : 10 * LOOK_NS;
	uint64_t next_tick = s->backend->ops->tick ? s->start_ns + TICK_NS : UINT64_MAX;
	uint64_t next_modules = s->modules.present ? s->start_ns + TICK_NS : UINT64_MAX;
	struct pollfd fds[] = {
		{ .fd = s->signal_fd, .events = POLLIN },
		{ .fd = s->backend->ops->failure_fd(s->backend), .events = POLLIN },
		{ .fd = steer_fd(&s->steer), .events = POLLIN },
		{ .fd = segments_fd(&s->segments), .events = POLLIN },
	};
	int rc;

	for (;;) {
		uint64_t now = session_now_ns(), wait_ms,
			 next = earlier(earlier(end, next_tick), earlier(next_status, next_sync));

		next = earlier(next, next_modules);

		if (now >= end) {
			snprintf(s->report->end_reason, sizeof(s->report->end_reason), "duration");
			return 0;
		}
		if (now >= next_status) {
			tell_status(s, now);
			next_status = now + STATUS_NS;
		}
		if (now >= next_sync) {
			if (capture_writer_sync(s->output.writer, err) < 0)
				return err->code;
			next_sync = session_now_ns() + SYNC_NS;
		}
		if (now >= next_tick) {
			if (s->backend->ops->tick(s->backend, err) < 0)
				return err->code;
			next_tick = session_now_ns() + TICK_NS;
		}
		if (now >= next_modules) {
			if (session_look_at_modules(s, false, err) < 0)
				return err->code;
			next_modules = session_now_ns() + TICK_NS;
		}
		wait_ms = next > now ? (next - now + 999999) / 1000000 : 0;
		if (wait_ms > look_ns / 1000000)
			wait_ms = look_ns / 1000000;
		wait_ms = earlier(wait_ms, segments_wait_ms(&s->segments, 1000));
		if (poll(fds, sizeof(fds) / sizeof(fds[0]), (int)wait_ms) < 0 && errno != EINTR)
			return error_errno(err, "cannot wait");
		if (fds[1].revents) /* a reader has failed: drain says why */
			return 0;
		if (steer_serve(&s->steer, err) < 0)
			return err->code;
		if (s->steer.stop) {
			snprintf(s->report->end_reason, sizeof(s->report->end_reason), "ctl stop");
			return 0;
		}
		if (take_signals(s))
			return 0;
		if (flight && session_flight_look(s, err) < 0)
			return err->code;
		rc = segments_step(&s->segments, err);
		if (rc > 0)
			snprintf(s->report->end_reason, sizeof(s->report->end_reason), "size");
		if (rc)
			return rc < 0 ? rc : 0;
	}
}

/* ---- ending ---- */

/* Everything after the last event. The first failure is kept; what can still be done is done. */
static int finish(struct session *s, int failed, struct error *err)
{
	struct session_report *r = s->report;
	uint64_t end_ns;
	bool triggered = s->options->overwrite && session_flight_triggered(s);
	int rc;

	rc = s->backend->ops->stop(s->backend, err);
	end_ns = session_now_ns();
	if (s->options->overwrite) {
		if (rc == 0)
			rc = failed < 0 ? failed :
					  session_flight_write(s, triggered ? 0 : end_ns, err);
		goto told;
	}
	if (failed == 0 && rc == 0)
		rc = meta_put_memory_files(&s->meta, "end", err);
	if (failed < 0)
		rc = failed;
	if (s->backend->ops->drain(s->backend, err) < 0 && rc == 0)
		rc = err->code;
	if (segments_finish(&s->segments, err) < 0 && rc == 0)
		rc = err->code;
	if (session_account(s, err) < 0 && rc == 0)
		rc = err->code;
	if (rc == 0) {
		rc = session_put_end(s, end_ns, err);
	} else if (r->rings) {
		/* if the capture can still be written, it says how it ended */
		snprintf(r->end_reason, sizeof(r->end_reason), "error");
		session_put_end(s, end_ns, NULL);
	}
	r->events = output_events(&s->output);
	r->bytes = output_bytes(&s->output);
	r->segments = s->output.number;
told:
	command_ended(&s->command);
	snprintf(r->command_status, sizeof(r->command_status), "%s", s->command.status);
	r->elapsed_ns = end_ns - s->start_ns;
	return rc;
}

/* The answer to `ctl stop`, when everything is in the file and gone from the kernel. */
static void tell_end(struct session *s, int rc, const struct error *err)
{
	const struct session_report *r = s->report;
	char text[CONTROL_ANSWER_MAX], events[UNITS_TEXT], lost[UNITS_TEXT];

	if (rc < 0)
		snprintf(text, sizeof(text), "stopped with an error: %s", err ? err->text : "");
	else
		snprintf(text, sizeof(text), "stopped: %.400s, %s events, %s lost",
			 r->output[0] ? r->output : s->options->output,
			 units_count(events, r->events), units_count(lost, r->lost));
	steer_close(&s->steer, rc == 0, text);
}

static void session_release(struct session *s)
{
	if (s->backend)
		s->backend->ops->release(s->backend);
	command_release(&s->command);
	selection_release(&s->selection);
	placement_release(&s->placement);
	flight_trigger_release(&s->trigger);
	meta_release(&s->meta);
	module_watch_release(&s->modules);
	event_list_release(&s->events);
	/* nothing was recorded: leave no empty file behind */
	output_release(&s->output, s->report->started);
	segments_release(&s->segments);
	if (s->signal_fd >= 0) {
		close(s->signal_fd);
		sigaction(SIGPIPE, &s->old_pipe, NULL);
		sigprocmask(SIG_SETMASK, &s->old_mask, NULL);
	}
	if (s->top >= 0)
		close(s->top);
}

int session_run(const struct session_options *options, const struct session_ui *ui,
		struct session_report *report, struct error *err)
{
	struct session s = {
		.options = options,
		.ui = ui,
		.report = report,
		.top = -1,
		.output = OUTPUT_NONE,
		.segments = { .full_fd = -1 },
		.signal_fd = -1,
		.command = { .go_fd = -1 },
	};
	int rc;

	*report = (struct session_report){ 0 };
	rc = prepare(&s, err);
	if (rc == 0)
		rc = options->overwrite ? start_flight(&s, err) : start(&s, err);
	if (rc == 0)
		rc = wait_for_end(&s, err);
	if (report->started)
		rc = finish(&s, rc, err);
	session_release(&s);
	/* facts about the machine may be missing: what could not be read looks as if it were not there */
	if (rc == 0 && buf_lacked_memory())
		rc = error_nomem(err);
	tell_end(&s, rc, err);
	return rc;
}

void session_report_release(struct session_report *report)
{
	free(report->rings);
	*report = (struct session_report){ 0 };
}
