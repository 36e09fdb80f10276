#include "analyze/emit.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/db_memory.h"
#include "analyze/json_text.h"
#include "analyze/query.h"
#include "analyze/report.h"
#include "schema_sql.h"

const char *const emit_formats[] = { "text", "json", "ndjson", "csv", NULL };

enum emit_format emit_format_of(const char *name)
{
	int format = EMIT_CSV;

	while (format > EMIT_TEXT && (!name || strcmp(name, emit_formats[format])))
		format--;
	return (enum emit_format)format;
}

void emit_json_text(FILE *out, const char *text)
{
	size_t size = strlen(text) * 4 + 8;
	char room[512], *heap = size > sizeof(room) ? db_memory_note(malloc(size)) : NULL;

	/* without memory it is cut, and the report fails at its end */
	json_text(out, report_safe(heap ? heap : room, heap ? size : sizeof(room), text));
	free(heap);
}

#define PIECE_BYTES 1000 /* each of which may become 4 */

/* At most so many bytes, and no character in two. */
static size_t piece_of(const char *text)
{
	size_t n = strnlen(text, PIECE_BYTES);

	for (int i = 0; i < 3 && n == PIECE_BYTES - (size_t)i && (text[n] & 0xc0) == 0x80; i++)
		n--;
	return n;
}

/* A field of a CSV line, of any length: quoted where it has to be. */
static void csv_text(FILE *out, const char *text)
{
	bool quoted = text[strcspn(text, "\",;")];
	char piece[PIECE_BYTES + 1], safe[4 * PIECE_BYTES + 1];

	if (quoted)
		fputc('"', out);
	for (size_t n; *text; text += n) {
		n = piece_of(text);
		memcpy(piece, text, n);
		piece[n] = '\0';
		report_safe(safe, sizeof(safe), piece);
		for (const char *p = safe; *p; p++) {
			if (*p == '"')
				fputc('"', out);
			fputc(*p, out);
		}
	}
	if (quoted)
		fputc('"', out);
}

static bool silent(const struct report *r)
{
	return r->emit.format == EMIT_CSV && (r->emit.kind != EMIT_TABLE || r->emit.in_list);
}

/* The comma and the name before a value. */
static void member(struct report *r, const char *name)
{
	if (r->emit.members++)
		fprintf(r->out, r->emit.format == EMIT_CSV ? "," : ", ");
	if (r->emit.format == EMIT_CSV)
		return;
	emit_json_text(r->out, name);
	fprintf(r->out, ": ");
}

void emit_int(struct report *r, const char *name, int64_t value)
{
	if (silent(r))
		return;
	member(r, name);
	fprintf(r->out, "%" PRId64, value);
}

void emit_real(struct report *r, const char *name, double value)
{
	if (silent(r))
		return;
	member(r, name);
	if (isfinite(value))
		fprintf(r->out, "%.15g", value);
	else if (r->emit.format != EMIT_CSV)
		fprintf(r->out, "null");
}

void emit_text(struct report *r, const char *name, const char *text)
{
	if (silent(r))
		return;
	member(r, name);
	if (r->emit.format == EMIT_CSV)
		csv_text(r->out, text ? text : "");
	else if (text)
		emit_json_text(r->out, text);
	else
		fprintf(r->out, "null");
}

/* ---- frames ---- */

/* Columns as in stack.sql. */
static void frame_object(struct report *r, const struct query *q)
{
	uint64_t members = r->emit.members;
	bool inlined = query_int(q, 8) != 0;
	char address[24];

	r->emit.members = 0;
	snprintf(address, sizeof(address), "0x%" PRIx64, (uint64_t)query_int(q, 0));
	fprintf(r->out, "{");
	emit_text(r, "address", address);
	if (inlined)
		emit_text(r, "function", query_text(q, 5));
	else
		emit_text(r, "function", query_is_null(q, 1) ? NULL : query_text(q, 1));
	if (!inlined && !query_is_null(q, 2))
		emit_int(r, "offset", query_int(q, 2));
	if (!query_is_null(q, 3))
		emit_text(r, "module", query_text(q, 3));
	if (!query_is_null(q, 4))
		emit_text(r, "dso", query_text(q, 4));
	if (!query_is_null(q, 6))
		emit_text(r, "file", query_text(q, 6));
	if (!query_is_null(q, 7))
		emit_int(r, "line", query_int(q, 7));
	if (inlined)
		emit_int(r, "inlined", 1);
	fprintf(r->out, "}");
	r->emit.members = members;
}

static void frame_csv(struct report *r, const struct query *q, bool first)
{
	const char *name = query_text(q, query_int(q, 8) ? 5 : 1);
	char safe[300];

	if (!first)
		fputc(';', r->out);
	report_safe(safe, sizeof(safe), name);
	for (char *p = safe; *p; p++)
		if (*p == '"' || *p == ';')
			*p = '_';
	if (*name)
		fputs(safe, r->out);
	else
		fprintf(r->out, "0x%" PRIx64, (uint64_t)query_int(q, 0));
}

int emit_frames(struct report *r, bool has_stack, int64_t stack, bool has_call_site,
		int64_t call_site, struct error *err)
{
	struct query q = { 0 };
	bool csv = r->emit.format == EMIT_CSV, first = true;
	int rc = 0;

	if (silent(r))
		return 0;
	member(r, "frames");
	fputc(csv ? '"' : '[', r->out);
	if (has_stack || has_call_site) {
		rc = query_init(&q, r->db,
				has_stack ? schema_query_stack_sql : schema_query_frame_sql, NULL,
				err);
		if (rc == 0)
			query_bind_int(&q, has_stack ? ":stack" : ":frame",
				       has_stack ? stack : call_site);
	}
	while (rc == 0 && q.stmt && (rc = query_step(&q, err)) == 1) {
		if (csv) {
			frame_csv(r, &q, first);
		} else {
			fprintf(r->out, first ? "" : ", ");
			frame_object(r, &q);
		}
		first = false;
		rc = 0;
	}
	query_release(&q);
	fputc(csv ? '"' : ']', r->out);
	return rc;
}

/* ---- rows ---- */

static int column_of(sqlite3_stmt *stmt, const char *name)
{
	for (int i = 0; i < sqlite3_column_count(stmt); i++)
		if (!strcmp(sqlite3_column_name(stmt, i), name))
			return i;
	return -1;
}

/* -1, or which of the keys of --by the column is. */
static int key_of(const char *name)
{
	return !strncmp(name, "key", 3) && name[3] >= '1' && name[3] < '1' + BY_KEYS_MAX &&
			       !name[4] ?
		       name[3] - '1' :
		       -1;
}

static const char *name_of(const struct report *r, const char *column)
{
	int key = key_of(column);

	if (r->emit.plain)
		return column;
	if (*column == '_' || (key >= 0 && (size_t)key >= r->by.count))
		return NULL;
	return key >= 0 ? by_name(&r->by, (size_t)key) : column;
}

static void emit_value(struct report *r, const char *name, struct query *q, int i)
{
	char text[24];

	switch (sqlite3_column_type(q->stmt, i)) {
	case SQLITE_INTEGER:
		if (r->emit.plain || strcmp(name, "address")) {
			emit_int(r, name, query_int(q, i));
			break;
		}
		snprintf(text, sizeof(text), "0x%" PRIx64, (uint64_t)query_int(q, i));
		emit_text(r, name, text);
		break;
	case SQLITE_FLOAT: emit_real(r, name, query_double(q, i)); break;
	case SQLITE_NULL: emit_text(r, name, NULL); break;
	default: emit_text(r, name, query_text(q, i));
	}
}

static int emit_columns(struct report *r, struct query *q, struct error *err)
{
	int stack = column_of(q->stmt, "stack"), site = column_of(q->stmt, "call_site"), rc = 0;
	bool framed = stack >= 0 && site >= 0 && !r->emit.plain;

	for (int i = 0; rc == 0 && i < sqlite3_column_count(q->stmt); i++) {
		const char *column = sqlite3_column_name(q->stmt, i), *name = name_of(r, column);
		int key = key_of(column);

		if (!name || (framed && i == site))
			continue;
		if (framed && i == stack)
			rc = emit_frames(r, !query_is_null(q, stack), query_int(q, stack),
					 !query_is_null(q, site), query_int(q, site), err);
		else if (key >= 0 && !r->emit.plain && by_is_stack(&r->by, (size_t)key))
			rc = emit_frames(r, query_int(q, i) > 0, query_int(q, i),
					 query_int(q, i) < 0, -query_int(q, i), err);
		else
			emit_value(r, name, q, i);
	}
	return rc;
}

/* The first line of the table. */
static void csv_names(struct report *r, struct query *q)
{
	int stack = column_of(q->stmt, "stack"), site = column_of(q->stmt, "call_site"), n = 0;
	bool framed = stack >= 0 && site >= 0 && !r->emit.plain;

	for (int i = 0; i < sqlite3_column_count(q->stmt); i++) {
		const char *column = sqlite3_column_name(q->stmt, i), *name = name_of(r, column);

		if (!name || (framed && i == site))
			continue;
		fprintf(r->out, "%s", n++ ? "," : "");
		csv_text(r->out, framed && i == stack ? "frames" : name);
	}
	fprintf(r->out, "\n");
}

int emit_row_open(struct report *r, struct query *q, struct error *err)
{
	struct emit *e = &r->emit;
	uint64_t *rows = e->in_list ? &e->rows_in_list : &e->rows;
	int rc;

	if (e->format == EMIT_TEXT)
		return 0;
	if (silent(r))
		return 1;
	if (e->format == EMIT_CSV) {
		if (!*rows)
			csv_names(r, q);
	} else if (e->format == EMIT_NDJSON && !e->in_list) {
		fprintf(r->out, "{\"section\": \"%s\"", e->section);
	} else {
		fprintf(r->out, "%s{", *rows == 0 ? "" : e->in_list ? ", " : ",\n  ");
	}
	++*rows;
	e->members = e->format == EMIT_NDJSON && !e->in_list;
	rc = emit_columns(r, q, err);
	return rc < 0 ? rc : 1;
}

void emit_row_close(struct report *r)
{
	if (silent(r))
		return;
	if (r->emit.format != EMIT_CSV)
		fprintf(r->out, "}");
	if (!r->emit.in_list && r->emit.format != EMIT_JSON)
		fprintf(r->out, "\n");
}

int emit_row(struct report *r, struct query *q, struct error *err)
{
	int rc = emit_row_open(r, q, err);

	if (rc == 1)
		emit_row_close(r);
	return rc;
}

int emit_step(struct report *r, struct query *q, struct error *err)
{
	int rc = query_step(q, err);

	if (r->emit.format == EMIT_TEXT)
		return rc;
	while (rc == 1 && (rc = emit_row(r, q, err)) == 1)
		rc = query_step(q, err);
	return rc;
}

void emit_list(struct report *r, const char *name)
{
	if (!silent(r) && r->emit.format != EMIT_CSV) {
		member(r, name);
		fprintf(r->out, "[");
	}
	r->emit.in_list = true;
	r->emit.rows_in_list = 0;
}

void emit_list_end(struct report *r)
{
	r->emit.in_list = false;
	if (r->emit.format != EMIT_CSV)
		fprintf(r->out, "]");
	r->emit.members = 1; /* a comma before what follows */
}

/* ---- the document ---- */

void emit_end_section(struct report *r)
{
	if (!r->emit.section)
		return;
	if (r->emit.format == EMIT_JSON) {
		if (r->emit.kind == EMIT_ONE)
			fprintf(r->out, r->emit.rows ? "" : "null");
		else
			fprintf(r->out, "]");
	}
	r->emit.section = NULL;
}

void emit_section(struct report *r, const char *name, enum emit_kind kind)
{
	if (r->emit.format == EMIT_TEXT)
		return;
	emit_end_section(r);
	r->emit.section = name;
	r->emit.kind = kind;
	r->emit.rows = 0;
	if (r->emit.format == EMIT_JSON)
		fprintf(r->out, ",\n\"%s\": %s", name, kind == EMIT_ONE ? "" : "[");
}

static void header_facts(struct report *r, const char *header)
{
	char kernel[80] = "", machine[32] = "";

	capture_text(r->db, "kernel.release", kernel, sizeof(kernel));
	capture_text(r->db, "machine", machine, sizeof(machine));
	emit_text(r, "kernel", *kernel ? kernel : NULL);
	emit_text(r, "machine", *machine ? machine : NULL);
	if (r->has_wall)
		emit_int(r, "start_ns", r->base_wall_ns);
	else
		emit_text(r, "start_ns", NULL);
	emit_int(r, "length_ns", r->length_ns);
	emit_text(r, "domain", report_one_domain(r));
	emit_int(r, "events", capture_int(r->db, "events", 0));
	emit_int(r, "lost", capture_int(r->db, "events.lost", 0));
	emit_int(r, "complete", r->complete);
	member(r, "notes");
	fprintf(r->out, "[");
	for (int n = 0; *header; n++) {
		size_t len = strcspn(header, "\n");
		char *line = db_memory_note(strndup(header, len));

		if (line && *line) {
			fprintf(r->out, n ? ", " : "");
			emit_json_text(r->out, line + strspn(line, "# "));
		}
		free(line);
		header += len + (header[len] == '\n');
	}
	fprintf(r->out, "]}");
}

void emit_begin(struct report *r, const char *report, const char *header)
{
	struct emit *e = &r->emit;

	if (e->format == EMIT_TEXT || e->format == EMIT_CSV)
		return;
	e->kind = EMIT_TABLE;
	e->members = 1;
	fprintf(r->out,
		e->format == EMIT_JSON ?
			"{\"report\": \"%s\", \"format\": %d,\n\"header\": {" :
			"{\"section\": \"header\", \"report\": \"%s\", \"format\": %d",
		report, EMIT_VERSION);
	if (e->format == EMIT_JSON)
		e->members = 0;
	header_facts(r, header);
	if (e->format == EMIT_NDJSON)
		fprintf(r->out, "\n");
}

void emit_end(struct report *r)
{
	if (r->emit.format == EMIT_TEXT)
		return;
	emit_end_section(r);
	if (r->emit.format == EMIT_JSON)
		fprintf(r->out, "}\n");
}
