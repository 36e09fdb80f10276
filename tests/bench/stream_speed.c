/*
 * stream_speed DIR [TIMES [OUTPUT]] - what the recorder does with the pages of a tracing ring, without the ring:
 * decodes, pairs, interns, encodes, compresses and writes them, once and then TIMES times. Prints how many
 * events they hold, how many were known by their bytes, and of an event the CPU time, the least of all times,
 * and the bytes in the capture. stream_speed.sh makes DIR: header_page, kernel_stack.format, types (lines
 * "SYSTEM NAME STACKS"), SYSTEM.NAME.format and ring (whole sub-buffers).
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "format/base/fileio.h"
#include "record/clock_step.h"
#include "record/row_sink.h"

static void fail(const struct error *err)
{
	fprintf(stderr, "stream_speed: %s\n", err->text);
	exit(1);
}

static void slurp(int dir, const char *name, struct buf *ret)
{
	struct error err = { 0 };

	buf_clear(ret);
	if (file_slurp(dir, name, 1u << 30, ret, &err) < 0)
		fail(&err);
	buf_u8(ret, '\0');
	ret->len--;
}

static struct event_plan *read_plan(int dir)
{
	struct ring_layout layout;
	struct event_plan *plan = NULL;
	struct buf text = { 0 }, types = { 0 };
	struct error err = { 0 };
	char system[64], name[64], path[160], *save = NULL;
	int stacks;

	slurp(dir, "header_page", &text);
	if (ring_layout_parse(&layout, (char *)text.data, text.len,
			      __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__, &err) < 0 ||
	    event_plan_new(&plan, &layout, &err) < 0)
		fail(&err);
	slurp(dir, "kernel_stack.format", &text);
	if (event_plan_set_stack(plan, (char *)text.data, text.len, &err) < 0)
		fail(&err);
	slurp(dir, "types", &types);
	for (char *line = strtok_r((char *)types.data, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		if (sscanf(line, "%63s %63s %d", system, name, &stacks) != 3)
			continue;
		snprintf(path, sizeof(path), "%s.%s.format", system, name);
		slurp(dir, path, &text);
		if (event_plan_add(plan, system, (char *)text.data, text.len, stacks, &err) < 0)
			fail(&err);
	}
	buf_release(&text);
	buf_release(&types);
	return plan;
}

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* All pages, through one emitter as in a recording that lasts. */
static void feed(struct row_sink *sink, const struct buf *ring)
{
	size_t size = sink->stream.plan->layout.subbuf_size;
	struct error err = { 0 };
	int rc = 0;

	for (size_t at = 0; rc == 0 && at + size <= ring->len; at += size) {
		rc = stream_page(&sink->stream, ring->data + at, size, false, &err);
		if (rc == 0)
			rc = row_sink_filled(sink, &err);
	}
	if (rc == 0)
		rc = row_sink_put(sink, &err);
	if (rc < 0)
		fail(&err);
}

int main(int argc, char **argv)
{
	int dir = argc > 1 ? open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	int times = argc > 2 ? atoi(argv[2]) : 5;
	const char *output = argc > 3 ? argv[3] : "/dev/null";
	struct capture_writer *writer;
	struct emitter emitter;
	struct row_sink sink;
	double least = 1e9;
	struct event_plan *plan;
	struct buf ring = { 0 };
	struct error err = { 0 };
	uint64_t events, lost = 0;
	int fd;

	if (dir < 0) {
		fprintf(stderr, "usage: stream_speed DIR [TIMES [OUTPUT]]\n");
		return 2;
	}
	plan = read_plan(dir);
	slurp(dir, "ring", &ring);
	fd = open(output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (capture_writer_new(&writer, fd, output, clock_step_measure(), &err) < 0 ||
	    emitter_init(&emitter, writer, 1, plan, &err) < 0 ||
	    row_sink_init(&sink, 0, 0, &emitter, &lost, &err) < 0)
		fail(&err);
	feed(&sink, &ring);
	events = sink.stream.events;
	while (times-- > 0) {
		double start = cpu_seconds(), used;

		feed(&sink, &ring);
		used = cpu_seconds() - start;
		least = used < least ? used : least;
	}
	printf("%llu events, %.1f %% as expected, %.1f ns each, %.3f bytes each\n",
	       (unsigned long long)events,
	       100 - 100 * (double)sink.stream.taken_apart / (double)sink.stream.events,
	       least / (double)events * 1e9,
	       (double)capture_writer_bytes(writer) / (double)sink.stream.events);
	row_sink_release(&sink);
	emitter_release(&emitter);
	capture_writer_free(writer);
	close(fd);
	buf_release(&ring);
	event_plan_free(plan);
	close(dir);
	return 0;
}
