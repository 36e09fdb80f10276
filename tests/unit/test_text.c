/* Text logs: lines, arguments and files as ftrace, consoles and an attacker write them. */
#include <stdlib.h>
#include <unistd.h>

#include "analyze/gfp_names.h"
#include "analyze/text_event.h"
#include "analyze/text_input.h"
#include "analyze/text_log.h"
#include "tests/unit/check.h"

static struct text_line parse(const char *line)
{
	struct text_line l = { .kind = LINE_FOREIGN };

	text_line_parse(line, strlen(line), &l);
	return l;
}

static bool is(struct text t, const char *what)
{
	return strlen(what) == t.len && !memcmp(t.data, what, t.len);
}

static void test_entry(void)
{
	struct text_line l = parse(
		"    kworker/0:1-12    [003] d.H2. 28633.952216: kfree: call_site=x ptr=0");

	REQUIRE(l.kind == LINE_EVENT && l.type == TEXT_KFREE);
	CHECK(is(l.comm, "kworker/0:1") && l.pid == 12 && l.cpu == 3 && l.tgid == -1);
	CHECK(l.time_ns == 28633952216000ull && l.digits == 6);
	CHECK(l.has_flags && l.flags == 0x18);
	CHECK(is(l.args, "call_site=x ptr=0"));
	l = parse("  a [001] b-7-9    (  4711) [000]  1.000000001: mm_page_alloc: page=0");
	CHECK(l.kind == LINE_EVENT && l.type == TEXT_PAGE_ALLOC && is(l.comm, "a [001] b-7"));
	CHECK(l.pid == 9 && l.tgid == 4711 && !l.has_flags && l.time_ns == 1000000001);
	l = parse("          <idle>-0     (-------) [001] ..s1. 12345: kmalloc_node: x");
	CHECK(l.kind == LINE_EVENT && l.type == TEXT_KMALLOC_NODE && l.tgid == -1);
	CHECK(l.digits == 0 && l.time_ns == 12345 && l.flags == 0x10);
	l = parse("<6>[   12.345678][    T1]            bash-1 [001] .... 1.000000: kmalloc: x");
	CHECK(l.kind == LINE_EVENT && is(l.comm, "bash"));
	l = parse(
		"some text of a console before            bash-1 [001] .... 1.000000: kmalloc: x");
	CHECK(l.kind == LINE_EVENT && is(l.comm, "bash"));
	l = parse("# bash-1 [001] .... 1.000000: kmalloc: x");
	CHECK(l.kind == LINE_EVENT && is(l.comm, "# bash"));
	l = parse("bash-1 [001] .... 1.000000: sched_switch: prev");
	CHECK(l.kind == LINE_EVENT && l.type == TEXT_OTHER && is(l.name, "sched_switch"));
	l = parse("bash-1 [001] .... 1.000000: tracing_mark_write: kmalloc: call_site=x ptr=1");
	CHECK(l.kind == LINE_EVENT && l.type == TEXT_OTHER);
	CHECK(parse("bash-1 [001] .... 1.000000: <stack trace>").kind == LINE_STACK);
	CHECK(parse("bash-1 [001] .... 1.000000: <user stack trace>").kind == LINE_USER_STACK);
}

static void test_other_lines(void)
{
	struct text_line l = parse("CPU:5 [LOST 17 EVENTS]");

	CHECK(l.kind == LINE_LOST && l.cpu == 5 && l.lost == 17);
	l = parse("CPU:0 [LOST EVENTS]");
	CHECK(l.kind == LINE_LOST && l.lost == 0);
	l = parse("# entries-in-buffer/entries-written: 10/25   #P:2");
	CHECK(l.kind == LINE_ENTRIES && l.entries == 10 && l.written == 25);
	CHECK(parse("##### CPU 1 buffer started ####").kind == LINE_BLANK);
	CHECK(parse("").kind == LINE_BLANK);
	l = parse(" => vfs_open+0x12/0x30 [mod]");
	CHECK(l.kind == LINE_FRAME && is(l.args, "vfs_open+0x12/0x30 [mod]"));
	CHECK(parse("[   12.345678] usb 1-1: new").kind == LINE_FOREIGN);
	CHECK(parse("bash-1 [001] .... 1.00:00: kmalloc: x").kind == LINE_FOREIGN);
	CHECK(parse("-1 [99999999] .... 1.0: kmalloc: x").kind == LINE_FOREIGN);
	CHECK(parse("bash-1 [001] .... 99999999999.000000: kmalloc: x").kind == LINE_FOREIGN);
	CHECK(parse("CPU:5 [LOST 17 EVE").kind == LINE_DAMAGED);
	CHECK(parse("0001c0 bytes_req=8 bytes_alloc=8").kind == LINE_DAMAGED);
}

static void test_names_of_events(void)
{
	CHECK(text_event_type((struct text){ "mm_page_free_batched", 20 }) == TEXT_OTHER);
	CHECK(text_event_type((struct text){ "mm_page_free", 12 }) == TEXT_PAGE_FREE);
	CHECK(text_event_type((struct text){ "kmalloc_nodf", 12 }) == TEXT_OTHER);
	CHECK(text_event_type((struct text){ "alloc_vmap_area", 15 }) == TEXT_VMAP_ALLOC);
	CHECK(text_event_type((struct text){ "kmem_cache_free", 15 }) == TEXT_CACHE_FREE);
	CHECK(text_event_type((struct text){ "", 0 }) == TEXT_OTHER);
}

struct arguments {
	bool whole;
	struct text_split split;
	struct text_fields fields;
};

static struct arguments arguments(enum text_type type, const char *args)
{
	struct arguments a = { .whole = false };

	a.whole = text_event_split(type, (struct text){ args, strlen(args) }, &a.split) &&
		  text_event_fields(type, &a.split, &a.fields);
	return a;
}

static void test_arguments(void)
{
	struct arguments a =
		arguments(TEXT_CACHE_ALLOC,
			  "call_site=f+0x1/0x2 [m] ptr=00000000deadbeef name=a b bytes_req=8 "
			  "bytes_alloc=16 gfp_flags=GFP_KERNEL|__GFP_ZERO node=-1 "
			  "accounted=true");

	REQUIRE(a.whole);
	CHECK(a.split.address == 0xdeadbeef && a.split.digits == 16);
	CHECK(is(a.fields.call_site, "f+0x1/0x2 [m]") && is(a.fields.cache, "a b"));
	CHECK(a.fields.bytes_req == 8 && a.fields.bytes_alloc == 16 && a.fields.gfp == 0xdc0);
	CHECK(a.fields.has_node && a.fields.node == -1);
	a = arguments(
		TEXT_KMALLOC,
		"call_site=c0123456 ptr=  (null) bytes_req=8 bytes_alloc=8 gfp_flags=GFP_NOFS");
	CHECK(a.whole && a.split.pointer == POINTER_NULL && !a.fields.has_node);
	a = arguments(TEXT_KFREE, "call_site=c0123456 ptr=(____ptrval____)");
	CHECK(a.whole && a.split.pointer == POINTER_HIDDEN);
	a = arguments(TEXT_PAGE_ALLOC,
		      "page=000000001 pfn=0x140e2c order=3 migratetype=0 gfp_flags=GFP_KERNEL");
	CHECK(a.whole && a.split.address == 0x140e2c && a.fields.bytes_req == 3);
	a = arguments(TEXT_PAGE_ALLOC,
		      "page=          (null) pfn=0 order=9 migratetype=0 gfp_flags=GFP_KERNEL");
	CHECK(a.whole && a.split.address == UINT64_MAX);
	a = arguments(TEXT_PAGE_FREE, "page=c0000000 pfn=1234 order=0");
	CHECK(a.whole && a.split.address == 1234);
	a = arguments(TEXT_PERCPU_ALLOC,
		      "call_site=mm_init+0x2bf/0x4d0 reserved=0 is_atomic=0 size=16 align=8 "
		      "base_addr=00000000ef15b36c off=26888 ptr=000000002e361251 bytes_alloc=64 "
		      "gfp_flags=GFP_KERNEL");
	CHECK(a.whole && a.split.address == 0x2e361251 && a.fields.bytes_req == 16 &&
	      a.fields.bytes_alloc == 64);
	a = arguments(TEXT_PERCPU_FREE, "base_addr=00000000ef15b36c off=8 ptr=000000002e361251");
	CHECK(a.whole && a.split.address == 0x2e361251);
	a = arguments(TEXT_VMAP_ALLOC,
		      "va_start: 18446683600570023936 size=20480 align=4096 vstart=0x1 vend=0x2 "
		      "failed=0");
	CHECK(a.whole && a.split.address == 0xffffc90000000000ull); /* as the free of it, below */
	a = arguments(TEXT_VMAP_ALLOC,
		      "va_start: 4043309056 size=20480 align=4096 vstart=0x1 vend=0x2 failed=1");
	CHECK(a.whole && a.split.address == 4043309056u && a.fields.bytes_alloc == 20480 &&
	      a.fields.failed);
	a = arguments(TEXT_VMAP_FREE, "va_start=0xffffc90000000000 nr_lazy=7 nr_lazy_max=9");
	CHECK(a.whole && a.split.address == 0xffffc90000000000ull);
}

static void test_broken_arguments(void)
{
	static const char *const lines[] = {
		"",
		"call_site=",
		"call_site=x",
		"ptr=c0123456",
		"call_site=x ptr=c01234567 bytes_req=8 bytes_alloc=8 gfp_flags=A",
		"call_site=x ptr=c0123456 bytes_req=8 bytes_alloc=8",
		"call_site=x ptr=c0123456 bytes_req=8 gfp_flags=A",
		"call_site=x ptr=c0123456 bytes_req=8x bytes_alloc=8 gfp_flags=A",
		"call_site=x ptr=c0123456 bytes_req=8 bytes_alloc=99999999999999999999 gfp_flags=A",
		"call_site=x ptr=c0123456 bytes_req=8 bytes_alloc=8 gfp_flags=A!B",
		"call_site=x ptr=c0123456 bytes_req=8 bytes_alloc=8 gfp_flags=A node=-1 accounted=fal",
		"call_site=x ptr=c0123456 garbage bytes_req=8 bytes_alloc=8 gfp_flags=A",
		"call_site=x ptr=c0123456[  1.0] bytes_req=8 bytes_alloc=8 gfp_flags=A",
		"call_site= ptr=c0123456 bytes_req=8 bytes_alloc=8 gfp_flags=A",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		CHECK(!arguments(TEXT_KMALLOC, lines[i]).whole);
}

static void test_gfp(void)
{
	uint64_t gfp;

	CHECK(gfp_from_names((struct text){ "GFP_ATOMIC|0x100", 16 }, &gfp) && gfp == 0x920);
	CHECK(gfp_from_names((struct text){ "none", 4 }, &gfp) && gfp == 0);
	CHECK(!gfp_from_names((struct text){ "GFP_NEW", 7 }, &gfp));
	CHECK(!gfp_from_names((struct text){ "GFP_KERNEL|", 11 }, &gfp));
}

/* ---- files ---- */

static char path[CHECK_PATH_BYTES];

static void write_file(const void *data, size_t len)
{
	FILE *f;
	int fd;

	check_path(path);
	fd = mkstemp(path);
	f = fd < 0 ? NULL : fdopen(fd, "w");
	MUST(f && fwrite(data, 1, len, f) == len && !fclose(f));
}

static void test_long_lines(void)
{
	size_t len = 3u << 20;
	char *data = malloc(len);
	struct text_input *in;
	struct text line;

	MUST(data);
	memset(data, 'x', len);
	memcpy(data, "one\r\n", 5);
	data[TEXT_LINE_MAX + 5] = '\n'; /* the longest that comes whole */
	data[len - 6] = '\n';
	memcpy(data + len - 5, "last\n", 5);
	write_file(data, len);
	REQUIRE(text_input_open(&in, path, NULL) == 0);
	CHECK(text_input_line(in, &line, NULL) == 1 && is(line, "one"));
	CHECK(text_input_line(in, &line, NULL) == 1 && line.len == TEXT_LINE_MAX);
	CHECK(text_input_line(in, &line, NULL) == 1 && line.len == TEXT_LINE_MAX);
	CHECK(text_input_line(in, &line, NULL) == 1 && is(line, "last"));
	CHECK(!text_input_half_line(in));
	CHECK(text_input_line(in, &line, NULL) == 0);
	text_input_free(in);
	unlink(path);
	free(data);
}

static uint32_t seed;

static uint32_t chance(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

static const char *const material[] = {
	"            bash-7       [001] d..1.   100.000001: kmalloc: call_site=f+0x1c/0x400 "
	"ptr=00000000deadbe01 bytes_req=60 bytes_alloc=64 gfp_flags=GFP_KERNEL node=-1 accounted=false",
	"            bash-7       [001] d..1.   100.000002: <stack trace>",
	" => f+0x1c/0x400",
	" => __x64_sys_read [mod]",
	" => ffffffff81234567",
	"           <...>-12      [000] ..s1.   100.000003: kmem_cache_free: call_site=ffffffff8123 "
	"ptr=00000000deadbe01 name=dentry",
	"CPU:1 [LOST 12 EVENTS]",
	"# entries-in-buffer/entries-written: 10/25   #P:2",
	"[   12.345678] usb 1-1: new device",
	"  x-1    (  12) [001] .N.1   1.5: mm_page_alloc: page=0 pfn=0x12 order=1 migratetype=0 "
	"gfp_flags=GFP_KERNEL",
	"  x-1    [001] .N.1   1.5: percpu_alloc_percpu: call_site=a+0x1/0x2 reserved=0 is_atomic=0 "
	"size=16 align=8 base_addr=00000000ef15b36c off=26888 ptr=000000002e361251 bytes_alloc=64 "
	"gfp_flags=GFP_KERNEL",
	"  x-1    [65535] ....   1.5: alloc_vmap_area: va_start: 404330905 size=20480 align=1 failed=0",
	"",
};

/* Lines that are cut, joined, repeated and full of other bytes. */
static size_t nonsense(char *data, size_t room)
{
	size_t len = 0;

	while (len + 400 < room) {
		const char *line = material[chance(sizeof(material) / sizeof(material[0]))];
		size_t n = strlen(line), from = chance(8) || !n ? 0 : chance((uint32_t)n),
		       to = chance(8) || n == from ? n : from + chance((uint32_t)(n - from));

		memcpy(data + len, line + from, to - from);
		for (uint32_t k = chance(6) ? 0 : chance(4); k-- && to > from;)
			data[len + chance((uint32_t)(to - from))] = (char)chance(256);
		len += to - from;
		if (chance(20))
			data[len++] = '\n';
	}
	return len;
}

static void test_nonsense(void)
{
	static char data[200000];
	uint64_t all = 0;

	for (seed = 1; seed < 40; seed++) {
		uint32_t first = seed;
		struct error err = { 0 };
		struct text_log *log;
		uint64_t events;

		write_file(data, nonsense(data, sizeof(data)));
		REQUIRE(text_log_open(&log, path, &err) == 0);
		if (text_log_count(log, &events, &err) == 0) {
			const struct text_counts *c = text_log_counts(log);

			all += events;
			CHECK(events <= c->entries && c->entries <= c->lines);
			CHECK(c->damaged && c->stacks && c->lost);
			for (int i = 0; i < TEXT_EXAMPLES; i++)
				for (const char *p = c->damaged_lines[i].text; *p; p++)
					CHECK(*p >= ' ' && *p < 0x7f);
		} else {
			CHECK(err.code == ERR_FORMAT);
		}
		text_log_free(log);
		unlink(path);
		seed = first;
	}
	CHECK(all > 1000);
}

/* Packed data that is cut or damaged anywhere ends the lines, and says so. */
static void test_damaged_zstd(void)
{
	static const uint8_t head[] = { 0x28, 0xb5, 0x2f, 0xfd, 0x24, 0x10,
					0x81, 0,    0,	  'a',	'b',  '\n' };
	static const uint8_t gzip[] = {
		0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xff, 0xff, 0xff, 0xff
	};
	struct text_input *in;
	struct text line;

	write_file(head, sizeof(head));
	REQUIRE(text_input_open(&in, path, NULL) == 0);
	while (text_input_line(in, &line, NULL) > 0)
		;
	CHECK(text_input_cut(in) != NULL);
	text_input_free(in);
	unlink(path);
	write_file(gzip, sizeof(gzip));
	if (text_input_open(&in, path, NULL) == 0) { /* else: built without zlib */
		while (text_input_line(in, &line, NULL) > 0)
			;
		CHECK(text_input_cut(in) != NULL);
		text_input_free(in);
	}
	unlink(path);
}

int main(void)
{
	RUN(test_entry);
	RUN(test_other_lines);
	RUN(test_names_of_events);
	RUN(test_arguments);
	RUN(test_broken_arguments);
	RUN(test_gfp);
	RUN(test_long_lines);
	RUN(test_nonsense);
	RUN(test_damaged_zstd);
	return check_done();
}
