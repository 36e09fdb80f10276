#include "analyze/initcalls.h"

#include <stdbool.h>
#include <stdlib.h>

#include "analyze/array_room.h"
#include "analyze/id_index.h"
#include "analyze/query.h"

/* What is being read: the initcalls of one task that have begun and not ended, the innermost last. */
#define NESTED_MAX 64

struct reader {
	struct initcalls *ic;
	int64_t pid;
	int64_t open[NESTED_MAX]; /* names */
	int depth;
	int64_t since; /* when the innermost became so */
	bool any;      /* an event of this task was seen */
	bool lossy;    /* a finish that is not there may have been lost */
	int64_t end;   /* of the capture */
};

/* Before the clock starts every time is 0, and what came when cannot be told: no length, no span. */
static bool add_span(struct reader *r, int64_t from, int64_t to, int64_t name)
{
	struct initcalls *ic = r->ic;

	if (from >= to)
		return true;
	if (!array_room((void **)&ic->spans, &ic->room, ic->count, sizeof(*ic->spans)))
		return false;
	ic->spans[ic->count] = (struct initcall_span){ r->pid, from, to, name };
	ic->count++;
	return true;
}

/* The innermost one ran until now. */
static bool close_span(struct reader *r, int64_t now)
{
	bool ok = !r->depth || add_span(r, r->since, now, r->open[r->depth - 1]);

	r->since = now;
	return ok;
}

static bool begin(struct reader *r, int64_t time, int64_t name)
{
	bool ok = close_span(r, time);

	/* one after the other is the rule, one within the other the exception */
	if (r->lossy || r->depth == NESTED_MAX)
		r->depth = 0;
	r->open[r->depth++] = name;
	return ok;
}

static bool finish(struct reader *r, int64_t time, int64_t name)
{
	int at = r->depth - 1;
	bool ok;

	if (!r->any)
		return add_span(r, INT64_MIN, time, name);
	ok = close_span(r, time);
	while (at >= 0 && r->open[at] != name)
		at--;
	if (at < 0)
		return ok;
	for (; at + 1 < r->depth; at++)
		r->open[at] = r->open[at + 1];
	r->depth--;
	return ok;
}

static bool is_there(sqlite3 *db)
{
	struct query q = { 0 };
	bool there =
		query_init(&q, db,
			   "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN"
			   " ('event_initcall_initcall_start', 'event_initcall_initcall_finish')",
			   NULL, NULL) == 0 &&
		query_step(&q, NULL) == 1 && query_int(&q, 0) == 2;

	query_release(&q);
	return there;
}

/*
 * Functions are known by their address; its name is that of the frame one byte behind, which the load
 * made for it (other_event.c). Of several names (modules that came and went) none is right.
 */
static int name_functions(sqlite3 *db, struct error *err)
{
	return query_run(
		db,
		"CREATE TEMP TABLE initcall_name (id INTEGER PRIMARY KEY, func UNIQUE, name);"
		"INSERT INTO temp.initcall_name (func) SELECT func FROM event_initcall_initcall_start"
		" WHERE func IS NOT NULL UNION SELECT func FROM event_initcall_initcall_finish"
		" WHERE func IS NOT NULL;"
		"CREATE TEMP TABLE initcall_symbol AS SELECT f.address - 1 AS func,"
		" min(y.name || coalesce(' [' || y.module || ']', '')) AS name,"
		" count(DISTINCT y.name || coalesce(' [' || y.module || ']', '')) AS names FROM frame f"
		" JOIN symbol y ON y.id = f.symbol WHERE f.dso IS NULL AND f.offset = 1 GROUP BY 1;"
		"UPDATE temp.initcall_name SET name = coalesce((SELECT s.name FROM temp.initcall_symbol s"
		" WHERE s.func = initcall_name.func AND s.names = 1), printf('0x%x', func))",
		err);
}

static const char events_sql[] =
	"SELECT t.pid, x.time, x.begins, n.id FROM ("
	" SELECT time, task, func, 1 AS begins, id FROM event_initcall_initcall_start UNION ALL"
	" SELECT time, task, func, 0, id FROM event_initcall_initcall_finish) x"
	" JOIN task t ON t.id = x.task JOIN temp.initcall_name n ON n.func = x.func"
	" ORDER BY t.pid, x.time, x.begins DESC, x.id";

static int read_events(struct initcalls *ic, sqlite3 *db, struct error *err)
{
	struct reader r = { .ic = ic,
			    .lossy = capture_int(db, "events.lost", 0) != 0 ||
				     capture_int(db, "damage.count", 0) != 0,
			    .end = INT64_MAX };
	struct query q = { 0 };
	int rc = query_init(&q, db, events_sql, NULL, err);

	while (rc == 0 && (rc = query_step(&q, err)) == 1) {
		int64_t time = query_int(&q, 1), name = query_int(&q, 3);
		bool ok = true;

		if (!r.any || r.pid != query_int(&q, 0)) {
			ok = close_span(&r, r.end);
			r.pid = query_int(&q, 0);
			r.depth = 0;
			r.any = false;
		}
		ok = ok && (query_int(&q, 2) ? begin(&r, time, name) : finish(&r, time, name));
		r.any = true;
		rc = ok ? 0 : error_nomem(err);
	}
	if (rc == 0 && !close_span(&r, r.end))
		rc = error_nomem(err);
	query_release(&q);
	return rc;
}

int initcalls_read(struct initcalls *ic, sqlite3 *db, struct error *err)
{
	int rc;

	*ic = (struct initcalls){ 0 };
	if (!is_there(db))
		return error_set(
			err, ERR_UNSUPPORTED,
			"--by initcall: the capture has no events initcall:initcall_start and"
			" initcall_finish; kmem-record boot-args has them recorded from boot on,"
			" kmem-record -e initcall:initcall_start,initcall:initcall_finish later");
	rc = name_functions(db, err);
	if (rc == 0)
		rc = read_events(ic, db, err);
	if (rc < 0)
		initcalls_release(ic);
	return rc;
}

int64_t initcalls_find(const struct initcalls *ic, int64_t pid, int64_t time)
{
	size_t from = 0, to = ic->count;

	/* the last one that begins at or before that time */
	while (from < to) {
		size_t mid = from + (to - from) / 2;
		const struct initcall_span *s = &ic->spans[mid];

		if (s->pid < pid || (s->pid == pid && s->from <= time))
			from = mid + 1;
		else
			to = mid;
	}
	if (!from || ic->spans[from - 1].pid != pid || ic->spans[from - 1].to < time)
		return 0;
	return ic->spans[from - 1].name;
}

void initcalls_release(struct initcalls *ic)
{
	free(ic->spans);
	*ic = (struct initcalls){ 0 };
}
