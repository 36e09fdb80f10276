#include "analyze/sql_table.h"

#include <stdlib.h>
#include <string.h>

#include "analyze/report.h"

#define LOOK_AHEAD   200 /* rows that decide how wide the columns are */
#define WIDTH_MOST   60
#define COLUMNS_MOST 2000 /* SQLite's own limit */

struct cell {
	char *text; /* heap; NULL: NULL */
	bool number;
};

struct table {
	FILE *out;
	int columns, *widths;
	struct cell *cells; /* of the rows that were looked at */
	size_t rows;
};

/* Characters, not bytes. */
static int width_of(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}

static bool read_cell(struct cell *cell, const struct query *q, int column)
{
	const char *text = query_text(q, column);
	size_t size = strlen(text) * 4 + 8;
	int type = sqlite3_column_type(q->stmt, column);

	*cell = (struct cell){ .number = type == SQLITE_INTEGER || type == SQLITE_FLOAT };
	if (type == SQLITE_NULL)
		return true;
	cell->text = malloc(size);
	if (cell->text)
		report_safe(cell->text, size, text);
	return cell->text != NULL;
}

static void print_cell(struct table *t, int column, const char *text, bool number)
{
	int pad = t->widths[column] - width_of(text);

	fprintf(t->out, "%s", column ? "  " : "");
	if (number)
		fprintf(t->out, "%*s", pad > 0 ? pad : 0, "");
	fputs(text, t->out);
	if (!number && column + 1 < t->columns)
		fprintf(t->out, "%*s", pad > 0 ? pad : 0, "");
}

static void print_row(struct table *t, const struct cell *cells)
{
	for (int i = 0; i < t->columns; i++)
		print_cell(t, i, cells[i].text ? cells[i].text : "-", cells[i].number);
	fprintf(t->out, "\n");
}

static void print_head(struct table *t, const struct query *q)
{
	char name[200];
	int all = 0;

	for (int i = 0; i < t->columns; i++) {
		report_safe(name, sizeof(name), sqlite3_column_name(q->stmt, i));
		print_cell(t, i, name, t->rows && t->cells[i].number);
		all += t->widths[i] + 2;
	}
	fprintf(t->out, "\n");
	for (int i = 0; i < all - 2; i++)
		fputc('-', t->out);
	fprintf(t->out, "\n");
}

static void measure(struct table *t, const struct query *q)
{
	for (int i = 0; i < t->columns; i++) {
		t->widths[i] = width_of(sqlite3_column_name(q->stmt, i));
		for (size_t row = 0; row < t->rows; row++) {
			const char *text = t->cells[row * (size_t)t->columns + (size_t)i].text;
			int width = text ? width_of(text) : 1;

			if (width > t->widths[i])
				t->widths[i] = width;
		}
		if (t->widths[i] > WIDTH_MOST)
			t->widths[i] = WIDTH_MOST;
	}
}

static int read_row(struct cell *cells, const struct table *t, const struct query *q,
		    struct error *err)
{
	for (int i = 0; i < t->columns; i++)
		if (!read_cell(&cells[i], q, i))
			return error_nomem(err);
	return 0;
}

static void release_row(struct cell *cells, const struct table *t)
{
	for (int i = 0; i < t->columns; i++)
		free(cells[i].text);
	memset(cells, 0, (size_t)t->columns * sizeof(*cells));
}

int sql_table(FILE *out, struct query *q, struct error *err)
{
	struct table t = { .out = out, .columns = sqlite3_column_count(q->stmt) };
	int rc;

	if (t.columns <= 0 || t.columns > COLUMNS_MOST)
		return query_step(q, err);
	t.widths = calloc((size_t)t.columns, sizeof(*t.widths));
	t.cells = calloc((size_t)t.columns * (LOOK_AHEAD + 1), sizeof(*t.cells));
	rc = t.widths && t.cells ? 0 : error_nomem(err);
	while (rc == 0 && t.rows < LOOK_AHEAD && (rc = query_step(q, err)) == 1)
		rc = read_row(t.cells + t.rows++ * (size_t)t.columns, &t, q, err);
	if (rc == 0) {
		measure(&t, q);
		print_head(&t, q);
		for (size_t i = 0; i < t.rows; i++)
			print_row(&t, t.cells + i * (size_t)t.columns);
	}
	while (rc == 0 && t.rows == LOOK_AHEAD && (rc = query_step(q, err)) == 1) {
		struct cell *row = t.cells + (size_t)LOOK_AHEAD * (size_t)t.columns;

		rc = read_row(row, &t, q, err);
		print_row(&t, row);
		release_row(row, &t);
	}
	for (size_t i = 0; t.cells && i < (size_t)t.columns * (LOOK_AHEAD + 1); i++)
		free(t.cells[i].text);
	free(t.cells);
	free(t.widths);
	return rc;
}
