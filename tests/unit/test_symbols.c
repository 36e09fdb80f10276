/*
 * Names from kallsyms: return addresses, aliases, modules, ARM's mapping symbols, hidden and broken
 * text.
 */
#include "analyze/symbols.h"
#include "tests/unit/check.h"

static struct symbols *parse(const char *text)
{
	struct symbols *s = NULL;

	if (symbols_new(&s, text, strlen(text), NULL) < 0)
		return NULL;
	return s;
}

static bool is(const struct symbols *s, uint64_t address, const char *name, uint64_t start)
{
	struct symbol_hit hit;

	return symbols_find(s, address, &hit) && hit.name.len == strlen(name) &&
	       !memcmp(hit.name.data, name, hit.name.len) && hit.start == start;
}

static const char kernel[] = "ffffffff81000200 t second\n"
			     "ffffffff81000000 T _stext\n"
			     "ffffffff81000100 T first\n"
			     "ffffffff81000100 t first_alias\n"
			     "ffffffff81000180 D data_between\n"
			     "ffffffffc0000000 t mod_fn\t[ext4]\n";

static void test_lookup(void)
{
	struct symbols *s = parse(kernel);
	struct symbol_hit hit;

	REQUIRE(s);
	CHECK(symbols_count(s) == 5); /* data are left out */
	CHECK(symbols_bad_lines(s) == 0);
	CHECK(is(s, 0xffffffff81000100, "first", 0xffffffff81000100));
	CHECK(is(s, 0xffffffff810001ff, "first", 0xffffffff81000100));
	CHECK(is(s, 0xffffffff81000200, "second", 0xffffffff81000200));
	CHECK(is(s, 0xffffffff81000000, "_stext", 0xffffffff81000000));
	CHECK(!symbols_find(s, 0xffffffff80ffffff, &hit));
	CHECK(!symbols_find(s, 0, &hit));
	/* far behind the last function of the kernel there is nothing */
	CHECK(!symbols_find(s, 0xffffffffbfffffff, &hit));
	CHECK(symbols_find(s, 0xffffffffc0000010, &hit) && hit.module.len == 4 &&
	      !memcmp(hit.module.data, "ext4", 4));
	CHECK(symbols_find(s, 0xffffffff81000100, &hit) && hit.module.len == 0);
	symbols_free(s);
}

static void test_mapping_symbols(void)
{
	struct symbols *s = parse(
		"c0008000 t $a\nc0008000 t real\nc0008010 t $d.3\nc0008020 t $x\nc0008030 t $private\n");

	REQUIRE(s);
	CHECK(symbols_count(s) == 2);
	CHECK(is(s, 0xc0008024, "real", 0xc0008000));
	CHECK(is(s, 0xc0008034, "$private", 0xc0008030));
	symbols_free(s);
}

static void test_hidden(void)
{
	struct symbols *s = parse("0000000000000000 T _stext\n0000000000000000 T first\n");
	struct symbol_hit hit;

	REQUIRE(s);
	CHECK(symbols_hidden(s));
	CHECK(!symbols_find(s, 0xffffffff81000100, &hit));
	symbols_free(s);
	s = parse(kernel);
	REQUIRE(s);
	CHECK(!symbols_hidden(s));
	symbols_free(s);
}

static void test_broken_text(void)
{
	static const char *const texts[] = { "",
					     "\n\n",
					     "zzz",
					     "ffffffff81000000",
					     "ffffffff81000000 T",
					     "1 T ",
					     "ffffffffffffffffff T too_long\n",
					     " T x\n",
					     "1  x y z\n",
					     "12 T x\t[" };
	struct symbols *s;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct symbol_hit hit;

		s = parse(texts[i]);
		REQUIRE(s);
		symbols_find(s, 0x12, &hit);
		symbols_free(s);
	}
	s = parse("garbage\nffffffff81000000 T good\nffffffff81000 T\n");
	REQUIRE(s);
	CHECK(symbols_count(s) == 1 && symbols_bad_lines(s) == 2);
	symbols_free(s);
	symbols_free(NULL);
}

static bool machinery(const char *name)
{
	return symbol_is_machinery((struct text){ name, strlen(name) });
}

static void test_machinery(void)
{
	CHECK(machinery("trace_event_raw_event_kmalloc"));
	CHECK(machinery("__traceiter_kmem_cache_alloc"));
	CHECK(machinery("perf_trace_kmalloc"));
	CHECK(!machinery("__kmalloc_noprof"));
	CHECK(!machinery("trace"));
	CHECK(!machinery(""));
}

int main(void)
{
	RUN(test_lookup);
	RUN(test_mapping_symbols);
	RUN(test_hidden);
	RUN(test_broken_text);
	RUN(test_machinery);
	return check_done();
}
