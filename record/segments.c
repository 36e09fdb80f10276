#include "record/segments.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* A segment whose metadata alone is larger than it may be still holds so much of events. */
#define EVENT_BYTES_LEAST (256u << 10)
/*
 * Kept free below --max-size: open blocks and what the rings hold on each CPU, then files of the
 * target, symbols, statistics, index.
 */
#define END_BYTES	  (256u << 10)
#define END_BYTES_PER_CPU (128u << 10)
#define CHANGE_POLL_MS	  20

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static bool is_series(const struct segments *g)
{
	return g->output->number != 0;
}

int segments_init(struct segments *g, struct output *output, struct meta *meta,
		  struct backend *backend, uint64_t max_bytes, struct error *err)
{
	const uint8_t *uuid = capture_writer_uuid(output->writer);

	*g = (struct segments){ .output = output,
				.meta = meta,
				.backend = backend,
				.max_bytes = max_bytes,
				.full_fd = -1 };
	for (int i = 0; i < CAPTURE_UUID_LEN; i++)
		snprintf(g->series + 2 * i, 3, "%02x", uuid[i]);
	if (is_series(g) && !backend->ops->change)
		return error_set(err, ERR_UNSUPPORTED, "--rotate does not work with the %s backend",
				 backend->ops->name);
	if (!is_series(g) && !max_bytes)
		return 0;
	g->full_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return g->full_fd < 0 ? error_errno(err, "cannot make an event fd") : 0;
}

void segments_release(struct segments *g)
{
	if (g->full_fd >= 0)
		close(g->full_fd);
	g->full_fd = -1;
}

static int put_place(struct segments *g, struct error *err)
{
	info_encode(&g->meta->info, "segment.series", g->series);
	info_encode_u64(&g->meta->info, "segment.number", g->output->number);
	return meta_put_info(g->meta, err);
}

int segments_first(struct segments *g, struct error *err)
{
	int rc = is_series(g) ? put_place(g, err) : 0;

	g->meta->keep = is_series(g);
	return rc;
}

static void watch(struct segments *g)
{
	uint64_t least = capture_writer_bytes(g->output->writer) + EVENT_BYTES_LEAST;
	uint64_t size = g->output->options.rotate_bytes;

	capture_writer_watch(g->output->writer, size > least ? size : least, g->full_fd);
}

static int watch_size(struct segments *g, struct error *err)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	uint64_t reserve = END_BYTES + (uint64_t)(cpus > 0 ? cpus : 1) * END_BYTES_PER_CPU;
	uint64_t now = capture_writer_bytes(g->output->writer);

	if (now + reserve + EVENT_BYTES_LEAST > g->max_bytes)
		return error_set(
			err, ERR_USAGE,
			"--max-size is too small: without any event the capture needs %" PRIu64
			" kB, with some %" PRIu64 " kB; --symbols used makes it smaller",
			(now + reserve + 1023) / 1024,
			(now + reserve + EVENT_BYTES_LEAST + 1023) / 1024);
	capture_writer_watch(g->output->writer, g->max_bytes - reserve, g->full_fd);
	return 0;
}

int segments_started(struct segments *g, struct error *err)
{
	int rc;

	g->meta->keep = false;
	if (!is_series(g))
		return g->max_bytes ? watch_size(g, err) : 0;
	rc = output_publish(g->output, err);
	if (rc == 0)
		watch(g);
	return rc;
}

int segments_fd(const struct segments *g)
{
	return g->full_fd;
}

int segments_wait_ms(const struct segments *g, int most)
{
	return g->changing && most > CHANGE_POLL_MS ? CHANGE_POLL_MS : most;
}

/* What stands in a file before its events, but for statistics and names: those come after the change. */
static int put_front(struct segments *g, struct error *err)
{
	int rc;

	g->meta->writer = g->output->writer;
	rc = put_place(g, err);
	if (rc == 0)
		rc = meta_put_kept(g->meta, err);
	if (rc == 0)
		rc = meta_put_memory_files(g->meta, "start", err);
	return rc < 0 ? rc : output_publish(g->output, err);
}

static int make_next(struct segments *g, struct error *err)
{
	int rc = output_next(g->output, err);

	if (rc < 0)
		return rc;
	rc = put_front(g, err);
	if (rc < 0) {
		output_back(g->output);
		g->meta->writer = g->output->writer;
	}
	return rc;
}

/* With --keep, old segments make room for new events when the disk is full. */
static int begin_change(struct segments *g, struct error *err)
{
	struct error full = { 0 };
	int rc;

	output_make_room(g->output);
	rc = make_next(g, &full);
	if (rc == ERR_FULL && output_make_room(g->output))
		rc = make_next(g, err);
	else if (rc < 0)
		rc = error_set(err, full.code, "%s", full.text);
	if (rc < 0)
		return rc;
	g->changing = true;
	g->backend->ops->change(g->backend, g->output->writer);
	return 0;
}

static uint64_t lost_of(const struct ring_stats *stats, size_t count)
{
	uint64_t lost = 0;

	for (size_t i = 0; i < count; i++)
		lost += ring_stats_lost(&stats[i]);
	return lost;
}

static int end_last(struct segments *g, const struct ring_stats *stats, size_t count,
		    struct error *err)
{
	uint64_t lost = lost_of(stats, count);
	int rc;

	g->meta->writer = g->output->last;
	rc = meta_put_stats(g->meta, STATS_END, stats, count, err);
	meta_add_clocks(g->meta, "clock.end");
	info_encode(&g->meta->info, "end.reason", "rotated");
	if (rc == 0)
		rc = meta_put_info(g->meta, err);
	if (rc == 0)
		rc = capture_writer_end(g->output->last, lost - g->lost_before, err);
	g->lost_before = lost;
	g->meta->writer = g->output->writer;
	return rc;
}

/* All readers write to the new file: the one before ends where it begins. */
static int end_change(struct segments *g, struct error *err)
{
	struct ring_stats *stats = NULL;
	size_t count = 0;
	int rc = g->backend->ops->change_stats(g->backend, &stats, &count, err);

	if (rc == 0)
		rc = end_last(g, stats, count, err);
	if (rc == 0)
		rc = meta_put_stats(g->meta, STATS_START, stats, count, err);
	/* now: whoever is born later is named by an event in this file */
	if (rc == 0 && g->tasks)
		rc = meta_put_tasks(g->meta, now_ns(), err);
	free(stats);
	output_close_last(g->output);
	g->changing = false;
	if (rc == 0)
		watch(g);
	return rc;
}

static bool is_full(const struct segments *g)
{
	uint64_t count;

	return g->full_fd >= 0 && read(g->full_fd, &count, sizeof(count)) == sizeof(count);
}

int segments_step(struct segments *g, struct error *err)
{
	if (g->changing)
		return g->backend->ops->changed(g->backend) ? end_change(g, err) : 0;
	if (!is_full(g))
		return 0;
	return is_series(g) ? begin_change(g, err) : 1;
}

int segments_finish(struct segments *g, struct error *err)
{
	if (!g->changing)
		return 0;
	if (g->backend->ops->changed(g->backend))
		return end_change(g, err);
	/* a reader has failed: the file before stays without an end, as it is */
	output_close_last(g->output);
	g->changing = false;
	return 0;
}
