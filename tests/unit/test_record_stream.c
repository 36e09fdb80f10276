/*
 * Records into rows. Whole pages, of which most records are what was expected next, must come to the same as one record at
 * a time with nothing expected.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/check.h"

#include "record/stream.h"
#include "tests/unit/ring_formats.h"

#define ALLOC	   77
#define FREE	   78
#define CACHE_FREE 79
#define STACK	   80
#define UNKNOWN	   81

#define RECORDS 20000

static const char stack_format[] =
	"name: kernel_stack\nID: 80\nformat:\n" FORMAT_COMMON
	"\tfield:int size;\toffset:8;\tsize:4;\tsigned:1;\n"
	"\tfield:unsigned long caller[8];\toffset:16;\tsize:64;\tsigned:0;\n" FORMAT_END;
static const char *const formats[] = {
	"name: kmalloc\nID: 77\nformat:\n" FORMAT_COMMON FORMAT_SITE FORMAT_PTR
	"\tfield:size_t bytes_req;\toffset:24;\tsize:8;\tsigned:0;\n"
	"\tfield:int node;\toffset:32;\tsize:4;\tsigned:1;\n" FORMAT_END,
	"name: kfree\nID: 78\nformat:\n" FORMAT_COMMON FORMAT_SITE FORMAT_PTR FORMAT_END,
	"name: kmem_cache_free\nID: 79\nformat:\n" FORMAT_COMMON FORMAT_SITE FORMAT_PTR
	"\tfield:__data_loc char[] name;\toffset:24;\tsize:4;\tsigned:0;\n" FORMAT_END,
};

struct bench {
	struct event_plan *plan;
	struct capture_writer *writer;
	struct emitter emitter;
	struct stream stream;
	bool plain;
	uint8_t page[PAGE_BYTES];
	size_t used;
	uint64_t time;
	int failed;
};

static void bench_open(struct bench *b, bool plain)
{
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	*b = (struct bench){ .plain = plain };
	b->failed = event_plan_new(&b->plan, &layout, NULL) < 0 ||
		    event_plan_set_stack(b->plan, stack_format, sizeof(stack_format) - 1, NULL) < 0;
	for (int i = 0; i < 3 && !b->failed; i++)
		b->failed = event_plan_add(b->plan, "kmem", formats[i], strlen(formats[i]), i == 0,
					   NULL) < 0;
	b->failed = b->failed || capture_writer_new(&b->writer, fd, "null", 0, NULL) < 0 ||
		    emitter_init(&b->emitter, b->writer, 1, b->plan, NULL) < 0 ||
		    stream_init(&b->stream, 0, 0, &b->emitter, NULL) < 0;
	close(fd);
	MUST(!b->failed);
}

static void bench_close(struct bench *b)
{
	stream_release(&b->stream);
	emitter_release(&b->emitter);
	capture_writer_free(b->writer);
	event_plan_free(b->plan);
}

static void flush(struct bench *b)
{
	uint64_t page_time = b->time, commit = b->used;

	memcpy(b->page, &page_time, 8);
	memcpy(b->page + 8, &commit, 8);
	if (b->plain) /* nothing is expected after a beginning */
		b->emitter.last_tuple = 0;
	if (b->used && stream_page(&b->stream, b->page, HEAD_BYTES + b->used, false, NULL) < 0)
		b->failed = 1;
	MUST(!b->failed);
	b->used = 0;
}

/* All records of a page are of its time: what is compared is not when, but what. */
static void put(struct bench *b, const void *record, size_t len)
{
	uint32_t word = (uint32_t)(len / 4);
	uint8_t *p;

	if (HEAD_BYTES + b->used + 4 + len > PAGE_BYTES)
		flush(b);
	if (layout.big_endian)
		word <<= 27;
	p = b->page + HEAD_BYTES + b->used;
	memcpy(p, &word, 4);
	memcpy(p + 4, record, len);
	b->used += 4 + len;
	if (b->plain)
		flush(b);
}

static uint32_t seed;

static uint32_t dice(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

struct record {
	uint16_t type;
	uint8_t flags, preempt;
	int32_t pid;
	uint64_t words[12];
};

/* A stack of the allocation site, now and then of another, with an end of its own, or cut short. */
static void put_stack(struct bench *b, uint8_t flags, int32_t pid, uint64_t site)
{
	struct record r = { .type = STACK, .flags = flags, .pid = pid };
	uint32_t depth = dice(20) ? 4 : 1 + dice(10);
	int32_t size = (int32_t)depth;

	memcpy(&r.words[0], &size, sizeof(size));
	for (uint32_t i = 0; i < depth; i++)
		r.words[1 + i] = site + i * 0x1000;
	if (!dice(30))
		r.words[depth] = 0xffffffff81000000 + dice(3);
	put(b, &r, 16 + depth * 8);
}

static void put_alloc(struct bench *b, uint8_t flags, int32_t pid, uint32_t which)
{
	struct record r = { .type = ALLOC, .flags = flags, .pid = pid };

	r.words[0] = 0xffffffff81100000 + which * 0x100;
	r.words[1] = 0xffff888000000000 + dice(1000) * 64;
	r.words[2] = 64 + which % 3 * (1 + dice(20) / 19);
	r.words[3] = dice(UINT32_MAX); /* padding behind node */
	memset(&r.words[3], dice(10) ? 0 : 0xff, 4);
	put(b, &r, 40);
	if (!dice(40)) /* an interrupt in between, with a stack of its own */
		put_alloc(b, flags | FLAG_HARDIRQ, pid, 20 + dice(4));
	if (dice(25))
		put_stack(b, flags, pid, r.words[0]);
}

static void put_free(struct bench *b, int32_t pid, uint32_t which)
{
	static const char *const names[] = { "dentry", "filp", "task_struct", "task_struct2" };
	struct record r = { .type = which % 2 ? FREE : CACHE_FREE, .pid = pid };
	const char *name = names[dice(20) ? which % 4 : dice(4)];
	uint32_t where = 32u | (uint32_t)(strlen(name) + 1) << 16;

	r.words[0] = 0xffffffff81200000 + which * 0x100;
	r.words[1] = 0xffff888000000000 + dice(1000) * 64;
	memcpy(&r.words[2], &where, sizeof(where));
	strcpy((char *)&r.words[3], name);
	r.preempt = (uint8_t)!dice(50);
	put(b, &r, which % 2 ? 24 : 32 + (strlen(name) + 4) / 4 * 4);
}

static void feed(struct bench *b)
{
	seed = 7;
	for (int i = 0; i < RECORDS; i++) {
		struct record strange = { .type = UNKNOWN };
		uint32_t which = (uint32_t)i % 12;
		int32_t pid = 100 + i / 500;

		if (!dice(200))
			put(b, &strange, 16);
		if (which < 6)
			put_alloc(b, dice(100) ? 0 : FLAG_SOFTIRQ, pid, which);
		else
			put_free(b, pid, which);
	}
	flush(b);
	stream_give_up(&b->stream, NULL);
}

static void test_expected_is_the_same(void)
{
	struct bench fast, plain;
	const struct event_row *f, *p;
	uint32_t differ = 0, stacks, stackless = 0;

	bench_open(&fast, false);
	bench_open(&plain, true);
	feed(&fast);
	feed(&plain);
	CHECK(!fast.failed && !plain.failed);
	CHECK(fast.stream.block.count > RECORDS &&
	      fast.stream.block.count == plain.stream.block.count);
	f = fast.stream.block.rows;
	p = plain.stream.block.rows;
	for (uint32_t i = 0; i < plain.stream.block.count && i < fast.stream.block.count; i++)
		differ += f[i].address != p[i].address || f[i].tuple != p[i].tuple ||
			  f[i].pid != p[i].pid || f[i].type != p[i].type;
	CHECK(differ == 0);
	CHECK(fast.emitter.tuples.count == plain.emitter.tuples.count &&
	      fast.emitter.tuples.arena.len == plain.emitter.tuples.arena.len &&
	      !memcmp(fast.emitter.tuples.arena.data, plain.emitter.tuples.arena.data,
		      plain.emitter.tuples.arena.len));
	stacks = fast.emitter.stacks.count;
	CHECK(stacks > 50 && stacks == plain.emitter.stacks.count);
	stackless = (uint32_t)fast.stream.missing_stacks;
	CHECK(stackless > 100 && stackless == plain.stream.missing_stacks);
	CHECK(fast.stream.stacks == plain.stream.stacks && fast.stream.unknown > 50 &&
	      fast.stream.orphan_stacks == plain.stream.orphan_stacks);
	bench_close(&fast);
	bench_close(&plain);
}

/* While an event waits for its stack, the dictionary in which its tuple was found may go. */
static void test_expected_in_a_generation_that_ends(void)
{
	struct bench b;
	const uint8_t *key;
	uint32_t len, n;

	bench_open(&b, false);
	seed = 1;
	for (int i = 0; i < 3; i++) {
		struct record r = { .type = ALLOC, .pid = 1, .words = { 0x100, 0x8000, 64 } };

		put(&b, &r, 40);
		if (i < 2)
			put_stack(&b, 0, 1, 0x100);
	}
	flush(&b);
	n = b.stream.block.count;
	CHECK(n == 3 && stream_waiting(&b.stream));
	emitter_new_generation(&b.emitter);
	put_stack(&b, 0, 1, 0x100);
	flush(&b);
	CHECK(!stream_waiting(&b.stream) && !b.failed);
	CHECK(b.emitter.tuples.count == 1 && b.stream.block.rows[2].tuple == 0);
	key = intern_bytes(&b.emitter.tuples, 0, &len);
	CHECK(len > KEY_HEAD && !memcmp(key + KEY_HEAD + 8, (uint64_t[]){ 0x100 }, 8));
	bench_close(&b);
}

/* Each way to begin an interrupt comes out as the innermost context. */
static void test_contexts(void)
{
	for (unsigned int flags = 0; flags < 256; flags++)
		CHECK(pairing_context((uint8_t)flags) == (flags & FLAG_NMI     ? 3u :
							  flags & FLAG_HARDIRQ ? 2u :
							  flags & FLAG_SOFTIRQ ? 1u :
										 0u));
}

int main(void)
{
	RUN(test_expected_is_the_same);
	RUN(test_expected_in_a_generation_that_ends);
	RUN(test_contexts);
	return check_done();
}
