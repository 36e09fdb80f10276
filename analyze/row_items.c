#include "analyze/row_items.h"

#include <stdlib.h>
#include <string.h>

#include "analyze/array_room.h"
#include "analyze/id_table.h"
#include "format/base/hash.h"

/* ---- what the rows refer to ---- */

static int read_sites(struct row_items *x, struct report *r, struct error *err)
{
	sqlite3_str *s = sqlite3_str_new(r->db);
	struct query q = { 0 };
	char *sql;
	int rc = id_table_new(r->db, "alloc_site", (void **)&x->sites, &x->site_count,
			      sizeof(*x->sites), err);

	sqlite3_str_appendall(s, "SELECT a.id, a.bytes_alloc, a.context = 0 FROM alloc_site a"
				 " JOIN event e ON e.id = a.event WHERE 1");
	report_append_sites(r, s);
	sql = sqlite3_str_finish(s);
	if (rc == 0)
		rc = sql ? query_init(&q, r->db, sql, NULL, err) : error_nomem(err);
	while (rc == 0 && (rc = query_step(&q, err)) == 1) {
		rc = 0;
		if (id_table_has(query_int(&q, 0), x->site_count))
			x->sites[query_int(&q, 0)] = (struct row_site){
				.bytes = (uint64_t)query_int(&q, 1),
				.chosen = true,
				.in_task = query_int(&q, 2) != 0
			};
	}
	query_release(&q);
	sqlite3_free(sql);
	return rc;
}

static int read_tasks(struct row_items *x, struct report *r, struct error *err)
{
	struct query q = { 0 };
	int rc = id_table_new(r->db, "task", (void **)&x->tasks, &x->task_count, sizeof(*x->tasks),
			      err);

	if (rc == 0)
		rc = query_init(&q, r->db, "SELECT id, pid, self FROM task", NULL, err);
	while (rc == 0 && (rc = query_step(&q, err)) == 1) {
		rc = 0;
		if (id_table_has(query_int(&q, 0), x->task_count))
			x->tasks[query_int(&q, 0)] = (struct row_task){ query_int(&q, 1),
									query_int(&q, 2) != 0 };
	}
	query_release(&q);
	return rc;
}

/* ---- items ---- */

struct item_key {
	const struct row_item *list;
	int64_t parts[4];
};

static bool same_item(const void *arg, uint32_t id)
{
	const struct item_key *k = arg;
	const struct row_item *i = &k->list[id - 1];

	return i->site == k->parts[0] && i->task == k->parts[1] && i->cpu == k->parts[2] &&
	       i->initcall == k->parts[3];
}

static uint64_t item_hash(int64_t site, int64_t task, int64_t cpu, int64_t initcall)
{
	return hash_mix((uint64_t)site << 32 ^ (uint64_t)task,
			(uint64_t)cpu << 32 ^ (uint64_t)initcall);
}

static uint64_t rehash_item(const void *arg, uint32_t id)
{
	const struct row_items *x = arg;
	const struct row_item *i = &x->list[id - 1];

	return item_hash(i->site, i->task, i->cpu, i->initcall);
}

/* 0: no memory. */
static uint32_t find_item(struct row_items *x, int64_t site, int64_t task, int64_t cpu,
			  int64_t initcall)
{
	const struct item_key key = { x->list, { site, task, cpu, initcall } };
	uint32_t *last = &x->sites[site].last, id;
	uint64_t hash;

	if (*last && same_item(&key, *last))
		return *last;
	hash = item_hash(site, task, cpu, initcall);
	id = id_index_find(&x->index, hash, same_item, &key);
	if (id)
		return *last = id;
	if (x->count >= UINT32_MAX / 2 ||
	    !array_room((void **)&x->list, &x->cap, x->count, sizeof(*x->list)))
		return 0;
	x->list[x->count] = (struct row_item){ .site = site,
					       .task = task,
					       .cpu = cpu,
					       .initcall = initcall,
					       .bytes = x->sites[site].bytes };
	id = (uint32_t)x->count + 1;
	if (!id_index_add(&x->index, hash, id, rehash_item, x))
		return 0;
	x->count++;
	return *last = id;
}

/* ---- the pass ---- */

enum row_column { ROW_SITE, ROW_TASK, ROW_TIME, ROW_LIFETIME, ROW_END, ROW_CPU };

static int take_row(struct row_items *x, const struct report *r, const struct query *q,
		    bool (*take)(void *arg, const struct row *row), void *arg)
{
	int64_t site = query_int(q, ROW_SITE), task = query_int(q, ROW_TASK), initcall = 0;
	struct row row = { .time = query_int(q, ROW_TIME),
			   .end_time = INT64_MAX,
			   .end = query_int(q, ROW_END) };
	bool known = id_table_has(task, x->task_count);

	if (!id_table_has(site, x->site_count) || !x->sites[site].chosen)
		return 0;
	if (!r->options->include_self && known && x->tasks[task].self && x->sites[site].in_task)
		return 0;
	if (r->by.initcall && known)
		initcall = initcalls_find(&x->initcalls, x->tasks[task].pid, row.time);
	if (!query_is_null(q, ROW_LIFETIME) &&
	    __builtin_add_overflow(row.time, query_int(q, ROW_LIFETIME), &row.end_time))
		row.end_time = INT64_MAX - 1;
	row.item = find_item(x, site, r->by.task ? task : 0, r->by.cpu ? query_int(q, ROW_CPU) : 0,
			     initcall);
	return row.item && take(arg, &row) ? 0 : ERR_NOMEM;
}

int row_items_read(struct row_items *x, struct report *r,
		   bool (*take)(void *arg, const struct row *row), void *arg, struct error *err)
{
	struct query q = { 0 };
	char *sql = sqlite3_mprintf("SELECT alloc_site, task, time, lifetime, end%s FROM %s",
				    r->by.cpu ? ", cpu" : "", report_rows(r));
	int rc = read_sites(x, r, err);

	if (rc == 0)
		rc = read_tasks(x, r, err);
	if (rc == 0 && r->by.initcall)
		rc = initcalls_read(&x->initcalls, r->db, err);
	if (rc == 0)
		rc = sql ? query_init(&q, r->db, sql, NULL, err) : error_nomem(err);
	while (rc == 0 && (rc = query_step(&q, err)) == 1)
		rc = take_row(x, r, &q, take, arg) < 0 ? error_nomem(err) : 0;
	query_release(&q);
	sqlite3_free(sql);
	return rc;
}

int row_items_sites(struct row_items *x, struct report *r, struct error *err)
{
	int rc = read_sites(x, r, err);

	for (size_t i = 0; rc == 0 && i < x->site_count; i++)
		if (x->sites[i].chosen && !find_item(x, (int64_t)i, 0, 0, 0))
			rc = error_nomem(err);
	return rc;
}

uint32_t row_items_site(const struct row_items *x, int64_t site)
{
	return id_table_has(site, x->site_count) ? x->sites[site].last : 0;
}

/* ---- groups ---- */

static int write_items(const struct row_items *x, struct report *r, struct error *err)
{
	struct query q = { 0 };
	int rc = query_run(
		r->db,
		"CREATE TEMP TABLE row_item (id INTEGER PRIMARY KEY, alloc_site, task, cpu,"
		" initcall)",
		err);

	if (rc == 0)
		rc = query_init(&q, r->db,
				"INSERT INTO temp.row_item VALUES (:id, :site, :task, :cpu,"
				" :initcall)",
				NULL, err);
	for (size_t i = 0; rc == 0 && i < x->count; i++) {
		query_reset(&q);
		query_bind_int(&q, ":id", (int64_t)i + 1);
		query_bind_int(&q, ":site", x->list[i].site);
		query_bind_int(&q, ":task", x->list[i].task);
		query_bind_int(&q, ":cpu", x->list[i].cpu);
		query_bind_int(&q, ":initcall", x->list[i].initcall);
		rc = query_step(&q, err);
	}
	query_release(&q);
	return rc;
}

/* Which group each item is of: temp.row_item_group, and the groups themselves. */
#define GROUP(order, columns, from) \
	"CREATE TEMP TABLE row_item_group AS SELECT i.id AS item, dense_rank() OVER (ORDER BY " order \
	") AS id, " columns " FROM " from " i JOIN alloc_site a ON a.id = i.alloc_site" \
	" JOIN event e ON e.id = a.event;" \
	"CREATE TEMP TABLE row_group AS SELECT DISTINCT id, domain, stack, call_site, key1, key2," \
	" key3, key4 FROM temp.row_item_group ORDER BY id"
#define NO_KEYS "NULL AS key1, NULL AS key2, NULL AS key3, NULL AS key4"

static const char *group_sql(const struct report *r, enum row_groups groups)
{
	if (r->by.count)
		return GROUP("e.domain, " BY_COLUMNS,
			     "e.domain AS domain, NULL AS stack, NULL AS call_site, " BY_COLUMNS,
			     "temp.row_item_by");
	if (groups == ROW_GROUPS_DOMAIN)
		return GROUP("e.domain",
			     "e.domain AS domain, NULL AS stack, NULL AS call_site, " NO_KEYS,
			     "temp.row_item");
	if (report_by_call_site(r))
		return GROUP(
			"e.domain, a.call_site",
			"e.domain AS domain, NULL AS stack, a.call_site AS call_site, " NO_KEYS,
			"temp.row_item");
	return GROUP("e.domain, a.stack, CASE WHEN a.stack IS NULL THEN a.call_site END",
		     "e.domain AS domain, a.stack AS stack,"
		     " CASE WHEN a.stack IS NULL THEN a.call_site END AS call_site, " NO_KEYS,
		     "temp.row_item");
}

int row_items_group(struct row_items *x, struct report *r, enum row_groups groups,
		    struct error *err)
{
	struct query q = { 0 };
	int rc = write_items(x, r, err);

	if (rc == 0 && r->by.count)
		rc = by_view(&r->by, r->db, "row_item_by", "row_item", false, err);
	if (rc == 0)
		rc = query_run(r->db, group_sql(r, groups), err);
	if (rc == 0)
		rc = query_init(&q, r->db, "SELECT item, id FROM temp.row_item_group", NULL, err);
	while (rc == 0 && (rc = query_step(&q, err)) == 1) {
		uint32_t group = (uint32_t)query_int(&q, 1);

		rc = 0;
		x->list[query_int(&q, 0) - 1].group = group;
		if (x->groups < group)
			x->groups = group;
	}
	query_release(&q);
	return rc;
}

void row_items_release(struct row_items *x)
{
	initcalls_release(&x->initcalls);
	id_index_release(&x->index);
	free(x->sites);
	free(x->tasks);
	free(x->list);
	*x = (struct row_items){ 0 };
}
