#include "analyze/event_pairs.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/feed_table.h"
#include "analyze/losses.h"
#include "analyze/object_table.h"
#include "analyze/pair_rows.h"
#include "analyze/query.h"
#include "analyze/replay.h"
#include "analyze/report.h"
#include "format/base/units.h"
#include "schema_sql.h"

#define BATCH_ROWS 8192

/* Rows on their way into a temporary table, by way of the virtual table `feed`. */
struct sink {
	struct query insert;
	struct feed_batch batch;
	int64_t rows; /* in all */
};

struct pairing {
	sqlite3 *db;
	struct event_pairs *pairs;
	struct pair_items items;
	struct pair_names names;
	struct pair_rows rows;
	struct losses losses;
	struct object_table objects;
	struct totals totals;
	struct sink ended, unmatched;
	bool rows_wanted; /* of what ended */
	int64_t length, first_live_id;
};

/* ---- rows ---- */

static int sink_open(struct sink *s, sqlite3 *db, const char *sql, struct error *err)
{
	s->batch.rows = calloc(BATCH_ROWS, sizeof(*s->batch.rows));
	return s->batch.rows ? query_init(&s->insert, db, sql, NULL, err) : error_nomem(err);
}

static int sink_flush(struct sink *s, struct event_pairs *pairs, struct error *err)
{
	int rc;

	pairs->source = &s->batch;
	rc = query_step(&s->insert, err);
	query_reset(&s->insert);
	pairs->source = NULL;
	s->batch.count = 0;
	return rc;
}

static void sink_close(struct sink *s)
{
	query_release(&s->insert);
	free(s->batch.rows);
	s->batch.rows = NULL;
}

/* Room for one more row; NULL: failed. */
static struct feed_row *sink_row(struct sink *s, struct event_pairs *pairs, struct error *err)
{
	if (s->batch.count == BATCH_ROWS && sink_flush(s, pairs, err) < 0)
		return NULL;
	s->rows++;
	return &s->batch.rows[s->batch.count++];
}

/* ---- pairing ---- */

static int read_losses(struct pairing *p, struct error *err)
{
	struct query q = { 0 };
	int rc = query_init(&q, p->db, "SELECT cpu, from_time, to_time FROM loss", NULL, err);

	while (rc == 0 && (rc = query_step(&q, err)) == 1) {
		const struct loss loss = { .cpu = (int32_t)query_int(&q, 0),
					   .from = query_int(&q, 1),
					   .to = query_int(&q, 2) };

		rc = losses_add(&p->losses, &loss) ? 0 : error_nomem(err);
	}
	query_release(&q);
	losses_sort(&p->losses);
	return rc;
}

static int count_end(struct pairing *p, const struct object *o, int64_t now, uint32_t free_site,
		     uint8_t end, struct error *err)
{
	uint64_t ns = now > o->time ? (uint64_t)(now - o->time) : 0;

	return totals_pair(&p->totals, o->site, o->self, free_site, end, ns) ? 0 : error_nomem(err);
}

/* by: the free; NULL: its key began another object at `now`. */
static int object_ends(struct pairing *p, const struct object *o, int64_t now,
		       const struct pair_event *by, struct error *err)
{
	uint8_t end = (uint8_t)((by ? END_FREED : END_REUSED) |
				(losses_hit(&p->losses, o->time, now) ? END_IN_LOSS : 0));
	struct feed_row *row;

	if (!p->rows_wanted)
		return count_end(p, o, now, by ? by->site : 0, end, err);
	row = sink_row(&p->ended, p->pairs, err);
	if (!row)
		return ERR_NOMEM;
	*row = (struct feed_row){ .time = o->time,
				  .lifetime = now - o->time,
				  .address = o->address,
				  .alloc_site = o->site,
				  .task = o->task,
				  .cpu = o->cpu,
				  .end = end };
	if (by) {
		row->free_site = by->site;
		row->free_task = by->task;
		row->free_cpu = by->cpu;
	}
	return count_end(p, o, now, row->free_site, end, err);
}

static int on_alloc(struct pairing *p, const struct pair_event *e, struct error *err)
{
	bool existed = false;
	struct object *o = object_table_put(&p->objects, e->key, &existed);
	int rc = 0;

	if (!o)
		return error_nomem(err);
	if (existed)
		rc = object_ends(p, o, e->time, NULL, err);
	o->time = e->time;
	o->site = e->site;
	o->task = e->task;
	o->cpu = e->cpu;
	o->self = e->self;
	return rc;
}

static int on_free(struct pairing *p, const struct pair_event *e, struct error *err)
{
	struct free_total *total = totals_free(&p->totals, e->site, e->self);
	struct feed_row *row;
	struct object o;

	if (object_table_take(&p->objects, e->key, &o)) {
		total->matched++;
		return object_ends(p, &o, e->time, e, err);
	}
	total->unmatched++;
	row = sink_row(&p->unmatched, p->pairs, err);
	if (!row)
		return ERR_NOMEM;
	*row = (struct feed_row){ .time = e->time,
				  .address = e->key,
				  .free_site = e->site,
				  .task = e->task,
				  .cpu = e->cpu };
	return 0;
}

static int add_live(struct pairing *p, struct error *err)
{
	const struct object *live = object_table_sorted(&p->objects);

	p->first_live_id = p->ended.rows + 1;
	for (size_t i = 0; i < p->objects.count; i++) {
		const struct object *o = &live[i];
		struct feed_row *row = sink_row(&p->ended, p->pairs, err);
		uint8_t end = losses_hit(&p->losses, o->time, INT64_MAX) ? END_LIVE | END_IN_LOSS :
									   END_LIVE;

		if (!row)
			return ERR_NOMEM;
		*row = (struct feed_row){ .time = o->time,
					  .live = true,
					  .address = o->address,
					  .alloc_site = o->site,
					  .task = o->task,
					  .cpu = o->cpu,
					  .end = end };
		if (count_end(p, o, p->length, 0, end, err) < 0)
			return ERR_NOMEM;
	}
	return 0;
}

static int pair_all(struct pairing *p, struct error *err)
{
	const struct pair_event *e;
	int rc = 0;

	if (!totals_reserve(&p->totals, p->rows.alloc_sites.count, p->rows.free_sites.count))
		return error_nomem(err);
	while (rc == 0 && (e = pair_rows_next(&p->rows))) {
		p->items.list[e->frees ? p->rows.free_sites.list[e->site - 1].item :
					 p->rows.alloc_sites.list[e->site - 1].item]
			.events++;
		rc = e->frees ? on_free(p, e, err) : on_alloc(p, e, err);
	}
	if (rc == 0)
		rc = add_live(p, err);
	if (rc == 0)
		rc = sink_flush(&p->ended, p->pairs, err);
	return rc < 0 ? rc : sink_flush(&p->unmatched, p->pairs, err);
}

/* Frees of NULL have no rows, only numbers by their old sites. */
static int count_null_frees(struct pairing *p, struct error *err)
{
	struct query q = { 0 };
	int rc = query_init(&q, p->db,
			    "SELECT free_site, self, null_frees FROM main.free_total"
			    " WHERE null_frees > 0",
			    NULL, err);

	while (rc == 0 && (rc = query_step(&q, err)) == 1) {
		int64_t site = 0;

		rc = 0;
		for (uint32_t i = 0; i < p->items.count && !site; i++)
			if (p->items.list[i].frees)
				site = pair_rows_null_site(&p->rows, i, query_int(&q, 0), err);
		if (site < 0)
			rc = (int)site;
		else if (!totals_reserve(&p->totals, p->rows.alloc_sites.count,
					 p->rows.free_sites.count))
			rc = error_nomem(err);
		else if (site)
			totals_free(&p->totals, (uint32_t)site, query_int(&q, 1) != 0)
				->null_frees += (uint64_t)query_int(&q, 2);
	}
	query_release(&q);
	return rc;
}

/* ---- tables ---- */

/* clang-format off */
static const char create[] =
	"CREATE TEMP TABLE allocation (id INTEGER PRIMARY KEY, time, lifetime, address, alloc_site, free_site, task,"
	" free_task, cpu, free_cpu, end);"
	"CREATE TEMP TABLE unmatched_free (id INTEGER PRIMARY KEY, time, address, free_site, task, cpu);"
	"CREATE TEMP TABLE alloc_site (id INTEGER PRIMARY KEY, event, call_site, stack, stack_lost, bytes_req,"
	" bytes_alloc, gfp, node, cache, context, caller);"
	"CREATE TEMP TABLE free_site (id INTEGER PRIMARY KEY, event, call_site, stack, stack_lost, cache, context,"
	" caller);"
	"CREATE TEMP TABLE event (id INTEGER PRIMARY KEY, system, name, role, domain, api, has_stack, events);"
	"CREATE TEMP TABLE pair_total (alloc_site, free_site, end, self, objects, lifetime_sum, lifetime_min,"
	" lifetime_max);"
	"CREATE TEMP TABLE free_total (free_site, self, matched, unmatched, null_frees);"
	"CREATE TEMP TABLE site_total (alloc_site, self, failed, peak_objects);"
	"CREATE TEMP TABLE pair_site (id INTEGER, item, origin, size);"
	"CREATE TEMP TABLE pair_item (id INTEGER PRIMARY KEY, frees, source, stack, own_size, has_size, event, system,"
	" name, text, events, unread);"
	"CREATE TEMP TABLE capture AS SELECT * FROM main.capture WHERE key NOT IN ('first_live_id', 'folded.pairs',"
	" 'folded.late', 'recorder.survivors_ns')";

static const char insert_ended[] =
	"INSERT INTO temp.allocation (time, lifetime, address, alloc_site, free_site, task, free_task, cpu, free_cpu,"
	" end) SELECT time, lifetime, address, alloc_site, free_site, task, free_task, cpu, free_cpu, end FROM feed",
	insert_unmatched[] =
	"INSERT INTO temp.unmatched_free (time, address, free_site, task, cpu)"
	" SELECT time, address, free_site, task, cpu FROM feed";
/* clang-format on */

static int write_items(struct pairing *p, struct error *err)
{
	struct query q = { 0 };
	int rc = query_init(&q, p->db,
			    "INSERT INTO temp.pair_item VALUES (:id, :frees, :source, :stack, :own,"
			    " :sized, :event, :system, :name, :text, :events, :unread)",
			    NULL, err);

	for (size_t i = 0; i < p->items.count && rc == 0; i++) {
		const struct pair_item *item = &p->items.list[i];

		query_bind_int(&q, ":id", (int64_t)i);
		query_bind_int(&q, ":frees", item->frees);
		query_bind_int(&q, ":source", item->source);
		query_bind_int(&q, ":stack", item->stack);
		query_bind_int(&q, ":own", item->own_size);
		query_bind_int(&q, ":sized", item->size != NULL);
		query_bind_int(&q, ":event", item->event);
		query_bind_text(&q, ":system", item->system);
		query_bind_text(&q, ":name", item->name);
		query_bind_text(&q, ":text", item->text);
		query_bind_int(&q, ":events", (int64_t)item->events);
		query_bind_int(&q, ":unread", (int64_t)item->unread);
		rc = query_step(&q, err);
		query_reset(&q);
	}
	query_release(&q);
	return rc;
}

/* The new sites of one side as the temporary table pair_site, and from them and the old ones the site table. */
static int write_sites(struct pairing *p, const struct pair_sites *sites, const char *table,
		       const char *select, struct error *err)
{
	struct query q = { 0 };
	char *fill;
	int rc = query_run(p->db, "DELETE FROM temp.pair_site", err);

	if (rc == 0)
		rc = query_init(&q, p->db,
				"INSERT INTO temp.pair_site VALUES (:id, :item, :origin, :size)",
				NULL, err);
	for (size_t i = 0; i < sites->count && rc == 0; i++) {
		query_bind_int(&q, ":id", (int64_t)i + 1);
		query_bind_int(&q, ":item", sites->list[i].item);
		query_bind_int(&q, ":origin", sites->list[i].origin);
		query_bind_int(&q, ":size", sites->list[i].size);
		rc = query_step(&q, err);
		query_reset(&q);
	}
	query_release(&q);
	if (rc < 0)
		return rc;
	fill = sqlite3_mprintf("INSERT INTO temp.%s %s", table, select);
	rc = fill ? query_run(p->db, fill, err) : error_nomem(err);
	sqlite3_free(fill);
	return rc;
}

static int write_pairs(struct pairing *p, struct error *err)
{
	struct query q = { 0 };
	int rc = query_init(&q, p->db,
			    "INSERT INTO temp.pair_total VALUES (:alloc_site, :free_site, :end,"
			    " :self, :objects, :sum, :min, :max)",
			    NULL, err);

	for (size_t i = 0; i < p->totals.pair_count && rc == 0; i++) {
		const struct pair_total *t = &p->totals.pairs[i];

		query_bind_int(&q, ":alloc_site", t->alloc_site);
		query_bind_int(&q, ":free_site", t->free_site);
		query_bind_int(&q, ":end", t->end);
		query_bind_int(&q, ":self", t->self);
		query_bind_int(&q, ":objects", (int64_t)t->objects);
		ns_sum_bind(q.stmt, sqlite3_bind_parameter_index(q.stmt, ":sum"), &t->lifetime_sum);
		query_bind_int(&q, ":min", (int64_t)t->lifetime_min);
		query_bind_int(&q, ":max", (int64_t)t->lifetime_max);
		rc = query_step(&q, err);
		query_reset(&q);
	}
	query_release(&q);
	return rc;
}

static int write_frees(struct pairing *p, struct error *err)
{
	struct query q = { 0 };
	int rc =
		query_init(&q, p->db,
			   "INSERT INTO temp.free_total VALUES (:site, :self, :matched, :unmatched,"
			   " :nulls)",
			   NULL, err);

	for (uint32_t i = 1; i <= p->rows.free_sites.count && rc == 0; i++) {
		for (int self = 0; self < 2 && rc == 0; self++) {
			const struct free_total *t = totals_free(&p->totals, i, self);

			query_bind_int(&q, ":site", i);
			query_bind_int(&q, ":self", self);
			query_bind_int(&q, ":matched", (int64_t)t->matched);
			query_bind_int(&q, ":unmatched", (int64_t)t->unmatched);
			query_bind_int(&q, ":nulls", (int64_t)t->null_frees);
			rc = query_step(&q, err);
			query_reset(&q);
		}
	}
	query_release(&q);
	return rc;
}

static int write_facts(struct pairing *p, const char *domain, struct error *err)
{
	struct query q = { 0 };
	int rc =
		query_init(&q, p->db,
			   "INSERT INTO temp.event SELECT p.id, p.system, p.name, CASE WHEN p.frees"
			   " THEN 'free' ELSE 'alloc' END, :domain, e.api, e.has_stack, p.events"
			   " FROM temp.pair_item p JOIN main.event e ON e.id = p.event",
			   NULL, err);

	if (rc == 0) {
		query_bind_text(&q, ":domain", domain);
		rc = query_step(&q, err);
	}
	query_release(&q);
	if (rc == 0)
		rc = query_init(&q, p->db,
				"INSERT INTO temp.capture VALUES ('first_live_id', :first)", NULL,
				err);
	if (rc == 0) {
		query_bind_int(&q, ":first", p->first_live_id);
		rc = query_step(&q, err);
	}
	query_release(&q);
	return rc;
}

static int write_tables(struct pairing *p, const char *domain, struct error *err)
{
	int rc = write_items(p, err);

	if (rc == 0)
		rc = write_sites(p, &p->rows.alloc_sites, "alloc_site",
				 schema_query_pair_alloc_site_sql, err);
	if (rc == 0)
		rc = write_sites(p, &p->rows.free_sites, "free_site",
				 schema_query_pair_free_site_sql, err);
	if (rc == 0)
		rc = write_pairs(p, err);
	if (rc == 0)
		rc = write_frees(p, err);
	return rc < 0 ? rc : write_facts(p, domain, err);
}

/* ---- the whole ---- */

static int make(struct pairing *p, const struct pair_request *request, const char *domain,
		void (*note)(void *arg, const char *text), struct error *err)
{
	int rc = pair_names_read(&p->names, p->db, err);

	if (rc == 0)
		rc = pair_items_make(&p->items, request, p->db, &p->names, note, err);
	if (rc == 0)
		rc = pair_rows_read(&p->rows, err);
	if (rc == 0)
		rc = read_losses(p, err);
	if (rc == 0)
		rc = feed_table_register(p->db, &p->pairs->source, err);
	/* one transaction; the connection has no other, and on failure it is closed */
	if (rc == 0)
		rc = query_run(p->db, "BEGIN", err);
	if (rc == 0)
		rc = query_run(p->db, create, err);
	if (rc == 0)
		rc = sink_open(&p->ended, p->db, insert_ended, err);
	if (rc == 0)
		rc = sink_open(&p->unmatched, p->db, insert_unmatched, err);
	if (rc == 0)
		rc = pair_all(p, err);
	if (rc == 0)
		rc = count_null_frees(p, err);
	if (rc == 0)
		rc = write_tables(p, domain, err);
	return rc < 0 ? rc : query_run(p->db, "COMMIT", err);
}

int event_pairs_make(struct event_pairs *pairs, sqlite3 *db, const struct pair_request *request,
		     const char *domain, void (*note)(void *arg, const char *text),
		     struct error *err)
{
	struct pairing p = { .db = db,
			     .pairs = pairs,
			     .rows_wanted = request->rows,
			     .length = capture_int(db, "time.length_ns", 0) };
	int rc;

	p.rows = (struct pair_rows){ .db = db, .items = &p.items, .names = &p.names };
	rc = make(&p, request, domain, note, err);
	sink_close(&p.ended);
	sink_close(&p.unmatched);
	totals_release(&p.totals);
	object_table_release(&p.objects);
	losses_release(&p.losses);
	pair_rows_release(&p.rows);
	pair_items_release(&p.items);
	pair_names_release(&p.names);
	return rc;
}

int event_pairs_header(sqlite3 *db, FILE *out, struct error *err)
{
	struct query q = { 0 };
	int rc = query_init(
		&q, db,
		"SELECT frees, text, system || ':' || name, events, unread, has_size FROM"
		" temp.pair_item ORDER BY id",
		NULL, err);

	while (rc == 0 && (rc = query_step(&q, err)) == 1) {
		char text[400], name[200], n[UNITS_TEXT];

		report_safe(text, sizeof(text), query_text(&q, 1));
		report_safe(name, sizeof(name), query_text(&q, 2));
		fprintf(out, "# %s: %s%s%s%s, %s events%s\n",
			query_int(&q, 0) ? "frees" : "allocations", text,
			strncmp(text, name, strlen(name)) ? " (" : "",
			strncmp(text, name, strlen(name)) ? name : "",
			strncmp(text, name, strlen(name)) ? ")" : "",
			units_count(n, (uint64_t)query_int(&q, 3)),
			query_int(&q, 0) || query_int(&q, 5) ? "" : ", of unknown size");
		if (query_int(&q, 4))
			fprintf(out,
				"#   NOT COUNTED: %s events more, a field of which is not known here\n",
				units_count(n, (uint64_t)query_int(&q, 4)));
		rc = 0;
	}
	query_release(&q);
	return rc;
}
