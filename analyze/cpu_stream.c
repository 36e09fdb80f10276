#include "analyze/cpu_stream.h"

#include <stdlib.h>
#include <zstd.h>

#include "analyze/capture_model.h"

/* Memory that one block has grown and the next one takes over. */
struct spare {
	struct block block;
	struct event_block rows;
};

struct cpu_block {
	int32_t cpu;
	uint16_t ring;
	uint32_t block;
};

static int by_cpu(const void *a, const void *b)
{
	const struct cpu_block *x = a, *y = b;

	if (x->cpu != y->cpu)
		return x->cpu < y->cpu ? -1 : 1;
	if (x->ring != y->ring)
		return x->ring < y->ring ? -1 : 1;
	return x->block < y->block ? -1 : 1;
}

static bool same_stream(const struct cpu_block *a, const struct cpu_block *b)
{
	return a->cpu == b->cpu && a->ring == b->ring;
}

int cpu_streams_init(struct cpu_streams *all, struct error *err)
{
	const struct capture_scan *scan = all->scan;
	struct cpu_block *order = calloc(scan->count + 1, sizeof(*order));
	size_t n = 0, streams = 0;

	all->blocks = calloc(scan->count + 1, sizeof(*all->blocks));
	if (!order || !all->blocks)
		goto nomem;
	for (size_t i = 0; i < scan->count; i++)
		if (scan->blocks[i].type == BLOCK_EVENTS)
			order[n++] = (struct cpu_block){ scan->blocks[i].cpu, scan->blocks[i].ring,
							 (uint32_t)i };
	qsort(order, n, sizeof(*order), by_cpu);
	for (size_t i = 0; i < n; i++)
		streams += !i || !same_stream(&order[i], &order[i - 1]);
	all->list = calloc(streams + 1, sizeof(*all->list));
	all->spares = calloc(streams + 1, sizeof(*all->spares));
	if (!all->list || !all->spares)
		goto nomem;
	for (size_t i = 0; i < n; i++) {
		if (!i || !same_stream(&order[i], &order[i - 1]))
			all->list[all->count++] = (struct cpu_stream){ .cpu = order[i].cpu,
								       .ring = order[i].ring,
								       .blocks = all->blocks + i };
		all->list[all->count - 1].block_count++;
		all->blocks[i] = order[i].block;
	}
	free(order);
	return 0;
nomem:
	free(order);
	return error_nomem(err);
}

void cpu_streams_release(struct cpu_streams *all)
{
	for (size_t i = 0; i < all->count; i++) {
		block_release(&all->list[i].block);
		event_block_release(&all->list[i].rows);
	}
	for (size_t i = 0; i < all->spare_count; i++) {
		block_release(&all->spares[i].block);
		event_block_release(&all->spares[i].rows);
	}
	ZSTD_freeDCtx(all->zstd);
	free(all->spares);
	free(all->list);
	free(all->blocks);
	all->spares = NULL;
	all->list = NULL;
	all->blocks = NULL;
	all->zstd = NULL;
	all->count = all->spare_count = 0;
}

static void let_go(struct cpu_streams *all, struct cpu_stream *s)
{
	dictionary_put(s->dictionary);
	s->dictionary = NULL;
	s->next = s->rows.count = 0;
	if (!s->rows.rows && !s->block.raw)
		return;
	all->spares[all->spare_count++] = (struct spare){ s->block, s->rows };
	s->block = (struct block){ 0 };
	s->rows = (struct event_block){ 0 };
}

static void take_spare(struct cpu_streams *all, struct cpu_stream *s)
{
	if (s->rows.rows || s->block.raw || !all->spare_count)
		return;
	all->spare_count--;
	s->block = all->spares[all->spare_count].block;
	s->rows = all->spares[all->spare_count].rows;
}

bool cpu_stream_wait(struct cpu_streams *all, struct cpu_stream *s)
{
	let_go(all, s);
	for (size_t i = s->next_block; i < s->block_count; i++) {
		const struct block_header *h = &all->scan->blocks[s->blocks[i]];

		s->time = h->first_time;
		if (h->event_count)
			break;
	}
	return s->next_block < s->block_count;
}

/* Decodes block i into the stream. ERR_DAMAGED: it cannot be used. */
static int decode(struct cpu_streams *all, struct cpu_stream *s, size_t i, struct error *why)
{
	const struct block_header *h = &all->scan->blocks[i];
	int rc;

	take_spare(all, s);
	/* one for all: it is as large as a block */
	s->block.zstd = all->zstd;
	rc = series_load(all->series, all->scan, i, &s->block, why);
	all->zstd = s->block.zstd;
	s->block.zstd = NULL;
	if (rc < 0)
		return rc;
	all->unknown += s->block.unknown_sections;
	return events_decode(h, s->block.sections, s->block.section_count, all->types,
			     all->type_count, &s->rows, why);
}

static int note_damage(struct cpu_streams *all, size_t i, struct error *why, struct error *err)
{
	const struct block_header *h = &all->scan->blocks[i];
	const struct loss loss = { .cpu = h->cpu,
				   .from = (int64_t)(h->first_time - all->base),
				   .to = (int64_t)(h->last_time - all->base),
				   .records = h->event_count };
	int rc = capture_model_note_damage(all->scan, i, why, err);

	if (rc < 0)
		return rc;
	return losses_insert(all->losses, &loss) ? 0 : error_nomem(err);
}

int cpu_stream_load(struct cpu_streams *all, struct cpu_stream *s, struct error *err)
{
	let_go(all, s);
	while (s->next_block < s->block_count) {
		size_t i = s->blocks[s->next_block++];
		struct error why = { 0 };
		int rc;

		rc = dictionaries_get(all->dictionaries, i, &s->dictionary, err);
		if (rc < 0)
			return rc;
		all->bytes_done += all->scan->header_len[i] + all->scan->blocks[i].stored_len;
		rc = all->scan->blocks[i].event_count ? decode(all, s, i, &why) : 0;
		if (rc == ERR_NOMEM)
			return error_nomem(err);
		if (rc == 0 && s->rows.count)
			return 1;
		if (rc < 0)
			rc = note_damage(all, i, &why, err);
		if (rc < 0)
			return rc;
		s->rows.count = 0;
		dictionary_put(s->dictionary);
		s->dictionary = NULL;
	}
	return 0;
}
