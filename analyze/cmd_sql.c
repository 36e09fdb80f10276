/* sql: a query of the user's own, on the documented views; one, or at a prompt. */
#define _GNU_SOURCE /* getline */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analyze/db_memory.h"
#include "analyze/report.h"
#include "analyze/sql_guard.h"
#include "analyze/sql_table.h"
#include "format/base/safe_text.h"

struct sql_options {
	struct report_options report;
};

/* clang-format off */
static const struct option_row rows[] = {
	{ "output", 'o', "FILE", "write the result to FILE (mode 0600)", OPT_STRING,
	  offsetof(struct sql_options, report.output), 0, 0, 0, NULL },
	{ "force", 'f', NULL, "overwrite FILE, or a database that is in the way", OPT_FLAG,
	  offsetof(struct sql_options, report.force), 0, 0, 0, NULL },
	{ "db", 0, "FILE", "keep the database of the capture in FILE (default: CAPTURE.db)", OPT_STRING,
	  offsetof(struct sql_options, report.db), 0, 0, 0, NULL },
	FORMAT_ROW(struct sql_options, report),
	{ NULL, 0, NULL, NULL, OPT_FLAG, 0, 0, 0, 0, NULL },
};
/* clang-format on */

/* All statements of a text, each with its rows. */
static int run_text(struct report *r, const char *sql, struct error *err)
{
	int rc = 0;

	while (rc == 0 && sql[strspn(sql, " \t\r\n;")]) {
		struct query q = { .db = r->db };

		if (sqlite3_prepare_v2(r->db, sql, -1, &q.stmt, &sql) != SQLITE_OK)
			return db_memory_failed() ?
				       error_nomem(err) :
				       error_set(
					       err, ERR_USAGE,
					       "SQL: %s; kmem-analyze sql --help has examples, and .schema"
					       " object (on standard input) the columns",
					       sqlite3_errmsg(r->db));
		if (!q.stmt) /* a comment */
			continue;
		if (r->emit.format == EMIT_CSV) /* each has columns of its own */
			emit_section(r, "rows", EMIT_TABLE);
		if (r->emit.format == EMIT_TEXT)
			rc = sql_table(r->out, &q, err);
		else
			rc = emit_step(r, &q, err);
		query_release(&q);
	}
	return rc;
}

static const char prompt_help[] =
	"One statement of SQL, up to a semicolon. The views, with their columns: .schema VIEW\n"
	"  object, live         allocations, and those that are live at the end\n"
	"  caller_total         all and live bytes per call site\n"
	"  stack_line           frames of the stacks; inline_line: what is inlined there\n"
	"  frees_unmatched, gap, moment\n"
	"Functions: bytes_text(n) duration_text(ns) address_text(n) stack_text(stack)\n"
	".tables  .schema NAME  .help  .quit\n";

/* What begins with a dot. False: it was .quit. */
static bool dot_command(struct report *r, char *line)
{
	struct error err = { 0 };
	char *word = strtok(line, " \t\r\n"), *name = strtok(NULL, " \t\r\n;");
	char *sql = NULL;

	if (!strcmp(word, ".quit") || !strcmp(word, ".exit"))
		return false;
	if (!strcmp(word, ".tables"))
		sql = sqlite3_mprintf("SELECT type, name FROM main.sqlite_schema WHERE type IN"
				      " ('table', 'view') ORDER BY type DESC, name");
	else if (!strcmp(word, ".schema"))
		sql = sqlite3_mprintf("SELECT sql FROM main.sqlite_schema WHERE sql IS NOT NULL"
				      " AND (%Q IS NULL OR name = %Q) ORDER BY type, name",
				      name, name);
	else
		fputs(prompt_help, r->out);
	if (sql && run_text(r, sql, &err) < 0)
		safe_complain("kmem-analyze", err.text);
	sqlite3_free(sql);
	return true;
}

/* A statement may take several lines. */
static int prompt(struct report *r, struct error *err)
{
	bool terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	char *line = NULL, *sql = NULL;
	size_t room = 0;
	int rc = 0;

	if (terminal)
		printf("SQL on this capture; .help says what there is, .quit leaves.\n");
	for (;;) {
		char *more;

		if (terminal) {
			printf(sql ? "   ...> " : "kmem> ");
			fflush(stdout);
		}
		if (getline(&line, &room, stdin) < 0)
			break;
		if (!sql && line[strspn(line, " \t")] == '.') {
			if (!dot_command(r, line))
				break;
			continue;
		}
		more = sqlite3_mprintf("%s%s", sql ? sql : "", line);
		sqlite3_free(sql);
		sql = more;
		if (!sql) {
			rc = error_nomem(err);
			break;
		}
		if (!sqlite3_complete(sql))
			continue;
		rc = run_text(r, sql, err);
		sqlite3_free(sql);
		sql = NULL;
		/* at a prompt a mistake is no end */
		if (rc < 0 && !terminal)
			break;
		if (rc < 0)
			safe_complain("kmem-analyze", err->text);
		*err = (struct error){ 0 };
		rc = 0;
	}
	if (rc == 0 && sql)
		rc = run_text(r, sql, err);
	sqlite3_free(sql);
	free(line);
	if (terminal)
		printf("\n");
	return rc;
}

static int run(const struct command *self, int argc, char **argv)
{
	struct sql_options o = { 0 };
	int first = command_parse(self, &o, argc, argv, 1, 2), rc;
	struct error err = { 0 };
	struct report r = { 0 };

	if (first < 0)
		return command_exit_code(first);
	rc = report_open(&r, &o.report, argv + first, 1, &err);
	if (rc == 0)
		rc = sql_guard(r.db, &err);
	r.emit.plain = true;
	if (rc == 0 && !r.complete && r.emit.format == EMIT_TEXT)
		fprintf(stderr,
			"kmem-analyze: the capture lacks events: sums are lower bounds, and what was freed may look"
			" live (kmem-analyze info says what is missing)\n");
	r.all_domains = true;
	if (rc == 0 && r.emit.format != EMIT_TEXT)
		rc = report_header(&r, "sql", &err);
	if (rc == 0)
		emit_section(&r, "rows", EMIT_TABLE);
	if (rc == 0)
		rc = argc - first > 1 ? run_text(&r, argv[first + 1], &err) : prompt(&r, &err);
	if (rc == 0)
		emit_end(&r);
	return report_close(&r, &err);
}

const struct command cmd_sql = {
	.name = "sql",
	.summary = "a query of your own in SQL, or a prompt for several",
	.operands = "CAPTURE|DB [SQL]",
	.description =
		"Runs SQL on the database of a capture, which it cannot change (temporary tables and views are\n"
		"allowed). Without SQL it reads statements from standard input, with a prompt on a terminal. Views\n"
		"and tables are described in schema/README.md; besides the functions of SQLite there are\n"
		"bytes_text(n), duration_text(ns), address_text(n) and stack_text(stack).\n",
	.examples =
		"  kmem-analyze sql cap.kmem \"SELECT caller, count(*) FROM live GROUP BY caller ORDER BY 2 DESC LIMIT 5\"\n"
		"  kmem-analyze sql cap.kmem \"SELECT cache, bytes_text(sum(bytes_alloc)) FROM live GROUP BY cache\"\n"
		"  kmem-analyze sql --format csv cap.kmem < query.sql\n"
		"  kmem-analyze sql cap.kmem                      a prompt\n",
	.options = rows,
	.run = run,
};
