#include "record/row_sink.h"

#include <time.h>

#include "record/folding.h"

#define BLOCK_AGE_NS 1000000000u

int row_sink_init(struct row_sink *s, uint32_t cpu, uint16_t ring, struct emitter *emitter,
		  uint64_t *lost_in_all, struct error *err)
{
	*s = (struct row_sink){ .lost_in_all = lost_in_all, .settled = true };
	return stream_init(&s->stream, cpu, ring, emitter, err);
}

void row_sink_release(struct row_sink *s)
{
	stream_release(&s->stream);
}

int row_sink_put(struct row_sink *s, struct error *err)
{
	struct stream *stream = &s->stream;
	int rc;

	if (!stream->block.count && !s->lost_before)
		return 0;
	rc = stream_give_up(stream, err);
	if (rc == 0 && s->folding)
		return folding_take(s->folding, s, err);
	if (rc == 0)
		rc = emitter_put_events(stream->emitter, &stream->block, stream->cpu, stream->ring,
					s->lost_before, err);
	if (rc < 0)
		return rc;
	stream_block_done(stream);
	s->lost_before = 0;
	s->opened_ns = 0;
	return 0;
}

int row_sink_filled(struct row_sink *s, struct error *err)
{
	struct timespec t;

	if (s->folding)
		return folding_take(s->folding, s, err);
	if (!s->opened_ns && s->stream.block.count) {
		clock_gettime(CLOCK_MONOTONIC, &t);
		s->opened_ns = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
	}
	s->settled = !s->samples;
	if (!s->settled && !stream_overfull(&s->stream))
		return 0;
	if ((stream_full(&s->stream) && !stream_waiting(&s->stream)) || stream_overfull(&s->stream))
		return row_sink_put(s, err);
	return 0;
}

int row_sink_complete(struct row_sink *s, uint64_t until_ns, struct error *err)
{
	int rc;

	if (!s->samples)
		return 0;
	rc = sample_join_until(s->samples, &s->stream, until_ns, err);
	s->settled = true;
	return rc == 0 && stream_full(&s->stream) ? row_sink_put(s, err) : rc;
}

int row_sink_loss(struct row_sink *s, uint64_t records, struct error *err)
{
	int rc = 0;

	if (!records)
		return 0;
	if (s->folding)
		return folding_loss(s->folding, s, records, err);
	if (s->stream.block.count)
		rc = row_sink_put(s, err);
	s->lost_before += records;
	return rc;
}

int row_sink_suspect(struct row_sink *s, struct error *err)
{
	return s->folding ? folding_loss(s->folding, s, 0, err) : 0;
}

bool row_sink_due(const struct row_sink *s, uint64_t now)
{
	uint64_t age = s->opened_ns ? now - s->opened_ns : 0;

	if (!s->settled) /* the next time that the ring is empty, or the block is full */
		return false;
	/* an event that waits for its stack gets it a second later at most, or never */
	return age >= BLOCK_AGE_NS * (stream_waiting(&s->stream) ? 2ull : 1ull);
}
