/*
 * emit.h - a report as data: --format json, ndjson or csv. It comes from the rows of the same queries as the text: the
 * names of their columns are the names of the members.
 *
 *	emit_section(r, "callers", EMIT_TABLE);
 *	while ((rc = emit_step(r, &q, err)) == 1)	// data: writes all rows, and returns 0
 *		fprintf(r->out, ...);			// text
 *
 * A row that has lists of other rows:
 *	if (r->emit.format != EMIT_TEXT) {
 *		emit_row_open(r, &q, err);
 *		emit_list(r, "comms");
 *		while ((rc = emit_step(r, &comms, err)) == 1) ...
 *		emit_list_end(r);
 *		emit_row_close(r);
 *	}
 *
 * Columns: what begins with '_' is left out. key1 to key4 take the names of --by's keys, and are left out where there
 * are fewer. `stack` and `call_site` (a frame), where a row has both, become `frames`, innermost first. `address` is text, "0x...".
 * NULL is null.
 *
 *	json	{"report": "account", "format": 1, "header": {...}, SECTION: [ROW, ...], ...}; an EMIT_ONE section is
 *		its only row
 *	ndjson	one object per line, with "section": "header" first
 *	csv	the rows of the report's EMIT_TABLE section, names in the first line; frames joined by ';', no lists
 *
 * `format` counts up when a member goes away or changes its meaning; new ones may come at any time.
 */
#ifndef KMEM_ANALYZE_EMIT_H
#define KMEM_ANALYZE_EMIT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "format/base/error.h"

#define EMIT_VERSION 1

enum emit_format { EMIT_TEXT, EMIT_JSON, EMIT_NDJSON, EMIT_CSV };
enum emit_kind { EMIT_TABLE, EMIT_PART, EMIT_ONE };

struct emit {
	enum emit_format format;
	const char *section; /* the open one; NULL: none */
	enum emit_kind kind;
	uint64_t rows;	       /* of the open section */
	uint64_t rows_in_list; /* of the open list */
	bool in_list;
	uint64_t members; /* written to the open object */
	bool plain;	  /* all columns as they are */
};

struct report;
struct query;

enum emit_format emit_format_of(const char *name); /* NULL: text */
extern const char *const emit_formats[]; /* for OPT_CHOICE, in the order of enum emit_format */

/* Opens the document; `header` holds the lines of the text's header. Text: does nothing. */
void emit_begin(struct report *r, const char *report, const char *header);
void emit_end(struct report *r);

/* Until the next section, emit_end_section, or the end. */
void emit_section(struct report *r, const char *name, enum emit_kind kind);
void emit_end_section(struct report *r);

/* As query_step for text. For data all rows are written; 0 or negative. */
int emit_step(struct report *r, struct query *q, struct error *err);
/* The row that the query stands at. 1: written, 0: the format is text, negative: failed. */
int emit_row(struct report *r, struct query *q, struct error *err);
int emit_row_open(struct report *r, struct query *q, struct error *err);
void emit_row_close(struct report *r);

/* Further members of an open row. */
void emit_int(struct report *r, const char *name, int64_t value);
void emit_real(struct report *r, const char *name, double value);
void emit_text(struct report *r, const char *name, const char *text); /* NULL: null */
int emit_frames(struct report *r, bool has_stack, int64_t stack, bool has_call_site,
		int64_t call_site, struct error *err);

void emit_list(struct report *r, const char *name);
void emit_list_end(struct report *r);

/* As json_text, of any bytes: what is no UTF-8 becomes \xNN, as in the text. */
void emit_json_text(FILE *out, const char *text);

#endif
