/*
 * perf.c - the backend of perf events: one ring per CPU, all events of the CPU in it. It sees user
 * frames, page faults and single tasks; the tracing rings (ftrace.c) cost less.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "format/base/fileio.h"
#include "record/backend.h"
#include "record/event_filter.h"
#include "record/instance.h"
#include "record/jit_maps.h"
#include "record/perf_cpu.h"
#include "record/perf_ring.h"
#include "record/proc_maps.h"
#include "record/selection.h"
#include "record/session.h"
#include "record/tracefs.h"

#define WATERMARK_PERCENT 25
#define OPEN_TRIES	  20

struct perf {
	struct backend base;
	struct event_plan *plan;
	struct perf_source *sources; /* parallel to the event list */
	struct perf_setup setup;
	struct perf_cpu **cpus; /* the rings' */
	uint32_t cpu_count;
	struct ring_list rings; /* until the readers have them */
	struct readers *readers;
	struct jit_maps *jit_maps; /* NULL: without user stacks */
	struct number_list tids;   /* selected threads */
	int cgroup_fd;		   /* -1: none */
	bool side_band_on;
	struct capture_writer *writer;
};

static struct perf *perf_of(struct backend *b)
{
	return (struct perf *)b;
}

static const struct perf *perf_const(const struct backend *b)
{
	return (const struct perf *)b;
}

/* ---- what is recorded ---- */

/* The layout of records: they are the tracing ring's, but stand in records of perf. */
static int read_layout(int top, struct ring_layout *ret, struct error *err)
{
	struct buf b = { 0 };
	int rc = tracefs_read(top, "events/header_page", &b, err);

	if (rc == 0)
		rc = ring_layout_parse(ret, (char *)b.data, b.len,
				       __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__, err);
	ret->subbuf_size = PERF_RECORD_BYTES;
	buf_release(&b);
	return rc;
}

static int add_source(struct perf *p, const struct listed_event *e, struct buf *b,
		      struct error *err)
{
	const struct session_options *o = p->base.request.options;
	struct perf_source *s = &p->sources[p->setup.source_count++];
	bool software = !strcmp(e->system, SOFTWARE_SYSTEM);
	char path[600];
	int rc = 0;

	*s = (struct perf_source){
		.request = { .kind = software ? PERF_KIND_SOFTWARE : PERF_KIND_TRACEPOINT,
			     .stack = e->stacks,
			     .user_stack = o->user_stacks,
			     .max_stack = e->max_stack },
		.software = software ? software_event_find(e->name) : NULL,
		.filter = e->kernel_filter,
		.everywhere = !e->selected,
	};
	snprintf(path, sizeof(path), "events/%s/%s/format", e->system, e->name);
	if (software)
		software_event_format(b, s->software, p->plan->layout.long_size);
	else
		rc = tracefs_read(p->base.request.top, path, b, err);
	if (rc == 0)
		rc = event_plan_add(p->plan, e->system, (char *)b->data, b->len, e->stacks, err);
	if (rc < 0)
		return error_prefix(err, "cannot record %s:%s", e->system, e->name);
	s->request.config = software ? s->software->config : p->plan->types[p->plan->count - 1].id;
	return 0;
}

static int make_plan(struct perf *p, struct error *err)
{
	const struct event_list *events = p->base.request.events;
	struct ring_layout layout;
	struct buf b = { 0 };
	int rc = read_layout(p->base.request.top, &layout, err);

	if (rc == 0)
		rc = event_plan_new(&p->plan, &layout, err);
	p->sources = calloc(events->count + 1, sizeof(*p->sources));
	if (rc == 0 && !p->sources)
		rc = error_nomem(err);
	for (size_t i = 0; rc == 0 && i < events->count; i++)
		rc = add_source(p, &events->items[i], &b, err);
	buf_release(&b);
	p->setup.sources = p->sources;
	p->setup.plan = p->plan;
	return rc;
}

/* perf has no words for a bad filter: a tracing instance that records nothing has. */
static int check_filters(struct perf *p, struct error *err)
{
	struct instance_options small = { .ring_bytes = 4096 };
	struct event_list *events = p->base.request.events;
	struct instance *inst;
	bool any = false;
	int rc;

	for (size_t i = 0; i < events->count; i++)
		any |= events->items[i].filter != NULL;
	if (!any)
		return 0;
	instance_sweep(p->base.request.top);
	rc = instance_new(&inst, p->base.request.top, &small, err);
	if (rc < 0)
		return error_prefix(err, "cannot check the filters");
	rc = event_filters_set(events, inst, err);
	instance_free(inst);
	return rc;
}

/* ---- rings ---- */

static int online_cpus(struct number_list *ret, struct error *err)
{
	struct buf b = { 0 };
	int rc = file_slurp(AT_FDCWD, "/sys/devices/system/cpu/online", 1u << 20, &b, err);

	buf_u8(&b, '\0');
	if (rc == 0 && b.oom)
		rc = error_nomem(err);
	if (rc == 0)
		rc = number_list_parse(ret, (char *)b.data, "/sys/devices/system/cpu/online", 0,
				       CPU_MAX - 1, true, err);
	buf_release(&b);
	return rc;
}

static bool task_exists(uint32_t tid)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%u", tid);
	return access(path, F_OK) == 0;
}

/* An event for each thread that was selected; one that has ended meanwhile needs none. */
static int open_for_tasks(struct perf *p, struct perf_cpu *c, uint32_t source, struct error *err)
{
	for (size_t i = 0; i < p->tids.count; i++) {
		struct error failure = { 0 };

		if (perf_cpu_open(c, source, (pid_t)p->tids.items[i], -1, &failure) < 0 &&
		    task_exists(p->tids.items[i]))
			return error_set(err, failure.code, "%s", failure.text);
	}
	return 0;
}

static int open_selected(struct perf *p, struct perf_cpu *c, uint32_t source, struct error *err)
{
	const struct selection *sel = p->base.request.selection;

	if (sel->cpus.count && !number_list_has(&sel->cpus, perf_cpu_ring(c)->cpu))
		return 0;
	if (p->cgroup_fd >= 0)
		return perf_cpu_open(c, source, -1, p->cgroup_fd, err);
	if (selection_of_tasks(sel))
		return open_for_tasks(p, c, source, err);
	return perf_cpu_open(c, source, -1, -1, err);
}

static int open_events(struct perf *p, struct perf_cpu *c, struct error *err)
{
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < p->setup.source_count; i++)
		rc = p->sources[i].everywhere ? perf_cpu_open(c, i, -1, -1, err) :
						open_selected(p, c, i, err);
	return rc;
}

static int find_tasks(struct perf *p, struct error *err)
{
	const struct selection *sel = p->base.request.selection;
	int rc;

	if (sel->cgroup) {
		p->cgroup_fd = open(sel->cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		return p->cgroup_fd < 0 ? error_errno(err, "cannot open '%s'", sel->cgroup) : 0;
	}
	if (!selection_of_tasks(sel))
		return 0;
	rc = selection_threads(sel, &p->tids, err);
	if (rc == 0 && !p->tids.count)
		rc = error_set(err, ERR_USAGE, "the selected tasks have ended");
	return rc;
}

static uint32_t watermark(const struct perf *p)
{
	const struct session_options *o = p->base.request.options;
	uint64_t percent = o->watermark_percent ? o->watermark_percent : WATERMARK_PERCENT;
	uint64_t bytes = o->watermark_bytes ? o->watermark_bytes :
					      p->setup.ring_bytes * percent / 100;

	return (uint32_t)(bytes < p->setup.ring_bytes ? bytes : p->setup.ring_bytes - 1);
}

static int open_cpus(struct perf *p, struct error *err)
{
	struct number_list cpus = { 0 };
	int rc = online_cpus(&cpus, err);

	p->cpus = calloc(cpus.count + 1, sizeof(struct perf_cpu *));
	p->rings.items = calloc(cpus.count + 1, sizeof(struct ring *));
	if (rc == 0 && (!p->cpus || !p->rings.items))
		rc = error_nomem(err);
	if (rc == 0)
		p->setup.ring_bytes = perf_ring_round(
			instance_ring_bytes(p->base.request.options->ring_bytes,
					    (uint32_t)cpus.count));
	p->setup.watermark = watermark(p);
	for (size_t i = 0; rc == 0 && i < cpus.count; i++) {
		struct perf_cpu *c;

		rc = perf_cpu_new(&c, &p->setup, cpus.items[i], err);
		if (rc < 0)
			break;
		p->cpus[p->cpu_count++] = c;
		p->rings.items[p->rings.count++] = perf_cpu_ring(c);
		rc = open_events(p, c, err);
	}
	number_list_release(&cpus);
	return rc;
}

static void close_cpus(struct perf *p)
{
	ring_list_release(&p->rings);
	free(p->cpus);
	number_list_release(&p->tids);
	p->cpus = NULL;
	p->cpu_count = 0;
}

/* Threads are there now that were not when events were opened. */
static int has_new_threads(const struct perf *p, bool *ret, struct error *err)
{
	struct number_list now;
	int rc = selection_threads(p->base.request.selection, &now, err);

	*ret = false;
	for (size_t i = 0; rc == 0 && i < now.count; i++)
		*ret |= !number_list_has(&p->tids, now.items[i]);
	number_list_release(&now);
	return rc;
}

/*
 * A thread that starts while events are opened inherits those of the CPUs that its starter had by
 * then, and no others: everything is opened anew.
 */
static int open_all(struct perf *p, struct error *err)
{
	bool again = false;
	int rc = 0;

	for (int i = 0; i < OPEN_TRIES; i++) {
		rc = find_tasks(p, err);
		if (rc == 0)
			rc = open_cpus(p, err);
		if (rc < 0 || p->cgroup_fd >= 0 || !selection_of_tasks(p->base.request.selection))
			return rc;
		rc = has_new_threads(p, &again, err);
		if (rc < 0 || !again)
			return rc;
		close_cpus(p);
	}
	return error_set(err, ERR_UNSUPPORTED,
			 "the selected processes start threads faster than events can be opened for"
			 " them: record with --backend ftrace");
}

/* ---- the order of a recording ---- */

static int prepare(struct backend *b, struct error *err)
{
	struct perf *p = perf_of(b);
	int rc = check_filters(p, err);

	if (rc == 0)
		rc = make_plan(p, err);
	if (rc == 0 && b->request.options->user_stacks) {
		p->setup.maps = true;
		rc = jit_maps_new(&p->jit_maps, err);
		if (rc == 0)
			p->setup.exits_fd = jit_maps_fd(p->jit_maps);
	}
	return rc < 0 ? rc : open_all(p, err);
}

static int describe(struct backend *b, struct meta *meta, struct error *err)
{
	struct perf *p = perf_of(b);
	struct ring_stats *stats = calloc(p->cpu_count, sizeof(*stats));
	int rc = stats ? 0 : error_nomem(err);

	info_encode_u64(&meta->info, "recorder.ring_bytes", p->setup.ring_bytes);
	info_encode_u64(&meta->info, "long_size", p->plan->layout.long_size);
	info_encode(&meta->info, "clock", "mono");
	if (b->request.options->user_stacks)
		info_encode(&meta->info, "recorder.user_stacks", "frame pointers");
	if (rc == 0)
		rc = meta_put_types(meta, p->plan, 0, err);
	if (rc == 0)
		rc = meta_put_formats(meta, p->plan, err);
	for (uint32_t i = 0; rc == 0 && i < p->cpu_count; i++)
		stats[i].cpu = p->rings.items[i]->cpu;
	if (rc == 0)
		rc = meta_put_stats(meta, STATS_START, stats, p->cpu_count, err);
	free(stats);
	return rc;
}

static int arm(struct backend *b, struct capture_writer *writer, struct error *err)
{
	struct perf *p = perf_of(b);
	int rc = p->jit_maps ? jit_maps_start(p->jit_maps, writer, err) : 0;

	p->writer = writer;
	return rc < 0 ? rc :
			readers_start(&p->readers, &p->rings, p->plan, writer, b->request.placement,
				      NULL, err);
}

static int switch_all(struct perf *p, enum perf_part part, bool on, struct error *err)
{
	int rc = 0;

	for (uint32_t i = 0; i < p->cpu_count; i++)
		if (perf_cpu_switch(p->cpus[i], part, on, err) < 0 && rc == 0)
			rc = err ? err->code : ERR_IO;
	return rc;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* One by one: what frees is on before anything allocates, and what tells whose it is before both. */
static int go(struct backend *b, struct error *err)
{
	struct perf *p = perf_of(b);
	bool first = !p->side_band_on;
	int rc = first ? switch_all(p, PERF_SIDE_BAND, true, err) : 0;

	p->side_band_on = true;
	if (rc == 0)
		rc = switch_all(p, PERF_EVERYWHERE, true, err);
	if (rc == 0)
		rc = switch_all(p, PERF_SELECTED, true, err);
	/* what is mapped from now on is told by the rings */
	if (rc == 0 && first && p->setup.maps)
		rc = proc_maps_put(p->writer, now_ns(), err);
	return rc;
}

static int stop(struct backend *b, struct error *err)
{
	struct perf *p = perf_of(b);
	int selected = switch_all(p, PERF_SELECTED, false, err);
	int everywhere = switch_all(p, PERF_EVERYWHERE, false, err);

	/* the side band goes on: after a pause, frames are still to be named */
	return selected < 0 ? selected : everywhere;
}

static int failure_fd(const struct backend *b)
{
	return readers_event_fd(perf_const(b)->readers);
}

static uint64_t lost(const struct backend *b)
{
	return readers_lost(perf_const(b)->readers);
}

static int drain(struct backend *b, struct error *err)
{
	struct perf *p = perf_of(b);
	int rc = readers_stop(p->readers, err);

	if (p->jit_maps && jit_maps_finish(p->jit_maps, err) < 0 && rc == 0)
		rc = ERR_IO;
	return rc;
}

static int stats(const struct backend *b, struct ring_stats **ret, size_t *ret_count,
		 struct error *err)
{
	const struct readers *readers = perf_const(b)->readers;
	size_t count = readers_ring_count(readers);
	struct ring_stats *list = calloc(count, sizeof(*list));

	if (!list)
		return error_nomem(err);
	for (size_t i = 0; i < count; i++)
		readers_stats(readers, i, &list[i]);
	*ret = list;
	*ret_count = count;
	return 0;
}

/* What the kernel counted of each event, against what came: FORMAT.md, perf.counts. */
static void put_counts(const struct backend *b, struct meta *meta)
{
	const struct perf *p = perf_const(b);
	struct buf text = { 0 };
	char line[700];

	for (uint32_t i = 0; i < p->setup.source_count; i++) {
		const struct listed_event *e = &b->request.events->items[i];
		uint64_t counted = 0, stored = 0;

		for (uint32_t k = 0; k < p->cpu_count; k++) {
			uint64_t cpu_counted, cpu_stored;

			perf_cpu_counts(p->cpus[k], i, &cpu_counted, &cpu_stored);
			counted += cpu_counted;
			stored += cpu_stored;
		}
		snprintf(line, sizeof(line), "%s%s:%s %llu %llu", i ? "\n" : "", e->system, e->name,
			 (unsigned long long)counted, (unsigned long long)stored);
		buf_bytes(&text, line, strlen(line));
	}
	buf_u8(&text, '\0');
	if (!text.oom)
		info_encode(&meta->info, "perf.counts", (char *)text.data);
	buf_release(&text);
}

/* A CPU that came while we recorded has no ring. */
static void look_for_new_cpus(const struct perf *p, char *problem, size_t size)
{
	struct number_list online = { 0 };

	if (online_cpus(&online, NULL) < 0)
		online.count = 0;
	for (size_t i = 0; i < online.count && !problem[0]; i++) {
		uint32_t k = 0;

		while (k < p->cpu_count && perf_cpu_ring(p->cpus[k])->cpu != online.items[i])
			k++;
		if (k == p->cpu_count)
			snprintf(problem, size,
				 "CPU %u came online while recording: its events are missing",
				 online.items[i]);
	}
	number_list_release(&online);
}

/* A CPU that went offline for a while took its events with it. */
static void look_for_absence(const struct perf *p, char *problem, size_t size)
{
	struct perf_presence here;
	double rate = 0;

	for (uint32_t i = 0; i < p->cpu_count; i++)
		if (perf_cpu_presence(p->cpus[i], &here))
			rate = perf_presence_rate(rate, &here);
	for (uint32_t i = 0; i < p->cpu_count && !problem[0]; i++)
		if (!perf_cpu_presence(p->cpus[i], &here) || perf_presence_ended(rate, &here))
			snprintf(
				problem, size,
				"CPU %u went offline while recording: what it did after it came back, if it did, "
				"is missing",
				perf_cpu_ring(p->cpus[i])->cpu);
}

static void conclude(const struct backend *b, struct meta *meta, char *problem, size_t size)
{
	put_counts(b, meta);
	look_for_absence(perf_const(b), problem, size);
	look_for_new_cpus(perf_const(b), problem, size);
}

static int addresses(const struct backend *b, struct intern *set, struct error *err)
{
	return readers_addresses(perf_const(b)->readers, set, err);
}

static void release(struct backend *b)
{
	struct perf *p = perf_of(b);

	readers_free(p->readers);
	close_cpus(p);
	jit_maps_free(p->jit_maps);
	if (p->cgroup_fd >= 0)
		close(p->cgroup_fd);
	event_plan_free(p->plan);
	free(p->sources);
	free(p);
}

static const struct backend_ops ops = {
	.name = "perf",
	.prepare = prepare,
	.describe = describe,
	.arm = arm,
	.go = go,
	.stop = stop,
	.failure_fd = failure_fd,
	.lost = lost,
	.drain = drain,
	.stats = stats,
	.conclude = conclude,
	.addresses = addresses,
	.release = release,
};

int perf_backend_new(struct backend **ret, const struct backend_request *request, struct error *err)
{
	struct perf *p = calloc(1, sizeof(*p));

	if (!p)
		return error_nomem(err);
	p->base = (struct backend){ .ops = &ops, .request = *request };
	p->cgroup_fd = -1;
	*ret = &p->base;
	return 0;
}
