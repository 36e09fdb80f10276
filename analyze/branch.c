#include "analyze/branch.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/query.h"
#include "analyze/report.h"
#include "format/base/units.h"
#include "schema_sql.h"

bool debug_information(sqlite3 *db)
{
	struct query q = { 0 };
	bool there =
		query_init(
			&q, db,
			"SELECT EXISTS (SELECT 1 FROM frame WHERE unit IS NOT NULL AND dso IS NULL)",
			NULL, NULL) == 0 &&
		query_step(&q, NULL) == 1 && query_int(&q, 0);

	query_release(&q);
	return there;
}

int no_debug_information(const char *what, struct error *err)
{
	return error_set(
		err, ERR_UNSUPPORTED,
		"%s needs debug information of the kernel, which this database does not have:"
		" add it with kmem-analyze symbolize DB -k VMLINUX, or kmem-analyze load -f -k"
		" VMLINUX CAPTURE",
		what);
}

/*
 * 'fs/ext4' of './fs//ext4/'. NULL: no memory, or what no tree has, with the error set. '' is the
 * whole tree.
 */
static char *tree_path(const char *text, struct error *err)
{
	char *path = malloc(strlen(text) + 1), *end = path;

	if (!path) {
		error_nomem(err);
		return NULL;
	}
	for (const char *p = text; *p && *text != '/';) {
		size_t len = strcspn(p, "/");
		bool dots = len == 2 && p[0] == '.' && p[1] == '.';

		if (dots)
			break;
		if (len && !(len == 1 && *p == '.')) {
			if (end != path)
				*end++ = '/';
			memcpy(end, p, len);
			end += len;
		}
		p += len + (p[len] == '/');
		if (!*p) {
			*end = '\0';
			return path;
		}
	}
	free(path);
	error_set(
		err, ERR_USAGE,
		"-b '%.100s': name a directory of the kernel's source tree as it is below its root,"
		" like fs/ext4 (. is all of it)",
		text);
	return NULL;
}

static int add_units(sqlite3 *db, const char *text, struct error *err)
{
	char *path = tree_path(text, err);
	struct query q = { 0 };
	int rc;

	if (!path)
		return err->code;
	rc = query_init(&q, db, schema_query_branch_unit_sql, NULL, err);
	if (rc == 0) {
		query_bind_text(&q, ":dir", path);
		rc = query_step(&q, err);
	}
	query_release(&q);
	free(path);
	return rc;
}

int branch_prepare(const struct branch *b, sqlite3 *db, struct error *err)
{
	int rc = query_run(db,
			   "CREATE TEMP TABLE branch_unit (id INTEGER PRIMARY KEY);"
			   "CREATE TEMP TABLE branch_site (site INTEGER PRIMARY KEY)",
			   err);

	if (rc == 0 && b->any_frame && !b->dirs.count)
		rc = error_set(err, ERR_USAGE, "--any-frame says where -b looks: give -b, too");
	if (rc < 0 || !b->dirs.count)
		return rc;
	if (!debug_information(db))
		return no_debug_information("-b", err);
	for (size_t i = 0; rc == 0 && i < b->dirs.count; i++)
		rc = add_units(db, b->dirs.items[i], err);
	return rc < 0 ? rc : branch_sites(b, db, err);
}

int branch_sites(const struct branch *b, sqlite3 *db, struct error *err)
{
	int rc = b->dirs.count ? query_run(db, "DELETE FROM temp.branch_site", err) : 0;

	if (rc < 0 || !b->dirs.count)
		return rc;
	return query_run(db,
			 b->any_frame ? schema_query_branch_any_frame_sql :
					schema_query_branch_caller_sql,
			 err);
}

static double percent(int64_t part, int64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

static void print_dirs(const struct branch *b, FILE *out)
{
	char safe[300];

	fprintf(out, "# only %s in ",
		b->any_frame ? "allocations with a frame of their stack" :
			       "allocations whose caller is");
	for (size_t i = 0; i < b->dirs.count; i++)
		fprintf(out, "%s%s", i ? ", " : "",
			report_safe(safe, sizeof(safe), b->dirs.items[i]));
}

/* An empty answer is no answer: what directories there are. */
static int print_known(sqlite3 *db, FILE *out, struct error *err)
{
	char safe[80];
	struct query q = { 0 };
	int rc = query_init(&q, db, schema_query_branch_known_sql, NULL, err);

	fprintf(out, "# no allocation is from there; the directories that allocate most:");
	while (rc == 0 && (rc = query_step(&q, err)) == 1) {
		fprintf(out, " %s", report_safe(safe, sizeof(safe), query_text(&q, 0)));
		rc = 0;
	}
	fprintf(out, "\n");
	query_release(&q);
	return rc;
}

int branch_header(struct report *r, struct error *err)
{
	char part[UNITS_TEXT], whole[UNITS_TEXT];
	struct query q = { 0 };
	int64_t sites, bytes, all, unknown;
	int rc;

	if (!r->options->branch.dirs.count)
		return 0;
	if (r->estimate) { /* what is in there the report below says, with its error */
		print_dirs(&r->options->branch, r->out);
		fprintf(r->out, "\n");
		return 0;
	}
	rc = query_init(&q, r->db, schema_query_branch_share_sql, NULL, err);
	if (rc == 0) {
		query_bind_text(&q, ":domain", report_one_domain(r));
		query_bind_text(&q, ":api", report_api(r->options));
		query_bind_int(&q, ":include_self", r->options->include_self);
		rc = query_step(&q, err);
	}
	sites = rc == 1 ? query_int(&q, 0) : 0;
	bytes = rc == 1 ? query_int(&q, 1) : 0;
	all = rc == 1 ? query_int(&q, 2) : 0;
	unknown = rc == 1 ? query_int(&q, 3) : 0;
	query_release(&q);
	if (rc < 0)
		return rc;
	print_dirs(&r->options->branch, r->out);
	fprintf(r->out, ": %s of %s allocated in all, %.1f%%\n", units_bytes(part, (uint64_t)bytes),
		units_bytes(whole, (uint64_t)all), percent(bytes, all));
	if (unknown)
		fprintf(r->out,
			"# %s (%.1f%%) are of callers without debug information, and so in no"
			" directory\n",
			units_bytes(part, (uint64_t)unknown), percent(unknown, all));
	return sites ? 0 : print_known(r->db, r->out, err);
}
