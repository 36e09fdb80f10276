#include "record/perf_cpu.h"

#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "record/perf_ring.h"
#include "record/perf_sample.h"
#include "record/perf_side.h"

#define GIVE_BACK_BYTES (64u << 10) /* and at most so many rows of events as they hold */
#define SIDE_AGE_NS	1000000000u

struct perf_fd {
	int fd;
	uint32_t source;
	uint64_t id;
};

struct id_slot {
	uint64_t id; /* 0: empty; the kernel counts from 1 */
	uint32_t source;
};

struct perf_cpu {
	struct ring ring; /* its fd is that of the side band */
	const struct perf_setup *setup;
	struct perf_ring map;
	struct perf_fd *fds;
	uint32_t fd_count, fd_cap;
	struct id_slot *ids; /* a power of two of them, at most half full */
	uint32_t id_mask;
	struct perf_side side;
	struct block_body side_body;
	uint64_t *counted, *stored; /* samples, per source */
	uint64_t lost;		    /* told by the kernel, samples and side band */
	uint64_t vanished;	    /* counted by the kernel, and no trace of them */
	uint64_t bytes;
	uint64_t on_from, on_by; /* the side band was switched on in between; monotonic clock */
	uint64_t frames[STACK_FRAMES_MAX];
};

static struct perf_cpu *perf_cpu_of(struct ring *ring)
{
	return (struct perf_cpu *)ring;
}

/* ---- events ---- */

static bool ids_grow(struct perf_cpu *c)
{
	uint32_t cap = c->ids ? (c->id_mask + 1) * 2 : 64;
	struct id_slot *old = c->ids, *p = calloc(cap, sizeof(*p));
	uint32_t old_cap = old ? c->id_mask + 1 : 0;

	if (!p)
		return false;
	c->ids = p;
	c->id_mask = cap - 1;
	for (uint32_t i = 0; i < old_cap; i++) {
		uint32_t at = (uint32_t)old[i].id & c->id_mask;

		while (p[at].id)
			at = (at + 1) & c->id_mask;
		p[at] = old[i];
	}
	free(old);
	return true;
}

static bool ids_add(struct perf_cpu *c, uint64_t id, uint32_t source)
{
	uint32_t at;

	if ((!c->ids || c->fd_count * 2 > c->id_mask) && !ids_grow(c))
		return false;
	for (at = (uint32_t)id & c->id_mask; c->ids[at].id; at = (at + 1) & c->id_mask)
		;
	c->ids[at] = (struct id_slot){ id, source };
	return true;
}

static const struct perf_source *find_source(const struct perf_cpu *c, uint64_t id, uint32_t *ret)
{
	if (!c->ids || !id)
		return NULL;
	for (uint32_t at = (uint32_t)id & c->id_mask; c->ids[at].id; at = (at + 1) & c->id_mask) {
		if (c->ids[at].id == id) {
			*ret = c->ids[at].source;
			return &c->setup->sources[*ret];
		}
	}
	return NULL;
}

static struct perf_fd *fds_add(struct perf_cpu *c)
{
	uint32_t cap = c->fd_cap ? c->fd_cap * 2 : 16;
	struct perf_fd *p = c->fds;

	if (c->fd_count == c->fd_cap) {
		p = realloc(p, cap * sizeof(*p));
		if (!p)
			return NULL;
		c->fds = p;
		c->fd_cap = cap;
	}
	return &p[c->fd_count++];
}

int perf_cpu_open(struct perf_cpu *c, uint32_t source, pid_t pid, int cgroup_fd, struct error *err)
{
	const struct perf_source *s = &c->setup->sources[source];
	struct perf_request r = s->request;
	struct perf_fd *f;
	int rc;

	r.cpu = (int)c->ring.cpu;
	r.pid = pid;
	r.cgroup_fd = cgroup_fd;
	r.inherit = pid >= 0;
	f = fds_add(c);
	if (!f)
		return error_nomem(err);
	*f = (struct perf_fd){ .fd = perf_event_open_one(&r, err), .source = source };
	if (f->fd < 0) {
		rc = f->fd;
		c->fd_count--;
		return rc;
	}
	rc = perf_event_redirect(f->fd, c->ring.fd, err);
	if (rc == 0 && s->filter)
		rc = perf_event_filter(f->fd, s->filter, err);
	if (rc == 0)
		rc = perf_event_id(f->fd, &f->id, err);
	if (rc == 0 && !ids_add(c, f->id, source))
		rc = error_nomem(err);
	return rc;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int perf_cpu_switch(struct perf_cpu *c, enum perf_part part, bool on, struct error *err)
{
	int rc = 0;

	if (part == PERF_SIDE_BAND) {
		c->on_from = now_ns();
		rc = perf_event_switch(c->ring.fd, on, err);
		c->on_by = now_ns();
		return rc;
	}
	for (uint32_t i = 0; rc == 0 && i < c->fd_count; i++)
		if (c->setup->sources[c->fds[i].source].everywhere == (part == PERF_EVERYWHERE))
			rc = perf_event_switch(c->fds[i].fd, on, err);
	return rc;
}

/* ---- records ---- */

static int damaged(const struct perf_cpu *c, const struct perf_ring_record *rec, struct error *err)
{
	return error_set(err, ERR_DAMAGED,
			 "CPU %u: a perf record of type %u and %u bytes is not what was asked for",
			 c->ring.cpu, rec->type, rec->len);
}

static int take_sample(struct perf_cpu *c, const struct perf_ring_record *rec, struct error *err)
{
	const struct event_plan *plan = c->setup->plan;
	uint8_t made[SOFTWARE_RECORD_SIZE];
	const struct perf_source *source;
	struct ring_record record;
	struct perf_sample sample;
	uint32_t n = 0, depth = 0;
	uint64_t *frames = c->frames;

	source = find_source(c, perf_sample_id(rec), &n);
	if (!source ||
	    !perf_sample_parse(&sample, source->request.kind, source->request.stack, rec))
		return damaged(c, rec, err);
	if (source->request.stack)
		depth = perf_sample_frames(&sample, frames, STACK_FRAMES_MAX);
	record = (struct ring_record){ sample.time, sample.raw, sample.raw_len };
	if (source->software) {
		record.len = software_event_record(made, source->software, plan->layout.long_size,
						   sample.tid, sample.address, sample.ip);
		record.data = made;
		/* the program faulted, and its frames were not asked for */
		if (!depth)
			frames = NULL;
	}
	c->stored[n]++;
	return stream_event(&c->ring.sink.stream, &record, frames, depth, err);
}

static int take_lost(struct perf_cpu *c, const struct perf_ring_record *rec, struct error *err)
{
	uint64_t lost;

	if (rec->len < 16)
		return damaged(c, rec, err);
	memcpy(&lost, rec->body + 8, sizeof(lost));
	c->lost += lost;
	__atomic_fetch_add(c->ring.sink.lost_in_all, lost, __ATOMIC_RELAXED);
	return row_sink_loss(&c->ring.sink, lost, err);
}

static int take_record(struct perf_cpu *c, const struct perf_ring_record *rec, struct error *err)
{
	switch (rec->type) {
	case PERF_RECORD_SAMPLE: return take_sample(c, rec, err);
	case PERF_RECORD_LOST: return take_lost(c, rec, err);
	case PERF_RECORD_MMAP2:
	case PERF_RECORD_COMM:
	case PERF_RECORD_FORK:
	case PERF_RECORD_EXIT: return perf_side_record(&c->side, rec) ? 0 : damaged(c, rec, err);
	default: return 0; /* what a later kernel adds; losses show in the counts */
	}
}

static int put_side(struct perf_cpu *c, struct error *err)
{
	struct process_encoder *e = &c->side.encoder;
	struct block_header h = process_block_header(e, c->ring.sink.stream.emitter->id,
						     (int32_t)c->ring.cpu);
	int rc;

	if (!e->count)
		return 0;
	if (e->bytes.oom)
		return error_nomem(err);
	block_body_clear(&c->side_body);
	block_body_add(&c->side_body, SECTION_RECORDS, 0, 0, e->bytes.data, e->bytes.len);
	rc = capture_writer_put(c->ring.sink.stream.emitter->writer, &h, &c->side_body, err);
	process_encoder_clear(e);
	return rc;
}

static bool side_is_due(const struct perf_cpu *c)
{
	const struct process_encoder *e = &c->side.encoder;
	struct timespec t;

	if (!e->count)
		return false;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return process_encoder_full(e) ||
	       (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec - e->first_time > SIDE_AGE_NS;
}

/* Room is given back, and blocks are put, about every GIVE_BACK_BYTES. */
static int settle(struct perf_cpu *c, struct error *err)
{
	int rc;

	perf_ring_give_back(&c->map);
	rc = row_sink_filled(&c->ring.sink, err);
	return rc == 0 && side_is_due(c) ? put_side(c, err) : rc;
}

static int drain(struct ring *ring, bool *ret_empty, struct error *err)
{
	struct perf_cpu *c = perf_cpu_of(ring);
	struct perf_ring_record rec;
	uint64_t bytes = 0;
	uint32_t since = 0;
	int rc = 0;

	*ret_empty = false;
	while (bytes < c->map.size && (rc = perf_ring_next(&c->map, &rec, err)) > 0) {
		rc = take_record(c, &rec, err);
		if (rc < 0)
			return rc;
		bytes += rec.len + 8u;
		since += rec.len + 8u;
		if (since < GIVE_BACK_BYTES)
			continue;
		since = 0;
		rc = settle(c, err);
		if (rc < 0)
			return rc;
	}
	if (rc < 0)
		return rc;
	*ret_empty = bytes < c->map.size;
	c->bytes += bytes;
	return settle(c, err);
}

/* Events are switched off: what the kernel has counted since the beginning is what should be here. */
static int compare_counts(struct perf_cpu *c, struct error *err)
{
	uint64_t missing = 0;
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < c->fd_count; i++) {
		uint64_t count = 0;

		rc = perf_event_count(c->fds[i].fd, &count, err);
		c->counted[c->fds[i].source] += count;
	}
	for (uint32_t i = 0; i < c->setup->source_count; i++)
		if (c->counted[i] > c->stored[i])
			missing += c->counted[i] - c->stored[i];
	if (missing > c->lost)
		c->vanished = missing - c->lost;
	__atomic_fetch_add(c->ring.sink.lost_in_all, c->vanished, __ATOMIC_RELAXED);
	return rc < 0 ? rc : row_sink_loss(&c->ring.sink, c->vanished, err);
}

static int finish(struct ring *ring, struct error *err)
{
	struct perf_cpu *c = perf_cpu_of(ring);
	int rc = compare_counts(c, err);

	return rc < 0 ? rc : put_side(c, err);
}

static bool is_done(const struct ring *ring)
{
	(void)ring; /* switching off waits for the events under way */
	return true;
}

static void stats(const struct ring *ring, struct ring_stats *ret)
{
	const struct perf_cpu *c = (const struct perf_cpu *)ring;

	ret->dropped = c->lost;
	ret->commit_overrun = c->vanished;
	ret->read = ring->sink.stream.decoded;
	ret->bytes = c->bytes;
}

static void release(struct ring *ring)
{
	struct perf_cpu *c = perf_cpu_of(ring);

	for (uint32_t i = 0; i < c->fd_count; i++)
		if (c->fds[i].fd >= 0)
			close(c->fds[i].fd);
	perf_ring_unmap(&c->map);
	if (ring->fd >= 0)
		close(ring->fd);
	perf_side_release(&c->side);
	block_body_release(&c->side_body);
	free(c->fds);
	free(c->ids);
	free(c->counted);
	free(c->stored);
	free(c);
}

static const struct ring_ops ops = {
	.drain = drain,
	.is_done = is_done,
	.finish = finish,
	.stats = stats,
	.release = release,
};

int perf_cpu_new(struct perf_cpu **ret, const struct perf_setup *setup, uint32_t cpu,
		 struct error *err)
{
	struct perf_request side = {
		.kind = PERF_KIND_SIDE_BAND,
		.maps = setup->maps,
		.watermark = setup->watermark,
		.pid = -1,
		.cgroup_fd = -1,
		.cpu = (int)cpu,
	};
	struct perf_cpu *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return error_nomem(err);
	*c = (struct perf_cpu){
		.ring = { .ops = &ops, .cpu = cpu, .fd = -1 },
		.setup = setup,
		.side = { .exits_fd = setup->exits_fd },
		.counted = calloc(setup->source_count + 1u, sizeof(*c->counted)),
		.stored = calloc(setup->source_count + 1u, sizeof(*c->stored)),
	};
	rc = c->counted && c->stored ? 0 : error_nomem(err);
	if (rc == 0)
		rc = c->ring.fd = perf_event_open_one(&side, err);
	if (rc >= 0)
		rc = perf_ring_map(&c->map, c->ring.fd, setup->ring_bytes,
				   setup->plan->layout.long_size, err);
	if (rc < 0) {
		release(&c->ring);
		return rc;
	}
	*ret = c;
	return 0;
}

struct ring *perf_cpu_ring(struct perf_cpu *c)
{
	return &c->ring;
}

void perf_cpu_counts(const struct perf_cpu *c, uint32_t source, uint64_t *counted, uint64_t *stored)
{
	*counted = c->counted[source];
	*stored = c->stored[source];
}

bool perf_cpu_presence(const struct perf_cpu *c, struct perf_presence *ret)
{
	uint64_t from = now_ns();

	if (!c->on_by || perf_event_enabled_ns(c->ring.fd, &ret->ns, NULL) < 0 || !ret->ns)
		return false;
	ret->at_least = from - c->on_by;
	ret->at_most = now_ns() - c->on_from;
	return true;
}
