/* Objects without a stack, split over the stacks that were seen: estimate_pairs. */
#include <stdlib.h>
#include <string.h>

#include "analyze/apportion.h"
#include "analyze/array_room.h"
#include "analyze/estimate_split.h"
#include "analyze/id_index.h"
#include "analyze/id_table.h"
#include "analyze/query.h"
#include "format/base/hash.h"

/* ---- cells ---- */

enum level { LEVEL_KIND, LEVEL_SIZE, LEVEL_GUESS, POOL_STATE, POOL_PLACE };
#define KEY_PARTS 8

struct cell {
	int64_t key[KEY_PARTS];
	uint64_t objects, samples;
	uint32_t pool;	     /* whose donations split it; 0 none */
	size_t first, count; /* of its donations */
	uint32_t share;	     /* of the first donation, where it is split */
};

/* A stack that was seen, and how often. */
struct donation {
	uint32_t pool;
	int64_t stack, site;
	uint64_t objects;
};

struct pair_row {
	int64_t id, site, free_site, end, self, task, interval, objects, lifetime;
	uint32_t cell; /* 0: stays as it is */
};

struct work {
	struct estimate *e;
	struct pair_row *rows;
	size_t row_count, row_cap;
	struct cell *cells; /* number n is cells[n - 1] */
	size_t cell_count, cell_cap;
	struct id_index cell_index;
	struct donation *donations;
	size_t donation_count, donation_cap;
	struct apportion split;
	size_t split_room;
	struct query insert;
	struct id_index site_index;
	size_t first_site; /* of the errors' sites: those made here */
	struct error *err;
};

struct cell_probe {
	const struct cell *cells;
	const int64_t *key;
};

static bool same_cell(const void *arg, uint32_t id)
{
	const struct cell_probe *p = arg;

	return !memcmp(p->cells[id - 1].key, p->key, sizeof(p->cells->key));
}

static uint64_t rehash_cell(const void *arg, uint32_t id)
{
	const struct work *w = arg;

	return hash_bytes(0, w->cells[id - 1].key, sizeof(w->cells->key));
}

/* 0: no memory. */
static uint32_t cell_of(struct work *w, const int64_t *key)
{
	const struct cell_probe probe = { w->cells, key };
	uint64_t hash = hash_bytes(0, key, KEY_PARTS * sizeof(*key));
	uint32_t id = id_index_find(&w->cell_index, hash, same_cell, &probe);
	struct cell *c;

	if (id)
		return id;
	if (w->cell_count >= UINT32_MAX / 2 ||
	    !array_room((void **)&w->cells, &w->cell_cap, w->cell_count, sizeof(*w->cells)))
		return 0;
	c = &w->cells[w->cell_count++];
	*c = (struct cell){ .objects = 0 };
	memcpy(c->key, key, sizeof(c->key));
	id = (uint32_t)w->cell_count;
	return id_index_add(&w->cell_index, hash, id, rehash_cell, w) ? id : 0;
}

static uint64_t add(uint64_t a, uint64_t b)
{
	return a > INT64_MAX - b ? INT64_MAX : a + b;
}

/* The row's cell of that level, with the row in it. 0: no memory. */
static uint32_t join_cell(struct work *w, const struct pair_row *r, enum level level)
{
	const struct site_fact *f = &w->e->sites[r->site];
	int64_t kind = r->end & 3, event = 0;
	uint32_t id;

	if (id_table_has(r->free_site, w->e->free_count))
		event = w->e->free_events[r->free_site];
	id = cell_of(w, (int64_t[KEY_PARTS]){ level,
					      level == LEVEL_KIND ? f->kind :
					      level == LEVEL_SIZE ? f->size :
								    f->place,
					      r->self, kind, event, r->interval, r->task, 0 });
	if (id) {
		struct cell *c = &w->cells[id - 1];

		c->objects = add(c->objects, (uint64_t)r->objects);
		if (f->stack)
			c->samples = add(c->samples, (uint64_t)r->objects);
	}
	return id;
}

static bool donate(struct work *w, uint32_t pool, int64_t site, uint64_t objects)
{
	if (!pool || !array_room((void **)&w->donations, &w->donation_cap, w->donation_count,
				 sizeof(*w->donations)))
		return false;
	w->donations[w->donation_count++] = (struct donation){ pool, w->e->sites[site].stack, site,
							       objects };
	return true;
}

static uint32_t state_pool(struct work *w, const struct pair_row *r)
{
	return cell_of(w, (int64_t[KEY_PARTS]){ POOL_STATE, w->e->sites[r->site].place,
						(r->end & 3) == 0, r->interval });
}

static uint32_t place_pool(struct work *w, int64_t site)
{
	return cell_of(w, (int64_t[KEY_PARTS]){ POOL_PLACE, w->e->sites[site].place });
}

static bool is_whole(const struct cell *c)
{
	return c->samples == c->objects;
}

/* Cells of rows that are alike, then of what is left where these have too few samples, then what can only be guessed. */
static bool choose_cells(struct work *w)
{
	static const enum level levels[] = { LEVEL_KIND, LEVEL_SIZE, LEVEL_GUESS };
	static const uint64_t enough[] = { ESTIMATE_ENOUGH, 1, 0 };

	for (int l = 0; l < 3; l++) {
		for (size_t i = 0; i < w->row_count; i++) {
			struct pair_row *r = &w->rows[i];
			struct cell *c = r->cell ? &w->cells[r->cell - 1] : NULL;

			if (!w->e->sites[r->site].split ||
			    (c && (c->key[0] != levels[l - 1] || c->samples >= enough[l - 1])))
				continue;
			r->cell = join_cell(w, r, levels[l]);
			if (!r->cell)
				return false;
		}
	}
	return true;
}

static bool read_donations(struct work *w)
{
	for (size_t i = 0; i < w->row_count; i++) {
		const struct pair_row *r = &w->rows[i];

		if (!w->e->sites[r->site].split || !w->e->sites[r->site].stack || !r->objects)
			continue;
		if (!donate(w, r->cell, r->site, (uint64_t)r->objects) ||
		    !donate(w, state_pool(w, r), r->site, (uint64_t)r->objects))
			return false;
	}
	return true;
}

/* What the whole capture knows of each call site, whatever the report is about. */
static int read_place_donations(struct work *w)
{
	struct query q = { 0 };
	int rc = query_init(&q, w->e->db,
			    "SELECT p.alloc_site, sum(p.objects) FROM pair_total p"
			    " WHERE p.objects > 0 GROUP BY 1",
			    NULL, w->err);

	while (rc == 0 && (rc = query_step(&q, w->err)) == 1) {
		int64_t site = query_int(&q, 0), objects = query_int(&q, 1);

		rc = 0;
		if (id_table_has(site, w->e->site_count) && w->e->sites[site].split &&
		    w->e->sites[site].stack && objects > 0 &&
		    !donate(w, place_pool(w, site), site, (uint64_t)objects))
			rc = error_nomem(w->err);
	}
	query_release(&q);
	return rc;
}

static int by_pool(const void *a, const void *b)
{
	const struct donation *x = a, *y = b;

	if (x->pool != y->pool)
		return x->pool < y->pool ? -1 : 1;
	if (x->stack != y->stack)
		return x->stack < y->stack ? -1 : 1;
	return x->site < y->site ? -1 : x->site > y->site;
}

/* One donation for each stack of a pool. */
static void merge_donations(struct work *w)
{
	size_t kept = 0;

	if (w->donation_count)
		qsort(w->donations, w->donation_count, sizeof(*w->donations), by_pool);
	for (size_t i = 0; i < w->donation_count; i++) {
		struct donation *d = &w->donations[i], *last = kept ? &w->donations[kept - 1] : d;
		struct cell *pool = &w->cells[d->pool - 1];

		if (kept && last->pool == d->pool && last->stack == d->stack) {
			last->objects = add(last->objects, d->objects);
			continue;
		}
		if (!pool->count++)
			pool->first = kept;
		w->donations[kept++] = *d;
	}
	w->donation_count = kept;
}

/* Which donations split each cell; cells without any, and those of samples alone, are none. */
static bool choose_pools(struct work *w)
{
	for (size_t i = 0; i < w->row_count; i++) {
		struct pair_row *r = &w->rows[i];
		uint32_t pool = r->cell;

		if (!pool)
			continue;
		if (is_whole(&w->cells[pool - 1])) {
			r->cell = 0;
			continue;
		}
		if (w->cells[pool - 1].key[0] == LEVEL_GUESS)
			pool = state_pool(w, r);
		if (pool && !w->cells[pool - 1].count)
			pool = place_pool(w, r->site);
		if (!pool)
			return false;
		w->cells[r->cell - 1].pool = pool;
		if (!w->cells[pool - 1].count)
			r->cell = 0;
	}
	return true;
}

/* ---- splits ---- */

static int by_cell(const void *a, const void *b)
{
	const struct pair_row *x = a, *y = b;
	const int64_t left[] = { x->cell, x->site, x->free_site, x->end,
				 x->self, x->task, x->interval,	 x->id },
		      right[] = { y->cell, y->site, y->free_site, y->end,
				  y->self, y->task, y->interval,  y->id };

	for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++)
		if (left[i] != right[i])
			return left[i] < right[i] ? -1 : 1;
	return 0;
}

static int write_part(struct work *w, const struct pair_row *r, int64_t site, int64_t objects,
		      int64_t lifetime, bool observed)
{
	query_reset(&w->insert);
	query_bind_int(&w->insert, ":row", r->id);
	query_bind_int(&w->insert, ":site", site);
	query_bind_int(&w->insert, ":objects", objects);
	query_bind_int(&w->insert, ":lifetime", lifetime);
	query_bind_int(&w->insert, ":observed", observed);
	return query_step(&w->insert, w->err);
}

struct site_probe {
	const struct estimate_site *sites;
	struct estimate_site site;
};

static bool same_site(const void *arg, uint32_t id)
{
	const struct site_probe *p = arg;
	const struct estimate_site *s = &p->sites[id - 1];

	return s->origin == p->site.origin && s->share == p->site.share &&
	       s->observed == p->site.observed;
}

static uint64_t site_hash(const struct estimate_site *s)
{
	return hash_mix((uint64_t)s->origin, (uint64_t)s->share << 1 | s->observed);
}

static uint64_t rehash_site(const void *arg, uint32_t id)
{
	const struct work *w = arg;

	return site_hash(&w->e->errors.sites[w->first_site + id - 1]);
}

/* A site like r's with the stack of another one, which has that share. 0: no memory. */
static int64_t new_site(struct work *w, const struct pair_row *r, int64_t donor, uint32_t share,
			bool observed)
{
	struct estimate_errors *x = &w->e->errors;
	struct site_probe probe = {
		x->sites ? x->sites + w->first_site : NULL,
		{ .origin = r->site, .donor = donor, .share = share, .observed = observed }
	};
	uint64_t hash = site_hash(&probe.site);
	uint32_t id = id_index_find(&w->site_index, hash, same_site, &probe);

	if (!id) {
		if (x->site_count - w->first_site >= UINT32_MAX / 2 ||
		    !array_room((void **)&x->sites, &x->site_cap, x->site_count, sizeof(*x->sites)))
			return 0;
		x->sites[x->site_count++] = probe.site;
		id = (uint32_t)(x->site_count - w->first_site);
		if (!id_index_add(&w->site_index, hash, id, rehash_site, w))
			return 0;
	}
	return x->first_id + (int64_t)w->first_site + id - 1;
}

/* Where in the pool the stack is, or would be. */
static size_t find_stack(const struct work *w, const struct cell *pool, int64_t stack)
{
	const struct donation *d = w->donations + pool->first;
	size_t low = 0, high = pool->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (d[middle].stack < stack)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int keep_sample(struct work *w, const struct pair_row *r)
{
	const struct cell *c = &w->cells[r->cell - 1];
	size_t place = find_stack(w, &w->cells[c->pool - 1], w->e->sites[r->site].stack);
	int64_t site = new_site(w, r, r->site, c->share + (uint32_t)place, true);

	return site ? write_part(w, r, site, r->objects, r->lifetime, true) : error_nomem(w->err);
}

static int split_row(struct work *w, const struct pair_row *r)
{
	const struct cell *c = &w->cells[r->cell - 1];
	const struct donation *d = w->donations + w->cells[c->pool - 1].first;
	int64_t given = 0, lifetime = 0;
	int rc = 0;

	apportion(&w->split, (uint64_t)r->objects);
	for (size_t i = 0; rc == 0 && i < w->split.count; i++) {
		int64_t objects = (int64_t)w->split.parts[i].got, until, site;

		if (!objects)
			continue;
		given += objects;
		/* shares of the time add up, too */
		until = apportion_share(r->lifetime, given, r->objects);
		site = new_site(w, r, d[i].site, c->share + (uint32_t)i, false);
		rc = site ? write_part(w, r, site, objects, until - lifetime, false) :
			    error_nomem(w->err);
		lifetime = until;
	}
	return rc;
}

static bool add_share(struct estimate_errors *x, uint64_t samples)
{
	if (x->share_count >= UINT32_MAX / 2 ||
	    !array_room((void **)&x->shares, &x->share_cap, x->share_count, sizeof(*x->shares)))
		return false;
	x->shares[x->share_count++] = (struct estimate_share){ (uint32_t)x->cell_count - 1,
							       samples };
	return true;
}

/* Stacks that were seen at the call site, but not in r's cell; of a guess all, as some may get nothing. */
static int write_unseen(struct work *w, const struct pair_row *r)
{
	struct estimate_errors *x = &w->e->errors;
	uint32_t number = place_pool(w, r->site);
	const struct cell *c = &w->cells[r->cell - 1], *pool = &w->cells[c->pool - 1],
			  *place = number ? &w->cells[number - 1] : pool;
	int rc = number ? 0 : error_nomem(w->err);

	for (size_t i = 0; rc == 0 && i < place->count; i++) {
		const struct donation *d = &w->donations[place->first + i];
		size_t at = find_stack(w, pool, d->stack);
		bool has = at < pool->count && w->donations[pool->first + at].stack == d->stack;
		uint32_t share = c->share + (uint32_t)at;
		int64_t site = 0;

		if (has && c->key[0] != LEVEL_GUESS)
			continue;
		if (!has)
			share = (uint32_t)x->share_count;
		if (has || add_share(x, 0))
			site = new_site(w, r, d->site, share, false);
		rc = site ? write_part(w, r, site, 0, 0, false) : error_nomem(w->err);
	}
	return rc;
}

/* A cell begins: what the functions of errors need of it, and a place for each of its stacks. */
static int begin_cell(struct work *w, struct cell *c)
{
	struct estimate_errors *x = &w->e->errors;
	const struct cell *pool = &w->cells[c->pool - 1];
	struct apportion *a = &w->split;

	if (!array_room((void **)&x->cells, &x->cell_cap, x->cell_count, sizeof(*x->cells)))
		return error_nomem(w->err);
	x->cells[x->cell_count++] = (struct estimate_cell){ .objects = c->objects,
							    .guess = c->key[0] == LEVEL_GUESS };
	c->share = (uint32_t)x->share_count;
	if (pool->count > w->split_room) {
		free(a->parts);
		free(a->order);
		w->split_room = pool->count;
		a->parts = calloc(w->split_room, sizeof(*a->parts));
		a->order = calloc(w->split_room, sizeof(*a->order));
		if (!a->parts || !a->order)
			return error_nomem(w->err);
	}
	a->count = pool->count;
	for (size_t i = 0; i < pool->count; i++) {
		const struct donation *d = &w->donations[pool->first + i];

		if (!add_share(x, d->objects))
			return error_nomem(w->err);
		x->cells[x->cell_count - 1].samples = add(x->cells[x->cell_count - 1].samples,
							  d->objects);
		a->parts[i] = (struct apportion_part){ .weight = d->objects };
	}
	return 0;
}

static int split_rows(struct work *w)
{
	uint32_t cell = 0;
	int rc = 0;

	if (w->row_count)
		qsort(w->rows, w->row_count, sizeof(*w->rows), by_cell);
	for (size_t i = 0; rc == 0 && i < w->row_count; i++) {
		const struct pair_row *r = &w->rows[i];

		if (r->cell && r->cell != cell)
			rc = begin_cell(w, &w->cells[r->cell - 1]);
		if (rc == 0 && r->cell && r->cell != cell)
			rc = write_unseen(w, r);
		cell = r->cell;
		if (rc == 0 && !cell)
			rc = write_part(w, r, r->site, r->objects, r->lifetime, true);
		else if (rc == 0)
			rc = w->e->sites[r->site].stack ? keep_sample(w, r) : split_row(w, r);
	}
	return rc;
}

/* ---- tables ---- */

static bool has_column(sqlite3 *db, const char *table, const char *column)
{
	struct query q = { 0 };
	bool there =
		query_init(&q, db,
			   "SELECT 1 FROM pragma_table_info(:table, 'temp') WHERE name = :name",
			   NULL, NULL) == 0;

	if (there) {
		query_bind_text(&q, ":table", table);
		query_bind_text(&q, ":name", column);
		there = query_step(&q, NULL) == 1;
	}
	query_release(&q);
	return there;
}

static int read_rows(struct work *w, const char *source)
{
	sqlite3 *db = w->e->db;
	struct query q = { 0 };
	char *sql = sqlite3_mprintf(
		"SELECT rowid, alloc_site, free_site, end, self, objects, %s, %s, %s FROM temp.\"%w\"",
		has_column(db, source, "lifetime_sum") ? "lifetime_sum" : "0",
		has_column(db, source, "task") ? "task" : "0",
		has_column(db, source, "interval") ? "interval" : "0", source);
	int rc = sql ? query_init(&q, db, sql, NULL, w->err) : error_nomem(w->err);

	while (rc == 0 && (rc = query_step(&q, w->err)) == 1) {
		struct pair_row r = { .id = query_int(&q, 0),
				      .site = query_int(&q, 1),
				      .free_site = query_int(&q, 2),
				      .end = query_int(&q, 3),
				      .self = query_int(&q, 4),
				      .objects = query_int(&q, 5),
				      .lifetime = query_int(&q, 6),
				      .task = query_int(&q, 7),
				      .interval = query_int(&q, 8) };

		rc = 0;
		if (!id_table_has(r.site, w->e->site_count) || r.objects < 0)
			continue;
		if (!array_room((void **)&w->rows, &w->row_cap, w->row_count, sizeof(r)))
			rc = error_nomem(w->err);
		else
			w->rows[w->row_count++] = r;
	}
	query_release(&q);
	sqlite3_free(sql);
	return rc;
}

/* "p.event, p.call_site, ..." of the columns of a temporary table; name(column, arg) says what stands for each. */
static char *columns_of(sqlite3 *db, const char *table, const char *(*stand_in)(const char *column))
{
	sqlite3_str *s = sqlite3_str_new(db);
	struct query q = { 0 };
	int rc = query_init(&q, db,
			    "SELECT name FROM pragma_table_info(:table, 'temp') ORDER BY cid", NULL,
			    NULL);

	if (rc == 0)
		query_bind_text(&q, ":table", table);
	while (rc == 0 && (rc = query_step(&q, NULL)) == 1) {
		const char *name = query_text(&q, 0), *other = stand_in(name);

		sqlite3_str_appendf(s, sqlite3_str_length(s) ? ", " : "");
		if (other)
			sqlite3_str_appendf(s, "%s AS \"%w\"", other, name);
		else
			sqlite3_str_appendf(s, "p.\"%w\"", name);
		rc = 0;
	}
	query_release(&q);
	return sqlite3_str_finish(s);
}

static const char *of_site(const char *column)
{
	return !strcmp(column, "id")	     ? "n.site" :
	       !strcmp(column, "stack")	     ? "d.stack" :
	       !strcmp(column, "stack_lost") ? "0" :
	       !strcmp(column, "caller")     ? "d.caller" :
					       NULL;
}

static const char *of_pair(const char *column)
{
	return !strcmp(column, "alloc_site") ? "n.alloc_site" :
	       !strcmp(column, "objects")    ? "n.objects" :
	       !strcmp(column, "lifetime_sum") ?
					    "CASE typeof(p.lifetime_sum) WHEN 'real' THEN"
					    " p.lifetime_sum * n.objects / p.objects" /* ns_sum.h */
					    " ELSE n.lifetime_sum END" :
	       !strcmp(column, "lifetime_min") ? "CASE WHEN n.observed THEN p.lifetime_min END" :
	       !strcmp(column, "lifetime_max") ? "CASE WHEN n.observed THEN p.lifetime_max END" :
						 NULL;
}

/* The new sites, in temp.alloc_site and in temp.alloc_caller where that is a table (callers.h). */
static int write_sites(struct work *w)
{
	const struct estimate_errors *x = &w->e->errors;
	char *columns = columns_of(w->e->db, "alloc_site", of_site), *sql = NULL;
	struct query q = { 0 };
	int rc = query_run(
		w->e->db,
		"DROP TABLE IF EXISTS temp.estimate_site;"
		"CREATE TEMP TABLE estimate_site (site INTEGER PRIMARY KEY, origin, donor)",
		w->err);

	if (rc == 0)
		rc = query_init(&q, w->e->db,
				"INSERT INTO temp.estimate_site VALUES (:site, :origin, :donor)",
				NULL, w->err);
	for (size_t i = w->first_site; rc == 0 && i < x->site_count; i++) {
		query_reset(&q);
		query_bind_int(&q, ":site", x->first_id + (int64_t)i);
		query_bind_int(&q, ":origin", x->sites[i].origin);
		query_bind_int(&q, ":donor", x->sites[i].donor);
		rc = query_step(&q, w->err);
	}
	query_release(&q);
	if (rc == 0)
		sql = sqlite3_mprintf(
			"INSERT INTO temp.alloc_site SELECT %s FROM temp.estimate_site n"
			" JOIN temp.alloc_site p ON p.id = n.origin JOIN temp.alloc_site d ON"
			" d.id = n.donor",
			columns);
	if (rc == 0)
		rc = columns && sql ? query_run(w->e->db, sql, w->err) : error_nomem(w->err);
	if (rc == 0)
		rc = query_init(&q, w->e->db,
				"SELECT 1 FROM temp.sqlite_schema WHERE name = 'alloc_caller' AND"
				" type = 'table'",
				NULL, w->err);
	if (rc == 0)
		rc = query_step(&q, w->err);
	query_release(&q);
	if (rc == 1)
		rc = query_run(w->e->db,
			       "INSERT INTO temp.alloc_caller SELECT n.site, k.caller FROM"
			       " temp.estimate_site n JOIN temp.alloc_caller k ON k.site = n.donor",
			       w->err);
	sqlite3_free(columns);
	sqlite3_free(sql);
	return rc;
}

static int write_pairs(struct work *w, const char *source, const char *into)
{
	char *columns = columns_of(w->e->db, source, of_pair),
	     *sql = columns ? sqlite3_mprintf("DROP TABLE IF EXISTS temp.\"%w\";"
					      "CREATE TEMP TABLE \"%w\" AS SELECT %s FROM"
					      " temp.estimate_part n JOIN temp.\"%w\" p ON"
					      " p.rowid = n.row ORDER BY n.rowid;"
					      "DROP TABLE temp.estimate_part",
					      into, into, columns, source) :
			      NULL;
	int rc = sql ? query_run(w->e->db, sql, w->err) : error_nomem(w->err);

	sqlite3_free(columns);
	sqlite3_free(sql);
	return rc;
}

static int split_all(struct work *w, const char *source, const char *into)
{
	int rc = read_rows(w, source);

	if (rc == 0 && (!choose_cells(w) || !read_donations(w)))
		rc = error_nomem(w->err);
	if (rc == 0)
		rc = read_place_donations(w);
	if (rc == 0)
		merge_donations(w);
	if (rc == 0 && !choose_pools(w))
		rc = error_nomem(w->err);
	if (rc == 0)
		rc = query_run(w->e->db,
			       "DROP TABLE IF EXISTS temp.estimate_part;"
			       "CREATE TEMP TABLE estimate_part (row, alloc_site, objects,"
			       " lifetime_sum, observed)",
			       w->err);
	if (rc == 0)
		rc = query_init(&w->insert, w->e->db,
				"INSERT INTO temp.estimate_part VALUES (:row, :site, :objects,"
				" :lifetime, :observed)",
				NULL, w->err);
	if (rc == 0)
		rc = split_rows(w);
	query_release(&w->insert);
	if (rc == 0)
		rc = write_sites(w);
	return rc < 0 ? rc : write_pairs(w, source, into);
}

int estimate_pairs(struct estimate *e, const char *source, const char *into, struct error *err)
{
	struct work w = { .e = e, .first_site = e->errors.site_count, .err = err };
	int rc = query_run(e->db, "BEGIN", err);

	if (rc == 0)
		rc = split_all(&w, source, into);
	if (rc == 0)
		rc = query_run(e->db, "COMMIT", err);
	free(w.rows);
	free(w.cells);
	free(w.donations);
	free(w.split.parts);
	free(w.split.order);
	id_index_release(&w.cell_index);
	id_index_release(&w.site_index);
	return rc;
}
