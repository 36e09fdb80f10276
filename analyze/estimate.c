#include "analyze/estimate.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/estimate_split.h"
#include "analyze/id_table.h"
#include "analyze/query.h"

bool estimate_sampled(sqlite3 *db)
{
	char text[2];

	return capture_text(db, "events.stack_sample", text, sizeof(text));
}

void estimate_header(sqlite3 *db, FILE *out, const char *therefore)
{
	int64_t n = capture_int(db, "events.stack_sample", 0),
		lost = capture_int(db, "events.stack_sample_lost", 0);
	char by[12] = "";
	bool period;

	capture_text(db, "events.stack_sample_by", by, sizeof(by));
	period = !strcmp(by, "period");
	if (n > 0)
		fprintf(out, "# stacks of 1 allocation in %" PRId64 " were recorded", n);
	else
		fprintf(out, "# stacks of some allocations only were recorded");
	fprintf(out, ", %s: %s\n",
		period		      ? "every one of that number (systematic)" :
		!strcmp(by, "random") ? "chosen at random" :
					"chosen in a way that the capture does not tell",
		therefore);
	if (strcmp(by, "random"))
		fprintf(out,
			"#   what repeats in step with the choice is in it too often or not at all,"
			" and no interval tells\n");
	if (lost > 0)
		fprintf(out,
			"#   %" PRId64
			" chosen stacks were lost: these allocations count as not chosen\n",
			lost);
}

static const char *caller_of(const struct estimate_how *how)
{
	return how->callers ? "(SELECT k.caller FROM temp.alloc_caller k WHERE k.site = a.id)" :
			      "a.caller";
}

/* Which places are split: where a stack that was seen says what the report looks at, and the call site alone does not. */
#define FACTS \
	"SELECT id, coalesce(stack, 0), dense_rank() OVER (ORDER BY event, call_site, context, bytes_req," \
	" bytes_alloc, gfp, node, cache), dense_rank() OVER (ORDER BY event, call_site, bytes_alloc)," \
	" dense_rank() OVER (ORDER BY event, call_site), max(stack IS NOT NULL AND CASE :depth WHEN 1 THEN call_site" \
	" IS NULL WHEN 2 THEN :any OR %s IS NOT call_site ELSE 1 END) OVER (PARTITION BY event, call_site)" \
	" FROM alloc_site a"

static int read_sites(struct estimate *e, const struct estimate_how *how, struct error *err)
{
	struct query q = { 0 };
	int rc = id_table_new(e->db, "alloc_site", (void **)&e->sites, &e->site_count,
			      sizeof(*e->sites), err);
	char *sql = sqlite3_mprintf(FACTS, caller_of(how));

	if (rc == 0)
		rc = sql ? query_init(&q, e->db, sql, NULL, err) : error_nomem(err);
	if (rc == 0) {
		query_bind_int(&q, ":depth", how->depth);
		query_bind_int(&q, ":any", how->any_caller);
	}
	while (rc == 0 && (rc = query_step(&q, err)) == 1) {
		rc = 0;
		if (id_table_has(query_int(&q, 0), e->site_count))
			e->sites[query_int(&q, 0)] = (struct site_fact){
				.stack = query_int(&q, 1),
				.kind = (uint32_t)query_int(&q, 2),
				.size = (uint32_t)query_int(&q, 3),
				.place = (uint32_t)query_int(&q, 4),
				.split = query_int(&q, 5) != 0
			};
	}
	query_release(&q);
	sqlite3_free(sql);
	return rc;
}

static int read_frees(struct estimate *e, struct error *err)
{
	struct query q = { 0 };
	int rc = id_table_new(e->db, "free_site", (void **)&e->free_events, &e->free_count,
			      sizeof(*e->free_events), err);

	if (rc == 0)
		rc = query_init(&q, e->db, "SELECT id, event FROM free_site", NULL, err);
	while (rc == 0 && (rc = query_step(&q, err)) == 1) {
		rc = 0;
		if (id_table_has(query_int(&q, 0), e->free_count))
			e->free_events[query_int(&q, 0)] = query_int(&q, 1);
	}
	query_release(&q);
	return rc;
}

#define SITE_COLUMNS \
	"event, call_site, stack, stack_lost, bytes_req, bytes_alloc, gfp, node, cache, context, caller," \
	" migratetype, part_of"

/* A copy of alloc_site that can be extended, which queries find first. */
static int shadow_sites(sqlite3 *db, struct error *err)
{
	struct query q = { 0 };
	int rc = query_init(&q, db, "SELECT 1 FROM temp.sqlite_schema WHERE name = 'alloc_site'",
			    NULL, err);

	if (rc == 0)
		rc = query_step(&q, err);
	query_release(&q);
	/* of event pairs there is one already */
	return rc ? (rc < 0 ? rc : 0) :
		    query_run(db,
			      "CREATE TEMP TABLE alloc_site (id INTEGER PRIMARY KEY, " SITE_COLUMNS
			      ");"
			      "INSERT INTO temp.alloc_site SELECT id, " SITE_COLUMNS
			      " FROM main.alloc_site",
			      err);
}

/* 1: some stack that the report looks at is not known. */
static int is_needed(sqlite3 *db, const struct estimate_how *how, struct error *err)
{
	struct query q = { 0 };
	char *sql;
	int rc;

	if (how->depth == ESTIMATE_NOTHING || !estimate_sampled(db))
		return 0;
	if (how->depth == ESTIMATE_STACKS)
		return 1;
	sql = sqlite3_mprintf(
		"SELECT 1 FROM alloc_site a JOIN event e ON e.id = a.event WHERE"
		" e.domain = :domain AND a.stack IS NOT NULL AND CASE :depth WHEN 1 THEN"
		" a.call_site IS NULL ELSE :any OR %s IS NOT a.call_site END LIMIT 1",
		caller_of(how));
	rc = sql ? query_init(&q, db, sql, NULL, err) : error_nomem(err);
	if (rc == 0) {
		query_bind_text(&q, ":domain", how->domain);
		query_bind_int(&q, ":depth", how->depth);
		query_bind_int(&q, ":any", how->any_caller);
		rc = query_step(&q, err);
	}
	query_release(&q);
	sqlite3_free(sql);
	return rc;
}

static void release(void *arg)
{
	struct estimate *e = arg;

	estimate_errors_release(&e->errors);
	free(e->sites);
	free(e->free_events);
	free(e);
}

int estimate_new(struct estimate **ret, sqlite3 *db, const struct estimate_how *how,
		 struct error *err)
{
	struct estimate *e;
	int rc = is_needed(db, how, err);

	*ret = NULL;
	if (rc != 1)
		return rc;
	e = calloc(1, sizeof(*e));
	if (!e)
		return error_nomem(err);
	e->db = db;
	/* which owns it from here on, and releases it if it fails */
	rc = estimate_errors_functions(&e->errors, db, release, err);
	if (rc < 0)
		return rc;
	rc = shadow_sites(db, err);
	if (rc == 0)
		rc = read_sites(e, how, err);
	if (rc == 0)
		rc = read_frees(e, err);
	e->errors.first_id = (int64_t)(e->site_count ? e->site_count : 1);
	if (rc == 0)
		*ret = e;
	return rc;
}

bool estimate_add(const struct estimate *e, struct estimate_sum *s, int64_t site, int64_t objects,
		  int64_t unit)
{
	return estimate_errors_add(&e->errors, s, site, objects, unit);
}

void estimate_end(struct estimate *e, struct estimate_sum *s, int64_t *ret_low, int64_t *ret_high)
{
	estimate_errors_end(&e->errors, s, ret_low, ret_high);
}

const char *estimate_text(char room[ESTIMATE_TEXT], const char *before, int64_t low, int64_t high,
			  const char *behind)
{
	if (low == high)
		room[0] = '\0';
	else
		snprintf(room, ESTIMATE_TEXT, "%s%" PRId64 "..%" PRId64 "%s", before, low, high,
			 behind);
	return room;
}
