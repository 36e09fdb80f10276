/*
 * Expressions over fields, filters, glob patterns and lists of events: what stands behind -e, --alloc, size= and in filters that a
 * capture brings along. The first byte says which.
 */
#include <stdlib.h>
#include <string.h>

#include "analyze/expr.h"
#include "format/event_spec.h"
#include "tests/fuzz/fuzz.h"

static const struct expr_field fields[] = {
	{ .name = "order", .type = EXPR_UNSIGNED }, { .name = "node", .type = EXPR_SIGNED },
	{ .name = "comm", .type = EXPR_TEXT },	    { .name = "name", .type = EXPR_TEXT },
	{ .name = "ptr", .type = EXPR_UNSIGNED },   { .name = "call_site", .type = EXPR_UNSIGNED },
};

static const struct expr_value values[][6] = {
	{ { .number = 2 },
	  { .number = UINT64_MAX },
	  { .text = "bash" },
	  { .text = "kmalloc-64" },
	  { .number = 0xffff888000001000 },
	  { .number = 0xffffffff81000010 } },
	{ { .number = UINT64_MAX },
	  { .number = 1ull << 63 },
	  { .text = "" },
	  { .text = "\xff[" },
	  { .number = 0 },
	  { .number = 63 } },
};

static const char *symbol(void *arg, uint64_t address)
{
	(void)arg;
	return address ? "alloc_pipe_info" : "";
}

static void run(const char *text, bool filter, bool big_endian, unsigned int long_size)
{
	const struct expr_scope scope = { .fields = fields,
					  .count = sizeof(fields) / sizeof(*fields),
					  .filter = filter,
					  .big_endian = big_endian,
					  .long_size = long_size,
					  .symbol = symbol,
					  .comm = symbol };
	struct expr_value v;
	struct expr *e;

	if (expr_compile(&e, text, &scope, NULL) < 0)
		return;
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
		if (!expr_run(e, values[i], &v) && expr_type(e) == EXPR_TEXT && !v.text)
			abort();
	for (size_t i = 0; i < scope.count; i++)
		expr_uses(e, i);
	expr_free(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct event_specs specs = { 0 };
	struct error err = { 0 };
	char *text;

	if (!size)
		return 0;
	text = strndup((const char *)data + 1, size - 1);
	if (!text)
		abort();
	switch (data[0] & 3) {
	case 0: run(text, false, data[0] & 4, 8); break;
	case 1: run(text, true, data[0] & 4, 4); break;
	case 2: expr_glob(text, "kmalloc-rnd-06-96 of some length, a[b-c]\\*"); break;
	default: event_specs_parse(&specs, text, &err); event_specs_release(&specs);
	}
	free(text);
	return 0;
}
