#include "record/perf_sample.h"

#include <linux/perf_event.h>

struct words {
	const uint8_t *pos, *end;
	bool bad;
};

static const uint8_t *take(struct words *w, uint64_t n)
{
	const uint8_t *p = w->pos;

	if (w->bad || n > (uint64_t)(w->end - w->pos)) {
		w->bad = true;
		return NULL;
	}
	w->pos += n;
	return p;
}

static uint64_t take_u64(struct words *w)
{
	const uint8_t *p = take(w, 8);
	uint64_t v = 0;

	if (p)
		memcpy(&v, p, sizeof(v));
	return v;
}

static uint32_t take_u32(struct words *w)
{
	const uint8_t *p = take(w, 4);
	uint32_t v = 0;

	if (p)
		memcpy(&v, p, sizeof(v));
	return v;
}

bool perf_sample_parse(struct perf_sample *ret, enum perf_kind kind, bool has_stack,
		       const struct perf_ring_record *rec)
{
	struct words w = { .pos = rec->body, .end = rec->body + rec->len };

	*ret = (struct perf_sample){ 0 };
	take_u64(&w); /* id */
	if (kind == PERF_KIND_SOFTWARE) {
		ret->ip = take_u64(&w);
		ret->pid = (int32_t)take_u32(&w);
		ret->tid = (int32_t)take_u32(&w);
	}
	ret->time = take_u64(&w);
	if (kind == PERF_KIND_SOFTWARE)
		ret->address = take_u64(&w);
	if (has_stack) {
		ret->chain_len = take_u64(&w);
		if (ret->chain_len > rec->len / 8)
			return false;
		ret->chain = take(&w, ret->chain_len * 8);
	}
	if (kind == PERF_KIND_TRACEPOINT) {
		ret->raw_len = take_u32(&w);
		ret->raw = take(&w, ret->raw_len);
	}
	return !w.bad;
}

uint32_t perf_sample_frames(const struct perf_sample *sample, uint64_t *frames, uint32_t max)
{
	bool user = false, marked = false;
	uint32_t n = 0;

	for (uint64_t i = 0; i < sample->chain_len; i++) {
		uint64_t frame;

		memcpy(&frame, sample->chain + i * 8, sizeof(frame));
		if (frame >= (uint64_t)PERF_CONTEXT_MAX) {
			user = frame == (uint64_t)PERF_CONTEXT_USER;
			continue;
		}
		if (user && !marked && n + 1 < max) {
			frames[n++] = STACK_USER;
			marked = true;
		}
		if (n == max || user != marked)
			break;
		frames[n++] = frame;
	}
	return n;
}
