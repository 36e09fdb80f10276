#include "analyze/timeline.h"

#include <stdlib.h>
#include <string.h>
#include "analyze/array_room.h"
#include "analyze/text_stream.h"

#define ROUND_STEPS_MAX 60

/* ---- moments ---- */

static int64_t moment(const struct timeline *t, uint64_t i)
{
	uint64_t length = (uint64_t)t->to - (uint64_t)t->from;

	if (i == t->steps)
		return t->to;
	if (t->every)
		return t->from + (int64_t)i * t->every;
	return t->from + (int64_t)(length / t->steps * i + length % t->steps * i / t->steps);
}

/* The shortest round length of which there are not too many. */
static int64_t round_step(uint64_t length)
{
	uint64_t zeros = 1;

	while (length / ROUND_STEPS_MAX / 5 >= zeros)
		zeros *= 10;
	for (uint64_t digit = 1; digit <= 5; digit += digit == 1 ? 1 : 3)
		if (length <= digit * zeros * ROUND_STEPS_MAX)
			return (int64_t)(digit * zeros);
	return (int64_t)(10 * zeros);
}

static int make_moments(struct timeline *t, struct error *err)
{
	uint64_t length = (uint64_t)t->to - (uint64_t)t->from;

	if (!t->every && !t->steps)
		t->every = round_step(length);
	if (t->every)
		t->steps = length / (uint64_t)t->every + (length % (uint64_t)t->every != 0);
	if (!t->steps)
		t->steps = 1; /* of no length */
	if (t->steps > TIMELINE_STEPS_MAX)
		return error_set(err, ERR_USAGE,
				 "that would be %llu steps, and %d are the most; choose a longer"
				 " time for --every",
				 (unsigned long long)t->steps, TIMELINE_STEPS_MAX);
	t->times = calloc(t->steps + 1, sizeof(*t->times));
	t->missing = calloc(t->steps + 1, sizeof(*t->missing));
	if (!t->times || !t->missing)
		return error_nomem(err);
	for (uint64_t i = 0; i <= t->steps; i++)
		t->times[i] = moment(t, i);
	return 0;
}

/* The first moment at or after the time. */
static uint64_t find_moment(const struct timeline *t, int64_t time)
{
	uint64_t low = 0, high = t->steps + 1;

	while (low < high) {
		uint64_t middle = (low + high) / 2;

		if (t->times[middle] < time)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int find_missing(struct timeline *t, struct report *r, struct error *err)
{
	struct query q = { 0 };
	int rc = query_init(&q, r->db, "SELECT from_time, to_time FROM loss", NULL, err);

	while (rc == 0 && (rc = query_step(&q, err)) == 1) {
		int64_t from = query_int(&q, 0), to = query_int(&q, 1);

		rc = 0;
		for (uint64_t i = find_moment(t, from);
		     i <= t->steps && (i == 0 || t->times[i - 1] <= to); i++)
			t->missing[i] = i > 0 || to >= t->times[0];
	}
	query_release(&q);
	return rc;
}

static int find_marks(struct timeline *t, struct report *r, struct error *err)
{
	struct query q = { 0 };
	char safe[200];
	int rc = query_init(&q, r->db,
			    "SELECT time, text FROM mark WHERE time BETWEEN :from AND :to"
			    " ORDER BY time, id",
			    NULL, err);

	if (rc == 0) {
		query_bind_int(&q, ":from", t->from);
		query_bind_int(&q, ":to", t->to);
	}
	while (rc == 0 && (rc = query_step(&q, err)) == 1) {
		char *text = strdup(report_safe(safe, sizeof(safe), query_text(&q, 1)));

		rc = 0;
		if (!text || !array_room((void **)&t->marks, &t->mark_cap, t->mark_count,
					 sizeof(*t->marks))) {
			free(text);
			rc = error_nomem(err);
			break;
		}
		t->marks[t->mark_count++] = (struct timeline_mark){ query_int(&q, 0), text };
	}
	query_release(&q);
	return rc;
}

/* ---- series ---- */

/* Groups by peak; of equal ones the one that comes first by name. */
struct ranked {
	uint64_t bytes;
	uint32_t group;
};

static int by_rank(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes > y->bytes ? -1 : 1;
	return (x->group > y->group) - (x->group < y->group);
}

static int by_group(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	return (x->group > y->group) - (x->group < y->group);
}

static struct timeline_series *add_series(struct timeline *t, enum series_kind kind, uint32_t group)
{
	struct timeline_series *s = &t->series[t->count++];

	*s = (struct timeline_series){ .kind = kind, .group = group };
	return s;
}

/* Which groups are series of their own: series_of[group], the others are of the last one. */
static int choose_series(struct timeline *t, const struct levels *l, struct report *r,
			 size_t *series_of, struct error *err)
{
	size_t groups = l->items.groups, own;
	struct ranked *order = calloc(groups + 1, sizeof(*order));

	t->adds_up = r->by.count > 0;
	own = t->adds_up && t->top && t->top < groups ? (size_t)t->top : groups;
	t->series = calloc(own + 2, sizeof(*t->series));
	if (!order || !t->series) {
		free(order);
		return error_nomem(err);
	}
	for (size_t i = 0; i < groups; i++)
		order[i] = (struct ranked){ l->peaks[i + 1].level.peak_bytes, (uint32_t)i + 1 };
	qsort(order, groups, sizeof(*order), t->adds_up ? by_rank : by_group);
	if (t->adds_up)
		add_series(t, SERIES_TOTAL, 0);
	for (size_t i = 0; i < groups; i++) {
		if (i < own)
			add_series(t, SERIES_GROUP, order[i].group);
		else if (i == own)
			add_series(t, SERIES_OTHERS, 0)->groups = groups - own;
		series_of[order[i].group] = t->count - 1;
	}
	free(order);
	return 0;
}

static int name_series(struct timeline_series *s, struct report *r, struct error *err)
{
	struct query q = { 0 };
	struct text_stream memory;
	FILE *out = r->out;
	size_t size = 0;
	char safe[80];
	int rc = query_init(&q, r->db,
			    "SELECT domain, " BY_COLUMNS " FROM temp.row_group WHERE id = :group",
			    NULL, err);

	if (rc < 0)
		return rc;
	query_bind_int(&q, ":group", s->group);
	rc = text_stream_open(&memory, err);
	if (rc < 0) {
		query_release(&q);
		return rc;
	}
	r->out = memory.out;
	if (s->kind == SERIES_TOTAL)
		fprintf(r->out, "(all)");
	else if (s->kind == SERIES_OTHERS)
		fprintf(r->out, "(%llu others)", (unsigned long long)s->groups);
	else
		rc = query_step(&q, err);
	if (rc == 1 && r->by.count)
		rc = by_print_line(r, &q, 1, err);
	else if (rc == 1)
		rc = fprintf(r->out, "%s", report_safe(safe, sizeof(safe), query_text(&q, 0))) < 0;
	r->out = out;
	if (text_stream_close(&memory, &s->name, &size, rc < 0 ? NULL : err) < 0 && rc >= 0)
		rc = ERR_NOMEM;
	query_release(&q);
	if (rc >= 0)
		s->name[strcspn(s->name, "\n")] = '\0';
	return rc < 0 ? rc : 0;
}

/* Groups that read the same get a number. */
static int number_names(struct timeline *t, struct error *err)
{
	for (size_t i = 1; i < t->count && t->count < 1000; i++) {
		unsigned int same = 1;
		size_t size = strlen(t->series[i].name) + 16;
		char *name;

		for (size_t k = 0; k < i; k++)
			same += t->series[k].group && t->series[i].group &&
				!strncmp(t->series[k].name, t->series[i].name, size - 16) &&
				(!t->series[k].name[size - 16] ||
				 !strncmp(t->series[k].name + size - 16, " #", 2));
		if (same == 1)
			continue;
		name = malloc(size);
		if (!name)
			return error_nomem(err);
		snprintf(name, size, "%s #%u", t->series[i].name, same);
		free(t->series[i].name);
		t->series[i].name = name;
	}
	return 0;
}

/* ---- values ---- */

struct running {
	struct level level; /* with its peak */
	uint64_t least, most;
};

struct run {
	struct timeline *t;
	const struct levels *levels;
	struct running *now; /* by series */
	size_t *series_of;   /* by group */
	size_t step;	     /* the next moment */
};

static void settle(struct running *s, int64_t time)
{
	uint64_t bytes = s->level.bytes;

	level_settle(&s->level, time);
	s->least = bytes < s->least ? bytes : s->least;
	s->most = bytes > s->most ? bytes : s->most;
}

static void change(struct running *s, const struct timed *at, uint64_t bytes, bool more)
{
	if (s->level.time != at->time)
		settle(s, at->time);
	level_change(&s->level, bytes, more);
}

/* All events up to the moment have been counted. */
static void end_step(struct run *run)
{
	struct timeline *t = run->t;

	for (size_t i = 0; i < t->count; i++) {
		struct running *s = &run->now[i];

		settle(s, s->level.time);
		/* what was before the first moment is none of its step */
		if (run->step == 0)
			s->least = s->most = s->level.bytes;
		*timeline_value(t, run->step, i) = (struct timeline_value){ s->level.bytes,
									    s->level.objects,
									    s->least, s->most };
		s->least = s->most = s->level.bytes;
	}
	run->step++;
}

static void run_through(struct run *run)
{
	struct levels_cursor c = { 0 };
	struct timeline *t = run->t;
	const struct timed *at;
	bool more;

	while ((at = levels_next(run->levels, &c, &more))) {
		const struct row_item *item = levels_item(run->levels, at);

		while (run->step <= t->steps && at->time > t->times[run->step])
			end_step(run);
		change(&run->now[run->series_of[item->group]], at, item->bytes, more);
		if (t->adds_up)
			change(&run->now[0], at, item->bytes, more);
	}
	while (run->step <= t->steps)
		end_step(run);
	for (size_t i = 0; i < t->count; i++) {
		struct timeline_series *s = &t->series[i];

		settle(&run->now[i], run->now[i].level.time);
		s->peak_bytes = run->now[i].level.peak_bytes;
		s->peak_objects = run->now[i].level.peak_objects;
		s->peak_time = run->now[i].level.peak_time;
	}
}

static int make_values(struct timeline *t, struct report *r, const struct levels *l,
		       struct error *err)
{
	struct run run = { .t = t, .levels = l };
	int rc;

	run.series_of = calloc(l->items.groups + 1, sizeof(*run.series_of));
	rc = run.series_of ? choose_series(t, l, r, run.series_of, err) : error_nomem(err);
	if (rc == 0) {
		run.now = calloc(t->count + 1, sizeof(*run.now));
		t->values = calloc((t->steps + 1) * t->count + 1, sizeof(*t->values));
		rc = run.now && t->values ? 0 : error_nomem(err);
	}
	if (rc == 0)
		run_through(&run);
	free(run.now);
	free(run.series_of);
	return rc;
}

static int make_from_rows(struct timeline *t, struct report *r, struct error *err)
{
	struct levels l = { 0 };
	int rc = levels_read(&l, r, ROW_GROUPS_DOMAIN, err);

	if (rc == 0)
		rc = levels_peaks(&l, r, err);
	if (rc == 0)
		rc = make_values(t, r, &l, err);
	levels_release(&l);
	return rc;
}

int timeline_make(struct timeline *t, struct report *r, struct error *err)
{
	int rc = make_moments(t, err);

	if (rc == 0)
		rc = find_missing(t, r, err);
	if (rc == 0)
		rc = find_marks(t, r, err);
	if (rc == 0)
		rc = timeline_from_steps(t, r, err);
	if (rc == 0)
		rc = make_from_rows(t, r, err);
	for (size_t i = 0; rc >= 0 && i < t->count; i++)
		rc = name_series(&t->series[i], r, err);
	return rc < 0 ? rc : number_names(t, err);
}

uint64_t timeline_most(const struct timeline *t)
{
	uint64_t most = 0;

	for (size_t i = 0; i < t->count; i++)
		for (uint64_t step = 0; step <= t->steps; step++)
			if (timeline_value(t, step, i)->most > most)
				most = timeline_value(t, step, i)->most;
	return most;
}

void timeline_release(struct timeline *t)
{
	for (size_t i = 0; i < t->count; i++)
		free(t->series[i].name);
	for (size_t i = 0; i < t->mark_count; i++)
		free(t->marks[i].text);
	free(t->marks);
	free(t->series);
	free(t->times);
	free(t->missing);
	free(t->values);
}
