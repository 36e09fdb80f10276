/*
 * backend.h - where events come from: what a session knows of the kernel's tracing rings (ftrace.c)
 * or of perf's (perf.c).
 *
 * The order of calls is that of this table; release may follow any of them. Only go, stop, tick and
 * lost may be called more than once. A backend changes nothing outside of what it makes for itself, and
 * release leaves no trace of that.
 *
 *	ftrace_backend_new(&b, &request, &err);
 *	b->ops->prepare(b, &err);		// everything that the kernel can refuse is tried
 *	b->ops->describe(b, &meta, &err);	// facts, event types, statistics at the start
 *	b->ops->arm(b, writer, &err);		// readers run; no event comes yet
 *	b->ops->go(b, &err);			// events come from now on
 *	poll(b->ops->failure_fd(b), ...)	// readable: a reader has failed, drain says why
 *	b->ops->stop(b, &err);			// no event comes any more
 *	b->ops->drain(b, &err);			// everything that came is in the writer
 *	b->ops->stats(b, &stats, &count, &err);
 *	b->ops->release(b);
 */
#ifndef KMEM_RECORD_BACKEND_H
#define KMEM_RECORD_BACKEND_H

#include "format/records.h"
#include "format/writer.h"
#include "record/folding.h"
#include "record/intern.h"
#include "record/meta.h"
#include "record/presets.h"
#include "record/placement.h"
#include "record/selection.h"
#include "record/stack_sampler.h"

struct session_options;
struct flight_trigger;

/* What a backend is asked for. Everything outlives it. */
struct backend_request {
	const struct session_options *options;
	int top; /* the tracing directory */
	struct event_list *events;
	const struct flight_trigger *trigger; /* or NULL */
	const struct selection *selection;
	const struct placement *placement; /* for those events that are `selected` */
	bool foreign_pids;		   /* events number tasks differently than our /proc does */
};

struct backend;

struct backend_ops {
	const char *name; /* INFO recorder.backend */
	/* Makes the rings and checks events and filters. The output is not touched before. */
	int (*prepare)(struct backend *b, struct error *err);
	/* Puts INFO pairs into meta->info, and TYPES, formats and STATS blocks. */
	int (*describe)(struct backend *b, struct meta *meta, struct error *err);
	/*
	 * Of a flight recorder first with a NULL writer: no reader runs, a full ring overwrites
	 * itself, and go begins with empty rings. After stop, describe and arm with a writer: the
	 * readers find what was recorded. After drain it can be armed with NULL again.
	 */
	int (*arm)(struct backend *b, struct capture_writer *writer, struct error *err);
	int (*go)(struct backend *b, struct error *err);
	int (*stop)(struct backend *b, struct error *err);
	/* False: a trigger has stopped the rings. NULL: the backend cannot be a flight recorder. */
	bool (*is_on)(const struct backend *b);
	int (*failure_fd)(const struct backend *b);
	uint64_t (*lost)(const struct backend *b); /* records so far, any time */
	/* About once a second between go and stop. May be NULL. */
	int (*tick)(struct backend *b, struct error *err);
	/*
	 * Another file, as in reader.h: readers_change, readers_changed, and as `stats` the account up
	 * to there. All NULL: this backend cannot.
	 */
	void (*change)(struct backend *b, struct capture_writer *writer);
	bool (*changed)(const struct backend *b);
	int (*change_stats)(const struct backend *b, struct ring_stats **ret, size_t *ret_count,
			    struct error *err);
	/* The first failure of any reader; what could be read was read all the same. */
	int (*drain)(struct backend *b, struct error *err);
	/* After drain: per CPU and ring, ordered by ring. The caller frees *ret. */
	int (*stats)(const struct backend *b, struct ring_stats **ret, size_t *ret_count,
		     struct error *err);
	/*
	 * After stats: INFO pairs about the end, and what else keeps the account from being exact into
	 * problem, if that is empty still. May be NULL.
	 */
	void (*conclude)(const struct backend *b, struct meta *meta, char *problem, size_t size);
	/* After drain: every distinct frame and call site (u64 keys) into set. */
	int (*addresses)(const struct backend *b, struct intern *set, struct error *err);
	/* After drain: what --survivors folded. NULL: this backend does not fold. */
	bool (*folded)(const struct backend *b, struct folding_report *ret);
	/* From prepare on: false unless stacks are sampled. NULL: this backend does not. */
	bool (*sampled)(const struct backend *b, struct sampling_report *ret);
	void (*release)(struct backend *b); /* frees b, too */
};

/* The first member of what a backend allocates. */
struct backend {
	const struct backend_ops *ops;
	struct backend_request request;
};

int ftrace_backend_new(struct backend **ret, const struct backend_request *request,
		       struct error *err);
int perf_backend_new(struct backend **ret, const struct backend_request *request,
		     struct error *err);

#endif
