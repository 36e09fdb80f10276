/* static: what the kernel's code and data take, by directory, file or symbol. */
#include <inttypes.h>
#include <stdio.h>

#include "analyze/aside.h"
#include "analyze/report.h"
#include "analyze/static_report.h"
#include "format/base/units.h"
#include "schema_sql.h"

struct static_options {
	struct report_options report;
	const char *by;
	struct option_list dirs;
	uint64_t depth;
};

static const char *const by_choices[] = { "directory", "file", "symbol", NULL };

/* clang-format off */
static const struct sort_key sort_keys[] = {
	{ "total", "total DESC" },	{ "text", "text DESC" },
	{ "data", "data DESC" },	{ "bss", "bss DESC" },
	{ "name", "name" },		{ NULL, NULL },
};

static const struct option_row rows[] = {
	{ "output", 'o', "FILE", "write the report to FILE (mode 0600)", OPT_STRING,
	  offsetof(struct static_options, report.output), 0, 0, 0, NULL },
	{ "force", 'f', NULL, "overwrite FILE", OPT_FLAG, offsetof(struct static_options, report.force), 0, 0, 0, NULL },
	{ "top", 'n', "N", "the first N entries (0: all)", OPT_NUMBER, offsetof(struct static_options, report.top),
	  0, 0, 0, NULL },
	{ "by", 0, "WHAT", "directory (default), file or symbol", OPT_CHOICE, offsetof(struct static_options, by),
	  0, 0, 0, by_choices },
	{ "depth", 0, "N", "directories cut to their first N names: 1 is drivers, 2 drivers/net", OPT_NUMBER,
	  offsetof(struct static_options, depth), 1, 100, 0, NULL },
	{ "start-branch", 'b', "DIR", "only what is compiled from files of that source directory, as fs/ext4 (repeatable)",
	  OPT_LIST, offsetof(struct static_options, dirs), 0, 0, 0, NULL },
	FORMAT_ROW(struct static_options, report),
	SORT_ROW(struct static_options, report, "total (default), text, data, bss, name"),
	{ NULL, 0, NULL, NULL, OPT_FLAG, 0, 0, 0, 0, NULL },
};
/* clang-format on */

static int print_rows(struct report *r, const struct static_options *o, const char *order,
		      struct error *err)
{
	const char *by = o->by ? o->by : by_choices[0];
	bool text = r->emit.format == EMIT_TEXT;
	char tail[400], name[300], file[400];
	uint64_t shown = 0, all = 0;
	struct query q = { 0 };
	int rc;

	snprintf(tail, sizeof(tail), "%s LIMIT %" PRId64, order, report_limit(r));
	rc = query_init(&q, r->db, schema_query_static_sql, tail, err);
	if (rc < 0)
		return rc;
	query_bind_text(&q, ":by", by);
	query_bind_int(&q, ":depth", (int64_t)o->depth);
	emit_section(r, "rows", EMIT_TABLE);
	if (text) {
		fprintf(r->out, "\n      text       data        bss      total  %s\n", by);
		fprintf(r->out, "-----------------------------------------------------\n");
	}
	while ((rc = emit_step(r, &q, err)) == 1) {
		const char *from = query_text(&q, 5);

		if (!report_shows(r, &shown, &all))
			continue;
		fprintf(r->out, "%10" PRId64 " %10" PRId64 " %10" PRId64 " %10" PRId64 "  %s%s%s\n",
			query_int(&q, 1), query_int(&q, 2), query_int(&q, 3), query_int(&q, 4),
			report_safe(name, sizeof(name), query_text(&q, 0)), *from ? "  " : "",
			report_safe(file, sizeof(file), from));
	}
	query_release(&q);
	if (rc == 0 && text)
		report_skipping(r, "rows", shown, all);
	return rc;
}

/* As text, or as the notes of data. */
static int print_header(struct report *r, const struct static_options *o, struct error *err)
{
	struct aside a = { 0 };
	int rc;

	if (r->emit.format == EMIT_TEXT)
		return static_header(r, &o->dirs, err);
	rc = aside_begin(&a, r, err);
	if (rc == 0)
		rc = aside_end(&a, r, static_header(r, &o->dirs, err), err);
	if (rc == 0)
		emit_begin(r, "static", a.text);
	aside_release(&a);
	return rc;
}

static int print(struct report *r, void *options, const char *order, struct error *err)
{
	const struct static_options *o = options;
	int rc = static_branch(r->db, &o->dirs, err);

	if (rc == 0)
		rc = static_select(r->db, &o->dirs, err);
	if (rc == 0)
		rc = print_header(r, o, err);
	return rc < 0 ? rc : print_rows(r, o, order, err);
}

static int run(const struct command *self, int argc, char **argv)
{
	struct static_options o = { 0 };
	int code = report_run_on(self, argc, argv, &o, &o.report, sort_keys, "name, file", print);

	option_list_release(&o.dirs);
	return code;
}

const struct command cmd_static = {
	.name = "static",
	.summary = "bytes of code and data by directory, file or symbol",
	.operands = "VMLINUX|BUILD_TREE|DB",
	.description =
		"Text, data and bss of a kernel, as `size` counts them: of a vmlinux, of a build tree (with O= its\n"
		"output), or of a database that was loaded with -k. Each byte is counted once; what debug\n"
		"information or symbols do not tell is in rows of its own, in parentheses.\n",
	.examples =
		"  kmem-analyze static --depth 1 /usr/lib/debug/boot/vmlinux-6.1.0-38-amd64\n"
		"  kmem-analyze static -b fs/ext4 --by file ~/linux       one directory of a tree that was built\n"
		"  kmem-analyze static --by symbol -s bss -n 20 vmlinux   the largest zeroed objects\n",
	.options = rows,
	.run = run,
};
