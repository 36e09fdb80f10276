#include "analyze/pair_names.h"

#include <stdlib.h>
#include <string.h>

#include "analyze/id_table.h"
#include "analyze/query.h"

/* NULL stays NULL. */
static int copy_text(char **ret, const struct query *q, int column, struct error *err)
{
	if (query_is_null(q, column) || *ret)
		return 0;
	*ret = strdup(query_text(q, column));
	return *ret ? 0 : error_nomem(err);
}

static int read_tasks(struct pair_names *n, sqlite3 *db, struct error *err)
{
	struct query q = { 0 };
	int rc = id_table_new(db, "main.task", (void **)&n->tasks, &n->task_count,
			      sizeof(*n->tasks), err);

	if (rc == 0)
		rc = query_init(&q, db, "SELECT id, pid, self, comm FROM main.task", NULL, err);
	while (rc == 0 && (rc = query_step(&q, err)) == 1) {
		int64_t id = query_int(&q, 0);

		rc = 0;
		if (!id_table_has(id, n->task_count))
			continue;
		n->tasks[id].there = true;
		n->tasks[id].pid = query_int(&q, 1);
		n->tasks[id].self = query_int(&q, 2) != 0;
		rc = copy_text(&n->tasks[id].comm, &q, 3, err);
	}
	query_release(&q);
	return rc;
}

static int read_frames(struct pair_names *n, sqlite3 *db, struct error *err)
{
	struct query q = { 0 };
	int rc = id_table_new(db, "main.frame", (void **)&n->frames, &n->frame_count,
			      sizeof(*n->frames), err);

	if (rc == 0)
		rc = query_init(&q, db,
				"SELECT f.id, f.address, f.offset, s.name FROM main.frame f"
				" LEFT JOIN main.symbol s ON s.id = f.symbol WHERE f.dso IS NULL",
				NULL, err);
	while (rc == 0 && (rc = query_step(&q, err)) == 1) {
		int64_t id = query_int(&q, 0);

		rc = 0;
		if (!id_table_has(id, n->frame_count))
			continue;
		n->frames[id].there = true;
		n->frames[id].address = (uint64_t)query_int(&q, 1);
		n->frames[id].offset = query_is_null(&q, 2) ? -1 : query_int(&q, 2);
		rc = copy_text(&n->frames[id].function, &q, 3, err);
	}
	query_release(&q);
	return rc;
}

static int read_caches(struct pair_names *n, sqlite3 *db, struct error *err)
{
	struct query q = { 0 };
	int rc = id_table_new(db, "main.cache", (void **)&n->caches, &n->cache_count,
			      sizeof(*n->caches), err);

	if (rc == 0)
		rc = query_init(&q, db, "SELECT id, name FROM main.cache", NULL, err);
	while (rc == 0 && (rc = query_step(&q, err)) == 1) {
		rc = 0;
		if (id_table_has(query_int(&q, 0), n->cache_count))
			rc = copy_text(&n->caches[query_int(&q, 0)], &q, 1, err);
	}
	query_release(&q);
	return rc;
}

static int by_address(const void *a, const void *b)
{
	const struct pair_frame *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

static int sort_frames(struct pair_names *n, struct error *err)
{
	n->by_address = calloc(n->frame_count, sizeof(*n->by_address));
	if (!n->by_address)
		return error_nomem(err);
	for (size_t i = 1; i < n->frame_count; i++)
		if (n->frames[i].function && n->frames[i].address)
			n->by_address[n->address_count++] = n->frames[i];
	qsort(n->by_address, n->address_count, sizeof(*n->by_address), by_address);
	return 0;
}

int pair_names_read(struct pair_names *n, sqlite3 *db, struct error *err)
{
	int rc = read_tasks(n, db, err);

	if (rc == 0)
		rc = read_frames(n, db, err);
	if (rc == 0)
		rc = read_caches(n, db, err);
	return rc < 0 ? rc : sort_frames(n, err);
}

void pair_names_release(struct pair_names *n)
{
	for (size_t i = 0; n->tasks && i < n->task_count; i++)
		free(n->tasks[i].comm);
	for (size_t i = 0; n->frames && i < n->frame_count; i++)
		free(n->frames[i].function);
	for (size_t i = 0; n->caches && i < n->cache_count; i++)
		free(n->caches[i]);
	free(n->tasks);
	free(n->frames);
	free(n->caches);
	free(n->by_address);
	*n = (struct pair_names){ 0 };
}

const struct pair_task *pair_task(const struct pair_names *n, int64_t id)
{
	return id_table_has(id, n->task_count) && n->tasks[id].there ? &n->tasks[id] : NULL;
}

const struct pair_frame *pair_frame(const struct pair_names *n, int64_t id)
{
	return id_table_has(id, n->frame_count) && n->frames[id].there ? &n->frames[id] : NULL;
}

const char *pair_cache(const struct pair_names *n, int64_t id)
{
	return id_table_has(id, n->cache_count) ? n->caches[id] : NULL;
}

/* The function of all frames at that address; NULL: there is none, or more than one. offset -1: any. */
static const char *function_at(const struct pair_names *n, uint64_t address, int64_t offset)
{
	size_t low = 0, high = n->address_count;
	const char *found = NULL;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (n->by_address[middle].address < address)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < n->address_count; low++) {
		const struct pair_frame *f = &n->by_address[low];

		if (f->address != address)
			break;
		if (offset >= 0 && f->offset != offset)
			continue;
		if (found && strcmp(found, f->function))
			return NULL;
		found = f->function;
	}
	return found;
}

const char *pair_names_symbol(void *arg, uint64_t address)
{
	const char *function = function_at(arg, address, -1);

	if (!function && address + 1) /* a function that is called by its address: initcalls.h */
		function = function_at(arg, address + 1, 1);
	return function ? function : "";
}

const char *pair_names_comm(void *arg, uint64_t pid)
{
	const struct pair_names *n = arg;

	for (size_t i = n->task_count; i-- > 1;)
		if (n->tasks[i].there && (uint64_t)n->tasks[i].pid == pid && n->tasks[i].comm)
			return n->tasks[i].comm;
	return "";
}
