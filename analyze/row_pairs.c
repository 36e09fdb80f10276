#include "analyze/row_pairs.h"

#include <stdlib.h>

#include "analyze/array_room.h"
#include "analyze/id_index.h"
#include "analyze/id_table.h"
#include "analyze/initcalls.h"
#include "analyze/ns_sum.h"
#include "analyze/query.h"
#include "format/base/hash.h"

/* As many integers as distinguish a pair, in the order of the table's columns. */
enum column {
	ALLOC_SITE,
	FREE_SITE,
	END,
	SELF,
	INTERVAL,
	TASK,
	CPU,
	INITCALL,
	FREE_TASK,
	FREE_CPU,
	FREE_INITCALL,
	KEY_COLUMNS
};

struct row_pair {
	int64_t key[KEY_COLUMNS];
	int64_t objects, lifetime_min, lifetime_max;
	struct ns_sum lifetime_sum;
};

struct task_fact {
	int64_t pid, same; /* same: the task that stands for it */
	bool self;
};

struct scan {
	const struct row_pairs *how;
	sqlite3 *db;
	struct task_fact *tasks; /* by id */
	size_t task_count;
	bool *in_task; /* by allocation site: context 0 */
	size_t site_count;
	struct initcalls initcalls;
	struct row_pair *pairs; /* number n is pairs[n - 1] */
	size_t count, room;
	struct id_index index;
};

struct key_of {
	const struct row_pair *pairs;
	const int64_t *key;
};

static uint64_t key_hash(const int64_t *key)
{
	return hash_bytes(0, key, KEY_COLUMNS * sizeof(*key));
}

static bool same_key(const void *arg, uint32_t id)
{
	const struct key_of *k = arg;

	return !memcmp(k->pairs[id - 1].key, k->key, sizeof(k->pairs->key));
}

static uint64_t rehash_key(const void *arg, uint32_t id)
{
	const struct scan *s = arg;

	return key_hash(s->pairs[id - 1].key);
}

static int64_t add(int64_t a, int64_t b)
{
	int64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

static bool count_object(struct scan *s, const int64_t *key, int64_t lifetime)
{
	const struct key_of k = { s->pairs, key };
	uint64_t hash = key_hash(key);
	uint32_t id = id_index_find(&s->index, hash, same_key, &k);
	struct row_pair *p;

	if (!id) {
		if (s->count >= UINT32_MAX / 2 ||
		    !array_room((void **)&s->pairs, &s->room, s->count, sizeof(*s->pairs)))
			return false;
		p = &s->pairs[s->count];
		*p = (struct row_pair){ .lifetime_min = INT64_MAX, .lifetime_max = INT64_MIN };
		memcpy(p->key, key, sizeof(p->key));
		id = (uint32_t)s->count + 1;
		if (!id_index_add(&s->index, hash, id, rehash_key, s))
			return false;
		s->count++;
	}
	p = &s->pairs[id - 1];
	p->objects++;
	ns_sum_add(&p->lifetime_sum, lifetime > 0 ? (uint64_t)lifetime : 0);
	if (lifetime < p->lifetime_min)
		p->lifetime_min = lifetime;
	if (lifetime > p->lifetime_max)
		p->lifetime_max = lifetime;
	return true;
}

/* ---- what the rows refer to ---- */

static int read_tasks(struct scan *s, struct error *err)
{
	struct query q = { 0 };
	char *sql =
		sqlite3_mprintf("SELECT id, pid, self, min(id) OVER (PARTITION BY %s) FROM task",
				s->how->task_by ? s->how->task_by : "1");
	int rc = id_table_new(s->db, "task", (void **)&s->tasks, &s->task_count, sizeof(*s->tasks),
			      err);

	if (rc == 0)
		rc = sql ? query_init(&q, s->db, sql, NULL, err) : error_nomem(err);
	while (rc == 0 && (rc = query_step(&q, err)) == 1) {
		rc = 0;
		if (id_table_has(query_int(&q, 0), s->task_count))
			s->tasks[query_int(&q, 0)] = (struct task_fact){
				.pid = query_int(&q, 1),
				.same = query_int(&q, 3),
				.self = query_int(&q, 2) != 0,
			};
	}
	query_release(&q);
	sqlite3_free(sql);
	return rc;
}

static int read_sites(struct scan *s, struct error *err)
{
	struct query q = { 0 };
	int rc = id_table_new(s->db, "alloc_site", (void **)&s->in_task, &s->site_count,
			      sizeof(*s->in_task), err);

	if (rc == 0)
		rc = query_init(&q, s->db, "SELECT id, context FROM alloc_site", NULL, err);
	while (rc == 0 && (rc = query_step(&q, err)) == 1) {
		rc = 0;
		if (id_table_has(query_int(&q, 0), s->site_count))
			s->in_task[query_int(&q, 0)] = query_int(&q, 1) == 0;
	}
	query_release(&q);
	return rc;
}

/* ---- the pass ---- */

enum row_column {
	ROW_SITE,
	ROW_FREE_SITE,
	ROW_END,
	ROW_TIME,
	ROW_LIFETIME,
	ROW_TASK,
	ROW_CPU,
	ROW_FREE_TASK,
	ROW_FREE_CPU
};

static int64_t initcall_of(const struct scan *s, int64_t task, int64_t time)
{
	if (!s->how->initcall || !id_table_has(task, s->task_count))
		return 0;
	return initcalls_find(&s->initcalls, s->tasks[task].pid, time);
}

static int64_t standing_for(const struct scan *s, int64_t task)
{
	return id_table_has(task, s->task_count) ? s->tasks[task].same : task;
}

/* All of the key but interval and end. */
static void alloc_side(const struct scan *s, const struct query *q, int64_t *key)
{
	int64_t site = query_int(q, ROW_SITE), task = query_int(q, ROW_TASK);

	key[ALLOC_SITE] = site;
	key[SELF] = id_table_has(task, s->task_count) && s->tasks[task].self &&
		    id_table_has(site, s->site_count) && s->in_task[site];
	if (s->how->task_by)
		key[TASK] = standing_for(s, task);
	if (s->how->cpu)
		key[CPU] = query_int(q, ROW_CPU);
	key[INITCALL] = initcall_of(s, task, query_int(q, ROW_TIME));
}

static void free_side(const struct scan *s, const struct query *q, int64_t *key, int64_t time)
{
	key[FREE_SITE] = query_int(q, ROW_FREE_SITE);
	if (query_is_null(q, ROW_FREE_TASK))
		return;
	if (s->how->task_by)
		key[FREE_TASK] = standing_for(s, query_int(q, ROW_FREE_TASK));
	if (s->how->cpu)
		key[FREE_CPU] = query_int(q, ROW_FREE_CPU);
	key[FREE_INITCALL] = initcall_of(s, query_int(q, ROW_FREE_TASK), time);
}

/* The last interval ends with the capture's last moment, the first begins with its first. */
static int64_t interval_of(const struct row_pairs *how, int64_t time)
{
	int64_t last = how->length > 0 ? (how->length - 1) / how->interval : 0,
		i = time > 0 ? time / how->interval : 0;

	return i < last ? i : last;
}

/* Once in the interval of its end, and once as not freed in that of its beginning. */
static bool count_intervals(struct scan *s, const struct query *q, const int64_t *begin,
			    const int64_t *end_key)
{
	int64_t every = s->how->interval, time = query_int(q, ROW_TIME),
		first = interval_of(s->how, time), next = add(first * every, every);
	bool live = query_is_null(q, ROW_LIFETIME);
	int64_t end = live ? 0 : add(time, query_int(q, ROW_LIFETIME)), key[KEY_COLUMNS];

	if (!live) {
		memcpy(key, end_key, sizeof(key));
		key[INTERVAL] = interval_of(s->how, end);
		if (!count_object(s, key, query_int(q, ROW_LIFETIME)))
			return false;
	}
	if (!live && interval_of(s->how, end) <= first)
		return true;
	memcpy(key, begin, sizeof(key));
	key[INTERVAL] = first;
	key[END] &= 4;
	return count_object(s, key, (next < s->how->length ? next : s->how->length) - time);
}

static bool count_row(struct scan *s, const struct query *q)
{
	int64_t begin[KEY_COLUMNS] = { 0 }, key[KEY_COLUMNS];
	int64_t time = query_int(q, ROW_TIME);
	bool live = query_is_null(q, ROW_LIFETIME);

	begin[END] = query_int(q, ROW_END);
	begin[FREE_CPU] = -2; /* none */
	alloc_side(s, q, begin);
	memcpy(key, begin, sizeof(key));
	if (!live)
		free_side(s, q, key, add(time, query_int(q, ROW_LIFETIME)));
	if (s->how->interval)
		return count_intervals(s, q, begin, key);
	return count_object(s, key, live ? s->how->length - time : query_int(q, ROW_LIFETIME));
}

static int read_rows(struct scan *s, struct error *err)
{
	struct query q = { 0 };
	char *sql = sqlite3_mprintf("SELECT alloc_site, free_site, end, time, lifetime, task, cpu,"
				    " free_task, free_cpu FROM %s",
				    s->how->source);
	int rc = sql ? query_init(&q, s->db, sql, NULL, err) : error_nomem(err);

	while (rc == 0 && (rc = query_step(&q, err)) == 1)
		rc = count_row(s, &q) ? 0 : error_nomem(err);
	query_release(&q);
	sqlite3_free(sql);
	return rc;
}

/* ---- the table ---- */

static int write_table(struct scan *s, const char *table, struct error *err)
{
	static const char *const names[KEY_COLUMNS] = {
		":alloc_site", ":free_site", ":end",	   ":self",	":interval",	 ":task",
		":cpu",	       ":initcall",  ":free_task", ":free_cpu", ":free_initcall"
	};
	char *create = sqlite3_mprintf(
		     "CREATE TEMP TABLE \"%w\" (alloc_site, free_site, end, self, objects,"
		     " lifetime_sum, lifetime_min, lifetime_max, interval, task, cpu, initcall,"
		     " free_task, free_cpu, free_initcall)",
		     table),
	     *insert = sqlite3_mprintf(
		     "INSERT INTO temp.\"%w\" VALUES (:alloc_site, :free_site, :end, :self,"
		     " :objects, :sum, :min, :max, :interval, :task, :cpu, :initcall, :free_task,"
		     " nullif(:free_cpu, -2), :free_initcall)",
		     table);
	struct query q = { 0 };
	int rc = create && insert ? query_run(s->db, create, err) : error_nomem(err);

	if (rc == 0)
		rc = query_init(&q, s->db, insert, NULL, err);
	for (size_t i = 0; rc == 0 && i < s->count; i++) {
		const struct row_pair *p = &s->pairs[i];

		query_reset(&q);
		for (int k = 0; k < KEY_COLUMNS; k++)
			query_bind_int(&q, names[k], p->key[k]);
		query_bind_int(&q, ":objects", p->objects);
		ns_sum_bind(q.stmt, sqlite3_bind_parameter_index(q.stmt, ":sum"), &p->lifetime_sum);
		query_bind_int(&q, ":min", p->lifetime_min);
		query_bind_int(&q, ":max", p->lifetime_max);
		rc = query_step(&q, err);
	}
	query_release(&q);
	sqlite3_free(create);
	sqlite3_free(insert);
	return rc;
}

/* What pair_total has more than the rows is what the recorder folded. */
static int add_folded(sqlite3 *db, const char *table, struct error *err)
{
	char *sql = sqlite3_mprintf(
		"INSERT INTO temp.\"%w\""
		" SELECT p.alloc_site, p.free_site, p.end, p.self, p.objects - coalesce(r.objects, 0),"
		" CASE WHEN p.lifetime_sum - coalesce(r.lifetime_sum, 0) < 9.2e18 THEN"
		" CAST(p.lifetime_sum - coalesce(r.lifetime_sum, 0) AS INTEGER) ELSE"
		" p.lifetime_sum - coalesce(r.lifetime_sum, 0) END,"
		" NULL, NULL, 0, -1, -1, -1, -1, -1, -1"
		" FROM pair_total p LEFT JOIN (SELECT alloc_site, free_site, end, self,"
		" sum(objects) AS objects, total(lifetime_sum) AS lifetime_sum FROM temp.\"%w\""
		" GROUP BY 1, 2, 3, 4) r ON r.alloc_site = p.alloc_site AND r.free_site = p.free_site"
		" AND r.end = p.end AND r.self = p.self WHERE p.objects > coalesce(r.objects, 0)",
		table, table);
	int rc = sql ? query_run(db, sql, err) : error_nomem(err);

	sqlite3_free(sql);
	return rc;
}

int row_pairs_select(sqlite3 *db, const struct row_pairs *how, const char *table, struct error *err)
{
	struct row_pairs all = *how;
	struct scan s = { .how = &all, .db = db };
	int rc = 0;

	/* the view of --by wants some task, if only to see that there is one */
	if (all.initcall && !all.task_by)
		all.task_by = "1";
	if (all.initcall)
		rc = initcalls_read(&s.initcalls, db, err);
	if (rc == 0)
		rc = read_tasks(&s, err);
	if (rc == 0)
		rc = read_sites(&s, err);
	if (rc == 0)
		rc = read_rows(&s, err);
	if (rc == 0)
		rc = write_table(&s, table, err);
	if (rc == 0 && all.folded)
		rc = add_folded(db, table, err);
	initcalls_release(&s.initcalls);
	id_index_release(&s.index);
	free(s.tasks);
	free(s.in_task);
	free(s.pairs);
	return rc;
}
