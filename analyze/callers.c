#include "analyze/callers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/array_room.h"
#include "analyze/id_table.h"
#include "analyze/query.h"

static struct text frame_name(const struct stacks *s, const struct frame *f)
{
	if (!f->extra)
		return f->hit.name;
	return (struct text){ s->extra.list[f->hit.index].name, s->extra.list[f->hit.index].len };
}

int callers_init(struct callers *c, const struct stacks *stacks, struct error *err)
{
	struct skip_frames skip = { 0 };
	int rc = skip_frames_init(&skip, NULL, 0, err);

	if (rc < 0)
		return rc;
	*c = (struct callers){ stacks, calloc(stacks->frame_count + 1, 1) };
	if (!c->classes)
		rc = error_nomem(err);
	for (size_t i = 0; rc == 0 && i < stacks->frame_count; i++) {
		const struct frame *f = &stacks->frames[i];
		struct text name = { 0 };

		if (f->known)
			name = frame_name(stacks, f);
		if (f->dso)
			c->classes[i + 1] = FRAME_USER;
		else if (name.len && skip_frames_match(&skip, name.data, name.len))
			c->classes[i + 1] = FRAME_SKIPPED;
	}
	skip_frames_release(&skip);
	return rc;
}

void callers_release(struct callers *c)
{
	free(c->classes);
	*c = (struct callers){ 0 };
}

uint32_t callers_find(const struct callers *c, uint32_t stack, uint32_t call_site)
{
	const struct stack *s = stack ? &c->stacks->list[stack - 1] : NULL;

	return skip_frames_caller(s ? c->stacks->path + s->first : NULL, s ? s->depth : 0,
				  call_site, c->classes);
}

/* ---- from a database, whose numbers are checked before they are places in memory ---- */

struct db_callers {
	sqlite3 *db;
	unsigned char *classes;
	size_t frames; /* of classes */
	uint32_t *path;
	size_t depth, room;
	int64_t stack; /* that path is of; 0: none yet */
};

static int read_classes(struct db_callers *c, const struct skip_frames *skip, struct error *err)
{
	struct query q = { 0 };
	int rc = id_table_new(c->db, "frame", (void **)&c->classes, &c->frames, 1, err);

	if (rc < 0)
		return rc;
	rc = query_init(&q, c->db,
			"SELECT f.id, f.dso, y.name FROM frame f LEFT JOIN symbol y ON y.id ="
			" f.symbol WHERE f.id > 0",
			NULL, err);
	while (rc == 0 && (rc = query_step(&q, err)) == 1) {
		const char *name = query_text(&q, 2);

		rc = 0;
		if (!id_table_has(query_int(&q, 0), c->frames))
			continue;
		if (!query_is_null(&q, 1))
			c->classes[query_int(&q, 0)] = FRAME_USER;
		else if (skip_frames_match(skip, name, strlen(name)))
			c->classes[query_int(&q, 0)] = FRAME_SKIPPED;
	}
	query_release(&q);
	return rc;
}

static int read_path(struct db_callers *c, struct query *q, int64_t stack, struct error *err)
{
	int rc;

	c->depth = 0;
	c->stack = stack;
	query_reset(q);
	query_bind_int(q, ":stack", stack);
	while ((rc = query_step(q, err)) == 1) {
		int64_t frame = query_int(q, 0);

		if (!id_table_has(frame, c->frames))
			continue;
		if (!array_room((void **)&c->path, &c->room, c->depth, sizeof(*c->path)))
			return error_nomem(err);
		c->path[c->depth++] = (uint32_t)frame;
	}
	return rc;
}

/* site is "alloc_site" or "free_site", table where their callers go. */
static int find_callers(struct db_callers *c, const char *site, const char *table,
			struct error *err)
{
	struct query sites = { 0 }, path = { 0 }, insert = { 0 };
	char sql[160];
	int rc;

	snprintf(sql, sizeof(sql), "CREATE TEMP TABLE %s (site INTEGER PRIMARY KEY, caller)",
		 table);
	rc = query_run(c->db, sql, err);
	snprintf(sql, sizeof(sql), "INSERT INTO temp.%s VALUES (:site, :caller)", table);
	if (rc == 0)
		rc = query_init(&insert, c->db, sql, NULL, err);
	snprintf(sql, sizeof(sql),
		 "SELECT id, coalesce(stack, 0), coalesce(call_site, 0) FROM %s ORDER BY stack",
		 site);
	if (rc == 0)
		rc = query_init(&sites, c->db, sql, NULL, err);
	if (rc == 0)
		rc = query_init(
			&path, c->db,
			"SELECT frame FROM stack_frame WHERE stack = :stack ORDER BY position",
			NULL, err);
	while (rc == 0 && (rc = query_step(&sites, err)) == 1) {
		int64_t stack = query_int(&sites, 1), call_site = query_int(&sites, 2);
		uint32_t caller;

		rc = stack == c->stack ? 0 : read_path(c, &path, stack, err);
		if (rc < 0)
			break;
		caller = skip_frames_caller(c->path, (uint32_t)c->depth,
					    id_table_has(call_site, c->frames) ?
						    (uint32_t)call_site :
						    0,
					    c->classes);
		query_reset(&insert);
		query_bind_int(&insert, ":site", query_int(&sites, 0));
		if (caller)
			query_bind_int(&insert, ":caller", caller);
		else
			query_bind_text(&insert, ":caller", NULL);
		rc = query_step(&insert, err);
	}
	query_release(&sites);
	query_release(&path);
	query_release(&insert);
	return rc;
}

int callers_select(sqlite3 *db, const char *const *more, size_t count, struct error *err)
{
	struct db_callers c = { .db = db };
	struct skip_frames skip = { 0 };
	int rc;

	if (!count)
		return query_run(db,
				 "CREATE TEMP VIEW alloc_caller AS SELECT id AS site, caller FROM"
				 " alloc_site;"
				 "CREATE TEMP VIEW free_caller AS SELECT id AS site, caller FROM"
				 " free_site",
				 err);
	rc = skip_frames_init(&skip, more, count, err);
	if (rc < 0)
		return rc;
	rc = read_classes(&c, &skip, err);
	if (rc == 0)
		rc = find_callers(&c, "alloc_site", "alloc_caller", err);
	if (rc == 0)
		rc = find_callers(&c, "free_site", "free_caller", err);
	free(c.classes);
	free(c.path);
	skip_frames_release(&skip);
	return rc;
}
