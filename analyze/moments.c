#define _GNU_SOURCE /* strptime */
#include "analyze/moments.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "analyze/query.h"
#include "analyze/report.h"
#include "format/base/options.h"
#include "format/base/units.h"
#include "schema_sql.h"

#define MARK_PREFIX "mark:"
#define NEAR_MAX    6 /* marks that an error names */

/* ---- named times ---- */

/* Marks that begin with or contain the text, else simply the first ones. */
static void name_near_marks(sqlite3 *db, const char *text, char *list, size_t room)
{
	struct query q = { 0 };
	char safe[64];
	size_t used = 0;

	if (query_init(
		    &q, db,
		    "SELECT text FROM mark GROUP BY text ORDER BY instr(lower(text), lower(:text)) = 0,"
		    " instr(lower(:text), lower(text)) = 0, min(id) LIMIT 6",
		    NULL, NULL) == 0)
		query_bind_text(&q, ":text", text);
	while (q.stmt && query_step(&q, NULL) == 1 && used < room)
		used += (size_t)snprintf(list + used, room - used, "%s%s", used ? ", " : "",
					 report_safe(safe, sizeof(safe), query_text(&q, 0)));
	query_release(&q);
}

static int no_such_mark(sqlite3 *db, const char *text, const char *option, struct error *err)
{
	char list[NEAR_MAX * 66] = "", safe[80];

	report_safe(safe, sizeof(safe), text);
	name_near_marks(db, text, list, sizeof(list));
	if (!list[0])
		return error_set(err, ERR_USAGE,
				 "%s: the capture has no mark '%s'; it has no marks at all "
				 "(kmem-record ctl mark TEXT makes them)",
				 option, safe);
	return error_set(err, ERR_USAGE, "%s: the capture has no mark '%s'; it has: %s", option,
			 safe, list);
}

static int find_mark(sqlite3 *db, const char *text, const char *option, enum moment_choice choice,
		     int64_t *ret, struct error *err)
{
	struct query q = { 0 };
	int rc = query_init(&q, db,
			    choice == MOMENT_FIRST ?
				    "SELECT min(time) FROM mark WHERE text = :text" :
				    "SELECT max(time) FROM mark WHERE text = :text",
			    NULL, err);

	if (rc == 0) {
		query_bind_text(&q, ":text", text);
		rc = query_step(&q, err);
	}
	if (rc == 1 && query_is_null(&q, 0))
		rc = no_such_mark(db, text, option, err);
	else if (rc == 1)
		*ret = query_int(&q, 0);
	query_release(&q);
	return rc < 0 ? rc : 0;
}

/* "25%" of the capture's length. */
static bool parse_percent(sqlite3 *db, const char *text, int64_t *ret)
{
	char *end;
	double part = strtod(text, &end);

	if (*text < '0' || *text > '9' || strcmp(end, "%") || part > 100)
		return false;
	*ret = (int64_t)((double)capture_int(db, "time.length_ns", 0) * (part / 100));
	return true;
}

/* Wall clock at time 0 of the database; 0 where nothing tells. */
static int64_t wall_base(sqlite3 *db)
{
	return capture_int(db, "clock.start.wall_ns", 0) ? capture_base_ns(db) : 0;
}

/*
 * "14:05:30.5", of the day on which the capture began, or with a date before it ("2026-11-20 14:05", also with a T):
 * local time, as reports print it.
 */
static int parse_wall(sqlite3 *db, const char *text, const char *option, int64_t *ret,
		      struct error *err)
{
	static const char *const forms[] = { "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%H:%M:%S",
					     "%Y-%m-%d %H:%M",	  "%Y-%m-%dT%H:%M",    "%H:%M" };
	int64_t base = wall_base(db), nanoseconds = 0, seconds;
	time_t start = (time_t)(base / 1000000000);
	const char *rest = NULL;
	struct tm tm;

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]) && !rest; i++) {
		localtime_r(&start, &tm);
		tm.tm_sec = 0;
		rest = strptime(text, forms[i], &tm);
		if (rest && *rest && *rest != '.')
			rest = NULL;
	}
	if (rest && *rest == '.') {
		char *end;
		double fraction = strtod(rest, &end);

		nanoseconds = (int64_t)(fraction * 1e9 + 0.5);
		if (*end)
			rest = NULL;
	}
	if (!rest)
		return error_set(err, ERR_USAGE,
				 "%s: '%.60s' is no time of a day such as 14:05:30 or"
				 " '2026-11-20 14:05:30'",
				 option, text);
	if (!base)
		return error_set(
			err, ERR_USAGE,
			"%s: the capture does not tell the time of day of its events;"
			" use seconds from its start (10s) or per cent of its length (25%%)",
			option);
	tm.tm_isdst = -1;
	seconds = mktime(&tm);
	if (__builtin_mul_overflow(seconds, INT64_C(1000000000), ret) ||
	    __builtin_add_overflow(*ret, nanoseconds - base, ret))
		*ret = seconds < 0 ? INT64_MIN : INT64_MAX;
	return 0;
}

int moment_parse(sqlite3 *db, const char *text, const char *option, enum moment_choice choice,
		 int64_t *ret, struct error *err)
{
	uint64_t ns;
	int rc;

	if (!strncmp(text, MARK_PREFIX, strlen(MARK_PREFIX)))
		return find_mark(db, text + strlen(MARK_PREFIX), option, choice, ret, err);
	if (parse_percent(db, text, ret))
		return 0;
	if (strchr(text, ':'))
		return parse_wall(db, text, option, ret, err);
	rc = parse_time_ns(text, option, 1000000000, &ns, err);
	if (rc == 0)
		*ret = (int64_t)ns;
	return rc;
}

/* ---- gaps that were wanted ---- */

struct gaps {
	int64_t pauses, paused_ns, complete_from, overwritten;
};

static int find_gaps(sqlite3 *db, struct gaps *ret, struct error *err)
{
	struct query q = { 0 };
	int rc = query_init(&q, db, schema_query_pause_sql, NULL, err);

	if (rc == 0)
		rc = query_step(&q, err);
	if (rc == 1)
		*ret = (struct gaps){ query_int(&q, 0), query_int(&q, 1), query_int(&q, 2),
				      query_int(&q, 3) };
	query_release(&q);
	return rc < 0 ? rc : 0;
}

int moments_gaps(sqlite3 *db, bool *ret_paused, bool *ret_flight, struct error *err)
{
	struct gaps g = { 0 };
	int rc = find_gaps(db, &g, err);

	*ret_paused = g.pauses != 0;
	*ret_flight = g.overwritten != 0;
	return rc;
}

int moments_header(sqlite3 *db, FILE *out, struct error *err)
{
	char text[UNITS_TEXT];
	char times[UNITS_TEXT];
	struct gaps g = { 0 };
	int rc = find_gaps(db, &g, err);
	int64_t us;

	if (rc < 0)
		return rc;
	if (g.pauses)
		fprintf(out,
			"# recording was paused %s%s, %s in all: what happened then is not here\n",
			g.pauses == 1 ? "once" : units_count(times, (uint64_t)g.pauses),
			g.pauses == 1 ? "" : " times", units_duration(text, (uint64_t)g.paused_ns));
	if (!g.overwritten)
		return 0;
	fprintf(out, "# flight recorder: %s older records were overwritten on purpose",
		units_count(text, (uint64_t)g.overwritten));
	us = (g.complete_from + 999) / 1000;
	if (us)
		fprintf(out, "; all CPUs are here from %" PRId64 ".%06" PRId64 " s on (--from)",
			us / 1000000, us % 1000000);
	fprintf(out, "\n");
	return 0;
}

int moments_list(sqlite3 *db, FILE *out, struct error *err)
{
	char from[UNITS_TEXT], length[UNITS_TEXT], safe[400];
	struct query q = { 0 };
	int rc = query_init(&q, db,
			    "SELECT time, text, NULL FROM mark UNION ALL"
			    " SELECT from_time, NULL, to_time - from_time FROM loss"
			    " WHERE kind = 'paused' ORDER BY 1",
			    NULL, err);

	while (rc == 0 && (rc = query_step(&q, err)) == 1) {
		units_duration(from, (uint64_t)query_int(&q, 0));
		if (query_is_null(&q, 2))
			fprintf(out, "mark: '%s' at %s\n",
				report_safe(safe, sizeof(safe), query_text(&q, 1)), from);
		else
			fprintf(out, "pause: %s from %s on\n",
				units_duration(length, (uint64_t)query_int(&q, 2)), from);
		rc = 0;
	}
	query_release(&q);
	return rc;
}
