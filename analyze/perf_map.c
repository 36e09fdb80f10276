#include "analyze/perf_map.h"

#include <stdlib.h>
#include <string.h>

#include "analyze/array_room.h"
#include "analyze/id_index.h"

#define NAME_BYTES_MAX 512

struct entry {
	uint64_t start, size;
	struct text name;
	size_t order;
};

/*
 * Entries by start. Code that was replaced leaves its entry behind, so that entries overlap: reach[i]
 * is the highest address that any of the entries up to i reaches.
 */
struct perf_map {
	struct entry *list;
	uint64_t *reach;
	size_t count, cap;
};

static bool hex_number(const char **p, const char *end, uint64_t *ret)
{
	const char *start;

	if (end - *p > 2 && (*p)[0] == '0' && ((*p)[1] == 'x' || (*p)[1] == 'X'))
		*p += 2;
	start = *p;
	for (*ret = 0; *p < end && *p - start < 16; (*p)++) {
		char c = **p;
		int digit = c >= '0' && c <= '9' ? c - '0' :
			    c >= 'a' && c <= 'f' ? c - 'a' + 10 :
			    c >= 'A' && c <= 'F' ? c - 'A' + 10 :
						   -1;

		if (digit < 0)
			break;
		*ret = *ret << 4 | (unsigned int)digit;
	}
	return *p > start;
}

static bool parse_line(const char *p, const char *end, struct entry *e)
{
	if (!hex_number(&p, end, &e->start) || p == end || *p++ != ' ')
		return false;
	if (!hex_number(&p, end, &e->size) || p == end || *p++ != ' ')
		return false;
	e->name = (struct text){ p, (size_t)(end - p) };
	if (e->name.len > NAME_BYTES_MAX)
		e->name.len = NAME_BYTES_MAX;
	return e->name.len && e->size && e->size <= UINT64_MAX - e->start;
}

static int by_start(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return (x->order > y->order) - (x->order < y->order);
}

int perf_map_new(struct perf_map **ret, const char *text, size_t len, struct error *err)
{
	struct perf_map *m = calloc(1, sizeof(*m));
	const char *end = text + len;

	for (const char *p = text; m && len && p < end;) {
		const char *eol = memchr(p, '\n', (size_t)(end - p));
		struct entry e = { .order = m->count };

		if (!eol)
			eol = end;
		if (parse_line(p, eol, &e)) {
			if (!array_room((void **)&m->list, &m->cap, m->count, sizeof(e))) {
				perf_map_free(m);
				return error_nomem(err);
			}
			m->list[m->count++] = e;
		}
		p = eol + 1;
	}
	if (m)
		m->reach = calloc(m->count + 1, sizeof(*m->reach));
	if (!m || !m->reach) {
		perf_map_free(m);
		return error_nomem(err);
	}
	if (m->count)
		qsort(m->list, m->count, sizeof(*m->list), by_start);
	for (size_t i = 0; i < m->count; i++) {
		m->reach[i] = m->list[i].start + m->list[i].size;
		if (i && m->reach[i - 1] > m->reach[i])
			m->reach[i] = m->reach[i - 1];
	}
	*ret = m;
	return 0;
}

bool perf_map_find(const struct perf_map *m, uint64_t address, uint64_t *ret_start,
		   struct text *ret_name)
{
	const struct entry *best = NULL;
	size_t low = 0, high = m->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (m->list[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low && m->reach[low - 1] > address; low--) {
		const struct entry *e = &m->list[low - 1];

		if (address - e->start < e->size && (!best || e->order > best->order))
			best = e;
	}
	if (!best)
		return false;
	*ret_start = best->start;
	*ret_name = best->name;
	return true;
}

void perf_map_free(struct perf_map *m)
{
	if (!m)
		return;
	free(m->list);
	free(m->reach);
	free(m);
}
