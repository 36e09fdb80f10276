/* Which event a sampled stack belongs to. */
#include <fcntl.h>
#include <unistd.h>

#include "tests/unit/check.h"

#include "record/sample_join.h"
#include "tests/unit/ring_formats.h"

#define ALLOC 77
#define FREE  78
#define PAGE  79

static const char *const formats[] = {
	"name: kmalloc\nID: 77\nformat:\n" FORMAT_COMMON FORMAT_SITE FORMAT_PTR FORMAT_END,
	"name: kfree\nID: 78\nformat:\n" FORMAT_COMMON FORMAT_SITE FORMAT_PTR FORMAT_END,
	"name: mm_page_alloc\nID: 79\nformat:\n" FORMAT_COMMON
	"\tfield:unsigned int order;\toffset:8;\tsize:4;"
	"\tsigned:0;\n\tfield:unsigned long pfn;\toffset:16;\tsize:8;\tsigned:0;\n" FORMAT_END,
};

static struct sample_source sources[] = {
	{ .name = "kmalloc", .type = 0, .event_id = ALLOC, .address_arg = 1, .site_arg = 0 },
	{ .name = "mm_page_alloc",
	  .type = 2,
	  .event_id = PAGE,
	  .site_arg = -1,
	  .struct_page = true },
};

/* ---- a sampler with samples of ours ---- */

static struct stack_sample samples[256];
static uint32_t sample_count, sample_at;

static bool next(struct stack_sampler *s, uint32_t ring, struct stack_sample *ret)
{
	(void)s;
	(void)ring;
	if (sample_at < sample_count)
		*ret = samples[sample_at];
	return sample_at < sample_count;
}

static void pass(struct stack_sampler *s, uint32_t ring)
{
	(void)s;
	(void)ring;
	sample_at++;
}

static const struct sampler_ops ops = { .next = next, .pass = pass };

struct fixture {
	int fd;
	struct capture_writer *writer;
	struct event_plan *plan;
	struct emitter emitter;
	struct stream stream;
	struct stack_sampler sampler;
	struct sample_join join;
};

static bool set_up(struct fixture *f)
{
	*f = (struct fixture){ .fd = open("/dev/null", O_WRONLY | O_CLOEXEC) };
	sample_count = sample_at = 0;
	if (capture_writer_new(&f->writer, f->fd, "null", 0, NULL) < 0 ||
	    event_plan_new(&f->plan, &layout, NULL) < 0)
		return false;
	f->plan->stack_id = 1;
	for (int i = 0; i < 3; i++) {
		if (event_plan_add(f->plan, "kmem", formats[i], strlen(formats[i]), i != 1, NULL) <
		    0)
			return false;
		event_plan_sampled(f->plan);
	}
	f->sampler = (struct stack_sampler){ .ops = &ops,
					     .sources = sources,
					     .source_count = 2,
					     .plan = f->plan,
					     .expects_all = true,
					     .to_ns = UINT64_MAX };
	f->join.sampler = &f->sampler;
	return emitter_init(&f->emitter, f->writer, 1, f->plan, NULL) == 0 &&
	       stream_init(&f->stream, 0, 0, &f->emitter, NULL) == 0;
}

static void tear_down(struct fixture *f)
{
	stream_release(&f->stream);
	emitter_release(&f->emitter);
	event_plan_free(f->plan);
	capture_writer_free(f->writer);
	close(f->fd);
}

static void event(struct fixture *f, uint16_t type, uint64_t time, uint8_t flags, uint64_t site,
		  uint64_t address)
{
	struct {
		uint16_t type;
		uint8_t flags, preempt;
		int32_t pid;
		uint64_t site, address;
	} rec = { type, flags, 0, 5, site, address };

	MUST(stream_event(&f->stream,
			  &(struct ring_record){ time, (const uint8_t *)&rec, sizeof(rec) }, NULL,
			  0, NULL) == 0);
}

static const uint64_t frames[][2] = { { 0x100, 0x900 }, { 0x200, 0x900 }, { 0x300, 0x900 } };

static struct stack_sample *sample(uint64_t time, uint64_t site, uint64_t address, int stack)
{
	struct stack_sample *s = &samples[sample_count++];

	*s = (struct stack_sample){ .time = time,
				    .address = address,
				    .call_site = site,
				    .pid = 5,
				    .source = &sources[0],
				    .frames = (const uint8_t *)frames[stack],
				    .depth = 2 };
	return s;
}

static void page_sample(uint64_t time, uint64_t page)
{
	struct stack_sample *s = sample(time, 0, page, 0);

	s->source = &sources[1];
	s->struct_page = true;
}

/* The stack reference of a row, as FORMAT.md has it. */
static uint32_t stack_of(const struct fixture *f, uint32_t row)
{
	uint32_t len, stack;

	memcpy(&stack, intern_bytes(&f->emitter.tuples, f->stream.block.rows[row].tuple, &len),
	       sizeof(stack));
	return stack;
}

static bool join_until(struct fixture *f, uint64_t time)
{
	return sample_join_until(&f->join, &f->stream, time, NULL) == 0;
}

/* A B Sb Sa, the second from an interrupt; and the sample of an event that is still to be read. */
static void test_nested(void)
{
	struct fixture f;

	REQUIRE(set_up(&f));
	event(&f, ALLOC, 10, 0, 0x50, 0x1000);
	event(&f, ALLOC, 11, FLAG_HARDIRQ, 0x60, 0x2000);
	sample(12, 0x60, 0x2000, 1);
	sample(13, 0x50, 0x1000, 0);
	sample(21, 0x50, 0x3000, 2);
	CHECK(join_until(&f, 20));
	CHECK(stack_of(&f, 0) == STACK_FIRST + 1 && stack_of(&f, 1) == STACK_FIRST);
	CHECK(f.sampler.joined == 2 && f.sampler.unjoined == 0 && sample_at == 2);
	event(&f, ALLOC, 20, 0, 0x50, 0x3000);
	CHECK(stack_of(&f, 2) == STACK_NONE);
	CHECK(join_until(&f, 100));
	CHECK(stack_of(&f, 2) == STACK_FIRST + 2 && f.sampler.joined == 3);
	tear_down(&f);
}

/* The address was allocated by an event that is in the block, freed, and allocated by one that is not. */
static void test_of_another_event(void)
{
	struct fixture f;

	REQUIRE(set_up(&f));
	event(&f, ALLOC, 10, 0, 0x50, 0x1000);
	event(&f, FREE, 20, 0, 0x50, 0x1000);
	sample(25, 0x50, 0x1000, 0);
	event(&f, ALLOC, 30, 0, 0x50, 0x4000);
	sample(31, 0x51, 0x4000, 0); /* another call site */
	sample(32, 0x50, 0x5000, 0); /* another address */
	sample(33, 0x50, 0x4000, 0)->pid = 6;
	sample(34, 0x50, 0x4000, 0);
	sample(35, 0x50, 0x4000, 0); /* it has its stack */
	CHECK(join_until(&f, 100));
	CHECK(stack_of(&f, 0) == STACK_NONE && stack_of(&f, 2) == STACK_FIRST);
	CHECK(f.sampler.joined == 1 && f.sampler.unjoined == 5);
	tear_down(&f);
}

/* Behind an interrupt's events the task's last one can still be without its sample, an earlier one not. */
static void test_contexts(void)
{
	struct fixture f;

	REQUIRE(set_up(&f));
	event(&f, ALLOC, 10, FLAG_SOFTIRQ, 0x50, 0x1000);
	event(&f, ALLOC, 11, 0, 0x50, 0x2000);
	event(&f, ALLOC, 12, FLAG_HARDIRQ, 0x50, 0x3000);
	event(&f, FREE, 13, FLAG_SOFTIRQ, 0x50, 0x9000);
	sample(14, 0x50, 0x3000, 0); /* a softirq has run behind it */
	sample(15, 0x50, 0x1000, 1); /* and the task */
	sample(16, 0x50, 0x2000, 2);
	CHECK(join_until(&f, 100));
	CHECK(stack_of(&f, 0) == STACK_NONE && stack_of(&f, 2) == STACK_NONE);
	CHECK(stack_of(&f, 1) == STACK_FIRST && f.sampler.unjoined == 2);
	tear_down(&f);
}

static void test_without_stack(void)
{
	struct fixture f;

	REQUIRE(set_up(&f));
	event(&f, ALLOC, 10, 0, 0x50, 0x1000);
	sample(11, 0x50, 0x1000, 0)->depth = 0;
	CHECK(join_until(&f, 100));
	CHECK(stack_of(&f, 0) == STACK_LOST && f.stream.missing_stacks == 1);
	tear_down(&f);
}

/* Where struct page is 64 bytes, and its array begins anywhere: learned, then held against. */
static void test_pages(void)
{
	const uint64_t array = 0xffffea0000000000;
	struct fixture f;
	uint64_t time = 100;

	REQUIRE(set_up(&f));
	for (uint64_t i = 0; i < 40; i++, time += 10) {
		uint64_t frame = 0x5000 + i * 37 % 101;

		event(&f, PAGE, time, 0, 0, frame);
		page_sample(time + 1, array + frame * 64);
	}
	event(&f, PAGE, time, 0, 0, 0x7000);
	page_sample(time + 1, array + 0x7001 * 64); /* of an event that is not here */
	event(&f, PAGE, time + 10, 0, 0, 0x7002);
	event(&f, PAGE, time + 11, FLAG_HARDIRQ, 0, 0x7003);
	page_sample(time + 12, array + 0x7002 * 64);
	CHECK(join_until(&f, time + 100));
	CHECK(f.join.pages.size == 64);
	for (uint32_t i = 0; i < 40; i++)
		CHECK(stack_of(&f, i) == STACK_FIRST);
	CHECK(stack_of(&f, 40) == STACK_NONE && stack_of(&f, 42) == STACK_NONE);
	CHECK(stack_of(&f, 41) == STACK_FIRST && f.sampler.unjoined == 1);
	tear_down(&f);
}

/* While that is not known, either of two pages could be meant. */
static void test_pages_unknown(void)
{
	struct fixture f;

	REQUIRE(set_up(&f));
	event(&f, PAGE, 10, 0, 0, 0x7002);
	event(&f, PAGE, 11, FLAG_HARDIRQ, 0, 0x7003);
	page_sample(12, 0xffffea0000000000 + 0x7002 * 64);
	CHECK(join_until(&f, 100));
	CHECK(stack_of(&f, 0) == STACK_NONE && stack_of(&f, 1) == STACK_NONE);
	CHECK(f.sampler.unjoined == 1);
	tear_down(&f);
}

int main(void)
{
	RUN(test_nested);
	RUN(test_of_another_event);
	RUN(test_contexts);
	RUN(test_without_stack);
	RUN(test_pages);
	RUN(test_pages_unknown);
	return check_done();
}
