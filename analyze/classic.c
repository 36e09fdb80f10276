#include "analyze/classic.h"

#include <stdlib.h>

#include "analyze/query.h"
#include "schema_sql.h"

struct site_count {
	int64_t alloc, free;
};

static int grow(struct site_count **counts, size_t *cap, int64_t site, struct error *err)
{
	size_t want = *cap ? *cap : 1024;
	struct site_count *p;

	while (want <= (size_t)site)
		want *= 2;
	p = realloc(*counts, want * sizeof(*p));
	if (!p)
		return error_nomem(err);
	for (size_t i = *cap; i < want; i++)
		p[i] = (struct site_count){ 0 };
	*counts = p;
	*cap = want;
	return 0;
}

static int replay(sqlite3 *db, const char *api, struct site_count **counts, size_t *cap,
		  struct error *err)
{
	int64_t address = 0, holder = 0; /* the dictionary's entry of this address; 0: none */
	struct query q;
	int rc = query_init(&q, db, schema_query_classic_event_sql, NULL, err);

	if (rc == 0)
		query_bind_text(&q, ":api", api);
	while (rc == 0 && (rc = query_step(&q, err)) == 1) {
		int64_t site = query_int(&q, 3);

		rc = 0;
		if (query_int(&q, 0) != address)
			holder = 0;
		address = query_int(&q, 0);
		if (query_int(&q, 2)) {
			if ((size_t)site >= *cap)
				rc = grow(counts, cap, site, err);
			if (rc == 0)
				(*counts)[site].alloc++;
			holder = site; /* whoever held it counts as live for ever */
		} else if (holder) {
			(*counts)[holder].free++;
			holder = 0;
		}
	}
	query_release(&q);
	return rc;
}

int classic_account(sqlite3 *db, const char *api, bool branch, struct error *err)
{
	struct site_count *counts = NULL;
	struct query insert = { 0 };
	size_t cap = 0;
	int rc;

	rc = query_run(db, "CREATE TEMP TABLE classic_site (site INTEGER PRIMARY KEY, alloc, free)",
		       err);
	if (rc == 0)
		rc = replay(db, api, &counts, &cap, err);
	if (rc == 0)
		rc = query_init(&insert, db,
				"INSERT INTO temp.classic_site VALUES (:site, :alloc, :free)", NULL,
				err);
	for (size_t i = 0; rc == 0 && i < cap; i++) {
		if (!counts[i].alloc)
			continue;
		query_bind_int(&insert, ":site", (int64_t)i);
		query_bind_int(&insert, ":alloc", counts[i].alloc);
		query_bind_int(&insert, ":free", counts[i].free);
		rc = query_step(&insert, err);
		query_reset(&insert);
	}
	if (rc == 0 && branch)
		rc = query_run(db,
			       "DELETE FROM temp.classic_site WHERE site NOT IN"
			       " (SELECT site FROM temp.branch_site)",
			       err);
	if (rc == 0)
		rc = query_materialise(db, "account", schema_query_classic_account_sql, NULL, 0,
				       err);
	query_release(&insert);
	free(counts);
	return rc;
}
