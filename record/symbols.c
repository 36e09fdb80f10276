#define _GNU_SOURCE /* memmem */
#include "record/symbols.h"

#include <stdlib.h>

struct symbol_line {
	uint64_t address;
	const char *at; /* of its line, which ends with a newline or the text */
	uint32_t len;
	bool keep;
};

struct symbol_lines {
	struct symbol_line *items;
	size_t count, cap;
};

static int compare_lines(const void *a, const void *b)
{
	const struct symbol_line *x = a, *y = b;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

static bool lines_add(struct symbol_lines *l, const struct symbol_line *line)
{
	if (l->count == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 1 << 16;
		struct symbol_line *p = realloc(l->items, cap * sizeof(*p));

		if (!p)
			return false;
		l->items = p;
		l->cap = cap;
	}
	l->items[l->count++] = *line;
	return true;
}

static bool is_text_bound(const struct symbol_line *line)
{
	return line->len >= 7 && (memmem(line->at, line->len, " _stext\n", 8) ||
				  memmem(line->at, line->len, " _etext\n", 8));
}

/* The text is that of a file whose lines are "ADDRESS TYPE NAME[\t[MODULE]]". */
static bool lines_parse(struct symbol_lines *l, const char *text, size_t len)
{
	const char *end = text + len, *p = text;

	while (p < end) {
		const char *newline = memchr(p, '\n', (size_t)(end - p)),
			   *next = newline ? newline + 1 : end;
		struct symbol_line line = { .at = p, .len = (uint32_t)(next - p) };
		const char *d = p;
		int digit;

		for (; d < next; d++) {
			digit = *d >= '0' && *d <= '9' ? *d - '0' :
				*d >= 'a' && *d <= 'f' ? *d - 'a' + 10 :
							 -1;
			if (digit < 0)
				break;
			line.address = line.address << 4 | (uint64_t)digit;
		}
		line.keep = is_text_bound(&line);
		if (d > p && d < next && *d == ' ' && !lines_add(l, &line))
			return false;
		p = next;
	}
	return true;
}

/* Marks all names of the greatest symbol that does not lie above address. */
static void mark(struct symbol_lines *l, uint64_t address)
{
	size_t low = 0, high = l->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (l->items[mid].address <= address)
			low = mid + 1;
		else
			high = mid;
	}
	for (size_t i = low; i > 0 && l->items[i - 1].address == l->items[low - 1].address; i--)
		l->items[i - 1].keep = true;
}

int symbols_used(struct buf *ret, const char *kallsyms, size_t len, const struct intern *addresses,
		 struct error *err)
{
	struct symbol_lines lines = { 0 };
	int rc = 0;

	if (!lines_parse(&lines, kallsyms, len)) {
		rc = error_nomem(err);
		goto out;
	}
	qsort(lines.items, lines.count, sizeof(*lines.items), compare_lines);
	for (uint32_t n = 0; lines.count && n < addresses->count; n++) {
		uint32_t key_len;
		uint64_t address;

		memcpy(&address, intern_bytes(addresses, n, &key_len), sizeof(address));
		mark(&lines, address);
		mark(&lines, address - 1);
	}
	for (size_t i = 0; i < lines.count; i++)
		if (lines.items[i].keep)
			buf_bytes(ret, lines.items[i].at, lines.items[i].len);
	if (ret->oom)
		rc = error_nomem(err);
out:
	free(lines.items);
	return rc;
}

/* ---- from names to addresses ---- */

/* The name of a line if it is that of a function; *ret_len: its length. */
static const char *function_name(const char *line, const char *end, size_t *ret_len)
{
	const char *type = memchr(line, ' ', (size_t)(end - line)), *name, *p;

	if (!type || end - type < 4 || !strchr("tTwW", type[1]) || type[2] != ' ')
		return NULL;
	name = type + 3;
	for (p = name; p < end && *p != '\t' && *p != '\n'; p++)
		;
	*ret_len = (size_t)(p - name);
	return name;
}

static uint64_t next_above(const struct symbol_lines *l, size_t i)
{
	uint64_t address = l->items[i].address;

	while (i < l->count && l->items[i].address == address)
		i++;
	return i < l->count ? l->items[i].address : UINT64_MAX;
}

int symbols_find(const char *kallsyms, size_t len, const char *name, struct symbol_range *ranges,
		 size_t room, size_t *ret_count, struct error *err)
{
	struct symbol_lines lines = { 0 };
	size_t wanted = strlen(name), found_len, count = 0;
	int rc = 0;

	if (!lines_parse(&lines, kallsyms, len)) {
		rc = error_nomem(err);
		goto out;
	}
	qsort(lines.items, lines.count, sizeof(*lines.items), compare_lines);
	for (size_t i = 0; i < lines.count; i++) {
		const struct symbol_line *line = &lines.items[i];
		const char *found = function_name(line->at, line->at + line->len, &found_len);

		if (!found || found_len != wanted || memcmp(found, name, wanted))
			continue;
		if (count < room)
			ranges[count] = (struct symbol_range){ line->address,
							       next_above(&lines, i) };
		count++;
	}
	*ret_count = count;
out:
	free(lines.items);
	return rc;
}

void symbols_near(struct near_names *near, const char *kallsyms, size_t len, const char *name)
{
	const char *end = kallsyms + len, *newline;
	size_t wanted = strlen(name), found_len;
	unsigned int far, most = wanted < 3 ? 1 : (unsigned int)wanted / 3;
	char text[64];

	for (const char *p = kallsyms; p < end; p = newline + 1) {
		const char *found;

		newline = memchr(p, '\n', (size_t)(end - p));
		if (!newline)
			break;
		found = function_name(p, newline, &found_len);
		if (!found || found_len >= sizeof(text) || found_len + NEAR_DISTANCE < wanted ||
		    found_len > wanted + NEAR_DISTANCE)
			continue;
		memcpy(text, found, found_len);
		text[found_len] = '\0';
		far = near_distance(text, name);
		if (far <= most)
			near_add(near, text, far);
	}
}
