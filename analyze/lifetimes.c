#include "analyze/lifetimes.h"

#include <stdlib.h>

#include "analyze/array_room.h"
#include "analyze/lifetime_counts.h"
#include "analyze/timed.h"

const unsigned int lifetime_shares[LIFETIME_SHARES] = { 50, 90, 99 };

enum kind { KIND_FREED, KIND_UNTRACED, KIND_LIVE, KIND_MASK = 3, KIND_IN_DOUBT = 4 };

static enum kind kind_of(int64_t end)
{
	return (end & 3) == 0 ? KIND_LIVE : (end & 3) == 2 ? KIND_UNTRACED : KIND_FREED;
}

/* Objects of one kind; ns: their longest lifetime, of live ones age. */
static void count_kind(struct lifetime_group *g, uint32_t kind, int64_t ns, uint64_t objects,
		       uint64_t bytes)
{
	switch (kind & KIND_MASK) {
	case KIND_FREED:
		g->freed += objects;
		g->bytes += bytes * objects;
		g->in_doubt += kind & KIND_IN_DOUBT ? objects : 0;
		g->longest = ns > g->longest ? ns : g->longest;
		break;
	case KIND_UNTRACED:
		g->untraced += objects;
		g->untraced_longest = ns > g->untraced_longest ? ns : g->untraced_longest;
		break;
	default: g->live += objects; g->live_oldest = ns > g->live_oldest ? ns : g->live_oldest;
	}
}

static int bucket_of(int64_t ns)
{
	int64_t below = LIFETIME_BELOW;
	int i = 0;

	while (i < LIFETIME_BUCKETS - 1 && ns >= below) {
		below *= 10;
		i++;
	}
	return i;
}

/*
 * Objects that were freed after ns, or within at_most of it; from the shortest on, when all are counted. The
 * nearest rank: the shortest time within which at least that share of the objects ended.
 */
static void count_lifetime(struct lifetime_group *g, int64_t ns, int64_t at_most, uint64_t objects)
{
	uint64_t before = g->seen;

	g->seen += objects;
	g->buckets[bucket_of(ns)] += objects;
	for (size_t i = 0; i < LIFETIME_SHARES; i++) {
		uint64_t rank = g->freed / 100 * lifetime_shares[i] +
				(g->freed % 100 * lifetime_shares[i] + 99) / 100;

		if (before < rank && rank <= g->seen)
			g->at_most[i] = at_most < g->longest ? at_most : g->longest;
	}
}

static int make_groups(struct lifetimes *x, struct report *r, struct error *err)
{
	int rc = row_items_group(&x->items, r, ROW_GROUPS_STACK, err);

	if (rc < 0)
		return rc;
	x->groups = calloc(x->items.groups + 1, sizeof(*x->groups));
	return x->groups ? 0 : error_nomem(err);
}

static struct lifetime_group *group_of(const struct lifetimes *x, uint32_t item)
{
	return &x->groups[x->items.list[item - 1].group];
}

/* ---- from the rows ---- */

struct from_rows {
	struct lifetimes *x;
	const struct report *r;
	struct timed_list list; /* time: lifetime, or of live ones age */
};

/* Whether --than and --less keep it for sure. *ret_maybe: what is known of its lifetime does not tell. */
static bool keeps(const struct lifetimes *x, enum kind kind, int64_t ns, bool *ret_maybe)
{
	bool longer = !x->than_ns || (kind != KIND_UNTRACED && ns > (int64_t)x->than_ns),
	     shorter = !x->less_ns || (kind != KIND_LIVE && ns < (int64_t)x->less_ns),
	     never_longer = x->than_ns && kind != KIND_LIVE && ns <= (int64_t)x->than_ns,
	     never_shorter = x->less_ns && kind != KIND_UNTRACED && ns >= (int64_t)x->less_ns;

	*ret_maybe = !(longer && shorter) && !never_longer && !never_shorter;
	return longer && shorter;
}

static bool take_row(void *arg, const struct row *row)
{
	struct from_rows *f = arg;
	bool live = row->end_time == INT64_MAX, maybe;
	int64_t ns, end = live ? f->r->end_ns : row->end_time;
	enum kind kind = live ? KIND_LIVE : kind_of(row->end);

	if (__builtin_sub_overflow(end, row->time, &ns) || ns < 0)
		ns = end < row->time ? 0 : INT64_MAX;
	if (keeps(f->x, kind, ns, &maybe))
		return timed_add(&f->list, ns, row->item,
				 (uint32_t)kind | (row->end & 4 ? KIND_IN_DOUBT : 0));
	f->x->undecided += maybe;
	return true;
}

static int count_rows(struct lifetimes *x, struct timed_list *list, struct error *err)
{
	if (!timed_sort(list))
		return error_nomem(err);
	for (size_t i = 0; i < list->count; i++) {
		const struct timed *t = &list->items[i];
		uint64_t bytes = x->items.list[t->item - 1].bytes;

		count_kind(group_of(x, t->item), t->kind, t->time, 1, bytes);
		count_kind(&x->groups[0], t->kind, t->time, 1, bytes);
	}
	for (size_t i = 0; i < list->count; i++) {
		const struct timed *t = &list->items[i];

		if ((t->kind & KIND_MASK) != KIND_FREED)
			continue;
		count_lifetime(group_of(x, t->item), t->time, t->time, 1);
		count_lifetime(&x->groups[0], t->time, t->time, 1);
		group_of(x, t->item)->sum += (double)t->time;
		x->groups[0].sum += (double)t->time;
	}
	return 0;
}

static int read_rows(struct lifetimes *x, struct report *r, struct error *err)
{
	struct from_rows f = { .x = x, .r = r };
	int rc = row_items_read(&x->items, r, take_row, &f, err);

	if (rc == 0)
		rc = make_groups(x, r, err);
	if (rc == 0)
		rc = count_rows(x, &f.list, err);
	timed_release(&f.list);
	return rc;
}

/* ---- from the summaries ---- */

static int count_pairs(struct lifetimes *x, struct report *r, struct error *err)
{
	struct query q = { 0 };
	int rc = report_select_pairs_of(r, "lifetime_pair", "pair_total", err);

	if (rc == 0)
		rc = query_init(&q, r->db,
				"SELECT alloc_site, end, objects, lifetime_max, lifetime_sum FROM"
				" temp.lifetime_pair",
				NULL, err);
	while (rc == 0 && (rc = query_step(&q, err)) == 1) {
		uint32_t item = row_items_site(&x->items, query_int(&q, 0)),
			 kind = (uint32_t)kind_of(query_int(&q, 1)) |
				(query_int(&q, 1) & 4 ? KIND_IN_DOUBT : 0);
		uint64_t objects = (uint64_t)query_int(&q, 2), bytes;

		rc = 0;
		if (!item)
			continue;
		bytes = x->items.list[item - 1].bytes;
		count_kind(group_of(x, item), kind, query_int(&q, 3), objects, bytes);
		count_kind(&x->groups[0], kind, query_int(&q, 3), objects, bytes);
		if ((kind & KIND_MASK) == KIND_FREED) {
			double sum = query_double(&q, 4) > 0 ? query_double(&q, 4) : 0;

			group_of(x, item)->sum += sum;
			x->groups[0].sum += sum;
		}
	}
	query_release(&q);
	return rc;
}

/* Objects of one class of lifetimes. */
struct class_count {
	int64_t ns; /* their shortest */
	uint64_t objects;
	uint32_t item;
};

struct class_list {
	struct class_count *list;
	size_t count, cap;
};

static int by_ns(const void *a, const void *b)
{
	const struct class_count *x = a, *y = b;

	return (x->ns > y->ns) - (x->ns < y->ns);
}

/* Sorted here: there may be many, and the database would need several times as long. */
static int read_classes(struct class_list *l, const struct lifetimes *x, struct report *r,
			struct error *err)
{
	struct query q = { 0 };
	int rc = query_init(&q, r->db,
			    "SELECT alloc_site, lifetime, objects FROM lifetime_total"
			    " WHERE :self OR NOT self",
			    NULL, err);

	if (rc == 0)
		query_bind_int(&q, ":self", r->options->include_self);
	while (rc == 0 && (rc = query_step(&q, err)) == 1) {
		uint32_t item = row_items_site(&x->items, query_int(&q, 0));

		rc = 0;
		if (!item)
			continue;
		if (!array_room((void **)&l->list, &l->cap, l->count, sizeof(*l->list))) {
			rc = error_nomem(err);
			break;
		}
		l->list[l->count++] = (struct class_count){ query_int(&q, 1),
							    (uint64_t)query_int(&q, 2), item };
	}
	query_release(&q);
	if (rc == 0 && l->count)
		qsort(l->list, l->count, sizeof(*l->list), by_ns);
	return rc;
}

static int count_classes(struct lifetimes *x, struct report *r, struct error *err)
{
	struct class_list l = { 0 };
	int rc = read_classes(&l, x, r, err);

	for (size_t i = 0; rc == 0 && i < l.count; i++) {
		const struct class_count *c = &l.list[i];
		uint64_t limit = lifetime_class_limit(c->ns < 0 ? 0 : (uint64_t)c->ns);
		int64_t at_most = limit > INT64_MAX ? INT64_MAX : (int64_t)limit;

		count_lifetime(group_of(x, c->item), c->ns, at_most, c->objects);
		count_lifetime(&x->groups[0], c->ns, at_most, c->objects);
	}
	free(l.list);
	return rc;
}

static int read_sums(struct lifetimes *x, struct report *r, struct error *err)
{
	int rc = row_items_sites(&x->items, r, err);

	if (rc == 0)
		rc = make_groups(x, r, err);
	if (rc == 0)
		rc = count_pairs(x, r, err);
	return rc < 0 ? rc : count_classes(x, r, err);
}

int lifetimes_read(struct lifetimes *x, struct report *r, struct error *err)
{
	x->rounded = !x->exact && !x->than_ns && !x->less_ns && !r->by.rows && report_has_sums(r);
	return x->rounded ? read_sums(x, r, err) : read_rows(x, r, err);
}

void lifetimes_release(struct lifetimes *x)
{
	row_items_release(&x->items);
	free(x->groups);
}
