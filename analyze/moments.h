/*
 * moments.h - what a capture says about its own time: named marks, pauses, where a flight
 * recorder's window begins; and the times that a user names, on a command line.
 *
 *	moments_header(&r);						// lines of a report's header
 *	if (moment_parse(r.db, o->from, "--from", MOMENT_FIRST, &from, &err) < 0) ...
 *
 * A time is TIME since the start of the capture (10s, 5ms; a bare number is seconds), a share of its length (25%), a
 * time of day (14:05:30, 2026-11-20 14:05:30: local time) or mark:TEXT.
 */
#ifndef KMEM_ANALYZE_MOMENTS_H
#define KMEM_ANALYZE_MOMENTS_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "format/base/error.h"

/* Of several marks with one text, which is meant. */
enum moment_choice { MOMENT_FIRST, MOMENT_LAST };

/*
 * *ret: ns since the start of the capture. ERR_USAGE names the option; for a mark that is not there
 * the text lists those that are near.
 */
int moment_parse(sqlite3 *db, const char *text, const char *option, enum moment_choice choice,
		 int64_t *ret, struct error *err);

/* One line for the pauses, one or two for a flight recorder's window; none where there was neither. */
int moments_header(sqlite3 *db, FILE *out, struct error *err);

/* Marks and pauses in the order of time, one line each. */
int moments_list(sqlite3 *db, FILE *out, struct error *err);

/* Pauses or a flight recorder: the capture is not all that happened between its start and end. */
int moments_gaps(sqlite3 *db, bool *ret_paused, bool *ret_flight, struct error *err);

#endif
