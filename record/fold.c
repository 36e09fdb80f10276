#include "record/fold.h"

#include <stdlib.h>
#include <string.h>

#include "format/base/hash.h"

#define FIRST_HOLD  4096u /* events */
#define FIRST_SLOTS 1024u
#define LIVE	    UINT32_MAX /* of an address: its object came out and was not freed since */

/* What is known of an event in the hold. */
enum state {
	STATE_OUT,  /* comes out in its turn */
	STATE_OPEN, /* an allocation whose free may still come */
	STATE_GONE, /* folded */
};

struct pending {
	struct fold_event *events;
	size_t first, count, cap; /* events[first..count) wait */
	uint64_t last_time;
};

struct slot {
	uint64_t address;
	uint32_t where; /* 0: free slot; LIVE; else place in the hold, plus 1 */
};

struct addresses {
	struct slot *slots;
	uint32_t mask, count;
};

struct fold_room {
	struct pending *sources;
	uint32_t *heap; /* sources by (time of their first event, number) */
	uint32_t heap_count;
	struct fold_event *hold; /* hold[first..count) */
	uint32_t first, count, cap, cap_max;
	uint32_t decided;      /* no event before this place is STATE_OPEN */
	uint64_t clock;	       /* the latest time taken into the order */
	uint64_t closed_until; /* allocations up to this time are not folded */
	struct addresses live[FOLD_SPACES];
	size_t slots, slots_max; /* of all spaces */
	uint32_t *pair_slots, pair_mask;
	uint32_t *free_slots, free_mask;
};

int fold_new(struct fold **ret, const struct fold_options *options, struct error *err)
{
	struct fold *f = calloc(1, sizeof(*f));
	struct fold_room *r = calloc(1, sizeof(*r));
	size_t most = options->memory / 2 / sizeof(struct fold_event);

	if (!f || !r) {
		free(f);
		free(r);
		return error_nomem(err);
	}
	f->options = *options;
	f->room = r;
	r->cap_max = most < FIRST_HOLD ? FIRST_HOLD : most > LIVE / 2 ? LIVE / 2 : (uint32_t)most;
	r->slots_max = options->memory / 2 / sizeof(struct slot);
	r->sources = calloc(options->sources, sizeof(*r->sources));
	r->heap = calloc(options->sources, sizeof(*r->heap));
	r->hold = malloc(FIRST_HOLD * sizeof(*r->hold));
	r->cap = FIRST_HOLD;
	if (!r->sources || !r->heap || !r->hold) {
		fold_free(f);
		return error_nomem(err);
	}
	*ret = f;
	return 0;
}

void fold_free(struct fold *f)
{
	struct fold_room *r = f ? f->room : NULL;

	if (!f)
		return;
	for (uint32_t i = 0; r->sources && i < f->options.sources; i++)
		free(r->sources[i].events);
	for (int i = 0; i < FOLD_SPACES; i++)
		free(r->live[i].slots);
	free(r->sources);
	free(r->heap);
	free(r->hold);
	free(r->pair_slots);
	free(r->free_slots);
	free(r);
	free(f->pairs);
	free(f->frees);
	free(f);
}

/* ---- addresses ---- */

static uint32_t ideal(const struct addresses *a, uint64_t address)
{
	return (uint32_t)hash_u64(address) & a->mask;
}

/* The slot of that address, or the free one where it belongs. There is always a free one. */
static struct slot *find(const struct addresses *a, uint64_t address)
{
	uint32_t i = ideal(a, address);

	while (a->slots[i].where && a->slots[i].address != address)
		i = (i + 1) & a->mask;
	return &a->slots[i];
}

static struct slot *look_up(const struct addresses *a, uint64_t address)
{
	struct slot *s = a->slots ? find(a, address) : NULL;

	return s && s->where ? s : NULL;
}

static bool grow(struct fold_room *r, struct addresses *a)
{
	struct addresses bigger = { .mask = (a->slots ? (a->mask + 1) * 2 : FIRST_SLOTS) - 1,
				    .count = a->count };
	size_t more = bigger.mask - (a->slots ? a->mask : UINT32_MAX);

	if (r->slots + more > r->slots_max || bigger.mask > LIVE / 4)
		return false;
	bigger.slots = calloc((size_t)bigger.mask + 1, sizeof(*bigger.slots));
	if (!bigger.slots)
		return false;
	for (uint32_t i = 0; a->slots && i <= a->mask; i++)
		if (a->slots[i].where)
			*find(&bigger, a->slots[i].address) = a->slots[i];
	free(a->slots);
	*a = bigger;
	r->slots += more;
	return true;
}

/* The slot of that address, whose where is 0 if it is new. NULL: no room. */
static struct slot *enter(struct fold_room *r, struct addresses *a, uint64_t address)
{
	struct slot *s;

	if ((!a->slots || a->count >= (a->mask + 1) / 4 * 3) && !grow(r, a)) {
		s = look_up(a, address);
		return s;
	}
	s = find(a, address);
	if (!s->where) {
		s->address = address;
		a->count++;
	}
	return s;
}

/* Entries behind the gap move up, so that no search ends too early: nothing is ever a tombstone. */
static void leave(struct addresses *a, struct slot *s)
{
	uint32_t gap = (uint32_t)(s - a->slots), i = gap;

	for (;;) {
		uint32_t home;

		i = (i + 1) & a->mask;
		if (!a->slots[i].where)
			break;
		home = ideal(a, a->slots[i].address);
		if (((i - home) & a->mask) < ((i - gap) & a->mask))
			continue;
		a->slots[gap] = a->slots[i];
		gap = i;
	}
	a->slots[gap].where = 0;
	a->count--;
}

/* ---- counters ---- */

static bool more(void **list, uint32_t *cap, size_t size, uint32_t **slots, uint32_t *mask)
{
	uint32_t want = *cap ? *cap * 2 : 1024;
	void *p = realloc(*list, want * size);
	uint32_t *q;

	if (p)
		*list = p;
	q = p ? calloc((size_t)want * 2, sizeof(*q)) : NULL;
	if (!q)
		return false;
	free(*slots);
	*slots = q;
	*mask = want * 2 - 1;
	*cap = want;
	return true;
}

static uint32_t pair_ideal(const struct fold_room *r, const struct folded_pair *p)
{
	return (uint32_t)hash_mix((uint64_t)p->alloc_tuple << 32 | p->free_tuple,
				  (uint64_t)(p->alloc_self | p->free_self << 1)) &
	       r->pair_mask;
}

static uint32_t *pair_slot(const struct fold *f, const struct folded_pair *key)
{
	const struct fold_room *r = f->room;
	uint32_t i = pair_ideal(r, key);

	for (; r->pair_slots[i]; i = (i + 1) & r->pair_mask) {
		const struct folded_pair *p = &f->pairs[r->pair_slots[i] - 1];

		if (p->alloc_tuple == key->alloc_tuple && p->free_tuple == key->free_tuple &&
		    p->alloc_self == key->alloc_self && p->free_self == key->free_self)
			break;
	}
	return &r->pair_slots[i];
}

static void span(struct fold *f, uint64_t from, uint64_t to)
{
	if (!f->pair_count && !f->free_count) {
		f->first_time = from;
		f->last_time = to;
	}
	if (from < f->first_time)
		f->first_time = from;
	if (to > f->last_time)
		f->last_time = to;
}

/*
 * e frees what a allocated, or allocates its address again. False: no memory; nothing was counted.
 */
static bool count_pair(struct fold *f, const struct fold_event *a, const struct fold_event *e)
{
	bool freed = e->kind == FOLD_FREE;
	const struct folded_pair key = {
		.alloc_tuple = a->tuple,
		.free_tuple = freed ? e->tuple : FOLDED_NO_FREE,
		.alloc_type = a->type,
		.free_type = freed ? e->type : 0,
		.alloc_self = a->self,
		.free_self = freed && e->self,
		.lifetime_min = UINT64_MAX,
	};
	/* the clocks of two CPUs may disagree by a little */
	uint64_t ns = e->time > a->time ? e->time - a->time : 0;
	struct folded_pair *p;
	uint32_t *slot;

	if (f->pair_count == f->pair_cap) {
		if (!more((void **)&f->pairs, &f->pair_cap, sizeof(*p), &f->room->pair_slots,
			  &f->room->pair_mask))
			return false;
		for (uint32_t i = 0; i < f->pair_count; i++)
			*pair_slot(f, &f->pairs[i]) = i + 1;
	}
	span(f, a->time, e->time > a->time ? e->time : a->time);
	slot = pair_slot(f, &key);
	if (!*slot) {
		f->pairs[f->pair_count] = key;
		*slot = ++f->pair_count;
	}
	p = &f->pairs[*slot - 1];
	p->pairs++;
	p->lifetime_sum = ns > UINT64_MAX - p->lifetime_sum ? UINT64_MAX : p->lifetime_sum + ns;
	if (ns < p->lifetime_min)
		p->lifetime_min = ns;
	if (ns > p->lifetime_max)
		p->lifetime_max = ns;
	if (freed)
		f->counts.pairs++;
	else
		f->counts.reused++;
	return true;
}

static uint32_t *free_slot(const struct fold *f, const struct folded_free *key)
{
	const struct fold_room *r = f->room;
	uint32_t i = (uint32_t)hash_mix(key->tuple, key->self) & r->free_mask;

	for (; r->free_slots[i]; i = (i + 1) & r->free_mask) {
		const struct folded_free *p = &f->frees[r->free_slots[i] - 1];

		if (p->tuple == key->tuple && p->self == key->self)
			break;
	}
	return &r->free_slots[i];
}

static bool count_free(struct fold *f, const struct fold_event *e)
{
	const struct folded_free key = { .tuple = e->tuple, .type = e->type, .self = e->self };
	uint32_t *slot;

	if (f->free_count == f->free_cap) {
		if (!more((void **)&f->frees, &f->free_cap, sizeof(*f->frees), &f->room->free_slots,
			  &f->room->free_mask))
			return false;
		for (uint32_t i = 0; i < f->free_count; i++)
			*free_slot(f, &f->frees[i]) = i + 1;
	}
	span(f, e->time, e->time);
	slot = free_slot(f, &key);
	if (!*slot) {
		f->frees[f->free_count] = key;
		*slot = ++f->free_count;
	}
	f->frees[*slot - 1].count++;
	f->counts.null_frees++;
	return true;
}

void fold_clear(struct fold *f)
{
	struct fold_room *r = f->room;

	if (f->pair_count)
		memset(r->pair_slots, 0, ((size_t)r->pair_mask + 1) * sizeof(*r->pair_slots));
	if (f->free_count)
		memset(r->free_slots, 0, ((size_t)r->free_mask + 1) * sizeof(*r->free_slots));
	f->pair_count = f->free_count = 0;
	f->first_time = f->last_time = 0;
}

/* ---- the hold ---- */

/* The allocation comes out: from now on its address is that of a live object. */
static void decide_out(struct fold *f, struct fold_event *e)
{
	struct slot *s = look_up(&f->room->live[e->space], e->address);

	e->state = STATE_OUT;
	if (s)
		s->where = LIVE;
}

void fold_close(struct fold *f, uint64_t until)
{
	struct fold_room *r = f->room;

	for (uint32_t i = r->decided > r->first ? r->decided : r->first; i < r->count; i++)
		if (r->hold[i].state == STATE_OPEN)
			decide_out(f, &r->hold[i]);
	r->decided = r->count;
	if (until > r->closed_until)
		r->closed_until = until;
}

/* No address can be remembered any more: nothing can be known of an address from now on. */
static void stop(struct fold *f, uint64_t time)
{
	struct fold_room *r = f->room;

	fold_close(f, UINT64_MAX);
	f->stopped = true;
	f->stopped_ns = time;
	for (int i = 0; i < FOLD_SPACES; i++) {
		free(r->live[i].slots);
		r->live[i] = (struct addresses){ 0 };
	}
	r->slots = 0;
}

/* Lets the oldest event out. */
static int release_first(struct fold *f, struct error *err)
{
	struct fold_room *r = f->room;
	struct fold_event *e = &r->hold[r->first++];

	if (e->state == STATE_GONE)
		return 0;
	if (e->state == STATE_OPEN)
		decide_out(f, e);
	return f->options.put(f->options.arg, e, err);
}

/* What is folded or out leaves the hold; places of the others change. */
static void compact(struct fold_room *r)
{
	uint32_t to = 0, decided = 0;

	for (uint32_t i = r->first; i < r->count; i++) {
		const struct fold_event *e = &r->hold[i];

		if (e->state == STATE_GONE)
			continue;
		if (e->state == STATE_OPEN)
			find(&r->live[e->space], e->address)->where = to + 1;
		decided += i < r->decided;
		r->hold[to++] = *e;
	}
	r->decided = decided;
	r->first = 0;
	r->count = to;
}

/* Room for one more event in the hold. */
static int make_room(struct fold *f, struct error *err)
{
	struct fold_room *r = f->room;

	compact(r);
	if (r->count < r->cap / 4 * 3)
		return 0;
	if (r->cap < r->cap_max) {
		uint32_t cap = r->cap < r->cap_max / 2 ? r->cap * 2 : r->cap_max;
		struct fold_event *p = realloc(r->hold, (size_t)cap * sizeof(*p));

		if (p) {
			r->hold = p;
			r->cap = cap;
			return 0;
		}
	}
	for (uint32_t n = r->cap / 4; n && r->first < r->count; n--) {
		int rc;

		f->counts.early += r->hold[r->first].state == STATE_OPEN;
		rc = release_first(f, err);
		if (rc < 0)
			return rc;
	}
	compact(r);
	return 0;
}

/* ---- events in the order of time ---- */

static void on_alloc(struct fold *f, struct fold_event *e, uint32_t place)
{
	struct fold_room *r = f->room;
	struct slot *s = enter(r, &r->live[e->space], e->address);

	if (!s) {
		stop(f, e->time);
		return;
	}
	/* the old object ends without a traced free */
	if (s->where && s->where != LIVE && count_pair(f, &r->hold[s->where - 1], e)) {
		r->hold[s->where - 1].state = STATE_GONE;
		s->where = 0;
	} else if (s->where && s->where != LIVE) {
		r->hold[s->where - 1].state = STATE_OUT;
	}
	/* ... which only both events together can tell, if that one came out */
	if (s->where || e->time <= r->closed_until) {
		s->where = LIVE;
	} else {
		s->where = place + 1;
		e->state = STATE_OPEN;
	}
}

static void on_free(struct fold *f, struct fold_event *e)
{
	struct fold_room *r = f->room;
	struct addresses *live = &r->live[e->space];
	struct slot *s = look_up(live, e->address);
	struct fold_event *alloc;

	if (!s)
		return;
	if (s->where != LIVE) {
		alloc = &r->hold[s->where - 1];
		if (alloc->match == e->match && count_pair(f, alloc, e))
			alloc->state = e->state = STATE_GONE;
		else
			alloc->state = STATE_OUT;
	}
	leave(live, s);
}

static int take(struct fold *f, const struct fold_event *event, struct error *err)
{
	struct fold_room *r = f->room;
	struct fold_event *e;
	int rc;

	if (event->kind != FOLD_MARK) {
		if (event->time < r->clock) {
			f->counts.late++;
			fold_close(f, r->clock);
		} else {
			r->clock = event->time;
		}
	}
	while (r->first < r->count && r->clock > r->hold[r->first].time &&
	       r->clock - r->hold[r->first].time > f->options.age_ns) {
		rc = release_first(f, err);
		if (rc < 0)
			return rc;
	}
	if (r->first == r->count)
		r->first = r->count = r->decided = 0;
	rc = r->count == r->cap ? make_room(f, err) : 0;
	if (rc < 0)
		return rc;
	e = &r->hold[r->count];
	*e = *event;
	e->state = STATE_OUT;
	if (e->kind == FOLD_ALLOC && !f->stopped)
		on_alloc(f, e, r->count);
	else if (e->kind == FOLD_FREE && !f->stopped)
		on_free(f, e);
	else if (e->kind == FOLD_FREE_NULL && count_free(f, e))
		e->state = STATE_GONE;
	r->count++;
	return 0;
}

static const struct fold_event *head(const struct fold_room *r, uint32_t source)
{
	return &r->sources[source].events[r->sources[source].first];
}

static bool before(const struct fold_room *r, uint32_t a, uint32_t b)
{
	uint64_t x = head(r, a)->time, y = head(r, b)->time;

	return x != y ? x < y : a < b;
}

static void sift_down(struct fold_room *r, uint32_t i)
{
	for (;;) {
		uint32_t least = i, left = 2 * i + 1, source = r->heap[i];

		for (uint32_t k = left; k < r->heap_count && k <= left + 1; k++)
			if (before(r, r->heap[k], r->heap[least]))
				least = k;
		if (least == i)
			return;
		r->heap[i] = r->heap[least];
		r->heap[least] = source;
		i = least;
	}
}

/* A time that stepped back can move a source up, too. */
static void sift(struct fold_room *r, uint32_t i)
{
	while (i && before(r, r->heap[i], r->heap[(i - 1) / 2])) {
		uint32_t source = r->heap[i];

		r->heap[i] = r->heap[(i - 1) / 2];
		r->heap[(i - 1) / 2] = source;
		i = (i - 1) / 2;
	}
	sift_down(r, i);
}

/* Of heads with the earliest time: the place in the heap of the one that comes first. */
static uint32_t break_tie(const struct fold_room *r)
{
	const struct fold_event *first = head(r, r->heap[0]);
	uint32_t best = 0;

	if (first->kind != FOLD_ALLOC)
		return 0;
	for (uint32_t i = 1; i < r->heap_count; i++) {
		const struct fold_event *e = head(r, r->heap[i]);

		if (e->time == first->time && e->kind == FOLD_FREE && e->space == first->space &&
		    e->address == first->address && (!best || r->heap[i] < r->heap[best]))
			best = i;
	}
	return best;
}

static uint64_t second_time(const struct fold_room *r, uint64_t watermark)
{
	uint64_t time = watermark;

	for (uint32_t i = 1; i < r->heap_count && i <= 2; i++)
		if (head(r, r->heap[i])->time < time)
			time = head(r, r->heap[i])->time;
	return time;
}

static bool waits(const struct pending *p, uint64_t watermark)
{
	return p->first < p->count && p->events[p->first].time < watermark;
}

/* Takes the next event, and those behind it that come before every other ring's. */
static int take_next(struct fold *f, uint64_t watermark, struct error *err)
{
	struct fold_room *r = f->room;
	uint64_t limit = second_time(r, watermark);
	uint32_t at = head(r, r->heap[0])->time == limit ? break_tie(r) : 0;
	struct pending *p = &r->sources[r->heap[at]];
	int rc;

	do
		rc = take(f, &p->events[p->first++], err);
	while (rc == 0 && at == 0 && p->first < p->count && p->events[p->first].time < limit);
	if (!waits(p, watermark)) {
		r->heap[at] = r->heap[--r->heap_count];
		if (at >= r->heap_count)
			return rc;
	}
	sift(r, at);
	return rc;
}

int fold_run(struct fold *f, uint64_t watermark, struct error *err)
{
	struct fold_room *r = f->room;
	int rc = 0;

	r->heap_count = 0;
	for (uint32_t i = 0; i < f->options.sources; i++)
		if (waits(&r->sources[i], watermark))
			r->heap[r->heap_count++] = i;
	for (uint32_t i = r->heap_count / 2; i--;)
		sift_down(r, i);
	while (rc == 0 && r->heap_count)
		rc = take_next(f, watermark, err);
	return rc;
}

int fold_finish(struct fold *f, struct error *err)
{
	struct fold_room *r = f->room;
	int rc = fold_run(f, UINT64_MAX, err);

	while (rc == 0 && r->first < r->count)
		rc = release_first(f, err);
	return rc;
}

/* ---- in and out ---- */

struct fold_event *fold_add(struct fold *f, uint32_t source)
{
	struct pending *p = &f->room->sources[source];
	struct fold_event *e;

	if (p->first == p->count) {
		p->first = p->count = 0;
	} else if (p->count == p->cap && p->first > p->cap / 2) {
		p->count -= p->first;
		memcpy(p->events, p->events + p->first, p->count * sizeof(*p->events));
		p->first = 0;
	}
	if (p->count == p->cap) {
		size_t cap = p->cap ? p->cap * 2 : 1024;

		e = realloc(p->events, cap * sizeof(*e));
		if (!e)
			return NULL;
		p->events = e;
		p->cap = cap;
	}
	e = &p->events[p->count++];
	*e = (struct fold_event){ .source = (uint16_t)source };
	return e;
}

static int renumber(struct fold_event *e, int (*tuple)(void *arg, uint32_t *number), void *arg)
{
	return e->kind == FOLD_MARK || e->state == STATE_GONE ? 0 : tuple(arg, &e->tuple);
}

int fold_renumber(struct fold *f, int (*tuple)(void *arg, uint32_t *number), void *arg)
{
	struct fold_room *r = f->room;
	int rc = 0;

	for (uint32_t i = r->first; rc == 0 && i < r->count; i++)
		rc = renumber(&r->hold[i], tuple, arg);
	for (uint32_t s = 0; rc == 0 && s < f->options.sources; s++)
		for (size_t i = r->sources[s].first; rc == 0 && i < r->sources[s].count; i++)
			rc = renumber(&r->sources[s].events[i], tuple, arg);
	return rc;
}
