#include "format/folded.h"

#include "format/base/cursor.h"

#define SELF_ALLOC 1u
#define SELF_FREE  2u

static uint8_t self_bits(const struct folded_pair *p)
{
	return (uint8_t)((p->alloc_self ? SELF_ALLOC : 0) | (p->free_self ? SELF_FREE : 0));
}

static void put_lifetimes(struct buf *b, const struct folded_pair *p)
{
	buf_u8(b, self_bits(p));
	buf_varint(b, p->pairs);
	buf_varint(b, p->lifetime_min);
	buf_varint(b, p->lifetime_max - p->lifetime_min);
	buf_varint(b, p->lifetime_sum);
}

static void encode_reused(struct folded_encoder *e, const struct folded_pair *p)
{
	buf_svarint(&e->reused, (int64_t)p->alloc_tuple - e->last_reused);
	buf_varint(&e->reused, p->alloc_type);
	put_lifetimes(&e->reused, p);
	e->last_reused = p->alloc_tuple;
	e->reused_count++;
}

void folded_encode_pair(struct folded_encoder *e, const struct folded_pair *pair)
{
	struct buf *b = &e->pairs;

	if (pair->free_tuple == FOLDED_NO_FREE) {
		encode_reused(e, pair);
		return;
	}
	buf_svarint(b, (int64_t)pair->alloc_tuple - e->last_alloc);
	buf_svarint(b, (int64_t)pair->free_tuple - e->last_free);
	buf_varint(b, pair->alloc_type);
	buf_varint(b, pair->free_type);
	put_lifetimes(b, pair);
	e->last_alloc = pair->alloc_tuple;
	e->last_free = pair->free_tuple;
	e->pair_count++;
}

void folded_encode_free(struct folded_encoder *e, const struct folded_free *f)
{
	struct buf *b = &e->frees;

	buf_svarint(b, (int64_t)f->tuple - e->last_null);
	buf_varint(b, f->type);
	buf_u8(b, f->self ? SELF_FREE : 0);
	buf_varint(b, f->count);
	e->last_null = f->tuple;
	e->free_count++;
}

static void put_section(struct block_body *body, enum section_kind kind, uint32_t count,
			const struct buf *b)
{
	if (count)
		block_body_add(body, kind, 0, count, b->data, b->len);
}

static void clear(struct buf *b)
{
	buf_clear(b);
	b->oom = false;
}

int folded_put(struct folded_encoder *e, struct block_body *body, struct error *err)
{
	bool oom = e->pairs.oom || e->frees.oom || e->reused.oom;

	put_section(body, SECTION_FOLDED_PAIRS, e->pair_count, &e->pairs);
	put_section(body, SECTION_FOLDED_FREES, e->free_count, &e->frees);
	put_section(body, SECTION_FOLDED_REUSED, e->reused_count, &e->reused);
	clear(&e->pairs);
	clear(&e->frees);
	clear(&e->reused);
	e->pair_count = e->free_count = e->reused_count = 0;
	e->last_alloc = e->last_free = e->last_null = e->last_reused = 0;
	return oom ? error_nomem(err) : 0;
}

void folded_encoder_release(struct folded_encoder *e)
{
	buf_release(&e->pairs);
	buf_release(&e->frees);
	buf_release(&e->reused);
	*e = (struct folded_encoder){ 0 };
}

/* ---- decoding ---- */

static int damaged(struct error *err, const char *what, uint32_t n)
{
	return error_set(err, ERR_DAMAGED, "folded %s %u: malformed", what, n);
}

static uint32_t take_tuple(struct cursor *c, uint32_t last)
{
	int64_t difference = cursor_svarint(c);

	if (difference < -(int64_t)DICT_ENTRIES_MAX || difference > (int64_t)DICT_ENTRIES_MAX ||
	    last + difference < 0 || last + difference >= (int64_t)DICT_ENTRIES_MAX) {
		c->bad = true;
		return 0;
	}
	return (uint32_t)(last + difference);
}

static uint16_t take_type(struct cursor *c, size_t type_count)
{
	uint64_t type = cursor_varint(c);

	if (type >= type_count)
		c->bad = true;
	return c->bad ? 0 : (uint16_t)type;
}

/* Whether so many lifetimes between min and max can have that sum. */
static bool plausible(const struct folded_pair *p)
{
	uint64_t mean;

	if (!p->pairs || p->lifetime_max < p->lifetime_min || p->lifetime_sum < p->lifetime_max)
		return false;
	mean = p->lifetime_sum / p->pairs;
	return p->lifetime_sum == UINT64_MAX ||
	       (p->lifetime_min <= mean &&
		mean + !!(p->lifetime_sum % p->pairs) <= p->lifetime_max);
}

static void take_lifetimes(struct cursor *c, struct folded_pair *p)
{
	uint8_t flags = cursor_u8(c);

	p->alloc_self = flags & SELF_ALLOC;
	p->free_self = flags & SELF_FREE;
	p->pairs = cursor_varint(c);
	p->lifetime_min = cursor_varint(c);
	p->lifetime_max = p->lifetime_min + cursor_varint(c);
	p->lifetime_sum = cursor_varint(c);
}

static int decode_pairs(const struct section *s, size_t type_count,
			int (*callback)(void *arg, const struct folded_pair *pair), void *arg,
			struct error *err)
{
	bool reused = s->kind == SECTION_FOLDED_REUSED;
	struct cursor c = cursor_of(s->data, s->len);
	struct folded_pair p = { 0 };
	int rc = 0;

	if (reused)
		p.free_tuple = FOLDED_NO_FREE;
	for (uint32_t n = 0; n < s->b && rc == 0; n++) {
		p.alloc_tuple = take_tuple(&c, p.alloc_tuple);
		if (!reused)
			p.free_tuple = take_tuple(&c, p.free_tuple);
		p.alloc_type = take_type(&c, type_count);
		if (!reused)
			p.free_type = take_type(&c, type_count);
		take_lifetimes(&c, &p);
		if (c.bad || !plausible(&p))
			return damaged(err, "pair", n);
		rc = callback(arg, &p);
	}
	return rc;
}

static int decode_frees(const struct section *s, size_t type_count,
			int (*callback)(void *arg, const struct folded_free *f), void *arg,
			struct error *err)
{
	struct cursor c = cursor_of(s->data, s->len);
	struct folded_free f = { 0 };
	int rc = 0;

	for (uint32_t n = 0; n < s->b && rc == 0; n++) {
		f.tuple = take_tuple(&c, f.tuple);
		f.type = take_type(&c, type_count);
		f.self = cursor_u8(&c) & SELF_FREE;
		f.count = cursor_varint(&c);
		if (c.bad || !f.count)
			return damaged(err, "free", n);
		rc = callback(arg, &f);
	}
	return rc;
}

int folded_decode(const struct section *sections, size_t section_count, size_t type_count,
		  int (*pair)(void *arg, const struct folded_pair *pair),
		  int (*free_null)(void *arg, const struct folded_free *f), void *arg,
		  struct error *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < section_count; i++) {
		if (sections[i].kind == SECTION_FOLDED_PAIRS ||
		    sections[i].kind == SECTION_FOLDED_REUSED)
			rc = decode_pairs(&sections[i], type_count, pair, arg, err);
		else if (sections[i].kind == SECTION_FOLDED_FREES)
			rc = decode_frees(&sections[i], type_count, free_null, arg, err);
	}
	return rc;
}
