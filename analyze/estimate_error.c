#include "analyze/estimate_error.h"

#include <math.h>
#include <stdlib.h>

#include "analyze/array_room.h"
#include "analyze/query.h"
#include "analyze/sample_interval.h"
#include "format/base/hash.h"

void estimate_errors_release(struct estimate_errors *x)
{
	free(x->cells);
	free(x->shares);
	free(x->sites);
	free(x->intervals);
	id_index_release(&x->interval_index);
	*x = (struct estimate_errors){ 0 };
}

/* ---- intervals ---- */

struct interval_probe {
	const struct estimate_interval *list;
	uint32_t cell;
	uint64_t samples;
};

static bool same_interval(const void *arg, uint32_t id)
{
	const struct interval_probe *p = arg;

	return p->list[id - 1].cell == p->cell && p->list[id - 1].samples == p->samples;
}

static uint64_t rehash_interval(const void *arg, uint32_t id)
{
	const struct estimate_interval *i = &((const struct estimate_errors *)arg)
						     ->intervals[id - 1];

	return hash_mix(i->cell, i->samples);
}

/* Of how many objects in the cell samples stand for. Without memory it is found anew each time. */
static struct estimate_interval interval_of(struct estimate_errors *x, uint32_t cell,
					    uint64_t samples)
{
	const struct interval_probe probe = { x->intervals, cell, samples };
	uint64_t hash = hash_mix(cell, samples);
	uint32_t id = id_index_find(&x->interval_index, hash, same_interval, &probe);
	struct estimate_interval i = { cell, samples, 0, 0 };

	if (id)
		return x->intervals[id - 1];
	sample_interval(x->cells[cell].objects, x->cells[cell].samples, samples, &i.low, &i.high);
	if (array_room((void **)&x->intervals, &x->interval_cap, x->interval_count, sizeof(i))) {
		x->intervals[x->interval_count] = i;
		if (id_index_add(&x->interval_index, hash, (uint32_t)x->interval_count + 1,
				 rehash_interval, x))
			x->interval_count++;
	}
	return i;
}

/* ---- sums ---- */

bool estimate_errors_add(const struct estimate_errors *x, struct estimate_sum *s, int64_t site,
			 int64_t objects, int64_t unit)
{
	const struct estimate_site *e;
	int64_t value;

	if (__builtin_mul_overflow(objects, unit, &value) ||
	    __builtin_add_overflow(s->total, value, &s->total))
		s->total = INT64_MAX;
	if (!unit || site < x->first_id || site - x->first_id >= (int64_t)x->site_count)
		return true;
	if (!array_room((void **)&s->list, &s->cap, s->count, sizeof(*s->list)))
		return false;
	e = &x->sites[site - x->first_id];
	s->list[s->count++] = (struct estimate_entry){ .share = e->share,
						       .observed = e->observed,
						       .objects = (double)objects,
						       .unit = (double)unit };
	return true;
}

static int by_share(const void *a, const void *b)
{
	const struct estimate_entry *x = a, *y = b;

	return x->share < y->share ? -1 : x->share > y->share;
}

/* What a sum has of one cell. */
struct part {
	uint32_t cell;
	uint64_t samples;	    /* of its stacks in the cell */
	double observed, estimated; /* objects */
	double unit;		    /* of an object, the largest */
	double value;		    /* of what is estimated */
};

/* How much less and more than its estimate the part may be. */
static void deviation(struct estimate_errors *x, const struct part *p, double *ret_less,
		      double *ret_more)
{
	const struct estimate_cell *c = &x->cells[p->cell];
	double others = (double)(c->objects - c->samples), expected, of_all;
	struct estimate_interval i;

	if (c->guess) { /* from none to all */
		of_all = (double)c->objects * p->unit;
		if (p->value > 0) /* all rows of this sum, which may be less than the cell */
			of_all = fmin(of_all, p->value * ((double)c->samples / (double)p->samples));
		*ret_less = p->value;
		*ret_more = of_all - p->value;
		if (*ret_more < 0)
			*ret_more = 0;
		return;
	}
	i = interval_of(x, p->cell, p->samples);
	expected = others * ((double)p->samples / (double)c->samples);
	*ret_less = 0;
	if (p->estimated > 0) {
		*ret_less = p->value * (1 - ((double)i.low - (double)p->samples) / expected);
		*ret_more = p->value * (((double)i.high - (double)p->samples) / expected - 1);
	} else {
		/* nothing, or too little for a whole object; of all of these stacks in the cell, or of these here */
		of_all = p->samples ? p->observed / (double)p->samples : 1;
		*ret_more = ((double)i.high - (double)p->samples) * of_all * p->unit;
	}
	if (*ret_less < 0)
		*ret_less = 0;
	if (*ret_more < 0)
		*ret_more = 0;
}

/* Entries of one cell, which are sorted by share; returns how many. */
static size_t take_part(const struct estimate_errors *x, const struct estimate_entry *list,
			size_t count, struct part *ret)
{
	size_t i;

	*ret = (struct part){ .cell = x->shares[list[0].share].cell };
	for (i = 0; i < count && x->shares[list[i].share].cell == ret->cell; i++) {
		if (!i || list[i].share != list[i - 1].share)
			ret->samples += x->shares[list[i].share].samples;
		if (list[i].observed) {
			ret->observed += list[i].objects;
		} else {
			ret->estimated += list[i].objects;
			ret->value += list[i].objects * list[i].unit;
		}
		if (list[i].unit > ret->unit)
			ret->unit = list[i].unit;
	}
	return i;
}

static int64_t whole(double value)
{
	return value >= 0x1p63 ? INT64_MAX : value <= -0x1p63 ? INT64_MIN : (int64_t)value;
}

void estimate_errors_end(struct estimate_errors *x, struct estimate_sum *s, int64_t *ret_low,
			 int64_t *ret_high)
{
	double squares[2] = { 0 }, guesses[2] = { 0 }, estimated = 0, less, more;

	if (s->count)
		qsort(s->list, s->count, sizeof(*s->list), by_share);
	for (size_t i = 0; i < s->count;) {
		struct part p;

		i += take_part(x, s->list + i, s->count - i, &p);
		deviation(x, &p, &less, &more);
		/* chance errs in any direction, guesses may all err in one */
		if (x->cells[p.cell].guess) {
			guesses[0] += less;
			guesses[1] += more;
		} else {
			squares[0] += less * less;
			squares[1] += more * more;
		}
		estimated += p.value;
	}
	less = sqrt(squares[0]) + guesses[0];
	more = sqrt(squares[1]) + guesses[1];
	/* what was seen is certain */
	if (less > estimated && estimated >= 0)
		less = estimated;
	if (__builtin_sub_overflow(s->total, whole(ceil(less - 1e-6)), ret_low))
		*ret_low = INT64_MIN;
	if (__builtin_add_overflow(s->total, whole(ceil(more - 1e-6)), ret_high))
		*ret_high = INT64_MAX;
	free(s->list);
	*s = (struct estimate_sum){ 0 };
}

/* ---- functions of SQL ---- */

static void step(sqlite3_context *context, int count, sqlite3_value **values)
{
	struct estimate_sum *s = sqlite3_aggregate_context(context, sizeof(*s));

	(void)count;
	if (!s ||
	    (sqlite3_value_type(values[2]) != SQLITE_NULL &&
	     !estimate_errors_add(sqlite3_user_data(context), s, sqlite3_value_int64(values[0]),
				  sqlite3_value_int64(values[1]), sqlite3_value_int64(values[2]))))
		sqlite3_result_error_nomem(context);
}

static void finish(sqlite3_context *context, bool high)
{
	struct estimate_sum *s = sqlite3_aggregate_context(context, 0), none = { 0 };
	int64_t ends[2];

	estimate_errors_end(sqlite3_user_data(context), s ? s : &none, &ends[0], &ends[1]);
	sqlite3_result_int64(context, ends[high]);
}

static void finish_low(sqlite3_context *context)
{
	finish(context, false);
}

static void finish_high(sqlite3_context *context)
{
	finish(context, true);
}

int estimate_errors_functions(struct estimate_errors *x, sqlite3 *db, void (*release)(void *),
			      struct error *err)
{
	if (sqlite3_create_function_v2(db, "estimate_low", 3, SQLITE_UTF8, x, NULL, step,
				       finish_low, release) != SQLITE_OK ||
	    sqlite3_create_function_v2(db, "estimate_high", 3, SQLITE_UTF8, x, NULL, step,
				       finish_high, NULL) != SQLITE_OK)
		return query_error(db, err);
	return 0;
}
