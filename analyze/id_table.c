#include "analyze/id_table.h"

#include <inttypes.h>
#include <stdlib.h>

#include "analyze/query.h"

#define IDS_MAX ((int64_t)1 << 31)

int id_table_new(sqlite3 *db, const char *table, void **ret, size_t *ret_count, size_t size,
		 struct error *err)
{
	char *sql = sqlite3_mprintf("SELECT coalesce(max(id), 0) FROM %s", table);
	struct query q = { 0 };
	int rc = sql ? query_init(&q, db, sql, NULL, err) : error_nomem(err);

	if (rc == 0)
		rc = query_step(&q, err);
	if (rc == 1) {
		int64_t most = query_int(&q, 0);

		if (most >= IDS_MAX)
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
