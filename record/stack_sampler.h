/*
 * stack_sampler.h - kernel stacks of a share of the allocations, taken beside the tracing rings: the
 * events come from there with everything else (--stack-sample N).
 *
 * Two ways: BPF programs on raw tracepoints, which choose truly at random (bpf_sampler.c), and where
 * there is no bpf(), perf events with a period (perf_sampler.c). Each CPU has a ring of samples. Which
 * event a sample is of says sample_join.h: for that the events have to be switched on in the tracing
 * rings first, so that their records are written before the samples are taken.
 *
 *	stack_sampler_new(&s, &request, &err);
 *	stack_sampler_start(s, &err);			// switch the tracing rings on, then
 *	stack_sampler_window(s, true);
 *	while (s->ops->next(s, ring, &sample) && sample.time < until)
 *		use(&sample), s->ops->pass(s, ring);
 *	stack_sampler_window(s, false);			// switch the tracing rings off, then
 *	stack_sampler_stop(s);				// may be started again
 *	stack_sampler_report(s, &report);
 *	stack_sampler_free(s);
 *
 * One thread reads a ring. Nothing stays in the kernel when the process is gone, however it ends.
 */
#ifndef KMEM_RECORD_STACK_SAMPLER_H
#define KMEM_RECORD_STACK_SAMPLER_H

#include "record/event_plan.h"
#include "record/presets.h"

#define STACK_SAMPLE_MIN 2u
#define STACK_SAMPLE_MAX 1000000u

/* What the sample of an event has of it, and where its tracepoint has that among its arguments. */
struct sample_source {
	const char *name;  /* of the event */
	uint16_t type;	   /* index of the event type */
	uint32_t event_id; /* common_type */
	uint8_t address_arg;
	int8_t site_arg;  /* the call site; -1: the tracepoint has none */
	bool struct_page; /* the argument is a struct page, the event's address a page frame */
};

struct stack_sample {
	uint64_t time; /* CLOCK_MONOTONIC, ns, as the trace clock; not before that of its event */
	uint64_t address, call_site;
	int32_t pid;
	bool struct_page; /* address is that of a struct page */
	const struct sample_source *source;
	const uint8_t *frames; /* as the target has them; good until the ring's next call */
	uint32_t depth;	       /* 0: it was chosen, and the kernel gave no stack */
};

struct stack_sampler;

struct sampler_ops {
	const char *by; /* INFO events.stack_sample_by */
	int (*start)(struct stack_sampler *s, struct error *err);
	void (*stop)(struct stack_sampler *s);
	/* The oldest sample of a ring that was not passed yet. */
	bool (*next)(struct stack_sampler *s, uint32_t ring, struct stack_sample *ret);
	void (*pass)(struct stack_sampler *s, uint32_t ring);
	uint64_t (*lost)(const struct stack_sampler *s);
	/* After the end: which CPU's stacks are missing without a count, in a sentence. May be NULL. */
	void (*conclude)(const struct stack_sampler *s, char *problem, size_t size);
	void (*release)(struct stack_sampler *s); /* what is behind the first member, and s */
};

/* Functions between the tracepoint and what takes the stack: their frames are no part of it. */
struct entry_range {
	uint64_t start, end;
};

#define ENTRY_RANGES_MAX 64u

/* The first member of what a way allocates. */
struct stack_sampler {
	const struct sampler_ops *ops;
	uint64_t period; /* one in so many: what is really used */
	struct sample_source *sources;
	uint32_t source_count;
	const struct event_plan *plan;
	const uint32_t *cpus; /* of each ring */
	uint32_t cpu_count;
	struct entry_range entries[ENTRY_RANGES_MAX];
	uint32_t entry_count;
	bool expects_all;	   /* every sample's event is in the tracing rings */
	char why[160];		   /* not at random: what bpf() lacks; else "" */
	uint64_t from_ns, to_ns;   /* atomic: when the tracing rings were surely on */
	uint64_t joined, unjoined; /* atomic */
};

struct stack_sampler_request {
	uint64_t period;
	const struct event_list *events;
	const struct event_plan *plan;
	const uint32_t *cpus; /* that have a tracing ring; outlives the sampler */
	uint32_t cpu_count;
	uint64_t ring_bytes; /* of a tracing ring */
	bool selected;	     /* only some tasks' events are in the tracing rings */
};

struct sampling_report {
	uint64_t period;
	const char *by;
	char why[160]; /* not at random, because; "" if it is */
	uint64_t joined, lost;
};

/* Can stacks of the event be sampled? */
bool stack_sampler_knows(const char *system, const char *name);

/* Makes it, switched off. ERR_UNSUPPORTED: the kernel has neither way. */
int stack_sampler_new(struct stack_sampler **ret, const struct stack_sampler_request *request,
		      struct error *err);
void stack_sampler_free(struct stack_sampler *s);

int stack_sampler_start(struct stack_sampler *s, struct error *err);
void stack_sampler_stop(struct stack_sampler *s);
void stack_sampler_window(struct stack_sampler *s, bool open);

/* How many of the innermost frames belong to whoever takes the stack. */
uint32_t stack_sampler_entry(const struct stack_sampler *s, const struct stack_sample *sample);

/* A sample whose event was not found. */
void stack_sampler_miss(struct stack_sampler *s, const struct stack_sample *sample);
void stack_sampler_report(const struct stack_sampler *s, struct sampling_report *ret);

/* For the ways: each takes over *s, also when it fails; *s has all but ops. */
int bpf_sampler_new(struct stack_sampler **ret, const struct stack_sampler *s, uint64_t ring_bytes,
		    struct error *err);
int perf_sampler_new(struct stack_sampler **ret, const struct stack_sampler *s, uint64_t ring_bytes,
		     struct error *err);

#endif
