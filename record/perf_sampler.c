/*
 * perf_sampler.c - stacks of every Nth allocation of a CPU and event, by perf events with a period:
 * where there is no bpf().
 *
 * The period is given as such and not told in the samples (PERF_SAMPLE_PERIOD): only then the kernel
 * thins before it unwinds. A sample carries the whole record of its event.
 */
#include <linux/perf_event.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "record/perf_event.h"
#include "record/perf_presence.h"
#include "record/perf_ring.h"
#include "record/perf_sample.h"
#include "record/stack_sampler.h"

/* The perf events of one CPU: they share the ring of the first. */
struct perf_sample_ring {
	int *fds; /* per source; -1: none */
	struct perf_ring map;
	bool shown; /* the record that was read last is still to be passed */
	struct stack_sample sample;
	uint8_t *frames;
	bool open;		 /* the map is there: readers are told so when they run already */
	uint64_t on_from, on_by; /* its first event was switched on in between; 0: it is off */
	struct perf_presence presence; /* of its first event */
};

struct perf_sampler {
	struct stack_sampler base;
	struct perf_sample_ring *rings; /* per CPU */
	uint64_t ring_bytes;
	uint64_t lost; /* atomic */
};

static struct perf_sampler *perf_of(struct stack_sampler *s)
{
	return (struct perf_sampler *)s;
}

/* ---- samples ---- */

/* Frames as the target's longs. */
static uint32_t put_frames(const struct perf_sampler *p, struct perf_sample_ring *r,
			   const struct perf_sample *from)
{
	unsigned int size = p->base.plan->layout.long_size;
	uint64_t frames[STACK_FRAMES_MAX];
	uint32_t depth = perf_sample_frames(from, frames, STACK_FRAMES_MAX);

	for (uint32_t i = 0; i < depth; i++) {
		uint32_t narrow = (uint32_t)frames[i];

		memcpy(r->frames + (size_t)i * size,
		       size == 4 ? (void *)&narrow : (void *)&frames[i], size);
	}
	return depth;
}

static const struct sample_source *source_of(const struct stack_sampler *s, uint64_t event_id)
{
	for (uint32_t i = 0; i < s->source_count; i++)
		if (s->sources[i].event_id == event_id)
			return &s->sources[i];
	return NULL;
}

static bool parse(struct perf_sampler *p, struct perf_sample_ring *r,
		  const struct perf_ring_record *rec)
{
	const struct event_plan *plan = p->base.plan;
	const struct sample_source *source;
	const struct plan_type *type;
	struct perf_sample from;

	if (!perf_sample_parse(&from, PERF_KIND_TRACEPOINT, true, rec) || from.raw_len < 8)
		return false;
	source = source_of(&p->base, plan_number(&plan->layout, from.raw + plan->type_offset, 2));
	type = source ? &plan->plans[source->type] : NULL;
	if (!type || from.raw_len < type->min_len || type->address_offset == NO_OFFSET)
		return false;
	r->sample = (struct stack_sample){
		.time = from.time,
		.address = plan_number(&plan->layout, from.raw + type->address_offset,
				       type->address_size),
		.pid = (int32_t)plan_number(&plan->layout, from.raw + plan->pid_offset, 4),
		.source = source,
		.frames = r->frames,
		.depth = put_frames(p, r, &from),
	};
	if (type->call_site_offset != NO_OFFSET)
		r->sample.call_site = plan_number(&plan->layout, from.raw + type->call_site_offset,
						  plan->layout.long_size);
	return true;
}

static void take_lost(struct perf_sampler *p, const struct perf_ring_record *rec)
{
	uint64_t lost = 1;

	if (rec->type == PERF_RECORD_LOST && rec->len >= 16)
		memcpy(&lost, rec->body + 8, sizeof(lost));
	__atomic_fetch_add(&p->lost, lost, __ATOMIC_RELAXED);
}

static bool next(struct stack_sampler *s, uint32_t ring, struct stack_sample *ret)
{
	struct perf_sampler *p = perf_of(s);
	struct perf_sample_ring *r = &p->rings[ring];
	struct perf_ring_record rec;

	if (!__atomic_load_n(&r->open, __ATOMIC_ACQUIRE))
		return false;
	while (!r->shown && perf_ring_next(&r->map, &rec, NULL) > 0) {
		r->shown = rec.type == PERF_RECORD_SAMPLE && parse(p, r, &rec);
		if (!r->shown && (rec.type == PERF_RECORD_SAMPLE || rec.type == PERF_RECORD_LOST))
			take_lost(p, &rec);
		perf_ring_give_back(&r->map); /* the sample was copied */
	}
	if (r->shown)
		*ret = r->sample;
	return r->shown;
}

static void pass(struct stack_sampler *s, uint32_t ring)
{
	perf_of(s)->rings[ring].shown = false;
}

static uint64_t lost(const struct stack_sampler *s)
{
	return __atomic_load_n(&((const struct perf_sampler *)s)->lost, __ATOMIC_RELAXED);
}

/* ---- on and off ---- */

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* One event, the first of its ring: for how long it was on. */
static int switch_first(struct perf_sample_ring *r, bool on, struct error *err)
{
	uint64_t from = now_ns(), by;
	int rc = perf_event_switch(r->fds[0], on, err);

	by = now_ns();
	if (r->on_by && !on) {
		r->presence.at_least += from - r->on_by;
		r->presence.at_most += by - r->on_from;
	}
	r->on_from = on && rc == 0 ? from : 0;
	r->on_by = on && rc == 0 ? by : 0;
	return rc;
}

static int switch_ring(struct perf_sampler *p, struct perf_sample_ring *r, bool on,
		       struct error *err)
{
	int rc = r->fds && r->fds[0] >= 0 ? switch_first(r, on, err) : 0;

	for (uint32_t k = 1; rc == 0 && k < p->base.source_count; k++)
		if (r->fds && r->fds[k] >= 0)
			rc = perf_event_switch(r->fds[k], on, err);
	return rc;
}

static int switch_all(struct perf_sampler *p, bool on, struct error *err)
{
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < p->base.cpu_count; i++)
		rc = switch_ring(p, &p->rings[i], on, err);
	return rc;
}

static void stop(struct stack_sampler *s)
{
	switch_all(perf_of(s), false, NULL);
}

static void close_all(struct perf_sampler *p)
{
	for (uint32_t i = 0; p->rings && i < p->base.cpu_count; i++) {
		struct perf_sample_ring *r = &p->rings[i];

		__atomic_store_n(&r->open, false, __ATOMIC_RELEASE);
		perf_ring_unmap(&r->map);
		r->presence = (struct perf_presence){ 0 };
		for (uint32_t k = 0; r->fds && k < p->base.source_count; k++) {
			if (r->fds[k] >= 0)
				close(r->fds[k]);
			r->fds[k] = -1;
		}
	}
}

static int open_cpu(struct perf_sampler *p, uint32_t i, struct error *err)
{
	struct perf_sample_ring *r = &p->rings[i];
	int rc = 0;

	for (uint32_t k = 0; rc == 0 && k < p->base.source_count; k++) {
		struct perf_request q = { .kind = PERF_KIND_TRACEPOINT,
					  .config = p->base.sources[k].event_id,
					  .stack = true,
					  .period = p->base.period,
					  .pid = -1,
					  .cgroup_fd = -1,
					  .cpu = (int)p->base.cpus[i] };

		rc = r->fds[k] = perf_event_open_one(&q, err);
		if (rc < 0)
			break;
		rc = k ? perf_event_redirect(r->fds[k], r->fds[0], err) :
			 perf_ring_map(&r->map, r->fds[0], p->ring_bytes,
				       p->base.plan->layout.long_size, err);
	}
	return rc;
}

static bool is_online(uint32_t cpu, struct error *err)
{
	struct perf_request q = {
		.kind = PERF_KIND_SIDE_BAND, .pid = -1, .cgroup_fd = -1, .cpu = (int)cpu
	};
	int fd = perf_event_open_one(&q, err);

	if (fd >= 0)
		close(fd);
	return fd >= 0 || fd != ERR_USAGE;
}

/*
 * Opened when the tracing rings' events are enabled: who comes first at a tracepoint is called first.
 */
static int start(struct stack_sampler *s, struct error *err)
{
	struct perf_sampler *p = perf_of(s);
	struct error offline = { 0 };
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && !p->rings[i].map.map && i < s->cpu_count; i++)
		if (is_online(s->cpus[i], &offline)) {
			rc = open_cpu(p, i, err);
			__atomic_store_n(&p->rings[i].open, rc >= 0, __ATOMIC_RELEASE);
		}
	return rc < 0 ? rc : switch_all(p, true, err);
}

/* Events of a CPU that was not there all the time. */
static void conclude(const struct stack_sampler *s, char *problem, size_t size)
{
	const struct perf_sampler *p = (const struct perf_sampler *)s;
	struct error offline = { 0 };
	double rate = 0;

	for (uint32_t i = 0; i < s->cpu_count; i++) {
		struct perf_sample_ring *r = &p->rings[i];

		if (!r->open || perf_event_enabled_ns(r->fds[0], &r->presence.ns, NULL) < 0)
			r->presence.ns = 0;
		rate = perf_presence_rate(rate, &r->presence);
	}
	for (uint32_t i = 0; i < s->cpu_count && !problem[0]; i++) {
		const struct perf_sample_ring *r = &p->rings[i];

		if (r->open && perf_presence_ended(rate, &r->presence))
			snprintf(
				problem, size,
				"CPU %u went offline while recording: stacks of what it did after it "
				"came back, if it did, are missing",
				s->cpus[i]);
		else if (!r->open && is_online(s->cpus[i], &offline))
			snprintf(problem, size,
				 "CPU %u came online while recording: its stacks are missing",
				 s->cpus[i]);
	}
}

static void release(struct stack_sampler *s)
{
	struct perf_sampler *p = perf_of(s);

	close_all(p);
	for (uint32_t i = 0; p->rings && i < s->cpu_count; i++) {
		free(p->rings[i].fds);
		free(p->rings[i].frames);
	}
	free(p->rings);
	free(p);
}

static const struct sampler_ops ops = {
	.by = "period",
	.start = start,
	.stop = stop,
	.next = next,
	.pass = pass,
	.lost = lost,
	.conclude = conclude,
	.release = release,
};

static bool allocate(struct perf_sampler *p)
{
	bool ok;

	p->rings = calloc(p->base.cpu_count, sizeof(*p->rings));
	ok = p->rings != NULL;
	for (uint32_t i = 0; ok && i < p->base.cpu_count; i++) {
		struct perf_sample_ring *r = &p->rings[i];

		r->fds = calloc(p->base.source_count, sizeof(*r->fds));
		r->frames = calloc(STACK_FRAMES_MAX, sizeof(uint64_t));
		ok = r->fds && r->frames;
		for (uint32_t k = 0; r->fds && k < p->base.source_count; k++)
			r->fds[k] = -1;
	}
	return ok;
}

int perf_sampler_new(struct stack_sampler **ret, const struct stack_sampler *s, uint64_t ring_bytes,
		     struct error *err)
{
	struct perf_sampler *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return error_nomem(err);
	*p = (struct perf_sampler){ .base = *s, .ring_bytes = perf_ring_round(ring_bytes) };
	p->base.ops = &ops;
	rc = allocate(p) ? 0 : error_nomem(err);
	if (rc == 0) { /* whether it can be had */
		rc = start(&p->base, err);
		stop(&p->base);
		close_all(p);
	}
	if (rc < 0)
		release(&p->base);
	else
		*ret = &p->base;
	return rc;
}
