#include "analyze/loss_map.h"

#include <stdlib.h>

#define GAPS_PLACED 64 /* a file with more is in shreds: the rest may have been lost at any time */

struct ring_state {
	bool seen, first_seen;
	uint64_t last; /* of its previous block with events */
	uint64_t lost; /* placed so far */
	bool has_events;
	uint64_t begins;     /* of its first block with events */
	uint64_t lost_start; /* of its statistics at the start */
};

struct loss_mapper {
	struct losses *losses;
	const struct capture_scan *scan;
	const struct capture_model *model;
	uint64_t base, end;
	struct ring_state *rings; /* [ring * CPU_MAX + cpu] */
	size_t ring_count;	  /* of rings: CPU_MAX per ring number in use */
};

static bool add(struct loss_mapper *m, int32_t cpu, uint64_t from, uint64_t to, uint64_t records)
{
	const struct loss loss = { .cpu = cpu,
				   .from = (int64_t)(from - m->base),
				   .records = records,
				   .to = (int64_t)((to > from ? to : from) - m->base) };

	return losses_add(m->losses, &loss);
}

static bool add_wanted(struct loss_mapper *m, enum loss_kind kind, int32_t cpu, uint64_t from,
		       uint64_t to)
{
	const struct loss loss = { .kind = kind,
				   .cpu = cpu,
				   .from = (int64_t)(from - m->base),
				   .to = (int64_t)(to - m->base) };

	return losses_add(m->losses, &loss);
}

static bool has_cpu(const struct block_header *h)
{
	return h->type == BLOCK_EVENTS && h->cpu >= 0 && h->cpu < CPU_MAX;
}

static struct ring_state *ring_of(struct loss_mapper *m, const struct block_header *h)
{
	return &m->rings[(size_t)h->ring * CPU_MAX + (size_t)h->cpu];
}

static bool from_headers(struct loss_mapper *m)
{
	for (size_t i = 0; i < m->scan->count; i++) {
		const struct block_header *h = &m->scan->blocks[i];
		struct ring_state *c;

		if (!has_cpu(h))
			continue;
		c = ring_of(m, h);
		/*
		 * A block without events carries a loss after the CPU's last event: up to the end,
		 * as far as we know.
		 */
		if (h->lost_before && !add(m, h->cpu, c->seen ? c->last : m->base,
					   h->event_count ? h->first_time : m->end, h->lost_before))
			return false;
		c->lost += h->lost_before;
		if (h->event_count) {
			c->seen = true;
			c->last = h->last_time;
			c->begins = c->has_events ? c->begins : h->first_time;
			c->has_events = true;
		}
	}
	return true;
}

/* Files in the order of their numbers, each in its own. */
static bool before(const struct block_header *h, uint32_t file, uint64_t offset)
{
	return h->file != file ? h->file < file : h->offset < offset;
}

static bool block_at(const struct capture_scan *scan, uint32_t file, uint64_t offset)
{
	size_t low = 0, high = scan->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (before(&scan->blocks[middle], file, offset))
			low = middle + 1;
		else
			high = middle;
	}
	return low < scan->count && scan->blocks[low].file == file &&
	       scan->blocks[low].offset == offset;
}

static bool from_index(struct loss_mapper *m)
{
	for (size_t i = 0; i < m->model->index_count; i++) {
		const struct end_entry *e = &m->model->index[i].entry;

		if (!block_at(m->scan, m->model->index[i].file, e->offset) && e->cpu < CPU_MAX &&
		    !add(m, (int32_t)e->cpu, e->first_time, e->last_time,
			 e->event_count ? e->event_count : 1))
			return false;
	}
	return true;
}

/*
 * Blocks of a writer are missing before `offset`: of one of its CPUs, between its blocks on both
 * sides.
 */
static bool from_gap(struct loss_mapper *m, const struct capture_damage *d)
{
	uint64_t from = UINT64_MAX, to = 0;
	int32_t cpu = LOSS_CPU_UNKNOWN;
	bool several = false;

	for (size_t c = 0; c < m->ring_count; c++)
		m->rings[c].seen = false;
	for (size_t i = 0; i < m->scan->count; i++) {
		const struct block_header *h = &m->scan->blocks[i];

		if (!has_cpu(h) || h->writer != d->writer || !h->event_count)
			continue;
		several |= cpu != LOSS_CPU_UNKNOWN && cpu != h->cpu;
		cpu = h->cpu;
		if (before(h, d->file, d->offset)) {
			ring_of(m, h)->last = h->last_time;
			ring_of(m, h)->seen = true;
		} else if (h->first_time > to) {
			to = h->first_time;
			break; /* the writer has moved on: anything later is not missing */
		}
	}
	for (size_t c = 0; c < m->ring_count; c++)
		if (m->rings[c].seen && m->rings[c].last < from)
			from = m->rings[c].last;
	return add(m, several ? LOSS_CPU_UNKNOWN : cpu, from == UINT64_MAX ? m->base : from,
		   to ? to : m->end, 1);
}

static bool from_gaps(struct loss_mapper *m)
{
	size_t gaps = 0;

	for (size_t i = 0; i < m->scan->damage_count; i++) {
		const struct capture_damage *d = &m->scan->damage[i];

		if (d->kind != DAMAGE_MISSING || !d->count || !d->writer ||
		    m->model->parts[d->file].has_end)
			continue;
		if (gaps++ < GAPS_PLACED && !from_gap(m, d))
			return false;
	}
	return gaps <= GAPS_PLACED || add(m, LOSS_CPU_UNKNOWN, m->base, m->end, gaps - GAPS_PLACED);
}

/* A reader may leave a record in its ring for so long. */
#define READ_LATE_NS 1000000000u

/* Between two files whose events do not follow each other. */
static bool from_hole(struct loss_mapper *m, uint32_t file)
{
	const struct model_part *last = &m->model->parts[file - 1], *next = last + 1;
	uint64_t from = UINT64_MAX, to = 0, records = 1;

	for (size_t c = 0; c < m->ring_count; c++)
		m->rings[c].seen = false;
	for (size_t i = 0; i < m->scan->count; i++) {
		const struct block_header *h = &m->scan->blocks[i];

		if (!has_cpu(h) || !h->event_count)
			continue;
		if (h->file == file - 1) {
			ring_of(m, h)->last = h->last_time;
			ring_of(m, h)->seen = true;
		} else if (h->file == file && !ring_of(m, h)->first_seen) {
			ring_of(m, h)->first_seen = true;
			to = h->first_time > to ? h->first_time : to;
		}
	}
	for (size_t c = 0; c < m->ring_count; c++) {
		if (m->rings[c].seen && m->rings[c].last < from)
			from = m->rings[c].last;
		m->rings[c].first_seen = false;
	}
	from = from == UINT64_MAX || from < m->base + READ_LATE_NS ? m->base : from - READ_LATE_NS;
	if (last->has_stats[STATS_END] && next->has_stats[STATS_START] &&
	    next->decoded[STATS_START] > last->decoded[STATS_END])
		records = next->decoded[STATS_START] - last->decoded[STATS_END];
	return add(m, LOSS_CPU_UNKNOWN, from, to ? to : m->end, records);
}

static bool from_holes(struct loss_mapper *m)
{
	for (size_t i = 1; i < m->model->part_count; i++)
		if (capture_model_hole_before(m->model, i) && !from_hole(m, (uint32_t)i))
			return false;
	return true;
}

static struct ring_state *ring_of_stats(struct loss_mapper *m, const struct ring_stats *s)
{
	return &m->rings[(size_t)s->ring * CPU_MAX + s->cpu];
}

static bool from_stats(struct loss_mapper *m)
{
	const struct capture_model *model = m->model;

	for (size_t i = 0; i < model->stats_count[STATS_START]; i++) {
		const struct ring_stats *s = &model->stats[STATS_START][i];

		ring_of_stats(m, s)->lost_start = ring_stats_lost(s);
	}
	for (size_t i = 0; i < model->stats_count[STATS_END]; i++) {
		const struct ring_stats *s = &model->stats[STATS_END][i];
		const struct ring_state *c = ring_of_stats(m, s);
		uint64_t end = ring_stats_lost(s);

		if (end > c->lost_start && end - c->lost_start > c->lost &&
		    !add(m, (int32_t)s->cpu, m->base, m->end, end - c->lost_start - c->lost))
			return false;
	}
	return true;
}

/* A flight recorder's pause may lie before what its rings still held. */
static bool add_pause(struct loss_mapper *m, uint64_t from, uint64_t to)
{
	int64_t end = (int64_t)(to - m->base);

	if (end <= 0 || to < from)
		return true;
	return add_wanted(m, LOSS_PAUSED, LOSS_CPU_UNKNOWN,
			  (int64_t)(from - m->base) > 0 ? from : m->base, to);
}

static bool from_marks(struct loss_mapper *m)
{
	uint64_t since = m->base;
	bool paused = false, any = false;

	for (size_t i = 0; i < m->model->mark_count; i++) {
		const struct model_mark *mark = &m->model->marks[i];

		if (mark->kind == MARK_PAUSE && !paused) {
			since = mark->time;
			paused = true;
		} else if (mark->kind == MARK_RESUME && (paused || !any)) {
			paused = false;
			if (!add_pause(m, since, mark->time))
				return false;
		}
		any |= mark->kind != MARK_NAMED;
	}
	return !paused || add_pause(m, since, m->end);
}

/* What a ring had overwritten when the capture was made lies before its first event. */
static bool from_overwritten(struct loss_mapper *m)
{
	const struct capture_model *model = m->model;

	if (!capture_model_is_flight(model))
		return true;
	for (size_t i = 0; i < model->stats_count[STATS_START]; i++) {
		const struct ring_stats *s = &model->stats[STATS_START][i];
		const struct ring_state *c = ring_of_stats(m, s);
		uint64_t last_gone = c->has_events ? c->begins - 1 : m->end;

		if (!s->overrun)
			continue;
		/* the ring that begins first begins the capture; before that is no time here */
		if ((int64_t)(last_gone - m->base) > 0 &&
		    !add_wanted(m, LOSS_OVERWRITTEN, (int32_t)s->cpu, m->base, last_gone))
			return false;
	}
	return true;
}

static uint64_t end_of(const struct capture_scan *scan, const struct capture_model *model,
		       uint64_t base)
{
	uint64_t end = capture_model_number(model, "time.end_ns", base);

	for (size_t i = 0; i < scan->count; i++)
		if (scan->blocks[i].type == BLOCK_EVENTS && scan->blocks[i].last_time > end)
			end = scan->blocks[i].last_time;
	return end;
}

static size_t count_rings(const struct capture_scan *scan, const struct capture_model *model)
{
	size_t most = 0;

	for (size_t i = 0; i < scan->count; i++)
		if (scan->blocks[i].ring > most)
			most = scan->blocks[i].ring;
	for (int moment = STATS_START; moment <= STATS_END; moment++)
		for (size_t i = 0; i < model->stats_count[moment]; i++)
			if (model->stats[moment][i].ring > most)
				most = model->stats[moment][i].ring;
	return (most + 1) * CPU_MAX;
}

int loss_map(struct losses *losses, const struct capture_scan *scan,
	     const struct capture_model *model, uint64_t base, struct error *err)
{
	struct loss_mapper m = { .losses = losses,
				 .scan = scan,
				 .model = model,
				 .base = base,
				 .end = end_of(scan, model, base),
				 .ring_count = count_rings(scan, model) };
	bool good;

	m.rings = calloc(m.ring_count, sizeof(*m.rings));
	good = m.rings && from_headers(&m) && from_stats(&m) && from_marks(&m) &&
	       from_overwritten(&m) && from_index(&m) && from_gaps(&m) && from_holes(&m);
	losses_sort(losses);
	free(m.rings);
	return good ? 0 : error_nomem(err);
}
