/*
 * session.h - one live recording from beginning to end: output, instance, events, command, waiting,
 * draining, the closing account. It does not print: the caller's functions are told.
 *
 *	session_run(&options, &ui, &report, &err);
 *	if (report.started) ...			// the capture holds what report says, also after an error
 *	session_report_release(&report);
 */
#ifndef KMEM_RECORD_SESSION_H
#define KMEM_RECORD_SESSION_H

#include "format/base/options.h"
#include "format/records.h"
#include "record/folding.h"
#include "record/presets.h"
#include "record/stack_sampler.h"

/* Any: perf where only perf can, else ftrace. */
enum backend_choice { BACKEND_ANY, BACKEND_FTRACE, BACKEND_PERF };

struct session_options {
	const char *output; /* "-": standard output */
	bool force;
	uint64_t max_bytes;    /* the recording ends when the file has so many; 0: no limit */
	uint64_t rotate_bytes; /* a new file when one has so many; 0: one file */
	uint32_t keep;	       /* of these; 0: all */
	const char *const *specs;
	size_t spec_count;
	enum stacks_mode stacks;
	uint64_t
		stack_sample; /* stacks of one allocation in so many; 0: of each. stack_sampler.h */
	uint64_t duration_ns; /* 0: no limit */
	uint64_t ring_bytes;  /* per CPU; 0: the default */
	uint64_t survivors_ns; /* fold what is freed within; 0: write everything. folding.h */
	uint64_t fold_memory;  /* bytes; 0: the default */
	/* how much of a ring wakes its reader; neither: a quarter */
	uint64_t watermark_bytes, watermark_percent;
	enum backend_choice backend;
	bool user_stacks; /* frames of the program, too */
	bool symbols_used;
	bool overwrite;	       /* a flight recorder: flight.h */
	uint64_t flight_bytes; /* its rings, all CPUs together; 0: ring_bytes per CPU */
	const char *trigger;   /* NULL: none */
	/* whose allocations: selection.h; lists of texts as they were typed */
	struct option_list pids, tids, cpus;
	const char *cgroup; /* NULL: none */
	bool only_command;
	const char *nice;	       /* of the threads; NULL: placement.h */
	struct option_list place_cpus; /* where they run; none: on the CPUs that they read */
	char **command;		       /* NULL-terminated; NULL: none */
	const char *command_line;      /* our own, for the record */
	const char *version;
};

struct session_status {
	uint64_t elapsed_ns, events, bytes, lost;
};

struct session_ui {
	void (*note)(void *arg, const char *text); /* one sentence; may be NULL */
	void (*status)(void *arg,
		       const struct session_status *status); /* about twice a second; may be NULL */
	void *arg;
};

struct session_report {
	bool started;  /* events were recorded; the fields below hold */
	bool complete; /* the capture has its END block */
	bool exact;    /* the account agrees with the kernel's, record by record */
	char end_reason[32];
	char command_status[32]; /* "exit 0", "signal 9", "" */
	uint64_t elapsed_ns, events, bytes, lost;
	uint32_t segments; /* files that were written; 0: it was not a series */
	struct ring_stats *rings;
	size_t ring_count;
	const char *backend; /* its name */
	bool folds;	     /* --survivors: folded holds */
	struct folding_report folded;
	bool samples; /* --stack-sample: sampled holds */
	struct sampling_report sampled;
	char output[4096];     /* of a flight recorder: the capture written last; else "" */
	unsigned int captures; /* how many it has written */
	bool any_lost;	       /* one of them is incomplete */
	char problem[200];     /* the first way in which the account is not exact; "" if it is */
};

/*
 * 0 when a capture was made, whatever was lost. ERR_USAGE, ERR_EXISTS, ERR_UNSUPPORTED and others
 * when none could be; ERR_FULL or ERR_IO with report->started when recording had to stop early.
 */
int session_run(const struct session_options *options, const struct session_ui *ui,
		struct session_report *report, struct error *err);
void session_report_release(struct session_report *report);

#endif
