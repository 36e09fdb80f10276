#include "analyze/levels.h"

#include <stdlib.h>
#include <string.h>

static bool take_row(void *arg, const struct row *row)
{
	struct levels *l = arg;

	return timed_add(&l->begins, row->time, row->item, 0) &&
	       (row->end_time == INT64_MAX || timed_add(&l->ends, row->end_time, row->item, 0));
}

int levels_read(struct levels *l, struct report *r, enum row_groups groups, struct error *err)
{
	int rc = row_items_read(&l->items, r, take_row, l, err);

	if (rc == 0 && !(timed_sort(&l->begins) && timed_sort(&l->ends)))
		rc = error_nomem(err);
	return rc < 0 ? rc : row_items_group(&l->items, r, groups, err);
}

/* Which domain each group is of. */
static int number_domains(struct levels *l, struct report *r, struct error *err)
{
	struct query q = { 0 };
	int rc = query_init(&q, r->db,
			    "SELECT id, dense_rank() OVER (ORDER BY domain) FROM temp.row_group",
			    NULL, err);

	while (rc == 0 && (rc = query_step(&q, err)) == 1) {
		size_t total = (size_t)query_int(&q, 1);

		rc = 0;
		l->peaks[query_int(&q, 0)].total = (uint32_t)total - 1;
		if (l->total_count < total)
			l->total_count = total;
	}
	query_release(&q);
	return rc;
}

static inline void catch_up(struct group_peak *g, const struct domain_total *d)
{
	if (g->at == d->peak)
		return;
	g->at_bytes = g->level.bytes;
	g->at_objects = g->level.objects;
	g->at = d->peak;
}

static void change(struct levels *l, const struct timed *t, bool more)
{
	const struct row_item *item = levels_item(l, t);
	struct group_peak *g = &l->peaks[item->group];
	struct domain_total *d = &l->totals[g->total];

	if (d->level.time != t->time)
		d->peak += level_settle(&d->level, t->time);
	if (g->level.time != t->time)
		level_settle(&g->level, t->time);
	catch_up(g, d);
	level_change(&d->level, item->bytes, more);
	level_change(&g->level, item->bytes, more);
}

int levels_peaks(struct levels *l, struct report *r, struct error *err)
{
	struct levels_cursor c = { 0 };
	const struct timed *t;
	bool more;
	int rc;

	l->peaks = calloc(l->items.groups + 1, sizeof(*l->peaks));
	l->totals = calloc(l->items.groups + 1, sizeof(*l->totals));
	if (!l->peaks || !l->totals)
		return error_nomem(err);
	rc = number_domains(l, r, err);
	if (rc < 0)
		return rc;
	while ((t = levels_next(l, &c, &more)))
		change(l, t, more);
	for (size_t i = 0; i < l->total_count; i++)
		l->totals[i].peak += level_settle(&l->totals[i].level, l->totals[i].level.time);
	for (size_t i = 1; i <= l->items.groups; i++) {
		level_settle(&l->peaks[i].level, l->peaks[i].level.time);
		catch_up(&l->peaks[i], &l->totals[l->peaks[i].total]);
	}
	return 0;
}

void levels_release(struct levels *l)
{
	row_items_release(&l->items);
	timed_release(&l->begins);
	timed_release(&l->ends);
	free(l->peaks);
	free(l->totals);
	*l = (struct levels){ 0 };
}
