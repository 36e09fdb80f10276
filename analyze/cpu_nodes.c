#include "analyze/cpu_nodes.h"

#include <stdio.h>
#include <stdlib.h>

#include "analyze/query.h"

#define CPUS_MAX 65536

static int insert(struct query *q, int64_t cpu, int64_t node, struct error *err)
{
	query_reset(q);
	query_bind_int(q, ":cpu", cpu);
	query_bind_int(q, ":node", node);
	return query_step(q, err);
}

/* "0-3,8": what follows something that is no number is left out. */
static int insert_list(struct query *q, const char *list, int64_t node, struct error *err)
{
	int rc = 0;

	while (rc == 0 && *list >= '0' && *list <= '9') {
		char *end;
		unsigned long first = strtoul(list, &end, 10), last = first;

		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		for (; rc == 0 && first <= last && first < CPUS_MAX; first++)
			rc = insert(q, (int64_t)first, node, err);
		list = *end == ',' ? end + 1 : "";
	}
	return rc;
}

int cpu_nodes_prepare(sqlite3 *db, int64_t *only, struct error *err)
{
	struct query files = { 0 }, add = { 0 };
	int rc = query_run(db, "CREATE TEMP TABLE cpu_node (cpu INTEGER PRIMARY KEY, node)", err);

	if (rc == 0)
		rc = query_init(&add, db,
				"INSERT OR IGNORE INTO temp.cpu_node VALUES (:cpu, :node)", NULL,
				err);
	if (rc == 0)
		rc = query_init(&files, db,
				"SELECT DISTINCT name, CAST(content AS TEXT) FROM file"
				" WHERE name GLOB '/sys/devices/system/node/node[0-9]*/cpulist'",
				NULL, err);
	while (rc == 0 && (rc = query_step(&files, err)) == 1) {
		unsigned int node;

		rc = 0;
		if (sscanf(query_text(&files, 0), "/sys/devices/system/node/node%u/", &node) == 1)
			rc = insert_list(&add, query_text(&files, 1), node, err);
	}
	query_release(&files);
	query_release(&add);
	if (rc == 0)
		rc = query_init(&files, db,
				"SELECT count(DISTINCT node), min(node) FROM temp.cpu_node", NULL,
				err);
	if (rc == 0)
		rc = query_step(&files, err);
	if (rc == 1) {
		rc = (int)query_int(&files, 0);
		*only = query_int(&files, 1);
	}
	query_release(&files);
	return rc;
}
