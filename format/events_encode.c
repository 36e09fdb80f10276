#include "format/events.h"

#include <stdlib.h>

#include "format/base/hash.h"
#include "format/clock_steps.h"

#define PREFETCH_ROWS 8	   /* so far ahead the place of an address is asked for */
#define STEPS_NEAR    256u /* over more the step is not measured, but taken as it is */
#define STEP_AWAY_MOST \
	3 /* one in so many events not where steps end: the clock does not go in these steps */
#define STEP_BELIEVED 4 /* after a leap, some drift is not the step's: it is approached */

struct seen_address {
	uint64_t address;
	uint32_t ordinal; /* of its last event, counting events with an address */
	uint32_t stamp;	  /* the block that put it here: saves clearing the table */
};

/* An event that is not where steps end, but rest ns later, modulo 2^64. */
struct away {
	uint64_t rest;
	uint32_t event;
	bool drift;
};

struct local_id {
	uint32_t stamp;
	uint32_t number;
};

struct events_scratch {
	uint32_t stamp;
	struct local_id *local; /* by tuple number */
	size_t local_cap;
	struct seen_address *seen; /* open addressing, a power of two, at most half full */
	size_t seen_cap;
	uint64_t *last_address; /* by local id */
	bool *has_address;	/* by local id */
	uint8_t *id_low, *id_high, *time_low;
	struct away *aways; /* as many as events */
	struct buf idmap, time_high, away, pid, code, fresh;
};

static struct events_scratch *scratch_new(void)
{
	struct events_scratch *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->last_address = malloc(BLOCK_EVENTS_MAX * sizeof(*s->last_address));
	s->has_address = malloc(BLOCK_EVENTS_MAX * sizeof(*s->has_address));
	s->id_low = malloc(BLOCK_EVENTS_MAX);
	s->id_high = malloc(BLOCK_EVENTS_MAX);
	s->time_low = malloc(BLOCK_EVENTS_MAX);
	s->aways = malloc(BLOCK_EVENTS_MAX * sizeof(*s->aways));
	return s;
}

void events_encoder_release(struct events_encoder *e)
{
	struct events_scratch *s = e->scratch;

	if (!s)
		return;
	free(s->local);
	free(s->seen);
	free(s->last_address);
	free(s->has_address);
	free(s->id_low);
	free(s->id_high);
	free(s->time_low);
	free(s->aways);
	buf_release(&s->idmap);
	buf_release(&s->time_high);
	buf_release(&s->away);
	buf_release(&s->pid);
	buf_release(&s->code);
	buf_release(&s->fresh);
	free(s);
	e->scratch = NULL;
}

static bool scratch_prepare(struct events_scratch *s, const struct event_block *b)
{
	size_t want = 1024;
	uint32_t max_tuple = 0;

	if (!s->last_address || !s->has_address || !s->id_low || !s->id_high || !s->time_low ||
	    !s->aways)
		return false;
	while (want < 2 * (size_t)b->count)
		want *= 2;
	if (want > s->seen_cap) {
		free(s->seen);
		s->seen = calloc(want, sizeof(*s->seen));
		s->seen_cap = s->seen ? want : 0;
		if (!s->seen)
			return false;
	}
	for (uint32_t i = 0; i < b->count; i++)
		if (b->rows[i].tuple > max_tuple)
			max_tuple = b->rows[i].tuple;
	if (max_tuple >= s->local_cap) {
		size_t cap = (size_t)max_tuple + max_tuple / 2 + 1024;
		struct local_id *p = realloc(s->local, cap * sizeof(*p));

		if (!p)
			return false;
		memset(p + s->local_cap, 0, (cap - s->local_cap) * sizeof(*p));
		s->local = p;
		s->local_cap = cap;
	}
	s->stamp++; /* 0 marks entries that were never used */
	buf_clear(&s->idmap);
	buf_clear(&s->time_high);
	buf_clear(&s->away);
	buf_clear(&s->pid);
	buf_clear(&s->code);
	buf_clear(&s->fresh);
	/* room for the worst case once per block, so that the loops below need no checks */
	return buf_reserve(&s->idmap, (size_t)b->count * 2 * VARINT_MAX_LEN) &&
	       buf_reserve(&s->time_high, (size_t)b->count * VARINT_MAX_LEN) &&
	       buf_reserve(&s->away, ((size_t)b->count * 2 + 1) * VARINT_MAX_LEN) &&
	       buf_reserve(&s->pid, (size_t)b->count * 2 * VARINT_MAX_LEN) &&
	       buf_reserve(&s->code, (size_t)b->count * VARINT_MAX_LEN) &&
	       buf_reserve(&s->fresh, (size_t)b->count * (VARINT_MAX_LEN + 1));
}

static void put(struct buf *b, uint64_t v)
{
	b->len = (size_t)(varint_put(b->data + b->len, v) - b->data);
}

/*
 * An address not seen before in the block, against its base. Kernel objects are aligned to 8 bytes.
 */
static void put_fresh_address(struct buf *b, uint64_t address, uint64_t base)
{
	int64_t delta = (int64_t)(address - base);
	uint64_t rest = (uint64_t)delta & 7;

	put(b, zigzag(delta >> 3) << 1 | (rest != 0));
	if (rest)
		b->data[b->len++] = (uint8_t)rest;
}

static struct seen_address *seen_slot(const struct events_scratch *s, uint64_t address)
{
	return &s->seen[hash_u64(address) & (s->seen_cap - 1)];
}

/* The slot of address in the table of this block: its entry, or a free one. */
static struct seen_address *find_seen(struct events_scratch *s, uint64_t address)
{
	size_t mask = s->seen_cap - 1, i = (size_t)(seen_slot(s, address) - s->seen);

	while (s->seen[i].stamp == s->stamp && s->seen[i].address != address)
		i = (i + 1) & mask;
	return &s->seen[i];
}

struct pid_run {
	int32_t pid, last; /* of this run, of the run before */
	uint32_t length;
};

static void end_run(struct events_scratch *s, struct pid_run *run)
{
	put(&s->pid, zigzag((int64_t)run->pid - run->last));
	put(&s->pid, run->length);
	run->last = run->pid;
	run->length = 0;
}

#define STEP_LEAST	  (4u << CLOCK_STEP_BITS) /* below, rounding to ns hides it */
#define STEP_INVERSE_BITS 48
#define STEP_INVERSE_GOOD (1ull << 38) /* times the inverse of STEP_LEAST it fits */

/*
 * Steps from the event before to time, to the nearest; none where the clock is ahead of it. What they do not tell is stored
 * as well: another number of steps would only cost bytes.
 */
static uint64_t steps_to(const struct clock_steps *c, uint64_t inverse, uint64_t time)
{
	uint64_t ahead = ((time - c->first) << CLOCK_STEP_BITS) - c->place + c->step / 2;

	if (ahead < STEP_INVERSE_GOOD)
		return ahead * inverse >> STEP_INVERSE_BITS;
	return ahead >> 63 ? 0 : ahead / c->step;
}

/* Times of a block, as they are encoded. */
struct time_state {
	struct clock_steps clock;
	uint64_t inverse, last;
	uint64_t near; /* steps in all, without far leaps: those were counted as this step has it */
	uint32_t away; /* how many events are */
};

/* Which events are away nobody can predict, so that each is noted, to be overwritten if it is not. */
static void encode_time(struct events_scratch *s, struct time_state *t, uint64_t time, uint32_t i)
{
	uint64_t units = time - t->last, rest;

	if (t->clock.step) {
		units = steps_to(&t->clock, t->inverse, time);
		rest = time - clock_steps_go(&t->clock, units);
		s->aways[t->away] = (struct away){
			rest, i, units < STEPS_NEAR && clock_steps_rounding(rest)
		};
		t->away += rest != 0;
		t->near += units < STEPS_NEAR ? units : 0;
		clock_steps_correct(&t->clock, rest);
	}
	t->last = time;
	s->time_low[i] = (uint8_t)units;
	put(&s->time_high, units >> 8);
}

/*
 * Also finds the step of the next block: this one's, and what the clock was corrected by on the way. 0: it does not go in
 * such steps.
 */
static uint32_t encode_aways(struct events_scratch *s, const struct time_state *t, uint32_t count)
{
	uint64_t drift = 0, step;
	uint32_t next = 0;

	put(&s->away, t->away);
	for (uint32_t i = 0; i < t->away; i++) {
		const struct away *a = &s->aways[i];

		put(&s->away, a->event - next);
		put(&s->away, zigzag((int64_t)a->rest));
		next = a->event + 1;
		drift += a->drift ? clock_steps_correction(a->rest) : 0;
	}
	step = t->clock.step + (uint64_t)((int64_t)drift / (int64_t)(t->near + 1) / STEP_BELIEVED);
	return t->away > count / STEP_AWAY_MOST || step < STEP_LEAST || step > UINT32_MAX ?
		       0 :
		       (uint32_t)step;
}

/* What predicts ids and addresses. */
struct id_state {
	uint32_t ids, ordinal, last_tuple;
	uint64_t last_fresh;
};

/* The local id of a row, as a new one if it is the first of its tuple. */
static uint32_t encode_id(struct events_scratch *s, struct id_state *state,
			  const struct event_row *row, uint32_t i, const struct event_type *types,
			  bool *ret_first)
{
	struct local_id *local = &s->local[row->tuple];
	uint32_t id;

	*ret_first = local->stamp != s->stamp;
	if (*ret_first) {
		*local = (struct local_id){ s->stamp, state->ids };
		s->has_address[state->ids++] = event_type_has_address(&types[row->type]);
		put(&s->idmap, zigzag((int64_t)row->tuple - state->last_tuple));
		put(&s->idmap, row->type);
		state->last_tuple = row->tuple;
	}
	id = local->number;
	s->id_low[i] = (uint8_t)id;
	s->id_high[i] = (uint8_t)(id >> 8);
	return id;
}

/* Addresses are predicted per local id. */
static void encode_address(struct events_scratch *s, struct id_state *state, uint64_t address,
			   uint32_t id, bool first)
{
	struct seen_address *seen = find_seen(s, address);

	if (!first && s->last_address[id] == address) {
		put(&s->code, 0);
	} else if (seen->stamp == s->stamp) {
		put(&s->code, state->ordinal - seen->ordinal + 1);
	} else {
		put(&s->code, 1);
		put_fresh_address(&s->fresh, address,
				  first ? state->last_fresh : s->last_address[id]);
		state->last_fresh = address;
	}
	*seen = (struct seen_address){ address, state->ordinal++, s->stamp };
	s->last_address[id] = address;
}

/*
 * All columns in one walk: the rows of a block fill a second-level cache. Returns how many ids. Any
 * byte that is written might be one of *scratch, as far as a compiler knows, which would read it all
 * again; what nobody else can see stays in registers.
 */
static uint32_t encode_rows(struct events_encoder *e, const struct event_block *b,
			    const struct event_type *types)
{
	struct events_scratch own = *e->scratch, *s = &own;
	struct pid_run run = { .pid = b->rows[0].pid };
	struct id_state state = { 0 };
	struct time_state time = {
		.clock = { .first = b->rows[0].time, .step = e->clock_step },
		.inverse = e->clock_step ? (1ull << STEP_INVERSE_BITS) / e->clock_step : 0,
		.last = b->rows[0].time,
	};

	for (uint32_t i = 0; i < b->count; i++) {
		const struct event_row *row = &b->rows[i];
		bool first;
		uint32_t id;

		if (i + PREFETCH_ROWS < b->count)
			__builtin_prefetch(seen_slot(s, row[PREFETCH_ROWS].address));
		encode_time(s, &time, row->time, i);
		if (row->pid != run.pid) {
			end_run(s, &run);
			run.pid = row->pid;
		}
		run.length++;
		id = encode_id(s, &state, row, i, types, &first);
		if (s->has_address[id])
			encode_address(s, &state, row->address, id, first);
	}
	end_run(s, &run);
	*e->scratch = own;
	if (e->clock_step)
		e->clock_step = encode_aways(e->scratch, &time, b->count);
	return state.ids;
}

static bool add_columns(const struct event_block *b, struct block_body *body)
{
	if (b->oom)
		return false;
	for (uint32_t i = 0; i < b->column_count; i++) {
		const struct event_column *col = &b->columns[i];

		if (col->bytes.oom)
			return false;
		if (col->bytes.len)
			block_body_add(body, SECTION_EVENT_COLUMN, col->type, col->field,
				       col->bytes.data, col->bytes.len);
	}
	return true;
}

static void add_times(const struct events_scratch *s, uint32_t step, uint32_t count,
		      struct block_body *body)
{
	const struct buf *high = &s->time_high;

	block_body_add(body, step ? SECTION_EVENT_STEPS_LOW : SECTION_EVENT_TIME_LOW, step, 0,
		       s->time_low, count);
	block_body_add(body, step ? SECTION_EVENT_STEPS_HIGH : SECTION_EVENT_TIME_HIGH, 0, 0,
		       high->data, high->len);
	if (step)
		block_body_add(body, SECTION_EVENT_STEPS_AWAY, 0, 0, s->away.data, s->away.len);
}

int events_encode(struct events_encoder *e, const struct event_block *b,
		  const struct event_type *types, struct block_body *body, struct error *err)
{
	struct events_scratch *s = e->scratch;
	struct buf head = { 0 };
	uint32_t ids, step = e->clock_step; /* of this block */
	bool ok;

	if (!b->count)
		return 0;
	if (!s)
		s = e->scratch = scratch_new();
	if (!s || !scratch_prepare(s, b))
		return error_nomem(err);
	ids = encode_rows(e, b, types);

	buf_varint(&head, ids);
	buf_bytes(&head, s->idmap.data, s->idmap.len);
	block_body_add(body, SECTION_EVENT_IDMAP, 0, 0, head.data, head.len);
	block_body_add(body, SECTION_EVENT_ID_LOW, 0, 0, s->id_low, b->count);
	if (ids > 256)
		block_body_add(body, SECTION_EVENT_ID_HIGH, 0, 0, s->id_high, b->count);
	add_times(s, step, b->count, body);
	block_body_add(body, SECTION_EVENT_PID, 0, 0, s->pid.data, s->pid.len);
	if (s->code.len)
		block_body_add(body, SECTION_EVENT_ADDRESS_CODE, 0, 0, s->code.data, s->code.len);
	if (s->fresh.len)
		block_body_add(body, SECTION_EVENT_ADDRESS_NEW, 0, 0, s->fresh.data, s->fresh.len);
	ok = add_columns(b, body) && !head.oom && !body->failed;
	buf_release(&head);
	return ok ? 0 : error_nomem(err);
}
