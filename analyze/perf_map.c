#include "analyze/perf_map.h"

#include <stdlib.h>
#include <string.h>

#include "analyze/array_room.h"

#define NAME_BYTES_MAX 512

struct entry {
	uint64_t start, size;
	struct text name;
	size_t order;
};

/* From start on, up to the next segment, addresses belong to that entry. */
struct segment {
	uint64_t start;
	const struct entry *entry; /* NULL: to none */
};

/*
 * Code that was replaced leaves its entry behind, so that entries overlap, and of those that hold an address
 * the one written last counts. The segments say which that is, so that a lookup costs the same
 * whatever the entries are.
 */
struct perf_map {
	struct entry *list; /* by start */
	struct segment *segments;
	size_t count, cap, segment_count;
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

/* A heap of the entries that have begun, the one written last on top. */
struct begun {
	const struct entry **heap;
	size_t count;
};

static void begun_add(struct begun *b, const struct entry *e)
{
	size_t i = b->count++;

	for (; i && b->heap[(i - 1) / 2]->order < e->order; i = (i - 1) / 2)
		b->heap[i] = b->heap[(i - 1) / 2];
	b->heap[i] = e;
}

static void begun_drop_top(struct begun *b)
{
	const struct entry *last = b->heap[--b->count];
	size_t i = 0, child;

	for (; (child = 2 * i + 1) < b->count; i = child) {
		if (child + 1 < b->count && b->heap[child + 1]->order > b->heap[child]->order)
			child++;
		if (b->heap[child]->order < last->order)
			break;
		b->heap[i] = b->heap[child];
	}
	b->heap[i] = last;
}

static uint64_t end_of(const struct entry *e)
{
	return e->start + e->size;
}

/* Segments has room for two of each entry: each begins where one starts, or where the last one on top ends. */
static void make_segments(struct perf_map *m, struct begun *b)
{
	size_t i = 0;

	while (i < m->count || b->count) {
		uint64_t at = b->count ? end_of(b->heap[0]) : m->list[i].start;
		const struct entry *top;

		if (i < m->count && m->list[i].start < at)
			at = m->list[i].start;
		for (; i < m->count && m->list[i].start == at; i++)
			begun_add(b, &m->list[i]);
		while (b->count && end_of(b->heap[0]) <= at)
			begun_drop_top(b);
		top = b->count ? b->heap[0] : NULL;
		m->segments[m->segment_count++] = (struct segment){ .start = at, .entry = top };
	}
}

static int sort_entries(struct perf_map *m)
{
	struct begun b = { .heap = malloc((m->count + 1) * sizeof(*b.heap)) };

	m->segments = malloc((2 * m->count + 1) * sizeof(*m->segments));
	if (!b.heap || !m->segments) {
		free(b.heap);
		return ERR_NOMEM;
	}
	if (m->count)
		qsort(m->list, m->count, sizeof(*m->list), by_start);
	make_segments(m, &b);
	free(b.heap);
	return 0;
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
	if (!m || sort_entries(m) < 0) {
		perf_map_free(m);
		return error_nomem(err);
	}
	*ret = m;
	return 0;
}

bool perf_map_find(const struct perf_map *m, uint64_t address, uint64_t *ret_start,
		   struct text *ret_name)
{
	size_t low = 0, high = m->segment_count;
	const struct entry *e;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (m->segments[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	e = low ? m->segments[low - 1].entry : NULL;
	if (!e)
		return false;
	*ret_start = e->start;
	*ret_name = e->name;
	return true;
}

void perf_map_free(struct perf_map *m)
{
	if (!m)
		return;
	free(m->list);
	free(m->segments);
	free(m);
}
