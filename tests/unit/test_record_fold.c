/*
 * The hold of kmem-record --survivors: case by case, and random sequences against a second opinion
 * that looks at all events at once.
 */
#include "tests/unit/check.h"

#include <stdlib.h>

#include "record/fold.h"

#define SOURCES	   3
#define EVENTS_MAX 6000
#define ADDRESSES  12
#define AGE	   100
#define SELF	   1

/* What a test did and what it got. ids of events (in pid) are their places in the order of time. */
struct run {
	struct fold *f;
	struct fold_event in[EVENTS_MAX]; /* in the order of time */
	int count;
	bool out[EVENTS_MAX]; /* came out */
	int last_out[SOURCES];
	int out_count, disorder, marks;
};

static int on_put(void *arg, const struct fold_event *e, struct error *err)
{
	struct run *r = arg;

	(void)err;
	if (e->kind == FOLD_MARK) {
		r->marks++;
		return 0;
	}
	r->disorder += r->last_out[e->source] >= e->pid || r->out[e->pid];
	r->last_out[e->source] = e->pid;
	r->out[e->pid] = true;
	r->out_count++;
	return 0;
}

static struct run *begin(uint64_t age, size_t memory)
{
	struct run *r = calloc(1, sizeof(*r));
	struct fold_options options = {
		.age_ns = age, .memory = memory, .sources = SOURCES, .put = on_put, .arg = r
	};

	MUST(r && fold_new(&r->f, &options, NULL) == 0);
	memset(r->last_out, -1, sizeof(r->last_out));
	return r;
}

static void end(struct run *r)
{
	fold_free(r->f);
	free(r);
}

static void put_in(struct run *r, const struct fold_event *from)
{
	struct fold_event *e = fold_add(r->f, from->source);

	MUST(e);
	*e = *from;
}

/* One more event, in the order of time. */
static void event(struct run *r, uint32_t source, uint64_t time, enum fold_kind kind,
		  uint64_t address)
{
	struct fold_event e = {
		.source = (uint16_t)source, .time = time, .kind = (uint8_t)kind, .address = address
	};

	e.pid = r->count;
	e.tuple = kind == FOLD_ALLOC ? 10 : 20;
	r->in[r->count++] = e;
	put_in(r, &e);
}

static void test_pair(void)
{
	struct run *r = begin(AGE, 1 << 20);

	event(r, 0, 1000, FOLD_ALLOC, 8);
	event(r, 1, 1030, FOLD_FREE, 8);
	event(r, 0, 1040, FOLD_ALLOC, 8);
	event(r, 1, 1140, FOLD_FREE, 8); /* exactly the age */
	event(r, 1, 1150, FOLD_FREE_NULL, 0);
	CHECK(fold_finish(r->f, NULL) == 0);
	REQUIRE(r->out_count == 0 && r->f->pair_count == 1 && r->f->free_count == 1);
	CHECK(r->f->pairs[0].pairs == 2 && r->f->pairs[0].lifetime_sum == 130);
	CHECK(r->f->pairs[0].lifetime_min == 30 && r->f->pairs[0].lifetime_max == 100);
	CHECK(r->f->pairs[0].alloc_tuple == 10 && r->f->pairs[0].free_tuple == 20);
	CHECK(r->f->first_time == 1000 && r->f->last_time == 1150);
	CHECK(r->f->counts.pairs == 2 && r->f->counts.null_frees == 1);
	end(r);
}

static void test_too_old(void)
{
	struct run *r = begin(AGE, 1 << 20);

	event(r, 0, 1000, FOLD_ALLOC, 8);
	event(r, 1, 1101, FOLD_FREE, 8);
	event(r, 0, 1102, FOLD_ALLOC, 8); /* the address is free again: this one can go */
	event(r, 0, 1103, FOLD_FREE, 8);
	CHECK(fold_finish(r->f, NULL) == 0);
	CHECK(r->out_count == 2 && r->out[0] && r->out[1] && r->f->counts.pairs == 1);
	end(r);
}

/* The old object's free was not traced. */
static void test_reused(void)
{
	struct run *r = begin(AGE, 1 << 20);

	event(r, 0, 1000, FOLD_ALLOC, 8);
	event(r, 0, 1010, FOLD_ALLOC, 8);
	event(r, 0, 1020, FOLD_FREE, 8);
	event(r, 0, 1030, FOLD_ALLOC, 16);
	event(r, 0, 2000, FOLD_PASS, 0); /* lets 16 out, live */
	event(r, 0, 2010, FOLD_ALLOC, 16);
	event(r, 0, 2020, FOLD_FREE, 16);
	event(r, 0, 2030, FOLD_ALLOC, 16);
	event(r, 0, 2040, FOLD_FREE, 16);
	CHECK(fold_finish(r->f, NULL) == 0);
	/* 8 was counted twice; 16 came out live, and so does what ends it, with its free */
	CHECK(r->out_count == 4 && r->out[3] && r->out[4] && r->out[5] && r->out[6]);
	REQUIRE(r->f->counts.pairs == 2 && r->f->counts.reused == 1 && r->f->pair_count == 2);
	CHECK(r->f->pairs[0].free_tuple == FOLDED_NO_FREE && r->f->pairs[0].lifetime_sum == 10);
	end(r);
}

static void test_apart(void)
{
	struct run *r = begin(AGE, 1 << 20);
	struct fold_event *e;

	event(r, 0, 1000, FOLD_ALLOC, 8);
	e = fold_add(r->f, 0);
	MUST(e);
	*e = (struct fold_event){
		.time = 1010, .kind = FOLD_FREE, .address = 8, .space = 1, .pid = 1
	};
	e = fold_add(r->f, 0);
	MUST(e);
	*e = (struct fold_event){
		.time = 1020, .kind = FOLD_ALLOC, .address = 64, .match = 1, .pid = 2
	};
	e = fold_add(r->f, 0);
	MUST(e);
	*e = (struct fold_event){
		.time = 1030, .kind = FOLD_FREE, .address = 64, .match = 2, .pid = 3
	};
	CHECK(fold_finish(r->f, NULL) == 0);
	CHECK(r->out_count == 4 && !r->f->counts.pairs && !r->disorder);
	end(r);
}

static void test_self(void)
{
	struct run *r = begin(AGE, 1 << 20);

	for (int i = 0; i < 4; i++) {
		struct fold_event *e = fold_add(r->f, 0);

		MUST(e);
		*e = (struct fold_event){ .time = 1000 + 10 * (uint64_t)i,
					  .kind = FOLD_ALLOC,
					  .address = 8,
					  .self = i & 1 };
		e = fold_add(r->f, 0);
		MUST(e);
		*e = (struct fold_event){ .time = 1001 + 10 * (uint64_t)i,
					  .kind = FOLD_FREE,
					  .address = 8,
					  .self = i >> 1 };
	}
	CHECK(fold_finish(r->f, NULL) == 0);
	REQUIRE(r->f->pair_count == 4 && r->f->counts.pairs == 4);
	CHECK(r->f->pairs[1].alloc_self && !r->f->pairs[1].free_self);
	CHECK(!r->f->pairs[2].alloc_self && r->f->pairs[2].free_self);
	end(r);
}

/* At one time, a free on another CPU comes before an allocation of its address. */
static void test_tie(void)
{
	struct run *r = begin(AGE, 1 << 20);

	event(r, 1, 1000, FOLD_ALLOC, 8);
	event(r, 1, 1010, FOLD_FREE, 8);
	event(r, 0, 1010, FOLD_ALLOC, 8);
	event(r, 0, 1020, FOLD_FREE, 8);
	CHECK(fold_finish(r->f, NULL) == 0);
	CHECK(r->out_count == 0 && r->f->counts.pairs == 2 && r->f->pairs[0].lifetime_sum == 20);
	end(r);
}

/* No pair spans a moment at which events were lost. */
static void test_loss(void)
{
	struct run *r = begin(AGE, 1 << 20);

	event(r, 0, 1000, FOLD_ALLOC, 8);
	event(r, 0, 1010, FOLD_FREE, 8); /* before: folded */
	event(r, 0, 1020, FOLD_ALLOC, 16);
	CHECK(fold_run(r->f, 1030, NULL) == 0);
	event(r, 1, 1035, FOLD_ALLOC, 24); /* read, and not yet in order */
	fold_close(r->f, 1040);
	event(r, 0, 1045, FOLD_FREE, 16);
	event(r, 1, 1046, FOLD_FREE, 24);
	event(r, 0, 1050, FOLD_ALLOC, 16);
	event(r, 0, 1060, FOLD_FREE, 16); /* after: folded */
	CHECK(fold_finish(r->f, NULL) == 0);
	CHECK(r->out_count == 4 && r->out[2] && r->out[3] && r->out[4] && r->out[5]);
	CHECK(r->f->counts.pairs == 2 && !r->f->counts.late);
	end(r);
}

/* An event that comes after its turn, as the order within a CPU has it, folds nothing. */
static void test_late(void)
{
	struct run *r = begin(AGE, 1 << 20);
	struct fold_event *e;

	event(r, 0, 1000, FOLD_ALLOC, 8);
	event(r, 0, 1020, FOLD_PASS, 0);
	CHECK(fold_run(r->f, 1021, NULL) == 0);
	e = fold_add(r->f, 1);
	MUST(e);
	*e = (struct fold_event){
		.source = 1, .time = 1010, .kind = FOLD_FREE, .address = 8, .pid = 2
	};
	CHECK(fold_finish(r->f, NULL) == 0);
	CHECK(r->out_count == 3 && r->f->counts.late == 1 && !r->f->counts.pairs);
	end(r);
}

static void test_mark(void)
{
	struct run *r = begin(AGE, 1 << 20);
	struct fold_event *e;

	event(r, 0, 1000, FOLD_ALLOC, 8);
	event(r, 1, 1010, FOLD_PASS, 8);
	e = fold_add(r->f, 0);
	MUST(e);
	*e = (struct fold_event){ .time = 1000, .kind = FOLD_MARK };
	event(r, 0, 1020, FOLD_FREE, 8);
	CHECK(fold_run(r->f, 1030, NULL) == 0 &&
	      r->marks == 0); /* held back as what stands before it */
	CHECK(fold_finish(r->f, NULL) == 0 && r->marks == 1);
	CHECK(r->out_count == 1 && r->f->counts.pairs == 1 && !r->f->counts.late);
	end(r);
}

static int plus_1000(void *arg, uint32_t *tuple)
{
	(void)arg;
	*tuple += 1000;
	return 0;
}

static void test_renumber(void)
{
	struct run *r = begin(AGE, 1 << 20);

	event(r, 0, 1000, FOLD_ALLOC, 8);
	CHECK(fold_run(r->f, 1001, NULL) == 0);
	event(r, 0, 1010, FOLD_FREE, 8);
	CHECK(fold_renumber(r->f, plus_1000, NULL) == 0);
	CHECK(fold_finish(r->f, NULL) == 0);
	CHECK(r->f->pair_count == 1 && r->f->pairs[0].alloc_tuple == 1010 &&
	      r->f->pairs[0].free_tuple == 1020);
	fold_clear(r->f);
	CHECK(!r->f->pair_count && !r->f->first_time && r->f->counts.pairs == 1);
	end(r);
}

/* More live addresses than memory: from then on everything comes out. */
static void test_stopped(void)
{
	struct run *r = begin(1000000, 256 << 10);

	for (int i = 0; i < EVENTS_MAX - 10; i++)
		event(r, 0, 1000 + (uint64_t)i * 1000, FOLD_ALLOC, 8 + 8 * (uint64_t)i);
	CHECK(fold_run(r->f, 100000000, NULL) == 0);
	CHECK(!r->f->stopped);
	end(r);
	r = begin(10, 64 << 10);
	for (int i = 0; i < EVENTS_MAX - 10; i++)
		event(r, 0, 1000 + (uint64_t)i * 1000, FOLD_ALLOC, 8 + 8 * (uint64_t)i);
	event(r, 0, 100000000, FOLD_ALLOC, 1);
	event(r, 0, 100000001, FOLD_FREE, 1);
	CHECK(fold_finish(r->f, NULL) == 0);
	CHECK(r->f->stopped && r->f->stopped_ns > 1000 && r->f->stopped_ns < 100000000);
	CHECK(r->out_count == r->count && !r->disorder && !r->f->counts.pairs);
	end(r);
}

/* ---- random sequences ---- */

static uint64_t random_next(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

/* The order in which the analysis takes events: the head with the earliest time, then the rule of ties. */
static int naive_order(const struct fold_event (*queue)[EVENTS_MAX], const int *counts,
		       struct fold_event *ret)
{
	int next[SOURCES] = { 0 }, n = 0;

	for (;;) {
		int best = -1, first;

		for (int s = 0; s < SOURCES; s++)
			if (next[s] < counts[s] &&
			    (best < 0 || queue[s][next[s]].time < queue[best][next[best]].time))
				best = s;
		if (best < 0)
			return n;
		first = best;
		for (int s = SOURCES; s-- > 0;) {
			const struct fold_event *a = &queue[first][next[first]],
						*e = &queue[s][next[s]];

			if (s != first && next[s] < counts[s] && e->time == a->time &&
			    a->kind == FOLD_ALLOC && e->kind == FOLD_FREE && e->space == a->space &&
			    e->address == a->address)
				best = s;
		}
		ret[n] = queue[best][next[best]++];
		ret[n].pid = n;
		n++;
	}
}

/* How often each (alloc tuple, free tuple, end) is there after the replay of the analysis. */
struct totals {
	uint64_t pairs[4][4], lifetime[4][4], reused[4], live[4], unmatched[4];
};

static void replay(const struct run *r, bool only_out, struct totals *t)
{
	int holder[2][ADDRESSES];

	memset(t, 0, sizeof(*t));
	memset(holder, -1, sizeof(holder));
	for (int i = 0; i < r->count; i++) {
		const struct fold_event *e = &r->in[i];
		int *h;

		if (e->kind == FOLD_PASS || e->kind == FOLD_FREE_NULL || (only_out && !r->out[i]))
			continue;
		h = &holder[e->space][e->address];
		if (e->kind == FOLD_ALLOC) {
			if (*h >= 0)
				t->reused[r->in[*h].tuple]++;
			*h = i;
		} else if (*h >= 0) {
			t->pairs[r->in[*h].tuple][e->tuple]++;
			t->lifetime[r->in[*h].tuple][e->tuple] += e->time - r->in[*h].time;
			*h = -1;
		} else {
			t->unmatched[e->tuple]++;
		}
	}
	for (int s = 0; s < 2; s++)
		for (int a = 0; a < ADDRESSES; a++)
			if (holder[s][a] >= 0)
				t->live[r->in[holder[s][a]].tuple]++;
}

static void add_counters(const struct fold *f, struct totals *t)
{
	for (uint32_t i = 0; i < f->pair_count; i++) {
		if (f->pairs[i].free_tuple == FOLDED_NO_FREE) {
			t->reused[f->pairs[i].alloc_tuple] += f->pairs[i].pairs;
			continue;
		}
		t->pairs[f->pairs[i].alloc_tuple][f->pairs[i].free_tuple] += f->pairs[i].pairs;
		t->lifetime[f->pairs[i].alloc_tuple][f->pairs[i].free_tuple] +=
			f->pairs[i].lifetime_sum;
	}
}

struct closing {
	uint64_t merged, until; /* events before merged were in order when it closed */
};

/* Which events should have come out, seen from above. */
static void expect(const struct run *r, const struct closing *c, int closings, uint64_t age,
		   bool *ret)
{
	bool live[2][ADDRESSES] = { 0 };

	for (int i = 0; i < r->count; i++) {
		const struct fold_event *e = &r->in[i];
		int k = i + 1;
		bool fold;

		ret[i] = ret[i] || e->kind == FOLD_PASS;
		if (e->kind == FOLD_FREE_NULL || e->kind == FOLD_PASS)
			continue;
		if (e->kind == FOLD_FREE) {
			if (e->state) /* taken below */
				continue;
			ret[i] = true;
			live[e->space][e->address] = false;
			continue;
		}
		while (k < r->count &&
		       (r->in[k].kind == FOLD_PASS || r->in[k].kind == FOLD_FREE_NULL ||
			r->in[k].space != e->space || r->in[k].address != e->address))
			k++;
		fold = !live[e->space][e->address] && k < r->count &&
		       (r->in[k].kind == FOLD_ALLOC || r->in[k].match == e->match) &&
		       r->in[k].time - e->time <= age;
		for (int n = 0; fold && n < closings; n++)
			fold = e->time > c[n].until || r->in[k].time < c[n].merged;
		if (fold) {
			if (r->in[k].kind == FOLD_FREE)
				((struct run *)(uintptr_t)r)->in[k].state = 1;
			continue;
		}
		ret[i] = true;
		live[e->space][e->address] = true;
	}
}

/* Gives each ring's events before its moment; returns how many are left. */
static int feed(struct run *r, const uint64_t *to, bool *given)
{
	int left = 0;

	for (int i = 0; i < r->count; i++) {
		const struct fold_event *e = &r->in[i];

		if (!given[i] && e->time < to[e->source]) {
			put_in(r, e);
			given[i] = true;
		}
		left += !given[i];
	}
	return left;
}

static void random_run(uint64_t seed, uint64_t age, size_t memory, bool exact)
{
	static struct fold_event queue[SOURCES][EVENTS_MAX];
	struct run *r = begin(age, memory);
	struct closing closings[8];
	int counts[SOURCES] = { 0 }, closed = 0, wrong = 0, total = 0, nulls = 0;
	bool left = true, given[EVENTS_MAX] = { 0 };
	uint64_t state = seed, time[SOURCES] = { 1000, 1000, 1000 }, mark = 1000;
	bool *expected = calloc(EVENTS_MAX, sizeof(*expected));
	struct totals whole, rest;

	MUST(expected);
	for (int n = 0; n < EVENTS_MAX; n++) {
		int s = (int)(random_next(&state) % SOURCES);
		struct fold_event *e = &queue[s][counts[s]++];
		unsigned int kind = (unsigned int)random_next(&state) % 20;

		time[s] += random_next(&state) % (random_next(&state) % 40 ? 7 : 300);
		*e = (struct fold_event){ .source = (uint16_t)s,
					  .time = time[s],
					  .tuple = (uint32_t)random_next(&state) % 4 };
		e->kind = kind < 9  ? FOLD_ALLOC :
			  kind < 18 ? FOLD_FREE :
			  kind < 19 ? FOLD_PASS :
				      FOLD_FREE_NULL;
		e->address = random_next(&state) % ADDRESSES;
		e->space = e->address & 1;
		e->match = random_next(&state) % 10 == 0;
		total++;
	}
	r->count = naive_order((const struct fold_event(*)[EVENTS_MAX])queue, counts, r->in);
	while (left) { /* as rings are read: up to some moment, each a little further than it */
		uint64_t to[SOURCES];

		mark += random_next(&state) % 200;
		for (int s = 0; s < SOURCES; s++)
			to[s] = mark + random_next(&state) % 100;
		left = feed(r, to, given) > 0;
		CHECK(fold_run(r->f, mark, NULL) == 0);
		if (closed < 8 && random_next(&state) % 40 == 0) {
			closings[closed] = (struct closing){ mark,
							     mark + random_next(&state) % 60 };
			fold_close(r->f, closings[closed++].until);
		}
	}
	CHECK(r->count == total && fold_finish(r->f, NULL) == 0);
	replay(r, false, &whole);
	replay(r, true, &rest);
	add_counters(r->f, &rest);
	CHECK(!memcmp(&whole, &rest, sizeof(whole)));
	CHECK(!r->disorder && !r->f->counts.late);
	CHECK(r->f->counts.pairs > 100);
	for (int i = 0; i < r->count; i++)
		nulls += r->in[i].kind == FOLD_FREE_NULL;
	CHECK(r->f->counts.null_frees == (uint64_t)nulls);
	CHECK((uint64_t)r->out_count + 2 * r->f->counts.pairs + r->f->counts.reused +
		      (uint64_t)nulls ==
	      (uint64_t)r->count);
	expect(r, closings, closed, age, expected);
	for (int i = 0; exact && i < r->count; i++)
		wrong += expected[i] != r->out[i];
	CHECK(!wrong);
	free(expected);
	end(r);
}

static void test_random(void)
{

	for (uint64_t seed = 1; seed <= 60; seed++)
		random_run(seed, AGE, 1 << 20, true);
}

/* The hold overflows: more comes out, and what comes out still says the same. */
static void test_random_full(void)
{

	for (uint64_t seed = 1; seed <= 20; seed++)
		random_run(seed, 1u << 30, 80 << 10, false);
}

/* A full hold lets its oldest out before their age. */
static void test_early(void)
{
	struct run *r = begin(1u << 30, 256 << 10); /* 4096 events, the least there is */

	for (int i = 0; i < 4100; i++)
		event(r, 0, 1000 + (uint64_t)i, FOLD_ALLOC, 8 + 8 * (uint64_t)i);
	event(r, 0, 9000, FOLD_FREE, 8);	    /* is out already */
	event(r, 0, 9001, FOLD_FREE, 8 + 8 * 4000); /* is not */
	CHECK(fold_run(r->f, 10000, NULL) == 0);
	CHECK(r->f->counts.early == 1024 && r->out_count == 1024);
	CHECK(fold_finish(r->f, NULL) == 0);
	CHECK(r->out[4100] && !r->out[4101] && !r->out[4000] && r->f->counts.pairs == 1);
	end(r);
}

int main(void)
{
	RUN(test_pair);
	RUN(test_too_old);
	RUN(test_reused);
	RUN(test_apart);
	RUN(test_self);
	RUN(test_tie);
	RUN(test_loss);
	RUN(test_late);
	RUN(test_mark);
	RUN(test_renumber);
	RUN(test_stopped);
	RUN(test_early);
	RUN(test_random);
	RUN(test_random_full);
	return check_done();
}
