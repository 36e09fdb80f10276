/* Every record of a capture, encoded and decoded again; whole files through writer and reader. */
#include "tests/unit/check.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "format/dict.h"
#include "format/events.h"
#include "format/file_lines.h"
#include "format/folded.h"
#include "format/process.h"
#include "format/reader.h"
#include "format/records.h"
#include "format/writer.h"

/* clang-format off */
static struct event_field alloc_fields[] = {
	{ (char *)"common_pid", (char *)"int", 4, 4, FIELD_SIGNED, PLACE_COMMON },
	{ (char *)"call_site", (char *)"unsigned long", 8, 8, FIELD_UNSIGNED, PLACE_TUPLE },
	{ (char *)"ptr", (char *)"const void *", 16, 8, FIELD_UNSIGNED, PLACE_ADDRESS },
	{ (char *)"name", (char *)"__data_loc char[]", 24, 4, FIELD_STRING, PLACE_TUPLE },
	{ (char *)"node", (char *)"int", 48, 4, FIELD_SIGNED, PLACE_TUPLE },
};
/* clang-format on */
/* clang-format off */
static struct event_field other_fields[] = {
	{ (char *)"pid", (char *)"pid_t", 8, 4, FIELD_SIGNED, PLACE_COLUMN },
	{ (char *)"comm", (char *)"char[16]", 12, 16, FIELD_FIXED_STRING, PLACE_COLUMN },
};
/* clang-format on */
/* clang-format off */
static const struct event_type types[] = {
	{ 658, (char *)"kmem", (char *)"kmem_cache_alloc", true, 5, alloc_fields },
	{ 77, (char *)"task", (char *)"task_rename", false, 2, other_fields },
};
/* clang-format on */

struct seen {
	int count;
	struct ring_stats stats;
	struct task_record task;
	struct event_type type;
	struct end_entry entry;
	char text[64];
};

static int on_pair(void *arg, struct text key, struct text value)
{
	struct seen *s = arg;

	s->count++;
	snprintf(s->text, sizeof(s->text), "%.*s=%.*s", (int)key.len, key.data, (int)value.len,
		 value.data);
	return 0;
}

static int on_type(void *arg, struct event_type *type)
{
	struct seen *s = arg;

	event_type_release(&s->type);
	s->type = *type;
	s->count++;
	return 0;
}

static int on_task(void *arg, const struct task_record *task)
{
	struct seen *s = arg;

	s->task = *task;
	s->count++;
	return 0;
}

static int on_stats(void *arg, const struct ring_stats *stats)
{
	struct seen *s = arg;

	s->stats = *stats;
	s->count++;
	return 0;
}

static int on_entry(void *arg, const struct end_entry *entry)
{
	struct seen *s = arg;

	s->entry = *entry;
	s->count++;
	return 0;
}

/*
 * Any prefix of a record must be refused or read short, never read past its end (the sanitizers
 * look).
 */
#define EACH_PREFIX(b, decode) \
	for (size_t prefix = 0; prefix < (b).len; prefix++) { \
		uint8_t *copy = malloc(prefix ? prefix : 1); \
		MUST(copy); \
		memcpy(copy, (b).data, prefix); \
		(void)(decode); \
		free(copy); \
	}

static void test_info(void)
{
	struct buf b = { 0 };
	struct seen s = { 0 };

	info_encode(&b, "machine", "x86_64");
	info_encode_u64(&b, "page_size", 4096);
	CHECK(info_decode(b.data, b.len, on_pair, &s, NULL) == 0);
	CHECK(s.count == 2 && !strcmp(s.text, "page_size=4096"));
	CHECK(info_decode(b.data, b.len - 1, on_pair, &s, NULL) == ERR_DAMAGED);
	EACH_PREFIX(b, info_decode(copy, prefix, on_pair, &s, NULL));
	buf_release(&b);
}

static void test_file(void)
{
	struct file_part in = { { "/proc/x", 7 }, { "start", 5 }, 1u << 20, true, { "abc", 3 } },
			 out;
	struct buf b = { 0 };

	file_encode(&b, &in);
	REQUIRE(file_decode(b.data, b.len, &out, NULL) == 0);
	CHECK(out.offset == 1u << 20 && out.last && out.bytes.len == 3 &&
	      !memcmp(out.name.data, "/proc/x", 7));
	EACH_PREFIX(b, file_decode(copy, prefix, &out, NULL));
	buf_release(&b);
}

static bool splits(const char *text)
{
	struct buf numbers = { 0 }, lines = { 0 };
	unsigned int digits;
	bool is_split = lines_split(text, strlen(text), &digits, &numbers, &lines);

	buf_release(&numbers);
	buf_release(&lines);
	return is_split;
}

static void test_which_lines_are_split(void)
{
	CHECK(splits("ffffffff81000000 T _stext\n"));
	CHECK(splits("0 a\n1 b\n0  \n"));
	CHECK(splits("00 a\nff b\n"));
	CHECK(!splits(""));
	CHECK(!splits("\n"));
	CHECK(!splits("ffffffff81000000 T _stext"));
	CHECK(!splits("ffffffff81000000 T _stext\nffffffff81000010 T"));
	CHECK(!splits("ffffffff81000000 T _stext\n\n"));
	CHECK(!splits("ffffffff81000000 T _stext\nffffffff8100001 T other\n"));
	CHECK(!splits("ffffffff81000000 T _stext\nffffffff81000010\tT other\n"));
	CHECK(!splits("FFffffff81000000 T _stext\n"));
	CHECK(!splits("0ffffffff81000000 T _stext\n"));
	CHECK(!splits(" T _stext\n"));
}

/* The same part as a block would have it, and as a reader of blocks makes it again. */
static void test_split_lines_join(void)
{
	static const char text[] =
		"ffffffff81000000 T _stext\nffffffffffffffff A top\n0000000000000000 A zero\n"
		"ffffffff80ffffff t below\t[module]\nffffffff80ffffff t \r same\n";
	struct file_part part = { { "/proc/kallsyms", 14 },
				  { "start", 5 },
				  77,
				  true,
				  { text, sizeof(text) - 1 } },
			 head = part;
	struct buf whole = { 0 }, record = { 0 }, numbers = { 0 }, lines = { 0 }, joined = { 0 };
	struct section sections[3] = { { .kind = SECTION_RECORDS },
				       { .kind = SECTION_FILE_NUMBERS },
				       { .kind = SECTION_FILE_LINES } };
	unsigned int digits = 0;

	REQUIRE(lines_split(text, sizeof(text) - 1, &digits, &numbers, &lines) && digits == 16);
	head.bytes.len = 0;
	file_encode(&whole, &part);
	file_encode(&record, &head);
	sections[0].data = record.data, sections[0].len = record.len;
	sections[1].data = numbers.data, sections[1].len = numbers.len, sections[1].a = digits;
	sections[2].data = lines.data, sections[2].len = lines.len;
	CHECK(!file_join(&sections[0], &sections[1], &sections[2], &joined));
	CHECK(joined.len == whole.len && !memcmp(joined.data, whole.data, whole.len));

	sections[1].len--;
	CHECK(file_join(&sections[0], &sections[1], &sections[2], &joined));
	sections[1].len++;
	sections[2].len--;
	CHECK(file_join(&sections[0], &sections[1], &sections[2], &joined));
	sections[2].len++;
	sections[1].a = 17;
	CHECK(file_join(&sections[0], &sections[1], &sections[2], &joined));
	sections[1].a = 0;
	CHECK(file_join(&sections[0], &sections[1], &sections[2], &joined));
	sections[1].a = 16;
	sections[0].data = whole.data, sections[0].len = whole.len;
	CHECK(file_join(&sections[0], &sections[1], &sections[2], &joined));
	buf_release(&whole);
	buf_release(&record);
	buf_release(&numbers);
	buf_release(&lines);
	buf_release(&joined);
}

/* Two bytes of a file that stand for seventeen: not more than a block may have. */
static void test_lines_that_grow(void)
{
	size_t n = BLOCK_RAW_MAX / 17 + 1;
	struct section record = { 0 }, numbers = { .a = 16 }, lines = { 0 };
	struct file_part head = { { "x", 1 }, { "end", 3 }, 0, true, { "", 0 } };
	struct buf b = { 0 }, joined = { 0 };
	uint8_t *zeros = calloc(1, n), *newlines = malloc(n);

	REQUIRE(zeros && newlines);
	memset(newlines, '\n', n);
	file_encode(&b, &head);
	record.data = b.data, record.len = b.len;
	numbers.data = zeros, numbers.len = n;
	lines.data = newlines, lines.len = n;
	CHECK(file_join(&record, &numbers, &lines, &joined) && joined.cap == 0);
	lines.len = n - 1;
	CHECK(!file_join(&record, &numbers, &lines, &joined));
	buf_release(&b);
	buf_release(&joined);
	free(zeros);
	free(newlines);
}

static void test_types(void)
{
	struct buf b = { 0 };
	struct seen s = { 0 };

	type_encode(&b, &types[1]);
	type_encode(&b, &types[0]);
	MUST(!b.oom);
	REQUIRE(types_decode(b.data, b.len, on_type, &s, NULL) == 0);
	CHECK(s.count == 2 && s.type.id == 658 && !strcmp(s.type.name, "kmem_cache_alloc"));
	CHECK(s.type.field_count == 5 && s.type.fields[3].kind == FIELD_STRING && s.type.has_stack);
	CHECK(!strcmp(s.type.fields[2].type, "const void *") &&
	      s.type.fields[2].place == PLACE_ADDRESS);
	EACH_PREFIX(b, types_decode(copy, prefix, on_type, &s, NULL));
	event_type_release(&s.type);
	buf_release(&b);
}

static const struct mark_record marks[] = {
	{ MARK_NAMED, 5000, { "before the test", 15 } },
	{ MARK_PAUSE, 5000, { "", 0 } },
	{ MARK_RESUME, UINT64_MAX, { "", 0 } },
	{ MARK_NAMED, 7, { "", 0 } },
};

static int on_mark(void *arg, const struct mark_record *got)
{
	int *count = arg;
	const struct mark_record *want = &marks[(*count)++];

	CHECK(got->kind == want->kind && got->time == want->time);
	CHECK(got->text.len == want->text.len &&
	      !memcmp(got->text.data, want->text.data, want->text.len));
	return 0;
}

static int any_mark(void *arg, const struct mark_record *mark)
{
	*(uint64_t *)arg += mark->time + mark->text.len;
	return 0;
}

static void test_marks(void)
{
	struct mark_record unknown = { 99, 6000, { "", 0 } };
	uint64_t before = marks[0].time, sum = 0;
	struct buf b = { 0 };
	int count = 0;

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		mark_encode(&b, before, &marks[i]);
		before = marks[i].time;
		if (i == 1) { /* stepped over, but its time counts */
			mark_encode(&b, before, &unknown);
			before = unknown.time;
		}
	}
	CHECK(marks_decode(b.data, b.len, 5000, on_mark, &count, NULL) == 0 && count == 4);
	EACH_PREFIX(b, marks_decode(copy, prefix, 5000, any_mark, &sum, NULL));
	buf_clear(&b);
	buf_bytes(&b, "\x01\x00\x01\x05", 4); /* a text of 5 bytes in a blob of 1 */
	CHECK(marks_decode(b.data, b.len, 0, any_mark, &sum, NULL) == ERR_DAMAGED);
	buf_release(&b);
}

static void test_small_records(void)
{
	struct task_record task = { 12, 11, 1, { "a task", 6 } };
	struct ring_stats stats = { 3, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, UINT64_MAX, 0 };
	struct end_entry entries[2] = { { 64, 0, 10, 5, 9 }, { 4096, 1, 20, 6, 6 } };
	struct end_totals totals = { 30, 2, 9999, 2 }, back;
	enum stats_moment moment;
	struct seen s = { 0 };
	struct buf b = { 0 };

	task_encode(&b, &task);
	CHECK(tasks_decode(b.data, b.len, on_task, &s, NULL) == 0 && s.task.tgid == 11 &&
	      s.task.comm.len == 6);
	EACH_PREFIX(b, tasks_decode(copy, prefix, on_task, &s, NULL));
	buf_clear(&b);
	stats_encode_moment(&b, STATS_END);
	stats_encode(&b, &stats);
	CHECK(stats_decode(b.data, b.len, &moment, on_stats, &s, NULL) == 0 && moment == STATS_END);
	CHECK(s.stats.cpu == 3 && s.stats.entries == 1 && s.stats.read == 5 &&
	      s.stats.bytes == UINT64_MAX);
	CHECK(s.stats.missing_stacks == 10 && ring_stats_lost(&s.stats) == 9);
	EACH_PREFIX(b, stats_decode(copy, prefix, &moment, on_stats, &s, NULL));
	buf_clear(&b);
	s.count = 0;
	end_encode(&b, &totals, entries);
	CHECK(end_decode(b.data, b.len, &back, on_entry, &s, NULL) == 0 && s.count == 2);
	CHECK(back.bytes == 9999 && s.entry.offset == 4096 && s.entry.last_time == 6);
	EACH_PREFIX(b, end_decode(copy, prefix, &back, on_entry, &s, NULL));
	buf_release(&b);
}

static const struct process_record processes[] = {
	{ .kind = PROCESS_MAP,
	  .flags = PROCESS_SNAPSHOT,
	  .time = 5000,
	  .pid = 12,
	  .tgid = 11,
	  .start = 0x7f0000001000,
	  .length = 0x2000,
	  .offset = 0x1000,
	  .prot = 5,
	  .map_flags = 2,
	  .name = { "/lib/a.so", 9 },
	  .build_id = { "\1\2\3", 3 } },
	{ .kind = PROCESS_COMM,
	  .flags = PROCESS_EXEC,
	  .time = 4990, /* rings may step back */
	  .pid = 12,
	  .tgid = 12,
	  .name = { "a name", 6 } },
	{ .kind = PROCESS_FORK,
	  .time = 6000,
	  .pid = 13,
	  .tgid = 13,
	  .parent_pid = 12,
	  .parent_tgid = 11 },
	{ .kind = PROCESS_EXIT, .time = 7000, .pid = -1, .tgid = 13 },
	{ .kind = PROCESS_MAP,
	  .time = 6500,
	  .tgid = 13,
	  .start = 0x7f0000009000,
	  .length = 0x1000,
	  .name = { "/lib/a.so", 9 },
	  .build_id = { "\1\2\3", 3 } },
	{ .kind = PROCESS_MAP, .time = 6501, .tgid = 13, .length = 1, .name = { "[heap]", 6 } },
};

static bool same_text(struct text a, struct text b)
{
	return a.len == b.len && (!a.len || !memcmp(a.data, b.data, a.len));
}

static int on_process(void *arg, const struct process_record *got)
{
	int *count = arg;
	const struct process_record *want = &processes[(*count)++];

	CHECK(got->kind == want->kind && got->flags == want->flags && got->time == want->time);
	CHECK(got->pid == want->pid && got->tgid == want->tgid && got->start == want->start);
	CHECK(got->parent_pid == want->parent_pid && got->parent_tgid == want->parent_tgid);
	CHECK(got->length == want->length && got->offset == want->offset);
	CHECK(got->prot == want->prot && got->map_flags == want->map_flags);
	CHECK(same_text(got->name, want->name) && same_text(got->build_id, want->build_id));
	return 0;
}

static int any_process(void *arg, const struct process_record *r)
{
	size_t *bytes = arg;

	for (size_t i = 0; i < r->name.len; i++) /* the sanitizers look */
		*bytes += (unsigned char)r->name.data[i];
	return 0;
}

static void test_processes(void)
{
	struct process_encoder e = { 0 };
	struct block_header h;
	size_t sum = 0, first;
	int count = 0, rc;

	for (int i = 0; i < 6; i++)
		process_encode(&e, &processes[i]);
	h = process_block_header(&e, 3, 2);
	CHECK(h.type == BLOCK_PROCESS && h.writer == 3 && h.cpu == 2);
	CHECK(h.first_time == 5000 && h.last_time == 7000);
	CHECK(process_decode(e.bytes.data, e.bytes.len, h.first_time, on_process, &count, NULL) ==
	      0);
	CHECK(count == 6);
	EACH_PREFIX(e.bytes, process_decode(copy, prefix, 5000, any_process, &sum, NULL));
	first = e.bytes.len;
	process_encoder_clear(&e); /* numbers of files begin anew */
	for (int i = 0; i < 6; i++)
		process_encode(&e, &processes[i]);
	CHECK(e.bytes.len == first);
	process_encoder_clear(&e);
	buf_bytes(&e.bytes, "\x09\x00\x02xy", 5); /* a kind of a later version */
	process_encode(&e, &processes[2]);
	count = 2;
	CHECK(process_decode(e.bytes.data, e.bytes.len, 6000, on_process, &count, NULL) == 0);
	CHECK(count == 3);
	process_encoder_clear(&e);
	buf_bytes(&e.bytes, "\x01\x00\x09\x00\x02\x02\x01\x01\x00\x00\x00\x01", 12);
	rc = process_decode(e.bytes.data, e.bytes.len, 0, any_process, &sum, NULL);
	CHECK(rc == ERR_DAMAGED); /* a file that no record before it named */
	process_encoder_release(&e);
}

/* A block is full before the table of its files is, and says so. */
static void test_many_files(void)
{
	struct process_encoder e = { 0 };
	struct process_record r = { .kind = PROCESS_MAP, .length = 1 };
	uint32_t n = 0;

	for (; !process_encoder_full(&e); n++) {
		MUST(!e.bytes.oom && !e.record.oom);
		r.name = (struct text){ (const char *)&n, sizeof(n) };
		process_encode(&e, &r);
		process_encode(&e, &r);
	}
	CHECK(n == PROCESS_FILES_MAX && e.count == 3 * n && !e.bytes.oom);
	process_encoder_release(&e);
}

/* clang-format off */
static const uint64_t stacks[4][5] = {
	{ 5, 0xffffffff81000010, 0xffffffff81000020, 0xffffffff81000030, 0xffffffff81000040 },
	{ 4, 0xffffffff81000099, 0xffffffff81000030, 0xffffffff81000040 },
	{ 2, 0xffffffff81000040 },
	{ 5, 0xffffffff81000011, 0xffffffff81000099, 0xffffffff81000030, 0xffffffff81000040 },
};
/* clang-format on */

static int on_stack(void *arg, uint32_t number, const uint64_t *frames, uint32_t depth)
{
	int *count = arg;
	const uint64_t *want = stacks[number - 7];

	CHECK(depth == want[0] - 1 && !memcmp(frames, want + 1, depth * sizeof(*frames)));
	(*count)++;
	return 0;
}

static void test_stacks(void)
{
	struct stack_encoder *e = calloc(1, sizeof(*e));
	struct section s = { .kind = SECTION_STACKS, .a = 7, .b = 4 };
	int count = 0;

	MUST(e);
	for (int i = 0; i < 4; i++)
		stack_encode(e, stacks[i] + 1, (uint32_t)stacks[i][0] - 1);
	s.data = e->bytes.data;
	s.len = e->bytes.len;
	CHECK(e->count == 4 && stacks_decode(&s, on_stack, &count, NULL) == 0 && count == 4);
	CHECK(e->bytes.len < 64); /* shared frames and differences: not 13 x 8 bytes */
	s.b = 5;
	CHECK(stacks_decode(&s, on_stack, &count, NULL) == ERR_DAMAGED);
	s.b = UINT32_MAX;
	CHECK(stacks_decode(&s, on_stack, &count, NULL) == ERR_DAMAGED);
	stack_encoder_release(e);
	free(e);
}

static int on_tuple(void *arg, uint32_t number, const struct tuple *t)
{
	int *count = arg;

	CHECK(number == 100u + (unsigned int)*count && t->flags == 8 && t->preempt_count == 3);
	if (*count == 1) {
		CHECK(t->type == 0 && t->stack == STACK_FIRST + 9);
		CHECK(t->values[0].number == 0xffffffff81234567);
		CHECK(t->values[1].len == 6 && !memcmp(t->values[1].bytes, "dentry", 6));
		CHECK((int64_t)t->values[2].number == -1);
	}
	(*count)++;
	return 0;
}

static void test_tuples(void)
{
	struct value a[] = { { 0xffffffff81000000, NULL, 0 },
			     { 0, (const uint8_t *)"", 0 },
			     { 5, NULL, 0 } };
	struct value b[] = { { 0xffffffff81234567, NULL, 0 },
			     { 0, (const uint8_t *)"dentry", 6 },
			     { UINT64_MAX, NULL, 0 } };
	struct tuple_encoder e = { 0 };
	struct section s = { .kind = SECTION_TUPLES, .a = 100, .b = 3 };
	int count = 0;

	tuple_encode(&e, &types[0], &(struct tuple){ 0, 8, 3, STACK_NONE, a });
	tuple_encode(&e, &types[0], &(struct tuple){ 0, 8, 3, STACK_FIRST + 9, b });
	tuple_encode(&e, &types[1], &(struct tuple){ 1, 8, 3, STACK_LOST, NULL });
	s.data = e.bytes.data;
	s.len = e.bytes.len;
	CHECK(tuples_decode(&s, types, 2, on_tuple, &count, NULL) == 0 && count == 3);
	for (size_t n = 0; n < e.bytes.len; n++) {
		s.len = n;
		count = 0;
		CHECK(tuples_decode(&s, types, 2, on_tuple, &count, NULL) == ERR_DAMAGED);
	}
	count = 0;
	s.len = e.bytes.len;
	CHECK(tuples_decode(&s, types, 1, on_tuple, &count, NULL) == ERR_DAMAGED);
	tuple_encoder_release(&e);
}

static int on_folded_pair(void *arg, const struct folded_pair *p)
{
	int *count = arg;
	bool second = ++*count == 2;

	CHECK(p->alloc_tuple == (second ? 3u : 70000u) && p->free_tuple == (second ? 9u : 5u));
	CHECK(p->alloc_type == second && p->free_type == !second);
	CHECK(p->alloc_self == second && !p->free_self);
	CHECK(p->pairs == (second ? 1u : 3u) && p->lifetime_min == (second ? 7u : 10u));
	CHECK(p->lifetime_max == (second ? 7u : 1000u) && p->lifetime_sum == (second ? 7u : 1020u));
	return 0;
}

static int on_folded_free(void *arg, const struct folded_free *f)
{
	int *count = arg;

	*count += 100;
	CHECK(f->tuple == 12 && f->type == 1 && f->self && f->count == UINT64_MAX);
	return 0;
}

static int on_folded_reused(void *arg, const struct folded_pair *p)
{
	++*(int *)arg;
	CHECK(p->alloc_tuple == 8 && p->alloc_type == 1 && p->free_tuple == FOLDED_NO_FREE);
	CHECK(p->alloc_self && p->pairs == 2 && p->lifetime_min == 1 && p->lifetime_max == 3 &&
	      p->lifetime_sum == 4);
	return 0;
}

static void test_folded_reused(void)
{
	struct folded_encoder e = { 0 };
	struct section s = { .kind = SECTION_FOLDED_REUSED, .b = 1 };
	int count = 0;

	folded_encode_pair(&e, &(struct folded_pair){ 8, FOLDED_NO_FREE, 1, 0, true, false, 2, 4, 1,
						      3 });
	CHECK(e.reused_count == 1 && !e.pair_count && !folded_empty(&e));
	s.data = e.reused.data;
	for (s.len = 0; s.len < e.reused.len; s.len++)
		CHECK(folded_decode(&s, 1, 2, on_folded_reused, on_folded_free, &count, NULL) ==
		      ERR_DAMAGED);
	CHECK(folded_decode(&s, 1, 2, on_folded_reused, on_folded_free, &count, NULL) == 0 &&
	      count == 1);
	folded_encoder_release(&e);
}

static int count_folded(void *arg, const struct folded_pair *p)
{
	(void)p;
	++*(int *)arg;
	return 0;
}

/* Lifetimes that cannot add up to what is said. */
static void refuse_folded(const struct folded_pair *p)
{
	struct folded_encoder e = { 0 };
	int count = 0;

	folded_encode_pair(&e, p);
	CHECK(folded_decode(&(struct section){ .kind = SECTION_FOLDED_PAIRS,
					       .b = 1,
					       .data = e.pairs.data,
					       .len = e.pairs.len },
			    1, 2, count_folded, on_folded_free, &count, NULL) == ERR_DAMAGED);
	CHECK(count == 0);
	folded_encoder_release(&e);
}

static void test_folded(void)
{
	struct folded_encoder e = { 0 };
	struct section s[2] = { { .kind = SECTION_FOLDED_PAIRS, .b = 2 },
				{ .kind = SECTION_FOLDED_FREES, .b = 1 } };
	struct block_body body = { 0 };
	int count = 0;

	folded_encode_pair(&e, &(struct folded_pair){ 70000, 5, 0, 1, false, false, 3, 1020, 10,
						      1000 });
	folded_encode_pair(&e, &(struct folded_pair){ 3, 9, 1, 0, true, false, 1, 7, 7, 7 });
	folded_encode_free(&e, &(struct folded_free){ 12, 1, true, UINT64_MAX });
	for (size_t n = 0; n <= e.pairs.len; n++) {
		uint8_t *copy = malloc(n ? n : 1);

		MUST(copy);
		memcpy(copy, e.pairs.data, n);
		s[0].data = copy;
		s[0].len = n;
		s[1].data = e.frees.data;
		s[1].len = n < e.pairs.len ? 0 : e.frees.len;
		count = 0;
		CHECK(folded_decode(s, 2, 2, on_folded_pair, on_folded_free, &count, NULL) ==
		      (n < e.pairs.len ? ERR_DAMAGED : 0));
		free(copy);
	}
	CHECK(count == 102);
	s[0].data = e.pairs.data;
	CHECK(folded_decode(s, 2, 1, on_folded_pair, on_folded_free, &count, NULL) == ERR_DAMAGED);
	s[0].b = 3;
	CHECK(folded_decode(s, 1, 2, count_folded, on_folded_free, &count, NULL) == ERR_DAMAGED);
	CHECK(folded_put(&e, &body, NULL) == 0 && body.bytes.len && !e.pair_count && !e.last_null);
	refuse_folded(&(struct folded_pair){ .pairs = 0 });
	refuse_folded(&(struct folded_pair){
		.pairs = 2, .lifetime_min = 5, .lifetime_max = 6, .lifetime_sum = 13 });
	refuse_folded(&(struct folded_pair){
		.pairs = 2, .lifetime_min = 5, .lifetime_max = 6, .lifetime_sum = 9 });
	refuse_folded(&(struct folded_pair){
		.pairs = 1, .lifetime_min = 5, .lifetime_max = 4, .lifetime_sum = 5 });
	refuse_folded(&(struct folded_pair){ .pairs = 1, .alloc_tuple = DICT_ENTRIES_MAX });
	block_body_release(&body);
	folded_encoder_release(&e);
}

/* A small generator: the same events in every run. */
static uint64_t random_next(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

#define STEP_NS	  10.01493 /* of the clock that count_steps reads */
#define STEP_BITS 20

/* What a clock shows that goes on by STEP_NS at a time: rounded twice on its way to ns. */
static uint64_t count_steps(uint64_t passed)
{
	uint64_t ticks = (uint64_t)((double)passed / STEP_NS);

	return 1000000007 + (uint64_t)((double)(uint64_t)((double)ticks * 26) * (STEP_NS / 26));
}

/* Times go on by anything, as a clock shows them, or wildly. */
enum clock { CLOCK_FINE, CLOCK_IN_STEPS, CLOCK_WILD };

static void fill_block(struct event_block *b, uint32_t count, uint32_t tuples, enum clock clock)
{
	uint64_t state = count, passed = 0, address = 0xffff888000000000;

	for (uint32_t i = 0; i < count; i++) {
		struct event_row *row = event_block_add(b);

		MUST(row);
		passed += random_next(&state) % (i % 50 ? 300 : 1u << 20);
		if (clock == CLOCK_WILD && i % 97 == 5)
			passed += (random_next(&state) << 32 | random_next(&state)) << i % 3;
		*row = (struct event_row){ .time = clock == CLOCK_IN_STEPS ? count_steps(passed) :
									     1000000007 + passed,
					   .tuple = (uint32_t)(random_next(&state) % tuples),
					   .pid = (int32_t)(i / 100) - 3 };
		row->type = row->tuple % 5 == 4;
		if (row->type == 0)
			row->address = address + random_next(&state) % 5000 * 8 + (i % 1000 == 0);
		else {
			event_block_put_number(b, 1, 0, i * 3);
			event_block_put_bytes(b, 1, 1, "comm", i % 5);
		}
	}
}

/* clock_step: what the encoder counts times in, and then what it would count the next block in. */
static void round_trip(uint32_t count, uint32_t tuples, enum clock clock, uint32_t *clock_step,
		       size_t *ret_len)
{
	struct event_block in = { 0 }, out = { 0 };
	struct events_encoder e = { .clock_step = *clock_step };
	struct block_body body = { 0 };
	struct capture_writer *w = NULL;
	struct capture_reader *r = NULL;
	struct capture_scan scan = { 0 };
	struct block block = { 0 };
	struct error err = { 0 };
	char path[CHECK_PATH_BYTES];
	int fd, bad = 0;

	check_path(path);
	fd = mkstemp(path);
	fill_block(&in, count, tuples, clock);
	REQUIRE(capture_writer_new(&w, fd, path, *clock_step, &err) == 0);
	CHECK(events_encode(&e, &in, types, &body, &err) == 0);
	CHECK(capture_writer_put(w,
				 &(struct block_header){ .type = BLOCK_EVENTS,
							 .writer = 1,
							 .cpu = 2,
							 .ring = 1,
							 .first_time = in.rows[0].time,
							 .last_time = in.rows[count - 1].time,
							 .lost_before = 17,
							 .event_count = count,
							 .generation = 4 },
				 &body, &err) == 0);
	CHECK(capture_writer_end(w, 17, &err) == 0);
	REQUIRE(capture_reader_open(&r, path, &err) == 0);
	CHECK(capture_reader_clock_steps(r) == (*clock_step != 0));
	*ret_len = body.bytes.len;
	REQUIRE(capture_reader_scan(r, &scan, NULL, NULL, &err) == 0);
	REQUIRE(scan.count == 2 && scan.clean_end && scan.damage_count == 0);
	CHECK(scan.blocks[0].lost_before == 17 && scan.blocks[0].cpu == 2 &&
	      scan.blocks[0].ring == 1 && scan.blocks[0].generation == 4);
	for (int pass = 0; pass < 2; pass++) { /* twice: the block's memory is reused */
		REQUIRE(capture_reader_load(r, &scan, 0, &block, &err) == 0);
		REQUIRE(events_decode(&scan.blocks[0], block.sections, block.section_count, types,
				      2, &out, &err) == 0);
		REQUIRE(out.count == count);
		for (uint32_t i = 0; i < count; i++) {
			const struct event_row *x = &in.rows[i], *y = &out.rows[i];
			struct value v;

			bad += x->time != y->time || x->address != y->address ||
			       x->tuple != y->tuple || x->pid != y->pid || x->type != y->type;
			if (x->type == 0)
				continue;
			bad += event_block_value(&out, &types[1], 1, 0, &v, &err) ||
			       v.number != i * 3;
			bad += event_block_value(&out, &types[1], 1, 1, &v, &err) || v.len != i % 5;
		}
	}
	CHECK(!bad);
	CHECK(events_decode(&scan.blocks[0], block.sections, block.section_count, types, 1, &out,
			    &err) == ERR_DAMAGED ||
	      count < 20);
	capture_scan_release(&scan);
	capture_reader_free(r);
	capture_writer_free(w);
	block_release(&block);
	block_body_release(&body);
	*clock_step = e.clock_step;
	events_encoder_release(&e);
	event_block_release(&in);
	event_block_release(&out);
	close(fd);
	unlink(path);
}

static uint32_t next_step(uint32_t count, uint32_t tuples, enum clock clock, uint32_t clock_step)
{
	size_t len;

	round_trip(count, tuples, clock, &clock_step, &len);
	return clock_step;
}

static void test_events_one(void)
{
	next_step(1, 1, CLOCK_FINE, 0);
	next_step(1, 1, CLOCK_FINE, 10u << STEP_BITS);
}

static void test_events_few_ids(void)
{
	next_step(5000, 40, CLOCK_FINE, 0);
}

static void test_events_many_ids(void)
{
	next_step(20000, 3000, CLOCK_FINE, 0);
}

static void test_events_full_block(void)
{
	next_step(BLOCK_EVENTS_MAX, 100000, CLOCK_FINE, 0);
}

/* Fifty in a million off, as a bad measurement is: each block says better. */
static void test_events_in_steps(void)
{
	uint32_t truth = (uint32_t)(STEP_NS * (1 << STEP_BITS)), step = truth + truth / 20000,
		 none = 0;
	size_t len = 0, plain = 0;

	round_trip(BLOCK_EVENTS_MAX, 200, CLOCK_IN_STEPS, &none, &plain);
	for (int i = 0; i < 8; i++)
		round_trip(BLOCK_EVENTS_MAX, 200, CLOCK_IN_STEPS, &step, &len);
	CHECK(step > truth - truth / 50000 && step < truth + truth / 50000);
	CHECK(len && len < plain - BLOCK_EVENTS_MAX / 10);
}

static void test_events_not_in_steps(void)
{
	CHECK(next_step(20000, 200, CLOCK_FINE, 10u << STEP_BITS) == 0);
	CHECK(next_step(20000, 200, CLOCK_IN_STEPS, 13u << STEP_BITS) == 0);
}

static void test_events_wild_times(void)
{
	next_step(20000, 200, CLOCK_WILD, 0);
	next_step(20000, 200, CLOCK_WILD, 4u << STEP_BITS);
	next_step(20000, 200, CLOCK_WILD, UINT32_MAX);
}

int main(void)
{
	RUN(test_info);
	RUN(test_file);
	RUN(test_which_lines_are_split);
	RUN(test_split_lines_join);
	RUN(test_lines_that_grow);
	RUN(test_types);
	RUN(test_small_records);
	RUN(test_marks);
	RUN(test_processes);
	RUN(test_many_files);
	RUN(test_stacks);
	RUN(test_tuples);
	RUN(test_folded);
	RUN(test_folded_reused);
	RUN(test_events_one);
	RUN(test_events_few_ids);
	RUN(test_events_many_ids);
	RUN(test_events_full_block);
	RUN(test_events_in_steps);
	RUN(test_events_not_in_steps);
	RUN(test_events_wild_times);
	return check_done();
}
