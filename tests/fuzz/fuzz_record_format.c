/*
 * What a target's tracing directory says: the layout of sub-buffers, the formats of events, and sub-buffers by them. The input has four
 * parts, divided by a byte 0: header_page, format of kernel_stack, format of an event, sub-buffer. Its first byte is the byte order.
 */
#include <stdlib.h>
#include <string.h>

#include "record/event_plan.h"
#include "record/ring_page.h"
#include "tests/fuzz/fuzz.h"

static const char usual_page[] = "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n"
				 "\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;\n"
				 "\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n"
				 "\tfield: char data;\toffset:16;\tsize:4080;\tsigned:1;\n";

static size_t part(const uint8_t **p, size_t *left, const char **ret)
{
	const uint8_t *end = memchr(*p, 0, *left);
	size_t len = end ? (size_t)(end - *p) : *left;

	*ret = (const char *)*p;
	*p += len + (end != NULL);
	*left -= len + (end != NULL);
	return len;
}

static void walk(const struct event_plan *plan, const uint8_t *bytes, size_t len)
{
	struct ring_record rec;
	struct ring_page page;

	if (ring_page_open(&page, &plan->layout, bytes, len, NULL) < 0)
		return;
	while (ring_page_next(&page, &rec) > 0) {
		const struct plan_type *type;

		if (rec.len < plan->type_offset + 2u)
			continue;
		type = event_plan_find(plan,
				       (uint16_t)plan_number(&plan->layout,
							     rec.data + plan->type_offset, 2));
		if (!type || rec.len < type->min_len)
			continue;
		for (uint16_t i = 0; i < type->variable_count; i++) {
			const uint8_t *value;
			size_t n, sum = 0;

			if (plan_field_bytes(&plan->layout, &type->variable[i], &rec, &value, &n))
				for (size_t k = 0; k < n; k++)
					sum += value[k];
			if (sum == SIZE_MAX)
				abort();
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *page, *stack, *format;
	size_t page_len, stack_len, format_len;
	struct event_plan *plan = NULL;
	struct ring_layout layout;
	uint8_t *aligned;
	bool big;

	if (!size)
		return 0;
	big = data[0] & 1;
	data++;
	size--;
	page_len = part(&data, &size, &page);
	stack_len = part(&data, &size, &stack);
	format_len = part(&data, &size, &format);
	if (!page_len) {
		page = usual_page;
		page_len = sizeof(usual_page) - 1;
	}
	if (ring_layout_parse(&layout, page, page_len, big, NULL) < 0 ||
	    event_plan_new(&plan, &layout, NULL) < 0)
		return 0;
	if (stack_len)
		event_plan_set_stack(plan, stack, stack_len, NULL);
	aligned = malloc(size + 1);
	if (!aligned)
		abort();
	memcpy(aligned, data, size);
	if (event_plan_add(plan, "kmem", format, format_len, true, NULL) == 0)
		walk(plan, aligned, size);
	free(aligned);
	event_plan_free(plan);
	return 0;
}
