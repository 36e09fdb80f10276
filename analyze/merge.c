#include "analyze/merge.h"

#include <stdlib.h>

#define TIES_MAX \
	1024 /* heads of one time that are looked at: no machine has more, a hostile file 65536 */

static bool before(const struct cpu_stream *a, const struct cpu_stream *b)
{
	uint64_t x = cpu_stream_time(a), y = cpu_stream_time(b);

	if (x != y)
		return x < y;
	/* so that of one time all are loaded before one of them is chosen */
	if (cpu_stream_is_loaded(a) != cpu_stream_is_loaded(b))
		return cpu_stream_is_loaded(b);
	return a->cpu != b->cpu ? a->cpu < b->cpu : a->ring < b->ring;
}

static void swap(struct merge *m, size_t i, size_t k)
{
	struct cpu_stream *s = m->heap[i];

	m->heap[i] = m->heap[k];
	m->heap[k] = s;
}

static void sift_down(struct merge *m, size_t i)
{
	for (;;) {
		size_t least = i, left = 2 * i + 1;

		for (size_t k = left; k < m->count && k <= left + 1; k++)
			if (before(m->heap[k], m->heap[least]))
				least = k;
		if (least == i)
			return;
		swap(m, i, least);
		i = least;
	}
}

/* A time that stepped back can move a stream up, too. */
static void sift(struct merge *m, size_t i)
{
	while (i && before(m->heap[i], m->heap[(i - 1) / 2])) {
		swap(m, i, (i - 1) / 2);
		i = (i - 1) / 2;
	}
	sift_down(m, i);
}

static int start(struct merge *m, struct error *err)
{
	m->started = true;
	m->heap = calloc(m->streams->count + 1, sizeof(*m->heap));
	if (!m->heap)
		return error_nomem(err);
	for (size_t i = 0; i < m->streams->count; i++)
		if (cpu_stream_wait(m->streams, &m->streams->list[i]))
			m->heap[m->count++] = &m->streams->list[i];
	for (size_t i = m->count / 2; i--;)
		sift_down(m, i);
	return 0;
}

static void take_out(struct merge *m, size_t i)
{
	m->heap[i] = m->heap[--m->count];
	if (i < m->count)
		sift(m, i);
}

/* Puts the stream that was handed out back in its place. */
static void settle(struct merge *m)
{
	struct cpu_stream *s = m->heap[m->used];

	if (cpu_stream_is_loaded(s) || cpu_stream_wait(m->streams, s))
		sift(m, m->used);
	else
		take_out(m, m->used);
}

/* Loads the blocks whose first event is due. */
static int load_due(struct merge *m, struct error *err)
{
	while (m->count && !cpu_stream_is_loaded(m->heap[0])) {
		int rc = cpu_stream_load(m->streams, m->heap[0], err);

		if (rc < 0)
			return rc;
		if (rc)
			sift_down(m, 0);
		else
			take_out(m, 0);
	}
	return 0;
}

static bool frees_same(const struct merge *m, const struct event_row *alloc,
		       const struct event_row *other)
{
	const struct role *a = &m->roles[alloc->type], *b = &m->roles[other->type];

	return a->kind == ROLE_ALLOC && b->kind == ROLE_FREE && a->domain == b->domain &&
	       a->address < 0 && b->address < 0 && alloc->address == other->address;
}

struct tie {
	const struct event_row *first;
	size_t best, left;
};

/* From that place of the heap down, where no time is earlier than above it. */
static void look_for_free(const struct merge *m, size_t i, struct tie *tie)
{
	const struct event_row *row;

	if (i >= m->count || cpu_stream_time(m->heap[i]) != tie->first->time || !tie->left)
		return;
	row = cpu_stream_head(m->heap[i]);
	tie->left--;
	if (frees_same(m, tie->first, row) &&
	    (!tie->best || before(m->heap[i], m->heap[tie->best])))
		tie->best = i;
	look_for_free(m, 2 * i + 1, tie);
	look_for_free(m, 2 * i + 2, tie);
}

/* Which of the heads that share the earliest time comes first. */
static size_t break_tie(const struct merge *m)
{
	struct tie tie = { cpu_stream_head(m->heap[0]), 0, TIES_MAX };

	look_for_free(m, 0, &tie);
	return tie.best;
}

int merge_next(struct merge *m, struct cpu_stream **ret, uint32_t *ret_count, struct error *err)
{
	struct cpu_stream *s;
	uint64_t limit = 0;
	uint32_t n = 1;
	int rc = 0;

	if (!m->started)
		rc = start(m, err);
	else if (m->count)
		settle(m);
	if (rc == 0)
		rc = load_due(m, err);
	if (rc < 0)
		return rc;
	if (!m->count)
		return 0;
	for (size_t i = 1; i < m->count && i <= 2; i++)
		if (i == 1 || cpu_stream_time(m->heap[i]) < limit)
			limit = cpu_stream_time(m->heap[i]);
	m->used = 0;
	s = m->heap[0];
	if (m->count == 1) {
		n = s->rows.count - s->next;
	} else if (cpu_stream_head(s)->time == limit) {
		m->used = break_tie(m);
		s = m->heap[m->used];
	} else {
		while (s->next + n < s->rows.count && s->rows.rows[s->next + n].time < limit)
			n++;
	}
	*ret = s;
	*ret_count = n;
	return 1;
}

void merge_release(struct merge *m)
{
	free(m->heap);
	m->heap = NULL;
	m->count = 0;
}
