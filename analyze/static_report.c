#include "analyze/static_report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "format/base/units.h"
#include "schema_sql.h"

int static_tidy(char *path, struct error *err)
{
	char *from = path;
	size_t len;

	while (*from == '/' || (from[0] == '.' && (from[1] == '/' || !from[1])))
		from++;
	len = strlen(from);
	while (len && from[len - 1] == '/')
		len--;
	memmove(path, from, len);
	path[len] = '\0';
	if (!len)
		return error_set(
			err, ERR_USAGE,
			"--start-branch needs a directory of the source tree, such as fs/ext4");
	return 0;
}

static int select_dir(sqlite3 *db, const char *dir, struct error *err)
{
	struct query q = { 0 };
	char *tidy = strdup(dir);
	int rc = tidy ? static_tidy(tidy, err) : error_nomem(err);

	if (rc == 0)
		rc = query_init(&q, db, schema_query_static_unit_sql, NULL, err);
	if (rc == 0) {
		query_bind_text(&q, ":dir", tidy);
		rc = query_step(&q, err);
	}
	query_release(&q);
	free(tidy);
	return rc < 0 ? rc : 0;
}

/* 1 or 0: the first column of the only row. */
static int ask(sqlite3 *db, const char *sql, struct error *err)
{
	struct query q = { 0 };
	int rc = query_init(&q, db, sql, NULL, err);

	if (rc == 0)
		rc = query_step(&q, err);
	if (rc == 1)
		rc = query_int(&q, 0) != 0;
	query_release(&q);
	return rc;
}

int static_branch(sqlite3 *db, const struct option_list *dirs, struct error *err)
{
	int rc = query_run(db, "CREATE TEMP TABLE static_unit (id INTEGER PRIMARY KEY)", err);

	for (size_t i = 0; i < dirs->count && rc == 0; i++)
		rc = select_dir(db, dirs->items[i], err);
	return rc;
}

int static_select(sqlite3 *db, const struct option_list *dirs, struct error *err)
{
	int rc = ask(db, "SELECT EXISTS (SELECT 1 FROM static_symbol)", err);

	if (rc == 0)
		rc = error_set(
			err, ERR_UNSUPPORTED,
			"this database has no static sizes: kmem-analyze symbolize DB -k VMLINUX adds them; static and"
			" rings also take a vmlinux or a build tree itself");
	if (rc < 0)
		return rc;
	rc = query_run(
		db,
		dirs->count ?
			"CREATE TEMP VIEW static_selected AS SELECT * FROM main.static_symbol"
			" WHERE unit IN (SELECT id FROM temp.static_unit)" :
			"CREATE TEMP VIEW static_selected AS SELECT * FROM main.static_symbol",
		err);
	if (rc == 0)
		rc = ask(db, "SELECT EXISTS (SELECT 1 FROM temp.static_selected)", err);
	if (rc == 0)
		rc = error_set(
			err, ERR_USAGE,
			"nothing is compiled from files of '%s': kmem-analyze static --depth 2 lists what there is",
			dirs->items[0]);
	return rc < 0 ? rc : 0;
}

bool static_only(sqlite3 *db)
{
	char from[8];

	return capture_text(db, "static.from", from, sizeof(from));
}

static void print_origin(struct report *r)
{
	char from[1000] = "?", kernel[80] = "", how[100], safe[1200];

	if (!capture_text(r->db, "static.from", from, sizeof(from)))
		capture_text(r->db, "symbols.from", from, sizeof(from));
	if (!capture_text(r->db, "static.kernel", kernel, sizeof(kernel)))
		capture_text(r->db, "kernel.release", kernel, sizeof(kernel));
	from[strcspn(from, "\n")] = '\0'; /* modules follow */
	fprintf(r->out, "# kmem static: %s", report_safe(safe, sizeof(safe), from));
	if (*kernel)
		fprintf(r->out, ", Linux %s", report_safe(safe, sizeof(safe), kernel));
	fprintf(r->out, "\n");
	if (capture_int(r->db, "symbols.mismatch", 0))
		fprintf(r->out,
			"# of ANOTHER BUILD than the kernel of the capture (--allow-mismatch): sizes differ\n");
	if (capture_text(r->db, "static.how", how, sizeof(how)))
		fprintf(r->out, "# %s\n", how);
}

static void print_share(struct report *r, struct query *q)
{
	int64_t total = query_int(q, 3);
	char n[2][UNITS_TEXT];

	fprintf(r->out, "# %.1f %% belong to a source file",
		total ? 100.0 * (double)query_int(q, 4) / (double)total : 0);
	if (query_int(q, 5))
		fprintf(r->out, "; %s bytes of symbols without debug information",
			units_count(n[0], (uint64_t)query_int(q, 5)));
	if (query_int(q, 6))
		fprintf(r->out, "; %s bytes without symbol (tables, strings, padding)",
			units_count(n[1], (uint64_t)query_int(q, 6)));
	fprintf(r->out, "\n");
}

static void header_modules(struct report *r, int64_t modules)
{
	int64_t missing = capture_int(r->db, "static.missing", 0);

	if (modules)
		fprintf(r->out, "# with %" PRId64 " module%s\n", modules, modules == 1 ? "" : "s");
	if (missing)
		fprintf(r->out,
			"# %" PRId64
			" module%s of the capture NOT in it: no file of that build was found\n",
			missing, missing == 1 ? " is" : "s are");
}

int static_header(struct report *r, const struct option_list *dirs, struct error *err)
{
	char n[4][UNITS_TEXT], safe[300];
	struct query q = { 0 };
	int rc = query_init(&q, r->db, schema_query_static_total_sql, NULL, err);

	if (rc == 0)
		rc = query_step(&q, err);
	if (rc == 1) {
		for (int i = 0; i < 4; i++)
			units_count(n[i], (uint64_t)query_int(&q, i));
		print_origin(r);
		for (size_t i = 0; i < dirs->count; i++)
			fprintf(r->out, "# %s %s and below\n", i ? "and" : "only",
				report_safe(safe, sizeof(safe), dirs->items[i]));
		fprintf(r->out, "# %s bytes: text %s, data %s, bss %s\n", n[3], n[0], n[1], n[2]);
		header_modules(r, query_int(&q, 7));
		if (!dirs->count)
			print_share(r, &q);
		rc = 0;
	}
	query_release(&q);
	return rc;
}
