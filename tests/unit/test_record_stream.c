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

/* Rounds of the same records, of which about one has a wrong bit. */
#define ROUNDS	      20000
#define ROUND_RECORDS 12

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
	bool plain, flips;
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

static uint32_t seed;

static uint32_t dice(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

static void flush(struct bench *b)
{
	uint64_t page_time = b->time, commit = b->used;

	memcpy(b->page, &page_time, 8);
	memcpy(b->page + 8, &commit, 8);
	if (b->plain) { /* nothing is expected after a beginning */
		images_clear(&b->emitter.images);
		b->emitter.last_tuple = b->emitter.last_stack = 0;
	}
	if (b->used && !b->failed &&
	    stream_page(&b->stream, b->page, HEAD_BYTES + b->used, false, NULL) < 0)
		b->failed = 1;
	MUST(!b->failed || b->flips);
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
	if (b->flips && !dice(ROUND_RECORDS))
		p[4 + dice((uint32_t)len)] ^= (uint8_t)(1u << dice(8));
	b->used += 4 + len;
	if (b->plain)
		flush(b);
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

/* What two streams have made of the same records. */
static void check_same(const struct bench *fast, const struct bench *plain)
{
	const struct event_row *f = fast->stream.block.rows, *p = plain->stream.block.rows;
	const struct emitter *fe = &fast->emitter, *pe = &plain->emitter;
	uint32_t differ = 0;

	CHECK(fast->stream.block.count == plain->stream.block.count);
	for (uint32_t i = 0; i < plain->stream.block.count && i < fast->stream.block.count; i++)
		differ += f[i].address != p[i].address || f[i].tuple != p[i].tuple ||
			  f[i].pid != p[i].pid || f[i].type != p[i].type;
	CHECK(differ == 0);
	CHECK(fe->tuples.count == pe->tuples.count &&
	      fe->tuples.arena.len == pe->tuples.arena.len &&
	      !memcmp(fe->tuples.arena.data, pe->tuples.arena.data, pe->tuples.arena.len));
	CHECK(fe->stacks.count == pe->stacks.count &&
	      fe->stacks.arena.len == pe->stacks.arena.len &&
	      !memcmp(fe->stacks.arena.data, pe->stacks.arena.data, pe->stacks.arena.len));
	CHECK(fast->stream.decoded == plain->stream.decoded &&
	      fast->stream.events == plain->stream.events &&
	      fast->stream.stacks == plain->stream.stacks &&
	      fast->stream.unknown == plain->stream.unknown &&
	      fast->stream.missing_stacks == plain->stream.missing_stacks &&
	      fast->stream.orphan_stacks == plain->stream.orphan_stacks);
}

/* known: so many events at least are known by their bytes. */
static void check_expected(const bool *stacks_asked, uint64_t known)
{
	struct bench fast, plain;

	bench_open(&fast, false);
	bench_open(&plain, true);
	fast.stream.stacks_asked = plain.stream.stacks_asked = stacks_asked;
	feed(&fast);
	feed(&plain);
	CHECK(!fast.failed && !plain.failed);
	check_same(&fast, &plain);
	CHECK(fast.stream.block.count > RECORDS && fast.emitter.stacks.count > 50);
	CHECK(fast.stream.missing_stacks > 100 && fast.stream.unknown > 50);
	CHECK(plain.stream.taken_apart == plain.stream.events);
	CHECK(fast.stream.taken_apart + known < fast.stream.events);
	bench_close(&fast);
	bench_close(&plain);
}

static void test_expected_is_the_same(void)
{
	check_expected(NULL, 8000);
}

/* In a ring that somebody else has set up, any event may have a stack. */
static void test_expected_where_all_wait(void)
{
	static const bool asked[] = { true, false, false };

	check_expected(asked, 2000);
}

/* Where a record is damaged, the rest of its round is left out; 0: none of them was. */
static uint32_t feed_flipped(struct bench *b)
{
	uint32_t damaged = 0;

	b->flips = true;
	seed = 3;
	for (int i = 0; i < ROUNDS; i++) {
		struct record alloc = { .type = ALLOC, .pid = 5, .words = { 0x100, 0x8000, 64 } };
		struct record stack = { .type = STACK,
					.pid = 5,
					.words = { 0, 0x100, 0x200, 0x300 } };
		struct record unnamed = { .type = FREE, .pid = 5, .words = { 0x500, 0x8000 } };
		struct record named = { .type = CACHE_FREE, .pid = 5, .words = { 0x600, 0x9000 } };

		memcpy(&stack.words[0], &(int32_t){ 3 }, 4);
		memcpy(&named.words[2], &(uint32_t){ 7u << 16 | 32u }, 4);
		strcpy((char *)&named.words[3], "dentry");
		for (uint32_t k = 0; k < 3; k++) {
			alloc.words[2] = 64 + k;
			uint32_t odd = dice(100);

			put(b, &alloc, 40);
			if (odd) /* 0: too late, the next event has come */
				put(b, &stack, odd == 1 ? 32 : 40);
			put(b, &unnamed, odd == 2 ? 32 : 24);
			if (!odd)
				put(b, &stack, 40);
			put(b, &named, 40);
		}
		flush(b);
		damaged += b->failed;
		b->failed = 0;
	}
	stream_give_up(&b->stream, NULL);
	return damaged;
}

/* One wrong bit, wherever it is, is seen: what a record looks like leaves nothing out. */
static void test_nearly_expected_is_the_same(void)
{
	struct bench fast, plain;
	uint32_t damaged;

	bench_open(&fast, false);
	bench_open(&plain, true);
	damaged = feed_flipped(&fast);
	CHECK(damaged > 50 && damaged == feed_flipped(&plain));
	check_same(&fast, &plain);
	CHECK(fast.stream.taken_apart < fast.stream.events / 2);
	CHECK(fast.emitter.tuples.count > 500 && fast.emitter.stacks.count > 100);
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

/* A count of frames that stands where no record need reach to is not read. */
static void test_stack_format_that_lies(void)
{
	static const char lie[] =
		"name: kernel_stack\nID: 80\nformat:\n" FORMAT_COMMON
		"\tfield:int size;\toffset:60000;\tsize:4;\tsigned:1;\n"
		"\tfield:unsigned long caller[8];\toffset:16;\tsize:64;\tsigned:0;\n" FORMAT_END;
	struct event_plan *plan;

	MUST(event_plan_new(&plan, &layout, NULL) == 0);
	CHECK(event_plan_set_stack(plan, stack_format, sizeof(stack_format) - 1, NULL) == 0);
	CHECK(event_plan_set_stack(plan, lie, sizeof(lie) - 1, NULL) == ERR_UNSUPPORTED);
	event_plan_free(plan);
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
	RUN(test_expected_where_all_wait);
	RUN(test_nearly_expected_is_the_same);
	RUN(test_expected_in_a_generation_that_ends);
	RUN(test_stack_format_that_lies);
	RUN(test_contexts);
	return check_done();
}
