/* Expressions over fields: every number is what the C compiler makes of the same text. */
#include "tests/unit/check.h"

#include <stdint.h>
#include <stdlib.h>

#include "analyze/expr.h"

#pragma GCC diagnostic ignored "-Wparentheses"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wunused-value"

static const struct expr_field fields[] = {
	{ "order", EXPR_UNSIGNED, false }, { "node", EXPR_SIGNED, false },
	{ "ptr", EXPR_UNSIGNED, false },   { "call_site", EXPR_UNSIGNED, false },
	{ "big", EXPR_SIGNED, false },	   { "name", EXPR_TEXT, false },
	{ "comm", EXPR_TEXT, false },	   { "call_site.function", EXPR_TEXT, true },
	{ "secret", EXPR_UNSIGNED, true },
};

static const uint64_t order = 3, ptr = 0xffff888000001000;
static const int64_t node = -1;

static const struct expr_value values[] = {
	{ 3, NULL },
	{ (uint64_t)-1, NULL },
	{ 0xffff888000001000, NULL },
	{ 0xffffffff81003000, NULL },
	{ (uint64_t)INT64_MIN, NULL },
	{ 0, "dentry" },
	{ 0, "kworker/0:1" },
	{ 0, "vfs_open" },
	{ 7, NULL },
};

static const char *symbol(void *arg, uint64_t address)
{
	(void)arg;
	return address == 0xffff888000001000 ? "some_function" : "";
}

static const char *comm(void *arg, uint64_t pid)
{
	(void)arg;
	return pid == 3 ? "three" : "";
}

static struct expr_scope scope = { .fields = fields,
				   .count = sizeof(fields) / sizeof(fields[0]),
				   .long_size = sizeof(long),
				   .symbol = symbol,
				   .comm = comm };
static struct error err;

static int run(const char *text, uint64_t *ret, const char **why)
{
	struct expr *e;
	struct expr_value v;

	error_clear(&err);
	if (expr_compile(&e, text, &scope, &err) < 0)
		return -1;
	*why = expr_run(e, values, &v);
	*ret = v.number;
	expr_free(e);
	return 0;
}

static int is(const char *text, uint64_t want)
{
	uint64_t got = 0;
	const char *why;

	if (run(text, &got, &why) < 0 || why || got != want) {
		printf("# %s: %s, %llx is not %llx\n", text, err.text, (unsigned long long)got,
		       (unsigned long long)want);
		return 0;
	}
	return 1;
}

/* The compiler's opinion of the same text. */
#define SAME(...) CHECK(is(#__VA_ARGS__, (uint64_t)(__VA_ARGS__)))

static void test_numbers(void)
{
	SAME(4096 << order);
	SAME(4096L << order);
	SAME(1 + 2 * 3 - 4 / 2 % 3);
	SAME((1 + 2) * -3);
	SAME(0x10 + 010 + 10ul);
	SAME(-7L / 2);
	SAME(-7L % 3);
	SAME(ptr > 0);
	SAME(ptr / 4096);
	SAME(node < 0);
	SAME(node < order);
	SAME(node >> 3);
	SAME(ptr >> 60);
	SAME(~order & 0xff);
	SAME(!order || !node && order);
	SAME(order == 3 ? 10 : 20);
	SAME(order != 3 ? 10 : order > 2 ? 30L : 40);
	SAME(1 | 2 ^ 3 & 6 == 6);
	SAME(1 < 2 == 2 > 1);
	SAME((order, node, 5));
	SAME(10 - 4 - 3);
	SAME(- -5L);
	SAME(2 - -2);
	SAME('a' + 1);
	SAME('\n');
	SAME(1 ? 2, 3 : 4);
	SAME(0xffffffffffffffff == ptr);
	SAME(9223372036854775807 > 0);
	SAME(ptr + order * 2 <= ptr + 6);
}

static void test_casts(void)
{
	SAME((int)ptr);
	SAME((unsigned int)ptr);
	SAME((short)0x18000);
	SAME((unsigned char)-1);
	SAME((signed char)0x80);
	SAME((char)0x7f);
	SAME((int64_t)ptr < 0);
	SAME((unsigned long long)node > 5);
	SAME((uint32_t)node >> 28);
	SAME(-(int)order);
	SAME(sizeof(int) + sizeof(long) * sizeof(unsigned char));
	SAME(sizeof(void *));
	/* of the machine that was traced, whatever this one has */
	scope.long_size = 8;
	CHECK(is("(u16)ptr", 0x1000) && is("(s8)255", UINT64_MAX) &&
	      is("(size_t)node", UINT64_MAX) && is("sizeof(void *)", 8));
	scope.long_size = 4;
	CHECK(is("sizeof(long)", 4) && is("(unsigned long)node", UINT32_MAX) &&
	      is("sizeof(long long)", 8));
	scope.long_size = sizeof(long);
}

static void test_texts(void)
{
	CHECK(is("name == \"dentry\"", 1) && is("name != \"dentry\"", 0));
	CHECK(is("comm ~ \"kw*\"", 1) && is("comm ~ \"*0:?\"", 1) && is("comm ~ \"kw\"", 0));
	CHECK(is("comm ~ \"[j-l]w[!a-n]*\"", 1) && is("name ~ \"d*t*y*\"", 1));
	CHECK(is("ksymbol(ptr) == \"some_function\"", 1) && is("ksymbol(1) == \"\"", 1));
	CHECK(is("comm_get(order) == \"three\" && order", 1));
	CHECK(is("strncmp(name, \"dentist\", 4) == 0", 1) && is("strncmp(name, \"x\", 9) < 0", 1));
	CHECK(is("name[0]", 'd') && is("name[100]", 0) && is("(order > 2 ? name : comm)[1]", 'e'));
	CHECK(is("call_site.function == \"vfs_open\"", 1) && is("ptr.function ~ \"some*\"", 1));
	CHECK(expr_glob("a*b*c", "axxbxxc") && !expr_glob("a*b*c", "axxbxx") && expr_glob("*", ""));
	CHECK(expr_glob("[]x]", "]") && expr_glob("[", "[") && expr_glob("\\*", "*"));
	CHECK(!expr_glob("\\*", "x") && expr_glob("**x**", "x") && !expr_glob("?", ""));
}

static void test_network_order(void)
{
	CHECK(is("ntohl(0x11223344)", 0x44332211) && is("ntohs(0x1122)", 0x2211));
	scope.big_endian = true;
	CHECK(is("ntohl(0x11223344)", 0x11223344) && is("ntohs(0x331122)", 0x1122));
	scope.big_endian = false;
}

/* Assignments change a copy of the expression's own: the same values give the same result again. */
static void test_assignments(void)
{
	for (int i = 0; i < 2; i++) {
		CHECK(is("order++ + order", 7) && is("++order * 2", 8) && is("order-- - order", 1));
		CHECK(is("order <<= 2, order", 12) && is("order = node = 5, order + node", 10));
		CHECK(is("(order = 9) ? order - 1 : 0", 8) &&
		      is("order -= 4, (s64)order", UINT64_MAX));
	}
}

static void test_arithmetic_of_the_edge(void)
{
	uint64_t v;
	const char *why = NULL;

	CHECK(is("1 << 64", 0) && is("node >> 100", UINT64_MAX) && is("ptr >> 64", 0));
	CHECK(is("big / node", (uint64_t)INT64_MIN) && is("big % node", 0));
	CHECK(is("order > 5 && 1 / 0", 0));
	CHECK(run("1 / (order - 3)", &v, &why) == 0 && why && strstr(why, "zero"));
	CHECK(run("7 % 0", &v, &why) == 0 && why);
}

static void test_filter(void)
{
	scope.filter = true;
	CHECK(is("name == dentry && order >= 3", 1) && is("comm ~ kw*", 1) &&
	      is("comm == 'kworker/0:1'", 1));
	CHECK(is("comm != kworker/0:1 || order & 2", 1) && is("!(name==dentry)", 0));
	CHECK(is("call_site == vfs_open", 1) && is("call_site.function == vfs_close", 0));
	CHECK(is("call_site != vfs_open", 0) && is("ptr == some_function", 1) &&
	      is("node == -1", 1));
	CHECK(is("comm ~ \"kworker/[0-9]:?\"", 1) && is("(name==dentry)&&(order==3)", 1));
	scope.filter = false;
}

/* The text of the error, and the column that its caret stands under. */
static int fails(const char *text, const char *says, size_t column)
{
	struct expr *e;
	const char *caret;

	error_clear(&err);
	if (expr_compile(&e, text, &scope, &err) != ERR_USAGE) {
		printf("# %s was taken\n", text);
		return 0;
	}
	caret = strrchr(err.text, '\n');
	if (strstr(err.text, says) && caret && strlen(caret + 1) == 2 + column + 1)
		return 1;
	printf("# %s\n", err.text);
	return 0;
}

static void test_errors(void)
{
	CHECK(fails("4096<<nosuch", "no field 'nosuch' here; there are: order node ptr", 6));
	CHECK(!strstr(err.text, "secret"));
	CHECK(fails("order + ", "a value is missing at the end", 8));
	CHECK(fails("(order", "a ) is missing", 6));
	CHECK(fails("order order", "an operator is wanted", 6));
	CHECK(fails("name + 1", "a number is wanted", 5));
	CHECK(fails("name == 1", "cannot be compared", 5));
	CHECK(fails("name < comm", "with == != ~ only", 5));
	CHECK(fails("order ~ \"x\"", "~ compares a text", 6));
	CHECK(fails("5 = order", "only a field", 2));
	CHECK(fails("name = 5", "only a field", 5));
	CHECK(fails("(order + 1)++", "only a field", 11));
	CHECK(fails("printf(\"x\")", "no function 'printf'", 0));
	CHECK(fails("ksymbol(name)", "a number is wanted", 8));
	CHECK(fails("strncmp(name, comm)", "3 operands", 18));
	CHECK(fails("\"open", "not closed", 0));
	CHECK(fails("'ab'", "one character", 0));
	CHECK(fails("0x", "digits are missing", 0));
	CHECK(fails("12ab", "no digit", 2));
	CHECK(fails("99999999999999999999", "64 bits", 0));
	CHECK(fails("order ? 1", "a : is missing", 9));
	CHECK(fails("order ? name : 1", "both sides", 6));
	CHECK(fails("sizeof(order)", "sizeof wants a type", 7));
	CHECK(fails("(void)order", "void", 0));
	CHECK(fails("", "missing at the end", 0));
	CHECK(fails("order[1]", "a text is wanted", 5));
	CHECK(fails("name.function", "a text is in no function", 4));
	scope.filter = true;
	CHECK(fails("order = 3", "== is equal", 6));
	scope.filter = false;
}

/* Hostile texts: deep, long, and cut off anywhere. */
static void test_bounds(void)
{
	static const char whole[] =
		"(int)(order++ + -ptr[1]) ? strncmp(name, \"x\\\"[a-\", 'a') : comm ~ \"[!\", 1.function";
	static char text[EXPR_TEXT_MAX + 10];
	struct expr *e;

	memset(text, '(', 200);
	text[200] = '\0';
	CHECK(expr_compile(&e, text, &scope, &err) == ERR_USAGE);
	memset(text, '!', 2000);
	text[2000] = '\0';
	error_clear(&err);
	CHECK(expr_compile(&e, text, &scope, &err) == ERR_USAGE && strstr(err.text, "deep"));
	text[0] = '\0';
	for (int i = 0; i < 1500; i++)
		strcat(text, i ? "+1" : "1");
	error_clear(&err);
	CHECK(expr_compile(&e, text, &scope, &err) == ERR_USAGE && strstr(err.text, "too long"));
	text[2 * 500 - 1] = '\0';
	CHECK(is(text, 500));
	memset(text, ' ', EXPR_TEXT_MAX + 5);
	error_clear(&err);
	CHECK(expr_compile(&e, text, &scope, &err) == ERR_USAGE && strstr(err.text, "too long"));
	for (size_t i = 0; i < sizeof(whole); i++) {
		char *part = strndup(whole,
				     i); /* of its own size, so that a read behind it shows */

		MUST(part);
		for (int filter = 0; filter < 2; filter++) {
			scope.filter = filter;
			if (expr_compile(&e, part, &scope, NULL) == 0)
				expr_free(e);
		}
		free(part);
	}
	scope.filter = false;
}

int main(void)
{
	RUN(test_numbers);
	RUN(test_casts);
	RUN(test_texts);
	RUN(test_network_order);
	RUN(test_assignments);
	RUN(test_arithmetic_of_the_edge);
	RUN(test_filter);
	RUN(test_errors);
	RUN(test_bounds);
	return check_done();
}
