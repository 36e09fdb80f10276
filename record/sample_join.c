#include "record/sample_join.h"

#define PAGE_MAP_SURE 16u
#define NO_ROW	      UINT32_MAX

/* ---- pages ---- */

static bool page_is(const struct page_map *m, uint64_t page, uint64_t frame)
{
	return page - m->page == (frame - m->frame) * m->size;
}

static bool page_map_is_sure(const struct page_map *m)
{
	return m->confirmed >= PAGE_MAP_SURE;
}

/* A pair that nothing speaks against. */
static void page_map_learn(struct page_map *m, uint64_t page, uint64_t frame)
{
	uint64_t pages = page - m->page, frames = frame - m->frame;

	if (m->size && page_is(m, page, frame)) {
		m->confirmed += frame != m->frame;
		return;
	}
	/* the other direction gives the same quotient */
	if ((int64_t)frames < 0) {
		pages = 0 - pages;
		frames = 0 - frames;
	}
	*m = (struct page_map){ .page = page, .frame = frame };
	if (frames && pages % frames == 0 && pages / frames >= 16 && pages / frames <= 512)
		m->size = pages / frames;
}

/* ---- the event of a sample ---- */

/* The last row that is not later than the time. */
static uint32_t last_row(struct sample_join *j, const struct event_block *b, uint64_t time)
{
	uint32_t i = j->cursor < b->count ? j->cursor : b->count - 1;

	if (!b->count)
		return NO_ROW;
	while (i + 1 < b->count && b->rows[i + 1].time <= time)
		i++;
	while (b->rows[i].time > time)
		if (i-- == 0)
			return NO_ROW;
	j->cursor = i;
	return i;
}

static const uint8_t *key_of(const struct stream *s, const struct event_row *row, uint32_t *ret_len)
{
	return intern_bytes(&s->emitter->tuples, row->tuple, ret_len);
}

static unsigned int context_of(const struct stream *s, const uint8_t *key)
{
	return pairing_context(key[KEY_HEAD + s->plan->flags_offset]);
}

static bool same_address(const struct sample_join *j, const struct plan_type *type,
			 const struct event_row *row, const struct stack_sample *sample)
{
	if (!sample->struct_page)
		return row->address == sample->address;
	if (!sample->address) /* the allocation failed: page frame -1 */
		return row->address == UINT64_MAX >> (64 - 8 * type->address_size);
	return !page_map_is_sure(&j->pages) || page_is(&j->pages, sample->address, row->address);
}

/* Is the row of that event, as far as a sample knows it? */
static bool matches(const struct sample_join *j, const struct stream *s,
		    const struct event_row *row, const uint8_t *key,
		    const struct stack_sample *sample)
{
	const struct plan_type *type = &s->plan->plans[row->type];
	uint32_t stack;

	if (row->type != sample->source->type || row->pid != sample->pid ||
	    !same_address(j, type, row, sample))
		return false;
	memcpy(&stack, key, sizeof(stack));
	if (stack != STACK_NONE) /* it has its sample */
		return false;
	return sample->source->site_arg < 0 ||
	       plan_number(&s->plan->layout, key + KEY_HEAD + type->call_site_offset,
			   s->plan->layout.long_size) == sample->call_site;
}

/* Rows behind which their context has recorded nothing, from the last one backwards. */
static uint32_t find_row(struct sample_join *j, const struct stream *s,
			 const struct stack_sample *sample)
{
	unsigned int context = PAIRING_CONTEXTS;
	uint32_t found = NO_ROW, len;
	bool unsure = sample->struct_page && sample->address && !page_map_is_sure(&j->pages);

	for (uint32_t i = last_row(j, &s->block, sample->time); i != NO_ROW && context; i--) {
		const struct event_row *row = &s->block.rows[i];
		const uint8_t *key = key_of(s, row, &len);

		if (context_of(s, key) >= context)
			continue;
		context = context_of(s, key);
		if (!matches(j, s, row, key, sample))
			continue;
		if (found != NO_ROW)
			return NO_ROW; /* either of two pages */
		found = i;
		if (!unsure)
			break;
	}
	return found;
}

/* ---- its stack ---- */

static int give_stack(struct stream *s, struct event_row *row, uint32_t stack, struct error *err)
{
	struct emitter *e = s->emitter;
	uint32_t len, tuple;
	const uint8_t *key = key_of(s, row, &len);

	memcpy(s->key, key, len); /* the table may move when it grows */
	memcpy(s->key, &stack, sizeof(stack));
	tuple = emitter_tuple(e, &s->plan->plans[row->type], s->key, len);
	if (tuple == EMIT_FAILED)
		return error_set(err, e->failure.code, "%s", e->failure.text);
	row->tuple = tuple;
	return 0;
}

static int join(struct sample_join *j, struct stream *s, struct event_row *row,
		const struct stack_sample *sample, struct error *err)
{
	const struct plan_type *type = &s->plan->plans[row->type];
	uint32_t skip = stack_sampler_entry(j->sampler, sample), depth = sample->depth - skip;
	uint32_t stack;

	if (sample->struct_page && sample->address)
		page_map_learn(&j->pages, sample->address, row->address);
	if (type->max_stack && depth > type->max_stack)
		depth = type->max_stack;
	if (!depth) {
		s->missing_stacks++;
		return give_stack(s, row, STACK_LOST, err);
	}
	stack = emitter_stack(s->emitter, sample->frames + (size_t)skip * s->plan->layout.long_size,
			      depth);
	if (stack == EMIT_FAILED)
		return error_set(err, s->emitter->failure.code, "%s", s->emitter->failure.text);
	__atomic_fetch_add(&j->sampler->joined, 1, __ATOMIC_RELAXED);
	return give_stack(s, row, STACK_FIRST + stack, err);
}

int sample_join_until(struct sample_join *j, struct stream *s, uint64_t until_ns, struct error *err)
{
	const struct sampler_ops *ops = j->sampler->ops;
	struct stack_sample sample;
	int rc = 0;

	while (rc == 0 && ops->next(j->sampler, j->ring, &sample) && sample.time < until_ns) {
		uint32_t i = find_row(j, s, &sample);

		if (i == NO_ROW)
			stack_sampler_miss(j->sampler, &sample);
		else
			rc = join(j, s, &s->block.rows[i], &sample, err);
		ops->pass(j->sampler, j->ring);
	}
	return rc;
}
