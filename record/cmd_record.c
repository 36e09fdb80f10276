/* kmem-record without a subcommand: records the running kernel until it is told to stop. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "format/base/options.h"
#include "format/base/units.h"
#include "record/commands.h"
#include "record/session.h"
#include "version.h"

struct record_options {
	const char *output;
	bool force, quiet, help, version;
	struct option_list events, pids, tids, cpus;
	bool only_command;
	const char *cgroup;
	const char *stacks, *symbols, *backend;
	bool user_stacks;
	uint64_t stack_sample;
	uint64_t duration_ns, ring_bytes, ring_pages, survivors_ns, fold_memory;
	uint64_t max_bytes, rotate_bytes, keep;
	const char *watermark, *nice;
	struct option_list place_cpus;
	bool overwrite;
	const char *trigger;
	uint64_t flight_bytes;
};

static const char *const stacks_choices[] = { "alloc", "all", "none", NULL };
static const char *const backend_choices[] = { "ftrace", "perf", NULL };
static const char *const symbols_choices[] = { "all", "used", NULL };

#define AT(field) offsetof(struct record_options, field)

/* clang-format off */
static const struct option_row rows[] = {
	{ .name = "output", .letter = 'o', .arg = "FILE", .kind = OPT_STRING, .offset = AT(output),
	  .help = "the capture; - is standard output (default: kmem-HOST-DATE-TIME.kmem)" },
	{ .name = "force", .letter = 'f', .kind = OPT_FLAG, .offset = AT(force),
	  .help = "overwrite FILE" },
	{ .name = "event", .letter = 'e', .arg = "SPEC", .kind = OPT_LIST, .offset = AT(events),
	  .help = "a preset (slab, page, percpu, vmalloc, all) or an event: SYSTEM:NAME[/FILTER/ATTR/...]" },
	{ .name = "stacks", .arg = "WHICH", .kind = OPT_CHOICE, .offset = AT(stacks), .choices = stacks_choices,
	  .help = "kernel stacks: alloc (of allocations, the default), all or none" },
	{ .name = "stack-sample", .arg = "N", .kind = OPT_NUMBER, .offset = AT(stack_sample),
	  .min = STACK_SAMPLE_MIN, .max = STACK_SAMPLE_MAX,
	  .help = "kernel stacks of one allocation in N, chosen at random: cheap; all events are recorded" },
	{ .name = "pid", .letter = 'p', .arg = "PID[,PID]", .kind = OPT_LIST, .offset = AT(pids),
	  .help = "only allocations of these processes, and of children that they fork from now on" },
	{ .name = "tid", .letter = 't', .arg = "TID[,TID]", .kind = OPT_LIST, .offset = AT(tids),
	  .help = "only allocations of these threads, and of what they fork or start" },
	{ .name = "cgroup", .arg = "GROUP", .kind = OPT_STRING, .offset = AT(cgroup),
	  .help = "only allocations of a control group (v2): its path, or a unit such as sshd.service" },
	{ .name = "only-command", .kind = OPT_FLAG, .offset = AT(only_command),
	  .help = "only allocations of COMMAND and its children" },
	{ .name = "cpu", .letter = 'C', .arg = "CPUS", .kind = OPT_LIST, .offset = AT(cpus),
	  .help = "only allocations on these CPUs: 0-3,8" },
	{ .name = "user-stacks", .kind = OPT_FLAG, .offset = AT(user_stacks),
	  .help = "stacks go on into the program, as far as its frame pointers lead (perf backend)" },
	{ .name = "user-callchain", .kind = OPT_FLAG, .offset = AT(user_stacks) },
	{ .name = "backend", .arg = "WHICH", .kind = OPT_CHOICE, .offset = AT(backend), .choices = backend_choices,
	  .help = "ftrace (the cheaper one, the default) or perf (where user stacks or page faults need it)" },
	{ .name = "duration", .letter = 'd', .arg = "TIME", .kind = OPT_TIME, .offset = AT(duration_ns),
	  .unit = 1000000000, .help = "stop after TIME: 10s 500ms 2m; a bare number is seconds" },
	{ .name = "max-size", .arg = "SIZE", .kind = OPT_BYTES, .offset = AT(max_bytes), .min = 65536,
	  .help = "stop before FILE is larger than SIZE: 500M 2G" },
	{ .name = "rotate", .arg = "SIZE", .kind = OPT_BYTES, .offset = AT(rotate_bytes), .min = 65536,
	  .help = "a new file whenever one has SIZE: FILE with a number, cap.000001.kmem and so on" },
	{ .name = "keep", .arg = "N", .kind = OPT_NUMBER, .offset = AT(keep), .min = 1, .max = 999999,
	  .help = "with --rotate: only the last N files are kept (default: all)" },
	{ .name = "buffer", .arg = "SIZE", .kind = OPT_BYTES, .offset = AT(ring_bytes), .min = 4096,
	  .max = 1ull << 32, .help = "ring buffer per CPU (default: 16M, all at most 10 % of memory)" },
	{ .name = "mmap-pages", .letter = 'm', .arg = "PAGES", .kind = OPT_NUMBER, .offset = AT(ring_pages), .min = 1,
	  .max = 1u << 20, .help = "the same in pages, a power of two" },
	{ .name = "watermark", .arg = "BYTES|PERCENT", .kind = OPT_STRING, .offset = AT(watermark),
	  .help = "how much in a ring wakes its reader: 1M, 10% (default: 25%)" },
	{ .name = "nice", .arg = "N", .kind = OPT_STRING, .offset = AT(nice),
	  .help = "how urgent the threads that read the rings are: -20 (the default) to 19" },
	{ .name = "place-cpu", .arg = "CPUS", .kind = OPT_LIST, .offset = AT(place_cpus),
	  .help = "where they run: 0-3,8 (default: each on the CPUs that it reads)" },
	{ .name = "survivors", .arg = "AGE", .kind = OPT_TIME, .offset = AT(survivors_ns), .unit = 1000000000,
	  .help = "count what is freed within AGE (1ms to 60s) instead of writing it: small files" },
	{ .name = "fold-memory", .arg = "SIZE", .kind = OPT_BYTES, .offset = AT(fold_memory),
	  .min = FOLDING_MEMORY_MIN, .max = 1ull << 40,
	  .help = "memory for --survivors (default: 256M, at most 5 % of memory)" },
	{ .name = "overwrite", .kind = OPT_FLAG, .offset = AT(overwrite),
	  .help = "flight recorder: keep the latest events in memory; write them on SIGUSR2, ctl dump, or the end" },
	{ .name = "size", .arg = "SIZE", .kind = OPT_BYTES, .offset = AT(flight_bytes), .min = 65536,
	  .max = 1ull << 40, .help = "its memory, all CPUs together (default: as --buffer)" },
	{ .name = "trigger", .arg = "EVENT", .kind = OPT_STRING, .offset = AT(trigger),
	  .help = "it also writes when SYSTEM:NAME[/FILTER/] happens, up to that very moment" },
	{ .name = "symbols", .arg = "WHICH", .kind = OPT_CHOICE, .offset = AT(symbols),
	  .choices = symbols_choices,
	  .help = "kernel symbols to save: all (the default), or used: what the stacks need, at the end" },
	{ .name = "quiet", .letter = 'q', .kind = OPT_FLAG, .offset = AT(quiet),
	  .help = "say nothing unless something went wrong" },
	{ .name = "help", .letter = 'h', .kind = OPT_FLAG, .offset = AT(help), .help = "this text" },
	{ .name = "version", .letter = 'V', .kind = OPT_FLAG, .offset = AT(version), .help = "the version" },
	{ .name = NULL }
};
/* clang-format on */

static void print_help(void)
{
	printf("usage: " PROGRAM
	       " [-o FILE] [-e SPEC]... [-p PID] [-C CPUS] [-d TIME] [-- COMMAND [ARG...]]\n\n"
	       "Records kernel memory allocations, system-wide, into a capture file: until COMMAND ends, TIME is\n"
	       "over or Ctrl-C is pressed, whichever is first. A COMMAND that outlives TIME is left running.\n"
	       "It needs root. kmem-analyze reads the capture, anywhere and as any user.\n\n");
	options_help(stdout, rows);
	printf("\nother commands, each with its own --help:\n"
	       "  " PROGRAM " ctl         pauses, marks and stops a recorder that runs\n"
	       "  " PROGRAM
	       " dump        saves what the kernel's tracing rings hold already, of boot above all\n"
	       "  " PROGRAM " boot-args   the kernel command line that records boot\n");
	printf("\nEvery -e adds events; without one it is the slab set: kmalloc, kfree, kmem_cache_alloc,\n"
	       "kmem_cache_free. SPEC may be a list: -e slab,page. Names may hold wildcards. FILTER is the\n"
	       "kernel's, and knows functions: call_site==alloc_pipe_info. ATTR is stack, max-stack=FRAMES, or\n"
	       "for the analysis ptr=, size=, key=, alias=, comm=. With slashes an event has stacks only if it\n"
	       "says so, without as --stacks says.\n"
	       "\n-p, -t and --only-command add up, -C restricts them. Frees are recorded from everywhere, because\n"
	       "what one task allocates another one or an interrupt may free.\n"
	       "\nexamples:\n"
	       "  " PROGRAM " -o boot.kmem -d 10s                 ten seconds of everything\n"
	       "  " PROGRAM " -o make.kmem -- make -j4            while a command runs\n"
	       "  " PROGRAM " --only-command -- make -j4         only what that command allocates\n"
	       "  " PROGRAM
	       " -p 1234 -d 1m                      only what a running process allocates\n"
	       "  " PROGRAM " -e page --stacks all -d 5           pages, stacks of frees too\n"
	       "  " PROGRAM
	       " -e 'kmem:kmalloc/bytes_alloc>1024/stack/,kmem:kfree'    large ones only\n"
	       "  ssh target " PROGRAM " -o - -d 10 > cap.kmem    over the network\n"
	       "  kmem-analyze kmemleak boot.kmem                what was allocated and not freed\n"
	       "\nexit status: 0 nothing lost; 1 failed; 2 usage; 3 the capture is good but incomplete\n");
}

/* ---- what is shown while recording and after ---- */

struct screen {
	bool line; /* a status line is on the terminal */
	uint64_t last_ns, last_events;
};

static void screen_clear(struct screen *screen)
{
	if (screen->line)
		fputs("\r\033[K", stderr);
	screen->line = false;
}

static void on_note(void *arg, const char *text)
{
	screen_clear(arg);
	complain(text);
}

static void on_status(void *arg, const struct session_status *status)
{
	struct screen *screen = arg;
	char elapsed[UNITS_TEXT], rate[UNITS_TEXT], bytes[UNITS_TEXT], lost[UNITS_TEXT];
	uint64_t ns = status->elapsed_ns - screen->last_ns;
	double per_second = ns ? (double)(status->events - screen->last_events) * 1e9 / (double)ns :
				 0;

	screen_clear(screen);
	fprintf(stderr, "%s  %s events/s  %s written  %s lost",
		units_duration(elapsed, status->elapsed_ns),
		units_count(rate, (uint64_t)per_second), units_bytes(bytes, status->bytes),
		units_count(lost, status->lost));
	fflush(stderr);
	screen->line = true;
	screen->last_ns = status->elapsed_ns;
	screen->last_events = status->events;
}

static void print_losses(const struct session_report *r)
{
	char lost[UNITS_TEXT], overrun[UNITS_TEXT], commit[UNITS_TEXT], dropped[UNITS_TEXT];
	bool full = false, perf = r->backend && !strcmp(r->backend, "perf");
	const char *apart = perf ? "counted by the kernel but never handed out" : "nested too deep";

	for (size_t i = 0; i < r->ring_count; i++) {
		const struct ring_stats *c = &r->rings[i];

		if (!ring_stats_lost(c))
			continue;
		fprintf(stderr,
			"  CPU %u%s: %s records lost (%s refused by a full ring, %s overwritten, %s %s)\n",
			c->cpu, c->ring ? ", second ring" : "",
			units_count(lost, ring_stats_lost(c)), units_count(dropped, c->dropped),
			units_count(overrun, c->overrun), units_count(commit, c->commit_overrun),
			apart);
		full |= c->dropped || c->overrun > c->overwritten;
	}
	if (full)
		fprintf(stderr,
			"  records were lost: a larger --buffer or fewer events may avoid it\n");
	if (!r->exact)
		fprintf(stderr, "  the account is not exact: %s\n", r->problem);
}

static void print_folded(const struct session_report *r)
{
	const struct folding_report *f = &r->folded;
	char age[UNITS_TEXT], pairs[UNITS_TEXT], frees[UNITS_TEXT], n[UNITS_TEXT];
	char reused[UNITS_TEXT];

	if (!r->folds)
		return;
	fprintf(stderr,
		"  folded: %s pairs that lived at most %s, %s allocations without a traced free, %s"
		" frees of NULL: counted, not written\n",
		units_count(pairs, f->counts.pairs), units_duration(age, f->age_ns),
		units_count(reused, f->counts.reused), units_count(frees, f->counts.null_frees));
	if (f->counts.early)
		fprintf(stderr,
			"  %s allocations were written early: the hold was full; a larger --fold-memory"
			" makes the file smaller\n",
			units_count(n, f->counts.early));
	if (f->stopped_ns)
		fprintf(stderr,
			"  the live addresses did not fit: from then on everything was written; try a"
			" larger --fold-memory\n");
	if (f->counts.late)
		fprintf(stderr, "  %s events came late: pairs around them were written\n",
			units_count(n, f->counts.late));
}

static void print_sampled(const struct session_report *r)
{
	char lost[UNITS_TEXT];

	if (!r->samples)
		return;
	fprintf(stderr, "  stacks are of one allocation in %" PRIu64 ", chosen %s%s\n",
		r->sampled.period, *r->sampled.why ? "by counting: " : "at random", r->sampled.why);
	if (r->sampled.lost)
		fprintf(stderr, "  stacks of %s that were chosen are missing\n",
			units_count(lost, r->sampled.lost));
}

static void print_account(const struct session_report *r, const struct record_options *o)
{
	char elapsed[UNITS_TEXT], events[UNITS_TEXT], stacks[UNITS_TEXT], bytes[UNITS_TEXT];
	const char *name = r->output[0] ? r->output : o->output;
	uint64_t joined = r->samples ? r->sampled.joined : 0, missing = 0, orphans = 0;
	uint64_t all = r->events + 2 * r->folded.counts.pairs + r->folded.counts.reused +
		       r->folded.counts.null_frees;

	for (size_t i = 0; i < r->ring_count; i++) {
		joined += r->rings[i].stacks;
		missing += r->rings[i].missing_stacks;
		orphans += r->rings[i].orphan_stacks;
	}
	fprintf(stderr, PROGRAM ": %s events and %s stacks in %s; %s", units_count(events, all),
		units_count(stacks, joined), units_duration(elapsed, r->elapsed_ns),
		units_bytes(bytes, r->bytes));
	if (all)
		fprintf(stderr, " (%.2f bytes/event)", (double)r->bytes / (double)all);
	fprintf(stderr, "; %s\n", r->lost ? "records were lost:" : "nothing lost");
	if (missing || orphans)
		fprintf(stderr,
			"  %" PRIu64 " events without their stack, %" PRIu64
			" stacks without their event\n",
			missing, orphans);
	print_sampled(r);
	print_folded(r);
	print_losses(r);
	if (r->command_status[0])
		fprintf(stderr, "  command: %s\n", r->command_status);
	if (r->captures > 1)
		fprintf(stderr, "  %u captures were written, the last is:\n", r->captures);
	if (!strcmp(o->output, "-"))
		return;
	if (r->segments)
		fprintf(stderr, "  %s, as %" PRIu32 " numbered files%s\n", name, r->segments,
			o->keep && r->segments > o->keep ? "; the last ones are kept" : "");
	else
		fprintf(stderr, "  %s\n", name);
	fprintf(stderr, "  next: kmem-analyze kmemleak %s\n", name);
}

/* ---- */

static enum exit_code exit_code_of(int rc, const struct session_report *r)
{
	if (rc == ERR_USAGE)
		return EXIT_USAGE;
	if (rc == ERR_FULL && r->started)
		return EXIT_INCOMPLETE;
	if (rc < 0)
		return EXIT_FAILED;
	return r->lost || r->any_lost || !r->exact || !r->complete ? EXIT_INCOMPLETE : EXIT_DONE;
}

/* -m and --watermark. */
static int ring_options(const struct record_options *o, struct session_options *to,
			struct error *err)
{
	size_t len = o->watermark ? strlen(o->watermark) : 0;
	char digits[16];

	if (o->ring_pages & (o->ring_pages - 1))
		return error_set(err, ERR_USAGE,
				 "-m %" PRIu64 ": a ring has a power of two of pages: 1024, 4096",
				 o->ring_pages);
	if (o->ring_pages && o->ring_bytes)
		return error_set(err, ERR_USAGE, "-m and --buffer say the same thing: give one");
	if (o->ring_pages)
		to->ring_bytes = o->ring_pages * (uint64_t)sysconf(_SC_PAGESIZE);
	if (len && o->watermark[len - 1] == '%' && len < sizeof(digits)) {
		snprintf(digits, sizeof(digits), "%.*s", (int)(len - 1), o->watermark);
		return parse_number(digits, "--watermark", 1, 100, &to->watermark_percent, err);
	}
	return len ? parse_bytes(o->watermark, "--watermark", &to->watermark_bytes, err) : 0;
}

static enum exit_code record(const struct record_options *o, int argc, char **argv, char **command)
{
	struct screen screen = { 0 };
	struct session_ui ui = {
		.note = on_note,
		.status = !o->quiet && isatty(STDERR_FILENO) ? on_status : NULL,
		.arg = &screen,
	};
	char *command_line = command_line_text(argc, argv);
	struct session_options options = {
		.output = o->output,
		.max_bytes = o->max_bytes,
		.rotate_bytes = o->rotate_bytes,
		.keep = (uint32_t)o->keep,
		.force = o->force,
		.specs = o->events.items,
		.spec_count = o->events.count,
		.stacks = !o->stacks || !strcmp(o->stacks, "alloc") ? STACKS_ALLOC :
			  !strcmp(o->stacks, "all")		    ? STACKS_ALL :
								      STACKS_NONE,
		.stack_sample = o->stack_sample,
		.nice = o->nice,
		.place_cpus = o->place_cpus,
		.pids = o->pids,
		.tids = o->tids,
		.cpus = o->cpus,
		.cgroup = o->cgroup,
		.only_command = o->only_command,
		.duration_ns = o->duration_ns,
		.ring_bytes = o->ring_bytes,
		.survivors_ns = o->survivors_ns,
		.fold_memory = o->fold_memory ? o->fold_memory : folding_default_memory(),
		.backend = !o->backend		       ? BACKEND_ANY :
			   !strcmp(o->backend, "perf") ? BACKEND_PERF :
							 BACKEND_FTRACE,
		.user_stacks = o->user_stacks,
		.overwrite = o->overwrite,
		.flight_bytes = o->flight_bytes,
		.trigger = o->trigger,
		.symbols_used = o->symbols && !strcmp(o->symbols, "used"),
		.command = command,
		.command_line = command_line ? command_line : PROGRAM,
		.version = KMEM_VERSION,
	};
	struct session_report report = { 0 };
	struct error err = { 0 };
	enum exit_code code;
	int rc = ring_options(o, &options, &err);

	if (rc == 0)
		rc = session_run(&options, &ui, &report, &err);

	screen_clear(&screen);
	code = exit_code_of(rc, &report);
	if (rc < 0) {
		complain(err.text);
		if (rc == ERR_FULL && report.started)
			fprintf(stderr,
				"  recording stopped; '%s' is good up to there: %" PRIu64
				" events\n",
				o->output, report.events);
	} else if (!o->quiet || code != EXIT_DONE) {
		print_account(&report, o);
	}
	session_report_release(&report);
	free(command_line);
	return code;
}

static int check_options(const struct record_options *o, struct error *err)
{
	if (o->keep && !o->rotate_bytes)
		return error_set(err, ERR_USAGE,
				 "--keep says how many files of --rotate are kept: "
				 "give both");
	if (o->overwrite && (o->rotate_bytes || o->max_bytes))
		return error_set(
			err, ERR_USAGE,
			"--overwrite writes what its rings hold, which --buffer bounds: leave "
			"out --max-size and --rotate");
	if (o->survivors_ns && (o->rotate_bytes || o->max_bytes))
		return error_set(err, ERR_USAGE,
				 "--survivors holds events back, so that neither --max-size nor "
				 "--rotate can say what a file will hold: leave one out");
	if (!o->rotate_bytes)
		return 0;
	if (!strcmp(o->output, "-"))
		return error_set(err, ERR_USAGE,
				 "--rotate makes several files: give -o a name for them");
	if (o->max_bytes)
		return error_set(err, ERR_USAGE,
				 "--max-size ends the recording and --rotate goes on: give one of "
				 "them (--keep bounds what --rotate needs)");
	if (o->symbols && !strcmp(o->symbols, "used"))
		return error_set(err, ERR_USAGE,
				 "--symbols used is saved at the end, and with --rotate each file "
				 "needs its symbols from the start");
	return 0;
}

enum exit_code cmd_record(int argc, char **argv)
{
	struct record_options o = { 0 };
	struct error err = { 0 };
	enum exit_code code = EXIT_DONE;
	char name[160];
	int first = options_parse(rows, &o, argc, argv, true, &err);

	if (first < 0) {
		complain(err.text);
		fprintf(stderr, "'" PROGRAM " --help' lists the options\n");
		code = EXIT_USAGE;
	} else if (o.help) {
		print_help();
	} else if (o.version) {
		printf(PROGRAM " " KMEM_VERSION "\n");
	} else {
		if (!o.output) {
			default_output_name(name, sizeof(name));
			o.output = name;
		}
		if (check_options(&o, &err) < 0) {
			complain(err.text);
			code = EXIT_USAGE;
		} else {
			code = record(&o, argc, argv, first < argc ? argv + first : NULL);
		}
	}
	option_list_release(&o.events);
	option_list_release(&o.pids);
	option_list_release(&o.place_cpus);
	option_list_release(&o.tids);
	option_list_release(&o.cpus);
	return code;
}
