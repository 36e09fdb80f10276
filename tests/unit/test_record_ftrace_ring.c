/*
 * Records that a full ring refused between two sub-buffers, with an event waiting for its stack at the end of the first and
 * the stack of another in front of the second: no pair is made. A fifo is the ring, a file its statistics.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* F_SETPIPE_SZ */
#endif
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/check.h"

#include "record/ftrace_ring.h"
#include "tests/unit/ring_formats.h"

#define ALLOC  77
#define STACK  80
#define SITES  7
#define ENOUGH 50000u
#define PAGES  8u /* of the ring; it is read as if it had two more */

static const char stack_format[] =
	"name: kernel_stack\nID: 80\nformat:\n" FORMAT_COMMON
	"\tfield:int size;\toffset:8;\tsize:4;\tsigned:1;\n"
	"\tfield:unsigned long caller[8];\toffset:16;\tsize:64;\tsigned:0;\n" FORMAT_END;
static const char alloc_format[] = "name: kmalloc\nID: 77\nformat:\n" FORMAT_COMMON FORMAT_SITE
	FORMAT_PTR FORMAT_END;

struct bench {
	char dir[CHECK_PATH_BYTES];
	struct instance instance;
	uint32_t cpus[1];
	int out;
	int in, stats; /* the producer's end of the ring, and what the kernel counts */
	uint64_t dropped;
	struct event_plan *plan;
	struct capture_writer *writer;
	struct emitter emitter;
	struct ring_list rings;
	struct ring *ring;
	uint64_t lost;
	/* the page being filled */
	uint8_t page[PAGE_BYTES];
	uint8_t *read;
	size_t used;
	uint64_t time;
};

static void name_in(const struct bench *b, char *path, const char *name)
{
	snprintf(path, CHECK_PATH_BYTES + 64, "%s/per_cpu%s", b->dir, name);
}

static void count_dropped(struct bench *b, uint64_t records)
{
	char text[200];
	int len;

	b->dropped += records;
	len = snprintf(text, sizeof(text),
		       "entries: 0\noverrun: 0\ncommit overrun: 0\ndropped events: %020llu\n"
		       "read events: 0\n",
		       (unsigned long long)b->dropped);
	MUST(pwrite(b->stats, text, (size_t)len, 0) == len);
}

static void make_files(struct bench *b)
{
	char path[CHECK_PATH_BYTES + 64];

	check_path(b->dir);
	MUST(mkdtemp(b->dir));
	name_in(b, path, "");
	MUST(mkdir(path, 0700) == 0);
	name_in(b, path, "/cpu0");
	MUST(mkdir(path, 0700) == 0);
	name_in(b, path, "/cpu0/trace_pipe_raw");
	MUST(mkfifo(path, 0600) == 0);
	b->in = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	MUST(b->in >= 0 && fcntl(b->in, F_SETPIPE_SZ, PAGES * PAGE_BYTES) == PAGES * PAGE_BYTES);
	name_in(b, path, "/cpu0/stats");
	b->stats = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	MUST(b->stats >= 0);
	count_dropped(b, 0);
}

static void bench_open(struct bench *b)
{
	*b = (struct bench){ .out = open("/dev/null", O_WRONLY | O_CLOEXEC) };
	make_files(b);
	b->instance = (struct instance){ .dir = open(b->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
					 .ring_bytes = (uint64_t)PAGES * PAGE_BYTES,
					 .layout = layout,
					 .cpus = b->cpus,
					 .cpu_count = 1 };
	b->read = malloc(PAGE_BYTES);
	MUST(b->read && b->instance.dir >= 0);
	MUST(event_plan_new(&b->plan, &layout, NULL) == 0 &&
	     event_plan_set_stack(b->plan, stack_format, sizeof(stack_format) - 1, NULL) == 0 &&
	     event_plan_add(b->plan, "kmem", alloc_format, sizeof(alloc_format) - 1, true, NULL) ==
		     0);
	MUST(capture_writer_new(&b->writer, b->out, "null", 0, NULL) == 0 &&
	     emitter_init(&b->emitter, b->writer, 1, b->plan, NULL) == 0);
	MUST(ftrace_rings_open(&b->rings, (struct instance *[]){ &b->instance }, 1, NULL) == 0);
	b->ring = b->rings.items[0];
	b->ring->page = b->read;
	MUST(row_sink_init(&b->ring->sink, 0, 0, &b->emitter, &b->lost, NULL) == 0);
}

static void bench_close(struct bench *b)
{
	static const char *const files[] = { "/cpu0/trace_pipe_raw", "/cpu0/stats" };
	char path[CHECK_PATH_BYTES + 64];

	row_sink_release(&b->ring->sink);
	ring_list_release(&b->rings);
	emitter_release(&b->emitter);
	capture_writer_free(b->writer);
	event_plan_free(b->plan);
	close(b->instance.dir);
	close(b->out);
	close(b->in);
	close(b->stats);
	free(b->read);
	for (size_t i = 0; i < 2; i++) {
		name_in(b, path, files[i]);
		unlink(path);
	}
	name_in(b, path, "/cpu0");
	rmdir(path);
	name_in(b, path, "");
	rmdir(path);
	rmdir(b->dir);
}

/* ---- what the kernel does ---- */

static bool has_room(const struct bench *b, size_t len)
{
	return HEAD_BYTES + b->used + 4 + len <= PAGE_BYTES;
}

/* The page goes into the ring. False: that is full. */
static bool push(struct bench *b)
{
	uint64_t commit = b->used;

	if (!b->used)
		return true;
	memcpy(b->page, &b->time, 8);
	memcpy(b->page + 8, &commit, 8);
	if (write(b->in, b->page, PAGE_BYTES) != PAGE_BYTES)
		return false;
	b->used = 0;
	return true;
}

static void put(struct bench *b, const void *record, size_t len)
{
	uint32_t word = (uint32_t)(len / 4);
	uint8_t *p = b->page + HEAD_BYTES + b->used;

	if (layout.big_endian)
		word <<= 27;
	memcpy(p, &word, 4);
	memcpy(p + 4, record, len);
	b->used += 4 + len;
}

struct record {
	uint16_t type;
	uint8_t flags, preempt;
	int32_t pid;
	uint64_t words[3];
};

#define RECORD_BYTES sizeof(struct record)

static uint64_t site_address(uint64_t site)
{
	return 0xffffffff81000000 + site * 0x100;
}

static void put_alloc(struct bench *b, uint64_t site)
{
	const struct record r = { ALLOC, 0, 0, 1, { site_address(site), 0xffff888000000000, 0 } };

	put(b, &r, RECORD_BYTES);
}

/* Of that site, in a function that all call: nothing but the order tells whose stack it is. */
static void put_stack(struct bench *b, uint64_t site)
{
	struct record r = { STACK, 0, 0, 1, { 0, 0xffffffff82000000, site_address(site) } };
	const int32_t size = 2;

	memcpy(&r.words[0], &size, sizeof(size));
	put(b, &r, RECORD_BYTES);
}

/* ---- what the recorder makes of it ---- */

static bool drain(struct bench *b)
{
	bool empty;

	return b->ring->ops->drain(b->ring, &empty, NULL) == 0 && empty;
}

/* Events that came with the stack of another site. */
static uint32_t wrong_pairs(const struct bench *b)
{
	uint32_t wrong = 0;

	for (uint32_t i = 0; i < b->emitter.tuples.count; i++) {
		uint32_t len, stack;
		const uint8_t *key = intern_bytes(&b->emitter.tuples, i, &len), *frames;

		memcpy(&stack, key, sizeof(stack));
		if (stack < STACK_FIRST)
			continue;
		frames = intern_bytes(&b->emitter.stacks, stack - STACK_FIRST, &len);
		wrong += len != 16 || memcmp(frames + 8, key + KEY_HEAD + 8, 8) != 0;
	}
	return wrong;
}

/* An event at the end of a page, its stack and another event lost, whose stack begins the next page. */
static void plant(struct bench *b, uint64_t dropped)
{
	put_alloc(b, 1);
	MUST(push(b));
	if (dropped)
		count_dropped(b, dropped);
	put_stack(b, 2);
	MUST(push(b));
}

/* That nothing else would tell: where the kernel counts no loss, the two are a pair. */
static void test_nothing_lost(void)
{
	struct bench b;

	bench_open(&b);
	plant(&b, 0);
	CHECK(drain(&b));
	CHECK(b.ring->sink.stream.stacks == 1 && b.ring->sink.stream.orphan_stacks == 0);
	CHECK(wrong_pairs(&b) == 1);
	bench_close(&b);
}

static void test_lost_between_pages(void)
{
	struct bench b;

	bench_open(&b);
	plant(&b, 2);
	CHECK(drain(&b));
	CHECK(b.ring->sink.stream.stacks == 0 && b.ring->sink.stream.orphan_stacks == 1);
	CHECK(b.ring->sink.stream.missing_stacks == 1 && wrong_pairs(&b) == 0);
	CHECK(b.lost == 2);
	bench_close(&b);
}

/* All that the ring can hold; its first page ends with an event that waits, its last one, too, and then records are refused. */
static void fill(struct bench *b, uint16_t second_page)
{
	const struct record unknown = { .type = second_page, .pid = 1 };

	for (uint32_t i = 0; i < PAGES; i++) {
		if (i == 1) {
			put_stack(b, 0);
			put(b, &unknown, RECORD_BYTES);
		}
		put_alloc(b, i % SITES);
		if (i > 0 && i < PAGES - 1)
			put_stack(b, i % SITES);
		MUST(push(b));
	}
	put_alloc(b, 0);
	CHECK(!push(b));
	b->used = 0; /* that one has no room, nor has its stack, nor the next event */
	count_dropped(b, 3);
}

/* The reader is at its end before more comes. */
static void test_lost_behind_a_full_ring(void)
{
	struct bench b;

	bench_open(&b);
	CHECK(drain(&b));
	fill(&b, ALLOC);
	CHECK(drain(&b));
	put_stack(&b, 2);
	CHECK(push(&b) && drain(&b));
	CHECK(wrong_pairs(&b) == 0 && b.ring->sink.stream.orphan_stacks == 1);
	bench_close(&b);
}

/* While the second page is read there is room again. */
static bool go_on(void *arg, uint16_t id)
{
	struct bench *b = arg;

	(void)id;
	put_stack(b, 2);
	CHECK(push(b));
	return false;
}

/* The loss is counted when the boundary of the first two pages is looked at, and lies in front of the last one. */
static void test_seen_before_it_comes(void)
{
	struct bench b;

	bench_open(&b);
	b.ring->sink.stream.learn = go_on;
	b.ring->sink.stream.learn_arg = &b;
	fill(&b, STACK + 1);
	CHECK(drain(&b));
	CHECK(b.ring->sink.stream.unknown == 1);
	/* the first pair is given up, too: it may have been in front of the second page */
	CHECK(wrong_pairs(&b) == 0 && b.ring->sink.stream.orphan_stacks == 2);
	bench_close(&b);
}

/*
 * Why it may go unasked: since it was empty, a ring that holds PAGES pages was read for less than half of that, and so
 * was never full. (Such counts as here it does not have then.)
 */
static void test_not_asked_where_it_was_not_full(void)
{
	struct bench b;

	bench_open(&b);
	CHECK(drain(&b));
	plant(&b, 2);
	CHECK(drain(&b));
	CHECK(wrong_pairs(&b) == 1);
	bench_close(&b);
}

/* ---- a producer that does not wait ---- */

static uint32_t seed;

static uint32_t dice(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

struct produce {
	struct bench *b;
	uint32_t records, refused_at_waiting;
	int done;
};

/*
 * Room for a record, or it is refused: then as the kernel does it is counted before anything else is written. A page is in
 * the ring as soon as it is begun, so none is begun in a full one, and a full page is there to be read.
 */
static bool reserve(struct produce *p)
{
	int unread;

	if (!has_room(p->b, RECORD_BYTES))
		MUST(push(p->b));
	MUST(ioctl(p->b->in, FIONREAD, &unread) == 0);
	if (p->b->used || unread < (int)(PAGES * PAGE_BYTES))
		return true;
	count_dropped(p->b, 1);
	sched_yield();
	return false;
}

static void written(struct produce *p)
{
	if (!has_room(p->b, RECORD_BYTES) ||
	    !dice(400)) /* or the reader takes what there is of it */
		MUST(push(p->b));
}

static void *produce(void *arg)
{
	struct produce *p = arg;

	for (; p->records < ENOUGH || (p->refused_at_waiting < 30 && p->records < 50 * ENOUGH);
	     p->records++) {
		uint64_t site = dice(SITES);
		bool waits = reserve(p);

		if (waits) {
			put_alloc(p->b, site);
			written(p);
		}
		if (reserve(p)) {
			put_stack(p->b, site);
			written(p);
		} else {
			p->refused_at_waiting += waits;
		}
		if (!dice(2000))
			usleep(dice(300));
	}
	MUST(push(p->b));
	__atomic_store_n(&p->done, 1, __ATOMIC_RELEASE);
	return NULL;
}

/* The reader is now quicker and now slower than the ring is filled. */
static void test_full_again_and_again(void)
{
	struct bench b;
	struct produce p = { .b = &b };
	pthread_t thread;
	bool empty = false, good = true;
	uint32_t n = 0;

	check_hold_memory(true);
	bench_open(&b);
	seed = 7;
	MUST(pthread_create(&thread, NULL, produce, &p) == 0);
	while (good && (!empty || !__atomic_load_n(&p.done, __ATOMIC_ACQUIRE))) {
		good = b.ring->ops->drain(b.ring, &empty, NULL) == 0;
		if (++n % 16 == 0)
			usleep(200);
	}
	pthread_join(thread, NULL);
	CHECK(good && drain(&b));
	CHECK(p.refused_at_waiting >= 30); /* else this tries nothing */
	CHECK(b.lost == b.dropped);
	CHECK(b.ring->sink.stream.decoded + b.dropped == 2ull * p.records);
	CHECK(b.ring->sink.stream.missing_stacks >= p.refused_at_waiting);
	CHECK(wrong_pairs(&b) == 0);
	printf("# %u events whose stack the full ring refused\n", p.refused_at_waiting);
	bench_close(&b);
	check_hold_memory(false);
}

int main(void)
{
	RUN(test_nothing_lost);
	RUN(test_lost_between_pages);
	RUN(test_lost_behind_a_full_ring);
	RUN(test_seen_before_it_comes);
	RUN(test_not_asked_where_it_was_not_full);
	RUN(test_full_again_and_again);
	return check_done();
}
