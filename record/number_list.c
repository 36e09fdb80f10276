#include "record/number_list.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void number_list_release(struct number_list *list)
{
	free(list->items);
	*list = (struct number_list){ 0 };
}

int number_list_add(struct number_list *list, uint32_t n, struct error *err)
{
	if (list->count == list->room) {
		size_t room = list->room ? 2 * list->room : 16;
		uint32_t *p = realloc(list->items, room * sizeof(*p));

		if (!p)
			return error_nomem(err);
		list->items = p;
		list->room = room;
	}
	list->items[list->count++] = n;
	return 0;
}

/* A decimal number at *p, which moves behind it. */
static bool take_number(const char **p, uint32_t max, uint32_t *ret)
{
	uint64_t v = 0;

	if (!isdigit((unsigned char)**p))
		return false;
	for (; isdigit((unsigned char)**p); (*p)++)
		if ((v = v * 10 + (uint64_t)(**p - '0')) > max)
			return false;
	*ret = (uint32_t)v;
	return true;
}

int number_list_parse(struct number_list *list, const char *text, const char *what, uint32_t min,
		      uint32_t max, bool ranges, struct error *err)
{
	const char *p = text;
	int rc = 0;

	do {
		uint32_t first = 0, last;
		bool good = take_number(&p, max, &first);

		last = first;
		if (good && ranges && *p == '-') {
			p++;
			good = take_number(&p, max, &last);
		}
		if (!good || first < min || last < first || (*p && *p != ',' && *p != '\n'))
			return error_set(err, ERR_USAGE,
					 "%s: numbers from %" PRIu32 " to %" PRIu32
					 " are wanted, as in %s",
					 what, min, max, ranges ? "0-3,8" : "123,456");
		for (uint64_t n = first; rc == 0 && n <= last; n++)
			rc = number_list_add(list, (uint32_t)n, err);
	} while (rc == 0 && *p++ == ',');
	return rc;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

void number_list_sort(struct number_list *list)
{
	size_t kept = 0;

	if (list->count)
		qsort(list->items, list->count, sizeof(*list->items), compare);
	for (size_t i = 0; i < list->count; i++)
		if (!kept || list->items[kept - 1] != list->items[i])
			list->items[kept++] = list->items[i];
	list->count = kept;
}

bool number_list_has(const struct number_list *list, uint32_t n)
{
	return list->count &&
	       bsearch(&n, list->items, list->count, sizeof(*list->items), compare) != NULL;
}

void number_list_text(const struct number_list *list, bool ranges, struct buf *to)
{
	char text[32];

	for (size_t i = 0; i < list->count; i++) {
		uint32_t first = list->items[i], last = first;
		int n;

		while (ranges && i + 1 < list->count && list->items[i + 1] == last + 1)
			last = list->items[++i];
		n = snprintf(text, sizeof(text), to->len ? ",%" PRIu32 : "%" PRIu32, first);
		if (last > first)
			n += snprintf(text + n, sizeof(text) - (size_t)n, "-%" PRIu32, last);
		buf_bytes(to, text, (size_t)n);
	}
}
