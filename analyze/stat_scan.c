#include "analyze/stat_scan.h"

#include <stdlib.h>
#include <string.h>

#include "analyze/array_room.h"
#include "analyze/id_index.h"
#include "analyze/id_table.h"
#include "analyze/query.h"
#include "format/base/hash.h"

struct class
{
	int64_t grp, bytes_alloc, bytes_req;
	bool counts, in_task;
};

struct place {
	int64_t address, grp;
	int64_t bytes_alloc, bytes_req, hit, pingpong;
};

struct scan {
	struct report *r;
	bool live_only;
	struct class *classes; /* by site */
	size_t class_count;
	bool *self; /* by task */
	size_t task_count;
	struct place *places; /* number n is places[n - 1] */
	size_t count, room;
	struct id_index index;
};

struct key_of {
	const struct place *places;
	int64_t address, grp;
};

static bool same_place(const void *arg, uint32_t id)
{
	const struct key_of *k = arg;
	const struct place *p = &k->places[id - 1];

	return p->address == k->address && p->grp == k->grp;
}

static uint64_t place_hash(int64_t address, int64_t grp)
{
	return hash_mix((uint64_t)address, (uint64_t)grp);
}

static uint64_t rehash_place(const void *arg, uint32_t id)
{
	const struct scan *s = arg;

	return place_hash(s->places[id - 1].address, s->places[id - 1].grp);
}

/* NULL: no memory. */
static struct place *place_of(struct scan *s, int64_t address, int64_t grp)
{
	const struct key_of k = { s->places, address, grp };
	uint64_t hash = place_hash(address, grp);
	uint32_t id = id_index_find(&s->index, hash, same_place, &k);

	if (id)
		return &s->places[id - 1];
	if (s->count >= UINT32_MAX / 2 ||
	    !array_room((void **)&s->places, &s->room, s->count, sizeof(*s->places)))
		return NULL;
	s->places[s->count] = (struct place){ .address = address, .grp = grp };
	id = (uint32_t)s->count + 1;
	if (!id_index_add(&s->index, hash, id, rehash_place, s))
		return NULL;
	return &s->places[s->count++];
}

static int read_classes(struct scan *s, struct error *err)
{
	struct query q = { 0 };
	int rc = id_table_new(s->r->db, "alloc_site", (void **)&s->classes, &s->class_count,
			      sizeof(*s->classes), err);

	if (rc == 0)
		rc = query_init(&q, s->r->db,
				"SELECT a.id, c.grp, a.bytes_alloc, a.bytes_req, a.context"
				" FROM temp.stat_class c JOIN alloc_site a ON a.id = c.site",
				NULL, err);
	while (rc == 0 && (rc = query_step(&q, err)) == 1) {
		rc = 0;
		if (id_table_has(query_int(&q, 0), s->class_count))
			s->classes[query_int(&q, 0)] = (struct class){
				.grp = query_int(&q, 1),
				.bytes_alloc = query_int(&q, 2),
				.bytes_req = query_int(&q, 3),
				.counts = true,
				.in_task = query_int(&q, 4) == 0
			};
	}
	query_release(&q);
	return rc;
}

static int read_tasks(struct scan *s, struct error *err)
{
	struct query q = { 0 };
	int rc = id_table_new(s->r->db, "task", (void **)&s->self, &s->task_count, sizeof(*s->self),
			      err);

	if (rc == 0)
		rc = query_init(&q, s->r->db, "SELECT id FROM task WHERE self", NULL, err);
	while (rc == 0 && (rc = query_step(&q, err)) == 1) {
		rc = 0;
		if (id_table_has(query_int(&q, 0), s->task_count))
			s->self[query_int(&q, 0)] = true;
	}
	query_release(&q);
	return rc;
}

/* Columns: address, alloc_site, task, end, cpu, free_cpu. */
static int count_row(struct scan *s, const struct query *q, struct error *err)
{
	int64_t site = query_int(q, 1), task = query_int(q, 2);
	const struct class *c = id_table_has(site, s->class_count) ? &s->classes[site] : NULL;
	bool live = (query_int(q, 3) & 3) == 0;
	struct place *p;

	if (!c || !c->counts || (s->live_only && !live))
		return 0;
	if (!s->r->options->include_self && c->in_task && id_table_has(task, s->task_count) &&
	    s->self[task])
		return 0;
	p = place_of(s, query_int(q, 0), c->grp);
	if (!p)
		return error_nomem(err);
	p->hit++;
	p->bytes_alloc += c->bytes_alloc;
	p->bytes_req += c->bytes_req;
	p->pingpong += !query_is_null(q, 5) && query_int(q, 5) != query_int(q, 4);
	return 0;
}

static int read_rows(struct scan *s, struct error *err)
{
	struct query q = { 0 };
	char *sql = sqlite3_mprintf("SELECT address, alloc_site, task, end, cpu, free_cpu FROM %s",
				    report_rows(s->r));
	int rc = sql ? query_init(&q, s->r->db, sql, NULL, err) : error_nomem(err);

	while (rc == 0 && (rc = query_step(&q, err)) == 1)
		rc = count_row(s, &q, err);
	query_release(&q);
	sqlite3_free(sql);
	return rc;
}

static int write_table(struct scan *s, struct error *err)
{
	struct query q = { 0 };
	int rc = query_run(s->r->db,
			   "CREATE TEMP TABLE stat_address (address, grp, bytes_alloc, bytes_req,"
			   " hit, pingpong)",
			   err);

	if (rc == 0)
		rc = query_init(&q, s->r->db,
				"INSERT INTO temp.stat_address VALUES (:address, :grp, :alloc,"
				" :req, :hit, :pingpong)",
				NULL, err);
	for (size_t i = 0; rc == 0 && i < s->count; i++) {
		const struct place *p = &s->places[i];

		query_reset(&q);
		query_bind_int(&q, ":address", p->address);
		query_bind_int(&q, ":grp", p->grp);
		query_bind_int(&q, ":alloc", p->bytes_alloc);
		query_bind_int(&q, ":req", p->bytes_req);
		query_bind_int(&q, ":hit", p->hit);
		query_bind_int(&q, ":pingpong", p->pingpong);
		rc = query_step(&q, err);
	}
	query_release(&q);
	return rc;
}

int stat_scan(struct report *r, bool live_only, struct error *err)
{
	struct scan s = { .r = r, .live_only = live_only };
	int rc = read_classes(&s, err);

	if (rc == 0)
		rc = read_tasks(&s, err);
	if (rc == 0)
		rc = read_rows(&s, err);
	if (rc == 0)
		rc = write_table(&s, err);
	id_index_release(&s.index);
	free(s.classes);
	free(s.self);
	free(s.places);
	return rc;
}
