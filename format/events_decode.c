#include "format/events.h"

#include <stdlib.h>

#include "format/clock_steps.h"

struct local_decode {
	uint32_t tuple;
	uint16_t type;
	bool has_address, used;
	uint64_t last_address;
};

struct event_sections {
	struct cursor idmap, time_high, away, pid, code, fresh;
	uint32_t clock_step;
	const uint8_t *id_low, *id_high, *time_low;
};

static int events_damaged(struct error *err, const char *what)
{
	return error_set(err, ERR_DAMAGED, "events: %s", what);
}

/* A section that holds one byte per event, or NULL. */
static const uint8_t *plane(const struct section *s, uint32_t count)
{
	return s->len >= count ? s->data : NULL;
}

static int find_sections(const struct section *sections, size_t n, uint32_t count,
			 const struct event_type *types, size_t type_count,
			 struct event_sections *ret, struct event_block *b, struct error *err)
{
	bool id_high = false;

	*ret = (struct event_sections){ 0 };
	for (size_t i = 0; i < n; i++) {
		const struct section *s = &sections[i];
		struct cursor c = cursor_of(s->data, s->len);
		struct event_column *col;

		switch (s->kind) {
		case SECTION_EVENT_IDMAP: ret->idmap = c; break;
		case SECTION_EVENT_ID_LOW: ret->id_low = plane(s, count); break;
		case SECTION_EVENT_ID_HIGH:
			ret->id_high = plane(s, count);
			id_high = true;
			break;
		case SECTION_EVENT_TIME_LOW: ret->time_low = plane(s, count); break;
		case SECTION_EVENT_TIME_HIGH: ret->time_high = c; break;
		case SECTION_EVENT_STEPS_LOW:
			if (!s->a)
				return events_damaged(err, "times are counted in steps of nothing");
			ret->time_low = plane(s, count);
			ret->clock_step = s->a;
			break;
		case SECTION_EVENT_STEPS_HIGH: ret->time_high = c; break;
		case SECTION_EVENT_STEPS_AWAY: ret->away = c; break;
		case SECTION_EVENT_PID: ret->pid = c; break;
		case SECTION_EVENT_ADDRESS_CODE: ret->code = c; break;
		case SECTION_EVENT_ADDRESS_NEW: ret->fresh = c; break;
		case SECTION_EVENT_COLUMN:
			if (s->a >= type_count || s->b >= types[s->a].field_count ||
			    types[s->a].fields[s->b].place != PLACE_COLUMN)
				return events_damaged(err, "a column of no field");
			col = event_block_column(b, (uint16_t)s->a, (uint16_t)s->b);
			if (!col)
				return error_nomem(err);
			col->cursor = c;
			break;
		}
	}
	if (!ret->id_low || !ret->time_low || (id_high && !ret->id_high))
		return events_damaged(err,
				      "a column is missing or shorter than the number of events");
	return 0;
}

/* Reads the id map. *ret is the caller's to free. */
static int decode_idmap(struct cursor *c, uint32_t event_count, const struct event_type *types,
			size_t type_count, struct local_decode **ret, uint32_t *ret_count,
			struct error *err)
{
	uint64_t count = cursor_varint(c);
	struct local_decode *local;
	uint32_t tuple = 0;

	if (c->bad || !count || count > event_count)
		return events_damaged(err, "the id map does not fit the number of events");
	local = calloc(count, sizeof(*local));
	if (!local)
		return error_nomem(err);
	for (uint64_t i = 0; i < count; i++) {
		uint64_t type;

		tuple += (uint32_t)cursor_svarint(c);
		type = cursor_varint(c);
		if (c->bad || type >= type_count) {
			free(local);
			return events_damaged(err,
					      "the id map names an event type that is not there");
		}
		local[i].tuple = tuple;
		local[i].type = (uint16_t)type;
		local[i].has_address = event_type_has_address(&types[type]);
	}
	*ret = local;
	*ret_count = (uint32_t)count;
	return 0;
}

struct address_decode {
	uint64_t *history; /* addresses in order: distances count only events that have one */
	uint32_t count;
	uint64_t last_fresh;
};

static uint64_t take_fresh(struct cursor *c, uint64_t base)
{
	uint64_t v = cursor_varint(c), rest = v & 1 ? cursor_u8(c) : 0;

	if (rest > 7)
		c->bad = true;
	return base + (uint64_t)unzigzag(v >> 1) * 8 + rest;
}

static uint64_t take_address(struct event_sections *s, struct address_decode *a,
			     struct local_decode *id)
{
	uint64_t code = cursor_varint(&s->code), address = 0;

	if (code == 0) {
		s->code.bad |= !id->used;
		address = id->last_address;
	} else if (code == 1) {
		address = take_fresh(&s->fresh, id->used ? id->last_address : a->last_fresh);
		a->last_fresh = address;
	} else if (code - 1 <= a->count) {
		address = a->history[a->count - (code - 1)];
	} else {
		s->code.bad = true;
	}
	a->history[a->count++] = address;
	id->last_address = address;
	id->used = true;
	return address;
}

/* Times of a block, as they are decoded. */
struct time_decode {
	struct clock_steps clock;
	uint64_t time;
	uint64_t away;	/* which event is the next that is not where steps end; UINT64_MAX: none */
	uint64_t aways; /* how many follow after it */
};

static void find_away(struct cursor *c, struct time_decode *t, uint32_t from)
{
	uint64_t between = t->aways ? cursor_varint(c) : 0;

	c->bad |= between > BLOCK_EVENTS_MAX;
	t->away = t->aways && !c->bad ? from + between : UINT64_MAX;
	t->aways -= t->aways > 0;
}

static uint64_t take_time(struct event_sections *s, struct time_decode *t, uint32_t i)
{
	uint64_t units = s->time_low[i] | cursor_varint(&s->time_high) << 8, rest;

	if (!t->clock.step)
		return t->time += units;
	t->time = clock_steps_go(&t->clock, units);
	if (i == t->away) {
		rest = (uint64_t)cursor_svarint(&s->away);
		t->time += rest;
		clock_steps_correct(&t->clock, rest);
		find_away(&s->away, t, i + 1);
	}
	return t->time;
}

static int decode_rows(const struct block_header *header, struct event_sections *s,
		       struct local_decode *local, uint32_t ids, struct address_decode *a,
		       struct event_block *b, struct error *err)
{
	struct time_decode time = {
		.clock = { .first = header->first_time, .step = s->clock_step },
		.time = header->first_time,
	};
	uint64_t run = 0;
	int64_t pid = 0;

	time.aways = s->away.start ? cursor_varint(&s->away) : 0;
	find_away(&s->away, &time, 0);
	for (uint32_t i = 0; i < b->count; i++) {
		struct event_row *row = &b->rows[i];
		uint32_t id = s->id_low[i] | (s->id_high ? (uint32_t)s->id_high[i] << 8 : 0);

		if (id >= ids)
			return events_damaged(err, "an event has an id that the id map has not");
		if (!run) {
			pid += cursor_svarint(&s->pid);
			run = cursor_varint(&s->pid);
			if (s->pid.bad || !run || run > b->count - i || pid != (int32_t)pid)
				return events_damaged(err, "the runs of pids are malformed");
		}
		run--;
		row->time = take_time(s, &time, i);
		row->tuple = local[id].tuple;
		row->type = local[id].type;
		row->pid = (int32_t)pid;
		row->address = local[id].has_address ? take_address(s, a, &local[id]) : 0;
	}
	if (s->time_high.bad || s->away.bad || time.away != UINT64_MAX ||
	    time.time != header->last_time)
		return events_damaged(err, "the times do not end where the header says");
	if (s->code.bad || s->fresh.bad)
		return events_damaged(err, "the addresses are malformed");
	return 0;
}

int events_decode(const struct block_header *header, const struct section *sections,
		  size_t section_count, const struct event_type *types, size_t type_count,
		  struct event_block *b, struct error *err)
{
	struct address_decode a = { 0 };
	struct local_decode *local = NULL;
	struct event_sections s;
	uint32_t ids = 0;
	int rc;

	event_block_clear(b);
	if (header->event_count > BLOCK_EVENTS_MAX)
		return events_damaged(err, "more events than a block may hold");
	if (!header->event_count)
		return 0;
	rc = find_sections(sections, section_count, header->event_count, types, type_count, &s, b,
			   err);
	if (rc < 0)
		goto out;
	rc = decode_idmap(&s.idmap, header->event_count, types, type_count, &local, &ids, err);
	if (rc < 0)
		goto out;
	while (b->cap < header->event_count)
		if (!event_block_grow(b))
			break;
	a.history = malloc(header->event_count * sizeof(*a.history));
	if (b->cap < header->event_count || !a.history) {
		rc = error_nomem(err);
		goto out;
	}
	b->count = header->event_count;
	rc = decode_rows(header, &s, local, ids, &a, b, err);
	if (rc == 0 && b->rows[0].time != header->first_time)
		rc = events_damaged(err, "the times do not begin where the header says");
out:
	if (rc < 0)
		event_block_clear(b);
	free(a.history);
	free(local);
	return rc;
}
