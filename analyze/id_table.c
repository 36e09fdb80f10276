#include "analyze/id_table.h"

#include <inttypes.h>
#include <stdlib.h>

#include "analyze/query.h"

#define IDS_LEAST 65536 /* in the smallest of databases */

/* A load numbers rows without gaps, or nearly, and no row takes less than a byte: more than bytes is damage. */
int id_table_new(sqlite3 *db, const char *table, void **ret, size_t *ret_count, size_t size,
		 struct error *err)
{
	char *sql = sqlite3_mprintf("SELECT coalesce(max(id), 0), (SELECT page_count * page_size"
				    " FROM pragma_page_count, pragma_page_size) FROM %s",
				    table);
	struct query q = { 0 };
	int rc = sql ? query_init(&q, db, sql, NULL, err) : error_nomem(err);

	if (rc == 0)
		rc = query_step(&q, err);
	if (rc == 1) {
		int64_t most = query_int(&q, 0);

		if (most >= query_int(&q, 1) + IDS_LEAST)
			rc = error_set(
				err, ERR_FORMAT,
				"the database is damaged: table %s has a row of number %" PRId64
				"; kmem-analyze load -f makes it anew from its capture",
				table, most);
		else
			*ret_count = most > 0 ? (size_t)most + 1 : 1;
	}
	if (rc == 1) {
		*ret = calloc(*ret_count, size);
		rc = *ret ? 0 : error_nomem(err);
	}
	query_release(&q);
	sqlite3_free(sql);
	return rc;
}
