#define _GNU_SOURCE /* sched_getcpu */
#include "record/ftrace_ring.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SETTLED_NS 1000000u
#define SETTLE_US  50

struct ftrace_ring {
	struct ring ring;
	int stats_fd;
	uint32_t subbuf_size, pages; /* sub-buffers of the ring */
	struct ring_stats counts;    /* the kernel's, as read last */
	uint64_t lost_seen;	     /* lost records at the last look */
	uint64_t lost_told;	     /* of them, told in front of a block, or about to be */
	uint64_t lost_at_boundary;   /* lost records when last looked at a page boundary */
	uint32_t suspect_pages;	     /* so many more may have a loss in front that was seen there */
	uint32_t pages_since_look;
	uint32_t pages_since_empty; /* with nothing waiting for its stack; no more than pages */
	uint64_t overwritten;	    /* on purpose, before the ring was opened to be read */
	uint64_t bytes;		    /* read from the ring */
};

static struct ftrace_ring *ftrace_ring_of(struct ring *ring)
{
	return (struct ftrace_ring *)ring;
}

static const struct ftrace_ring *ftrace_ring_const(const struct ring *ring)
{
	return (const struct ftrace_ring *)ring;
}

/* ---- the kernel's counts ---- */

int ring_counts_read(int fd, struct ring_stats *ret, struct error *err)
{
	/* clang-format off */
	const struct { const char *key; uint64_t *to; } rows[] = {
		{ "entries: ", &ret->entries }, { "overrun: ", &ret->overrun },
		{ "commit overrun: ", &ret->commit_overrun }, { "dropped events: ", &ret->dropped },
		{ "read events: ", &ret->read },
	};
	/* clang-format on */
	char text[1024], *line, *end;
	unsigned int found = 0;
	ssize_t n;

	do
		n = pread(fd, text, sizeof(text) - 1, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return error_errno(err, "cannot read the statistics of a ring buffer");
	text[n] = '\0';
	for (line = text; line; line = end ? end + 1 : NULL) {
		end = strchr(line, '\n');
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			size_t len = strlen(rows[i].key);

			if (strncmp(line, rows[i].key, len))
				continue;
			*rows[i].to = strtoull(line + len, NULL, 10);
			found++;
		}
	}
	if (found != sizeof(rows) / sizeof(rows[0]))
		return error_set(err, ERR_UNSUPPORTED,
				 "the statistics of a ring buffer lack a line that is needed");
	return 0;
}

/* ---- one ring ---- */

/*
 * Looks whether records were lost. With the ring empty, everything that was lost lies behind us.
 * With the ring not empty the gap may still be in front: then only what an earlier look, a whole
 * ring ago, had seen is certain to be behind us. Told too late is safe (more objects are in doubt),
 * too early is not.
 */
static int look_for_loss(struct ftrace_ring *c, bool ring_empty, struct error *err)
{
	uint64_t lost, behind, told = c->lost_told;
	int rc = ring_counts_read(c->stats_fd, &c->counts, err);

	if (rc < 0)
		return rc;
	lost = ring_stats_lost(&c->counts);
	if (lost != c->lost_seen)
		rc = row_sink_suspect(&c->ring.sink, err);
	if (rc < 0)
		return rc;
	behind = ring_empty ? lost : c->lost_seen;
	__atomic_fetch_add(c->ring.sink.lost_in_all, lost - c->lost_seen, __ATOMIC_RELAXED);
	c->lost_seen = lost;
	c->pages_since_look = 0;
	c->lost_told = behind;
	return row_sink_loss(&c->ring.sink, behind - told, err);
}

/*
 * An event waits for its stack over a page boundary: may anything have been lost there? Only if the ring was full
 * then, and all that filled it was read since it was empty. Its statistics are dear: the kernel writes them as text,
 * into memory whose allocation it traces. What they count may also be in front of any page that is in the ring now.
 */
static bool lost_at_boundary(struct ftrace_ring *c)
{
	struct ring_stats now = { 0 };
	uint64_t before = c->lost_at_boundary;

	if (c->pages_since_empty < c->pages / 2)
		return false;
	if (ring_counts_read(c->stats_fd, &now, NULL) < 0)
		return true;
	c->lost_at_boundary = ring_stats_lost(&now);
	if (c->lost_at_boundary != before)
		c->suspect_pages = c->pages;
	return c->suspect_pages > 0;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/*
 * The ring was found empty after `before`. On this very CPU no event is between its record and its
 * sample; on another one it may be, for about a microsecond.
 */
static int complete(struct ftrace_ring *c, uint64_t before, struct error *err)
{
	const struct event_block *b = &c->ring.sink.stream.block;

	if (c->ring.samples && b->count && before - b->rows[b->count - 1].time < SETTLED_NS &&
	    sched_getcpu() != (int)c->ring.cpu)
		usleep(SETTLE_US);
	return row_sink_complete(&c->ring.sink, before, err);
}

/* Everything from before the first record of a page was read before it. */
static int complete_page(struct ftrace_ring *c, size_t len, struct error *err)
{
	struct ring_record first = { 0 }; /* a page that is damaged says so when it is decoded */
	struct ring_page page;
	int rc = ring_page_open(&page, &c->ring.sink.stream.plan->layout, c->ring.page, len, err);

	if (rc == 0)
		ring_page_next(&page, &first);
	return rc < 0 ? rc : row_sink_complete(&c->ring.sink, first.time, err);
}

/*
 * Reads until the ring is empty, or as many sub-buffers as it has: then other rings get their turn.
 */
static int drain(struct ring *ring, bool *ret_empty, struct error *err)
{
	struct ftrace_ring *c = ftrace_ring_of(ring);
	struct stream *stream = &ring->sink.stream;
	int rc;

	*ret_empty = false;
	for (uint32_t pages = 0; pages < c->pages;) {
		uint64_t before = ring->samples ? now_ns() : 0;
		ssize_t n = read(ring->fd, ring->page, c->subbuf_size);
		bool gap;

		if (n < 0 && errno == EINTR)
			continue;
		/* ENODEV: its CPU has not been online yet, and has no ring */
		if (n < 0 && errno != EAGAIN && errno != ENODEV)
			return error_errno(err, "cannot read the ring buffer of CPU %u", ring->cpu);
		if (n <= 0) {
			*ret_empty = true;
			if (!stream_waiting(stream))
				c->pages_since_empty = c->suspect_pages = 0;
			rc = complete(c, before, err);
			if (rc < 0)
				return rc;
			break;
		}
		rc = ring->samples ? complete_page(c, (size_t)n, err) : 0;
		if (rc < 0)
			return rc;
		gap = stream_waiting(stream) && lost_at_boundary(c);
		rc = stream_page(stream, ring->page, (size_t)n, gap, err);
		if (rc == 0)
			rc = row_sink_filled(&ring->sink, err);
		if (rc < 0)
			return rc;
		c->bytes += (uint64_t)n;
		c->pages_since_look++;
		c->pages_since_empty += c->pages_since_empty < c->pages;
		c->suspect_pages -= c->suspect_pages > 0;
		pages++;
	}
	if (*ret_empty || c->pages_since_look >= c->pages)
		return look_for_loss(c, *ret_empty, err);
	return 0;
}

static bool is_done(const struct ring *ring)
{
	const struct ftrace_ring *c = ftrace_ring_const(ring);

	return !c->counts.entries && c->counts.read == ring->sink.stream.decoded;
}

static void stats(const struct ring *ring, struct ring_stats *ret)
{
	*ret = ftrace_ring_const(ring)->counts;
	ret->bytes = ftrace_ring_const(ring)->bytes;
	ret->overwritten = ftrace_ring_const(ring)->overwritten;
}

static void release(struct ring *ring)
{
	struct ftrace_ring *c = ftrace_ring_of(ring);

	if (ring->fd >= 0)
		close(ring->fd);
	if (c->stats_fd >= 0)
		close(c->stats_fd);
	free(c);
}

static const struct ring_ops ops = {
	.drain = drain,
	.is_done = is_done,
	.stats = stats,
	.release = release,
};

/*
 * The ring of a flight recorder, frozen: what it has overwritten is no loss. What was lost otherwise
 * (an interrupt nested too deep) may be missing anywhere in it: the statistics tell, no block does.
 */
static int begin_frozen(struct ftrace_ring *c, struct error *err)
{
	int rc = ring_counts_read(c->stats_fd, &c->counts, err);

	c->overwritten = c->counts.overrun;
	c->lost_seen = c->lost_told = c->lost_at_boundary = ring_stats_lost(&c->counts);
	return rc;
}

static int open_ring(struct ring_list *list, const struct instance *inst, uint16_t number,
		     uint32_t cpu, struct error *err)
{
	struct ftrace_ring *c = calloc(1, sizeof(*c));

	if (!c)
		return error_nomem(err);
	*c = (struct ftrace_ring){
		.ring = { .ops = &ops, .cpu = cpu, .number = number, .fd = -1 },
		.stats_fd = -1,
		.subbuf_size = inst->layout.subbuf_size,
		.pages = (uint32_t)(inst->ring_bytes / inst->layout.subbuf_size) + 2,
	};
	list->items[list->count++] = &c->ring;
	c->pages_since_empty = c->pages; /* it may be full already */
	c->ring.fd = instance_open_cpu(inst, cpu, "trace_pipe_raw", O_RDONLY | O_NONBLOCK, err);
	if (c->ring.fd < 0)
		return c->ring.fd;
	c->stats_fd = instance_open_cpu(inst, cpu, "stats", O_RDONLY, err);
	if (c->stats_fd < 0)
		return c->stats_fd;
	return inst->overwrite ? begin_frozen(c, err) : 0;
}

int ftrace_rings_open(struct ring_list *ret, struct instance *const *instances, uint16_t count,
		      struct error *err)
{
	uint32_t rings = 0;
	int rc = 0;

	for (uint16_t i = 0; i < count; i++)
		rings += instances[i]->cpu_count;
	*ret = (struct ring_list){ .items = calloc(rings, sizeof(struct ring *)) };
	if (!ret->items)
		return error_nomem(err);
	for (uint16_t i = 0; rc == 0 && i < count; i++)
		for (uint32_t k = 0; rc == 0 && k < instances[i]->cpu_count; k++)
			rc = open_ring(ret, instances[i], i, instances[i]->cpus[k], err);
	if (rc < 0)
		ring_list_release(ret);
	return rc;
}
