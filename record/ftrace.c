/*
 * ftrace.c - the backend of the kernel's tracing rings: instances of our own, a plan made from the
 * kernel's format files, reader threads.
 *
 * With a selection there are two instances: one records the events that the selection is for, of
 * the selected tasks and CPUs; the other all other events, of everybody.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "record/backend.h"
#include "record/event_filter.h"
#include "record/flight.h"
#include "record/ftrace_ring.h"
#include "record/instance.h"
#include "record/sample_join.h"
#include "record/session.h"
#include "record/task_filter.h"
#include "record/tracefs.h"

struct ftrace {
	struct backend base;
	struct instance *instances[2];
	uint16_t count;
	struct event_plan *plan;
	struct readers *readers;
	struct stack_sampler *sampler; /* NULL: stacks are in the rings */
	struct sample_join *joins;     /* one per CPU */
	bool armed;		       /* events are switched on */
};

static struct ftrace *ftrace_of(struct backend *b)
{
	return (struct ftrace *)b;
}

static const struct ftrace *ftrace_const(const struct backend *b)
{
	return (const struct ftrace *)b;
}

static int make_plan(struct ftrace *f, struct error *err)
{
	const struct event_list *events = f->base.request.events;
	int top = f->base.request.top;
	struct buf b = { 0 };
	char path[600];
	int rc;

	rc = event_plan_new(&f->plan, &f->instances[0]->layout, err);
	if (rc == 0)
		rc = tracefs_read(top, "events/ftrace/kernel_stack/format", &b, err);
	if (rc == 0)
		rc = event_plan_set_stack(f->plan, (char *)b.data, b.len, err);
	for (size_t i = 0; rc == 0 && i < events->count; i++) {
		const struct listed_event *e = &events->items[i];

		snprintf(path, sizeof(path), "events/%s/%s/format", e->system, e->name);
		rc = tracefs_read(top, path, &b, err);
		if (rc == 0)
			rc = event_plan_add(f->plan, e->system, (char *)b.data, b.len, e->stacks,
					    err);
		if (rc == 0)
			event_plan_max_stack(f->plan, e->max_stack);
		if (rc == 0 && f->base.request.options->stack_sample)
			event_plan_sampled(f->plan);
		if (rc < 0)
			error_prefix(err, "cannot record %s:%s", e->system, e->name);
	}
	buf_release(&b);
	return rc;
}

static bool has_selected(const struct event_list *events)
{
	for (size_t i = 0; i < events->count; i++)
		if (events->items[i].selected)
			return true;
	return false;
}

static int make_instances(struct ftrace *f, struct error *err)
{
	const struct backend_request *q = &f->base.request;
	uint16_t wanted = selection_any(q->selection) ? 2 : 1;
	int rc = 0;

	for (; rc == 0 && f->count < wanted; f->count += rc == 0)
		rc = instance_new(&f->instances[f->count], q->top,
				  &(struct instance_options){
					  .overwrite = q->options->overwrite,
					  .all_bytes = q->options->flight_bytes / wanted,
					  .ring_bytes = q->options->ring_bytes,
					  .wake_percent = q->options->watermark_percent,
					  .wake_bytes = q->options->watermark_bytes,
					  .number = f->count,
					  .count = wanted,
				  },
				  err);
	/* one plan is for both */
	if (rc == 0 && wanted == 2 &&
	    f->instances[0]->layout.subbuf_size != f->instances[1]->layout.subbuf_size)
		rc = error_set(
			err, ERR_UNSUPPORTED,
			"the kernel gave two tracing instances sub-buffers of different sizes: "
			"try a smaller --buffer");
	return rc;
}

/* Of the first instance: what is selected, or all. */
static int make_sampler(struct ftrace *f, struct error *err)
{
	const struct backend_request *q = &f->base.request;
	const struct instance *inst = f->instances[0];
	const struct stack_sampler_request request = {
		.period = q->options->stack_sample,
		.events = q->events,
		.plan = f->plan,
		.cpus = inst->cpus,
		.cpu_count = inst->cpu_count,
		.ring_bytes = inst->ring_bytes,
		.selected = selection_any(q->selection),
	};
	int rc;

	if (!q->options->stack_sample)
		return 0;
	rc = stack_sampler_new(&f->sampler, &request, err);
	if (rc < 0)
		return rc;
	f->joins = calloc(inst->cpu_count, sizeof(*f->joins));
	return f->joins ? 0 : error_nomem(err);
}

static int prepare(struct backend *b, struct error *err)
{
	struct ftrace *f = ftrace_of(b);
	int rc;

	if (selection_any(b->request.selection) && !has_selected(b->request.events))
		return error_set(
			err, ERR_USAGE,
			"only allocations can be restricted to tasks or CPUs, and none of the "
			"events that were asked for is one");
	instance_sweep(b->request.top);
	rc = make_instances(f, err);
	if (rc == 0)
		rc = event_filters_set(b->request.events, f->instances[0], err);
	if (rc == 0)
		rc = make_plan(f, err);
	return rc < 0 ? rc : make_sampler(f, err);
}

static int add_start_stats(const struct ftrace *f, uint16_t ring, struct ring_stats *stats,
			   struct error *err)
{
	const struct instance *inst = f->instances[ring];
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < inst->cpu_count; i++) {
		int fd = instance_open_cpu(inst, inst->cpus[i], "stats", O_RDONLY, err);

		stats[i].cpu = inst->cpus[i];
		stats[i].ring = ring;
		rc = fd < 0 ? fd : ring_counts_read(fd, &stats[i], err);
		if (inst->overwrite) /* FORMAT.md, STATS: before the first record */
			stats[i] = (struct ring_stats){ .cpu = stats[i].cpu,
							.ring = ring,
							.overrun = stats[i].overrun };
		if (fd >= 0)
			close(fd);
	}
	return rc;
}

static int put_start_stats(struct ftrace *f, struct meta *meta, struct error *err)
{
	size_t count = 0;
	struct ring_stats *stats;
	int rc;

	for (uint16_t i = 0; i < f->count; i++)
		count += f->instances[i]->cpu_count;
	stats = calloc(count, sizeof(*stats));
	rc = stats ? 0 : error_nomem(err);
	count = 0;
	for (uint16_t i = 0; rc == 0 && i < f->count; i++) {
		rc = add_start_stats(f, i, stats + count, err);
		count += f->instances[i]->cpu_count;
	}
	if (rc == 0)
		rc = meta_put_stats(meta, STATS_START, stats, count, err);
	free(stats);
	return rc;
}

static int describe(struct backend *b, struct meta *meta, struct error *err)
{
	struct ftrace *f = ftrace_of(b);
	int rc;

	info_encode_u64(&meta->info, "recorder.ring_bytes", f->instances[0]->ring_bytes);
	info_encode_u64(&meta->info, "recorder.subbuf_bytes", f->instances[0]->layout.subbuf_size);
	info_encode_u64(&meta->info, "long_size", f->instances[0]->layout.long_size);
	info_encode(&meta->info, "clock", "mono");
	if (f->sampler) {
		info_encode_u64(&meta->info, "events.stack_sample", f->sampler->period);
		info_encode(&meta->info, "events.stack_sample_by", f->sampler->ops->by);
	}
	rc = meta_put_types(meta, f->plan, 0, err);
	if (rc == 0)
		rc = meta_put_formats(meta, f->plan, err);
	return rc < 0 ? rc : put_start_stats(f, meta, err);
}

/* The rings of a flight recorder stop together, as far as one event can stop two. */
static int set_trigger(struct ftrace *f, const struct flight_trigger *t, struct error *err)
{
	for (uint16_t i = 0; i < f->count; i++)
		if (instance_stop_at(f->instances[i], t->system, t->name, t->filter, NULL) < 0)
			return error_set(err, ERR_USAGE,
					 "--trigger: the kernel rejects the filter '%s' for %s:%s",
					 t->filter ? t->filter : "", t->system, t->name);
	return 0;
}

/* Tracing is off: events are armed one by one and begin together with the switch. */
static int enable_events(struct ftrace *f, struct error *err)
{
	const struct backend_request *q = &f->base.request;
	int rc = f->count > 1 ? task_filter_set(f->instances[0], q->selection, err) : 0;

	for (size_t i = 0; rc == 0 && i < q->events->count; i++) {
		const struct listed_event *e = &q->events->items[i];
		struct instance *inst = f->instances[f->count > 1 && !e->selected];

		rc = instance_enable(inst, e->system, e->name, e->stacks && !f->sampler,
				     e->kernel_filter, err);
	}
	if (rc == 0 && q->trigger)
		rc = set_trigger(f, q->trigger, err);
	f->armed = rc == 0;
	return rc;
}

/* The rings of the first instance come first in the list, in the order of its CPUs. */
static void attach_joins(struct ftrace *f, struct ring_list *rings)
{
	for (uint32_t i = 0; f->sampler && i < f->instances[0]->cpu_count; i++) {
		f->joins[i] = (struct sample_join){ .sampler = f->sampler, .ring = i };
		rings->items[i]->samples = &f->joins[i];
	}
}

static int arm(struct backend *b, struct capture_writer *writer, struct error *err)
{
	struct ftrace *f = ftrace_of(b);
	const struct session_options *o = b->request.options;
	const struct folding_options fold = { .age_ns = o->survivors_ns,
					      .memory = o->fold_memory < SIZE_MAX ?
								(size_t)o->fold_memory :
								SIZE_MAX,
					      .foreign_pids = b->request.foreign_pids };
	struct ring_list rings = { 0 };
	int rc = f->armed ? 0 : enable_events(f, err);

	readers_free(f->readers);
	f->readers = NULL;
	if (!writer) {
		for (uint16_t i = 0; rc == 0 && i < f->count; i++)
			rc = instance_clear(f->instances[i], err);
		return rc;
	}
	if (rc == 0)
		rc = ftrace_rings_open(&rings, f->instances, f->count, err);
	if (rc < 0)
		return rc;
	attach_joins(f, &rings);
	return readers_start(&f->readers, &rings, f->plan, writer, b->request.placement,
			     fold.age_ns ? &fold : NULL, err);
}

/* Frees are recorded before the first allocation is, and until after the last. */
static int go(struct backend *b, struct error *err)
{
	struct ftrace *f = ftrace_of(b);
	struct timespec t;
	int rc = 0;

	/* before the switch: after a pause, no pair may span it */
	clock_gettime(CLOCK_MONOTONIC, &t);
	if (f->readers)
		readers_interrupt(f->readers,
				  (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec);
	/* the events are enabled: their probes come before those of the sampler */
	if (f->sampler)
		rc = stack_sampler_start(f->sampler, err);
	for (uint16_t i = f->count; rc == 0 && i--;)
		rc = instance_switch(f->instances[i], true, err);
	if (f->sampler)
		stack_sampler_window(f->sampler, true);
	return rc;
}

static int stop(struct backend *b, struct error *err)
{
	struct ftrace *f = ftrace_of(b);
	int rc = 0;

	if (f->sampler)
		stack_sampler_window(f->sampler, false);
	for (uint16_t i = 0; i < f->count; i++)
		if (instance_switch(f->instances[i], false, err) < 0)
			rc = err ? err->code : ERR_IO;
	if (f->sampler)
		stack_sampler_stop(f->sampler);
	return rc;
}

/* A group that cannot be looked at has been removed: nobody can move into it. */
static int tick(struct backend *b, struct error *err)
{
	struct ftrace *f = ftrace_of(b);

	(void)err;
	if (b->request.selection->cgroup)
		task_filter_refresh(f->instances[0], b->request.selection, NULL);
	return 0;
}

static int failure_fd(const struct backend *b)
{
	const struct readers *readers = ftrace_const(b)->readers;

	return readers ? readers_event_fd(readers) : -1;
}

static bool is_on(const struct backend *b)
{
	const struct ftrace *f = ftrace_const(b);
	bool on = true;

	for (uint16_t i = 0; i < f->count; i++)
		on &= instance_is_on(f->instances[i]);
	return on;
}

static uint64_t lost(const struct backend *b)
{
	const struct readers *readers = ftrace_const(b)->readers;

	return readers ? readers_lost(readers) : 0;
}

static int drain(struct backend *b, struct error *err)
{
	return readers_stop(ftrace_of(b)->readers, err);
}

static int list_stats(const struct backend *b,
		      void (*get)(const struct readers *r, size_t i, struct ring_stats *ret),
		      struct ring_stats **ret, size_t *ret_count, struct error *err)
{
	const struct readers *readers = ftrace_const(b)->readers;
	size_t count = readers_ring_count(readers);
	struct ring_stats *list = calloc(count, sizeof(*list));

	if (!list)
		return error_nomem(err);
	for (size_t i = 0; i < count; i++)
		get(readers, i, &list[i]);
	*ret = list;
	*ret_count = count;
	return 0;
}

static int stats(const struct backend *b, struct ring_stats **ret, size_t *ret_count,
		 struct error *err)
{
	return list_stats(b, readers_stats, ret, ret_count, err);
}

static void change(struct backend *b, struct capture_writer *writer)
{
	readers_change(ftrace_of(b)->readers, writer);
}

static bool changed(const struct backend *b)
{
	return readers_changed(ftrace_const(b)->readers);
}

static int change_stats(const struct backend *b, struct ring_stats **ret, size_t *ret_count,
			struct error *err)
{
	return list_stats(b, readers_change_stats, ret, ret_count, err);
}

static int addresses(const struct backend *b, struct intern *set, struct error *err)
{
	return readers_addresses(ftrace_const(b)->readers, set, err);
}

static bool folded(const struct backend *b, struct folding_report *ret)
{
	return readers_folded(ftrace_const(b)->readers, ret);
}

static bool sampled(const struct backend *b, struct sampling_report *ret)
{
	const struct ftrace *f = ftrace_const(b);

	if (f->sampler)
		stack_sampler_report(f->sampler, ret);
	return f->sampler != NULL;
}

static void conclude(const struct backend *b, struct meta *meta, char *problem, size_t size)
{
	const struct ftrace *f = ftrace_const(b);

	(void)meta;
	if (f->sampler && f->sampler->ops->conclude)
		f->sampler->ops->conclude(f->sampler, problem, size);
}

static void release(struct backend *b)
{
	struct ftrace *f = ftrace_of(b);

	readers_free(f->readers);
	stack_sampler_free(f->sampler);
	free(f->joins);
	for (uint16_t i = 0; i < f->count; i++)
		instance_free(f->instances[i]);
	event_plan_free(f->plan);
	free(f);
}

static const struct backend_ops ops = {
	.name = "ftrace",
	.prepare = prepare,
	.describe = describe,
	.arm = arm,
	.go = go,
	.stop = stop,
	.tick = tick,
	.is_on = is_on,
	.failure_fd = failure_fd,
	.lost = lost,
	.change = change,
	.changed = changed,
	.change_stats = change_stats,
	.drain = drain,
	.stats = stats,
	.addresses = addresses,
	.folded = folded,
	.sampled = sampled,
	.conclude = conclude,
	.release = release,
};

int ftrace_backend_new(struct backend **ret, const struct backend_request *request,
		       struct error *err)
{
	int rc = tracefs_check_instances(request->top, err);
	struct ftrace *f;

	if (rc < 0)
		return rc;
	f = calloc(1, sizeof(*f));
	if (!f)
		return error_nomem(err);
	f->base = (struct backend){ .ops = &ops, .request = *request };
	*ret = &f->base;
	return 0;
}
