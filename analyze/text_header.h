/*
 * text_header.h - what the header of a report says about a database that was made from a text log.
 *
 *	if (text_is_log(db))
 *		text_header_first(db, out, "account", start_ns, length_ns);
 *	text_header(db, out);				// nothing for a capture
 */
#ifndef KMEM_ANALYZE_TEXT_HEADER_H
#define KMEM_ANALYZE_TEXT_HEADER_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

bool text_is_log(sqlite3 *db);
/* start_ns: of the trace clock at time 0. */
void text_header_first(sqlite3 *db, FILE *out, const char *report, int64_t start_ns,
		       int64_t length_ns);
void text_header(sqlite3 *db, FILE *out);

#endif
