/* A timeline of domains from what the loader noted on its way (live_step.h), without a look at single objects. */
#include <stdlib.h>
#include <string.h>

#include "analyze/timeline.h"

/*
 * The steps of the timeline are made of whole steps of the loader, and nothing was left out of these, or put into
 * them, that the report sees otherwise. Blocks of pages that were freed in parts are one object here until then; in
 * the rows each part is one from the beginning.
 */
static int can_tell(const struct timeline *t, struct report *r, int64_t *ret_width,
		    struct error *err)
{
	int64_t width = capture_int(r->db, "live_step.ns", 0);
	struct query q = { 0 };
	int rc;

	if (r->by.count || !report_has_sums(r) || report_selects_sites(r) || r->filter_sites ||
	    report_api(r->options) || r->options->include_self)
		return 0;
	if (width <= 0 || !t->every || t->every % width || t->from < 0 || t->from % width ||
	    (t->to < r->length_ns && t->to % width) || capture_int(r->db, "events.out_of_order", 1))
		return 0;
	*ret_width = width;
	rc = query_init(&q, r->db, "SELECT 1 FROM alloc_site WHERE part_of IS NOT NULL LIMIT 1",
			NULL, err);
	if (rc == 0)
		rc = query_step(&q, err);
	query_release(&q);
	return rc < 0 ? rc : !rc;
}

static int make_series(struct timeline *t, struct report *r, struct error *err)
{
	struct query q = { 0 };
	sqlite3_str *s = sqlite3_str_new(r->db);
	const char *domain = report_one_domain(r);
	size_t cap = 0;
	char *sql;
	int rc;

	sqlite3_str_appendall(s, "CREATE TEMP TABLE row_group AS SELECT row_number() OVER (ORDER BY"
				 " domain) AS id, domain, NULL AS stack, NULL AS call_site, NULL AS"
				 " key1, NULL AS key2, NULL AS key3, NULL AS key4 FROM"
				 " (SELECT DISTINCT domain FROM live_step");
	if (domain)
		sqlite3_str_appendf(s, " WHERE domain = %Q", domain);
	sqlite3_str_appendall(s, ")");
	sql = sqlite3_str_finish(s);
	rc = sql ? query_run(r->db, sql, err) : error_nomem(err);
	sqlite3_free(sql);
	if (rc == 0)
		rc = query_init(&q, r->db,
				"SELECT g.id, p.bytes, p.objects, p.time FROM temp.row_group g"
				" LEFT JOIN domain_peak p ON p.domain = g.domain ORDER BY g.id",
				NULL, err);
	while (rc == 0 && (rc = query_step(&q, err)) == 1) {
		rc = 0;
		if (!array_room((void **)&t->series, &cap, t->count, sizeof(*t->series))) {
			rc = error_nomem(err);
			break;
		}
		t->series[t->count++] = (struct timeline_series){
			.kind = SERIES_GROUP,
			.group = (uint32_t)query_int(&q, 0),
			.peak_bytes = (uint64_t)query_int(&q, 1),
			.peak_objects = (uint64_t)query_int(&q, 2),
			.peak_time = query_int(&q, 3)
		};
	}
	query_release(&q);
	return rc;
}

/* Where the values of one series have got to. */
struct run {
	struct timeline *t;
	size_t series;
	uint64_t step; /* the next moment */
	struct timeline_value now;
};

/* All of the loader's steps up to the moment have been seen. */
static void end_step(struct run *run)
{
	if (run->step == 0)
		run->now.least = run->now.most = run->now.bytes;
	*timeline_value(run->t, run->step++, run->series) = run->now;
	run->now.least = run->now.most = run->now.bytes;
}

static int run_through(struct timeline *t, size_t series, struct query *q, struct error *err)
{
	struct run run = { .t = t, .series = series };
	int rc;

	query_reset(q);
	query_bind_int(q, ":group", t->series[series].group);
	while ((rc = query_step(q, err)) == 1) {
		int64_t end = query_int(q, 0);
		uint64_t least = (uint64_t)query_int(q, 3), most = (uint64_t)query_int(q, 4);

		/* the last one may end behind the capture */
		while (run.step < t->steps && end > t->times[run.step])
			end_step(&run);
		run.now.bytes = (uint64_t)query_int(q, 1);
		run.now.objects = (uint64_t)query_int(q, 2);
		run.now.least = least < run.now.least ? least : run.now.least;
		run.now.most = most > run.now.most ? most : run.now.most;
	}
	while (run.step <= t->steps)
		end_step(&run);
	return rc;
}

int timeline_from_steps(struct timeline *t, struct report *r, struct error *err)
{
	struct query q = { 0 };
	int64_t width = 0;
	int rc = can_tell(t, r, &width, err);

	if (rc <= 0)
		return rc;
	rc = make_series(t, r, err);
	if (rc == 0) {
		t->values = calloc((t->steps + 1) * t->count + 1, sizeof(*t->values));
		rc = t->values ? 0 : error_nomem(err);
	}
	if (rc == 0)
		rc = query_init(&q, r->db,
				"SELECT s.time, s.bytes, s.objects, s.bytes_min, s.bytes_max"
				" FROM live_step s JOIN temp.row_group g ON g.domain = s.domain"
				" WHERE g.id = :group AND s.time <= :last ORDER BY s.time",
				NULL, err);
	if (rc == 0)
		query_bind_int(&q, ":last", t->to >= r->length_ns ? INT64_MAX : t->to);
	for (size_t i = 0; rc == 0 && i < t->count; i++)
		rc = run_through(t, i, &q, err);
	query_release(&q);
	return rc < 0 ? rc : 1;
}
