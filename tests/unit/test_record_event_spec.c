/* The language of -e, and comparisons with functions inside of filters. No kernel needed. */
#include "tests/unit/check.h"

#include <stdlib.h>

#include "format/event_spec.h"
#include "record/filter_text.h"

static struct event_specs specs;
static struct error err;

static int parse(const char *text)
{
	event_specs_release(&specs);
	error_clear(&err);
	return event_specs_parse(&specs, text, &err);
}

/* The text of the error, and the column that its caret stands under. */
static int fails(const char *text, const char *says, size_t column)
{
	const char *caret;

	if (parse(text) != ERR_USAGE || !strstr(err.text, says))
		return 0;
	caret = strrchr(err.text, '\n');
	return caret && strlen(caret + 1) == 2 + column + 1;
}

static void test_plain(void)
{
	REQUIRE(parse("slab, sched:sched_switch ,,page") == 0);
	REQUIRE(specs.count == 3);
	CHECK(!strcmp(specs.items[0].name, "slab") && !specs.items[0].is_explicit);
	CHECK(!strcmp(specs.items[1].name, "sched:sched_switch"));
	CHECK(!strcmp(specs.items[1].text, "sched:sched_switch") && !specs.items[1].filter);
	CHECK(!strcmp(specs.items[2].name, "page"));
	CHECK(parse("") == ERR_USAGE && parse(" , ,") == ERR_USAGE);
	event_specs_release(&specs);
}

static void test_filter_and_attributes(void)
{
	REQUIRE(parse("kmem:kmalloc/ bytes_alloc>1024 /size=bytes_alloc/stack/") == 0);
	REQUIRE(specs.count == 1);
	CHECK(!strcmp(specs.items[0].filter, "bytes_alloc>1024"));
	CHECK(specs.items[0].stack && specs.items[0].is_explicit && !specs.items[0].max_stack);
	REQUIRE(parse("kmem:kfree//max-stack=8/ptr=ptr/,kmem:kmalloc//") == 0);
	REQUIRE(specs.count == 2);
	CHECK(specs.items[0].stack && specs.items[0].max_stack == 8 && !specs.items[0].filter);
	CHECK(!strcmp(specs.items[0].text, "kmem:kfree//max-stack=8/ptr=ptr/"));
	CHECK(specs.items[1].is_explicit && !specs.items[1].stack);
	/* the last slash may be left out */
	REQUIRE(parse("kmem:kfree//stack,kmem:kmalloc//stack/key=ptr") == 0);
	CHECK(specs.count == 2 && specs.items[0].stack && specs.items[1].stack);
	event_specs_release(&specs);
}

static void test_what_divides(void)
{
	/* a comma inside of a filter, and slashes and commas in quotes and parentheses */
	REQUIRE(parse("a:b/x & 1,2/,c:d/comm ~ \"a/b,c*\"/stack/,page") == 0);
	REQUIRE(specs.count == 3);
	CHECK(!strcmp(specs.items[0].filter, "x & 1,2"));
	CHECK(!strcmp(specs.items[1].filter, "comm ~ \"a/b,c*\"") && specs.items[1].stack);
	REQUIRE(parse("a:b//size=(n/2,4096<<order)/alias='x,/y'/stack/") == 0);
	CHECK(specs.count == 1 && specs.items[0].stack);
	REQUIRE(parse("kmem:km*alloc*/order>0/") == 0);
	CHECK(event_spec_is_pattern(&specs.items[0]));
	CHECK(parse("kmem:kmalloc") == 0 && !event_spec_is_pattern(&specs.items[0]));
	event_specs_release(&specs);
}

static void test_errors_name_the_place(void)
{
	CHECK(fails("kmem:kmalloc//stak/", "unknown attribute 'stak', did you mean stack", 14));
	CHECK(fails("slab,kmem:kmalloc//zzzzz=1/", "there are: stack max-stack=", 19));
	CHECK(fails("kmem:kmalloc//size=/", "size wants a value", 14));
	CHECK(fails("kmem:kmalloc//stack=3/", "takes no value", 14));
	CHECK(fails("kmem:kmalloc//max-stack=0/", "from 1 to 1024", 14));
	CHECK(fails("kmem:kmalloc//max-stack=1025/", "from 1 to 1024", 14));
	CHECK(fails("kmem:kmalloc//max-stack=x/", "from 1 to 1024", 14));
	CHECK(fails("kmem:kmalloc/a>1,kmem:kfree", "not closed", 27));
	CHECK(fails("kmem:kmalloc/a==\"b/", "a quote in this filter", 13));
	CHECK(fails("kmem:kmalloc//key='b/", "a quote in this attribute", 14));
	CHECK(fails("kmem:kmalloc/////", "an attribute is missing", 14));
	CHECK(fails("slab//stack/", "wants an event", 4));
	CHECK(fails("slab,/a>1/", "name of an event is missing", 5));
	event_specs_release(&specs);
}

static void test_long_texts_are_cut(void)
{
	char text[3000];

	memset(text, 'x', sizeof(text));
	memcpy(text, "a:b/", 4);
	memcpy(text + 2000, "//nosuch/", 10);
	CHECK(parse(text) == ERR_USAGE && strstr(err.text, "/nosuch/"));
	CHECK(err.text[strlen(err.text) - 1] == '^');
	event_specs_release(&specs);
}

/* ---- comparisons with functions ---- */

static int next_is(const char **pos, const char *field, const char *value, bool function,
		   bool negated)
{
	struct filter_comparison c;

	return filter_next_comparison(pos, &c) && !strcmp(c.field, field) &&
	       !strcmp(c.value, value) && c.is_function == function && c.negated == negated;
}

static void test_comparisons(void)
{
	const char *pos = "call_site==do_exit||(call_site.function != \"foo.isra.0\" && a>1)";
	struct filter_comparison c;

	CHECK(next_is(&pos, "call_site", "do_exit", false, false));
	CHECK(next_is(&pos, "call_site", "foo.isra.0", true, true));
	CHECK(!filter_next_comparison(&pos, &c) && !*pos);
	pos = "a == 5 && name ~ \"x==y\" && b==0xff && c>=d && 'e==f'==g && x.functional==y";
	CHECK(!filter_next_comparison(&pos, &c));
	pos = "a==\"b";
	CHECK(!filter_next_comparison(&pos, &c));
	pos = "(ip=='f')";
	REQUIRE(filter_next_comparison(&pos, &c));
	CHECK(*pos == ')' && c.at[0] == 'i' && *c.value_at == 'f' && c.end == pos);
}

static void test_rewriting(void)
{
	const struct symbol_range ranges[] = { { 0x10, 0x20 }, { 0x40, 0x48 } };
	struct filter_comparison c = { .field = "ip", .value = "f" };
	struct buf b = { 0 };

	filter_put_function(&b, &c);
	filter_put_ranges(&b, &c, ranges, 2);
	c.negated = true;
	filter_put_function(&b, &c);
	filter_put_ranges(&b, &c, ranges, 2);
	buf_u8(&b, '\0');
	MUST(!b.oom);
	CHECK(!strcmp((char *)b.data,
		      "ip.function == f ((ip >= 0x10 && ip < 0x20) || (ip >= 0x40 && ip < 0x48))"
		      "ip.function != f ((ip < 0x10 || ip >= 0x20) && (ip < 0x40 || ip >= 0x48))"));
	buf_release(&b);
}

static void test_symbols(void)
{
	static const char kallsyms[] = "ffffffff81000000 T _stext\n"
				       "ffffffff81000000 T first\n"
				       "ffffffff81000100 t twice\n"
				       "ffffffff81000180 t other\n"
				       "ffffffff81000200 d datum\n"
				       "ffffffffc0000100 t twice\t[drv]\n";
	struct symbol_range r[2];
	struct near_names near = { 0 };
	size_t count, len = sizeof(kallsyms) - 1;
	char text[330];

	REQUIRE(symbols_find(kallsyms, len, "twice", r, 2, &count, NULL) == 0 && count == 2);
	CHECK(r[0].start == 0xffffffff81000100 && r[0].end == 0xffffffff81000180);
	CHECK(r[1].start == 0xffffffffc0000100 && r[1].end == UINT64_MAX);
	/* aliases do not cut a range short */
	REQUIRE(symbols_find(kallsyms, len, "_stext", r, 1, &count, NULL) == 0 && count == 1);
	CHECK(r[0].end == 0xffffffff81000100);
	CHECK(symbols_find(kallsyms, len, "datum", r, 2, &count, NULL) == 0 && count == 0);
	CHECK(symbols_find(kallsyms, len, "twic", r, 2, &count, NULL) == 0 && count == 0);
	symbols_near(&near, kallsyms, len, "twic");
	CHECK(!strcmp(near_text(&near, text, sizeof(text)), "twice"));
}

int main(void)
{
	RUN(test_plain);
	RUN(test_filter_and_attributes);
	RUN(test_what_divides);
	RUN(test_errors_name_the_place);
	RUN(test_long_texts_are_cut);
	RUN(test_comparisons);
	RUN(test_rewriting);
	RUN(test_symbols);
	return check_done();
}
