/* rings: the ring chart of memory by source directory. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/aside.h"
#include "analyze/callers.h"
#include "analyze/ring_cairo.h"
#include "analyze/ring_html.h"
#include "analyze/size_tree.h"
#include "analyze/static_input.h"
#include "analyze/static_report.h"
#include "schema_sql.h"

struct rings_options {
	struct report_options report;
	const char *attribute;
	uint64_t levels, width;
};

enum column { TOTAL = 1, NET, WASTE, NO_COLUMN = 0 };

/* In the order of attribute_choices. */
static const struct attribute {
	const char *name, *what;
	enum column column; /* of rings_dynamic.sql */
	bool with_static;
} attributes[] = {
	{ "current_dynamic", "live", NET, false },
	{ "current", "static + live", NET, true },
	{ "static", "static", NO_COLUMN, true },
	{ "waste", "live, not asked for", WASTE, false },
	{ "total_dynamic", "allocated in all", TOTAL, false },
};
static const char *const attribute_choices[] = { "current_dynamic", "current",	     "static",
						 "waste",	    "total_dynamic", NULL };

/* clang-format off */
static const struct option_row rows[] = {
	REPORT_ROWS(struct rings_options, report),
	{ "rings-attr", 'a', "WHAT", "current_dynamic: live bytes (default); current: static + live; static (default of a "
	  "vmlinux or tree); waste: live bytes that nobody asked for; total_dynamic: all that was allocated", OPT_CHOICE,
	  offsetof(struct rings_options, attribute), 0, 0, 0, attribute_choices },
	{ "levels", 0, "N", "at most N rings (default 4)", OPT_NUMBER, offsetof(struct rings_options, levels), 1,
	  RING_LEVELS_MOST, 0, NULL },
	{ "width", 0, "PIXELS", "width of a PNG (default 1000)", OPT_NUMBER, offsetof(struct rings_options, width), 400,
	  8000, 0, NULL },
	{ "rings-file", 0, "FILE", NULL, OPT_STRING, offsetof(struct rings_options, report.output), 0, 0, 0, NULL },
	{ NULL, 0, NULL, NULL, OPT_FLAG, 0, 0, 0, 0, NULL },
};
/* clang-format on */

enum kind { SVG, PNG, PDF, HTML, JSON, KINDS };
static const char *const endings[KINDS] = { ".svg", ".png", ".pdf", ".html", ".json" };

static int kind_of(const char *path, struct error *err)
{
	size_t len = path ? strlen(path) : 0;

	for (int k = 0; k < KINDS; k++) {
		size_t end = strlen(endings[k]);

		if (len > end && !strcmp(path + len - end, endings[k]))
			return k;
	}
	return error_set(
		err, ERR_USAGE,
		"rings needs -o FILE.svg, .png, .pdf, .html or .json: the ending says which");
}

/* What a tree is made of, and the lines that go below the drawing. */
struct drawing {
	const struct attribute *attribute;
	struct size_tree *tree;
	const char *base; /* the only directory of -b: the root, and not repeated in paths; "" */
	struct aside header;
	const char *notes[24];
	char title[300];
	bool by_function; /* no debug information */
};

static const char *below_base(const char *path, const char *base)
{
	size_t len = strlen(base);

	return len && !strncmp(path, base, len) && path[len] == '/' ? path + len + 1 : path;
}

static int add_rows(struct drawing *d, struct query *q, int column, struct error *err)
{
	int rc;

	while ((rc = query_step(q, err)) == 1) {
		int64_t bytes = query_int(q, column);

		if (bytes > 0 && size_tree_add(d->tree, below_base(query_text(q, 0), d->base),
					       (uint64_t)bytes, err) < 0)
			return err->code;
	}
	return rc;
}

static int add_static(struct report *r, struct drawing *d, struct error *err)
{
	struct query q = { 0 };
	int rc = query_init(&q, r->db, schema_query_rings_static_sql, NULL, err);

	if (rc == 0)
		rc = add_rows(d, &q, 1, err);
	query_release(&q);
	return rc;
}

static int add_dynamic(struct report *r, struct drawing *d, struct error *err)
{
	const struct option_list *skip = &r->options->skip_frames;
	struct query q = { 0 };
	int rc = 0;

	if (!r->options->branch.dirs.count && !r->by.count) /* else the report has them already */
		rc = callers_select(r->db, skip->items, skip->count, err);
	if (rc == 0)
		rc = report_select_groups(r, err);

	if (rc == 0)
		rc = query_init(&q, r->db, schema_query_rings_dynamic_sql, NULL, err);
	if (rc == 0) {
		query_bind_int(&q, ":known", !d->by_function);
		rc = add_rows(d, &q, d->attribute->column, err);
	}
	query_release(&q);
	return rc;
}

static int fill_tree(struct report *r, const struct rings_options *o, struct drawing *d,
		     struct error *err)
{
	int rc = size_tree_new(&d->tree, *d->base ? d->base : "kernel", err);

	d->by_function = d->attribute->column && !debug_information(r->db);
	if (rc == 0 && d->by_function && d->attribute->with_static)
		rc = no_debug_information("-a current", err);
	if (rc == 0)
		rc = static_branch(r->db, &o->report.branch.dirs, err);
	if (rc == 0 && d->attribute->with_static)
		rc = static_select(r->db, &o->report.branch.dirs, err);
	if (rc == 0 && d->attribute->with_static)
		rc = add_static(r, d, err);
	if (rc == 0 && d->attribute->column)
		rc = add_dynamic(r, d, err);
	if (rc == 0 && !d->tree->root.bytes)
		rc = error_set(
			err, ERR_UNSUPPORTED,
			"nothing to draw: there are no bytes of '%s' here; kmem-analyze account tells more",
			d->attribute->name);
	if (rc == 0)
		size_tree_sort(d->tree);
	return rc;
}

/* The header of reports, as the lines below the drawing. */
static int take_header(struct report *r, const struct rings_options *o, struct drawing *d,
		       struct error *err)
{
	size_t count = 0;
	char *save = NULL;
	int rc = aside_begin(&d->header, r, err);

	if (rc < 0)
		return rc;
	if (d->by_function)
		fprintf(r->out,
			"# by module and function: there is no debug information; kmem-analyze symbolize DB -k VMLINUX"
			" gives directories\n");
	if (d->attribute->column)
		rc = report_header(r, "rings", err);
	if (rc == 0 && d->attribute->with_static)
		rc = static_header(r, &o->report.branch.dirs, err);
	rc = aside_end(&d->header, r, rc, err);
	if (rc < 0)
		return rc;
	for (char *line = strtok_r(d->header.text, "\n", &save);
	     line && count + 1 < sizeof(d->notes) / sizeof(d->notes[0]);
	     line = strtok_r(NULL, "\n", &save))
		d->notes[count++] = line + strspn(line, "# ");
	return 0;
}

static int draw(struct report *r, const struct rings_options *o, const struct drawing *d,
		struct error *err)
{
	struct ring_chart_options how = {
		.title = d->title,
		.subtitle = d->notes[0],
		.centre = d->attribute->what,
		.notes = d->notes[0] ? d->notes + 1 : NULL,
		.levels = (int)o->levels,
		.measure = ring_canvas_measure,
	};
	static const enum ring_format formats[] = { RING_SVG, RING_PNG, RING_PDF };
	struct ring_canvas *canvas = NULL;
	struct ring_chart chart = { 0 };
	int kind = kind_of(o->report.output, err), rc;

	if (kind < 0)
		return kind;
	if (kind == HTML) {
		ring_html_write(d->tree, &how, r->out);
		return 0;
	}
	rc = ring_canvas_new(&canvas, err);
	how.arg = canvas;
	if (rc == 0)
		rc = ring_chart_init(&chart, d->tree, &how, err);
	if (rc == 0 && kind == JSON)
		ring_chart_json(&chart, r->out);
	else if (rc == 0)
		rc = ring_canvas_draw(canvas, &chart, formats[kind],
				      o->width ? (unsigned int)o->width : 1000, r->out, err);
	ring_chart_release(&chart);
	ring_canvas_free(canvas);
	return rc;
}

static const struct attribute *find_attribute(const struct report *r, const struct rings_options *o)
{
	const char *name = o->attribute	      ? o->attribute :
			   static_only(r->db) ? "static" :
						attributes[0].name;
	const struct attribute *a = attributes;

	while (strcmp(a->name, name))
		a++;
	return a;
}

static int print(struct report *r, void *options, const char *order, struct error *err)
{
	const struct rings_options *o = options;
	struct drawing d = { .attribute = find_attribute(r, o) };
	char base[300] = "", safe[300];
	int rc = 0;

	(void)order;
	if (o->report.by)
		return error_set(
			err, ERR_USAGE,
			"rings are by source directory: --by is for account, kmemprof and kmemleak");
	if (o->report.branch.dirs.count == 1) {
		snprintf(base, sizeof(base), "%s", o->report.branch.dirs.items[0]);
		rc = static_tidy(base, err);
	}
	d.base = base;
	if (d.attribute->column && static_only(r->db))
		rc = error_set(err, ERR_USAGE,
			       "-a %s needs a capture or its database: here is only what is static",
			       d.attribute->name);
	if (rc == 0)
		rc = fill_tree(r, o, &d, err);
	if (rc == 0)
		rc = take_header(r, o, &d, err);
	snprintf(d.title, sizeof(d.title), "%s by %s%s%s", d.attribute->name,
		 d.by_function ? "module and function" : "source directory", *base ? ": " : "",
		 report_safe(safe, sizeof(safe), base));
	if (rc == 0)
		rc = draw(r, o, &d, err);
	size_tree_free(d.tree);
	aside_release(&d.header);
	return rc;
}

static int check(void *options, struct error *err)
{
	const struct rings_options *o = options;

	return kind_of(o->report.output, err);
}

static int run(const struct command *self, int argc, char **argv)
{
	struct rings_options o = { .report.looks = LOOKS_AT_CALLERS, .report.check = check };

	return report_run_on(self, argc, argv, &o, &o.report, NULL, NULL, print);
}

const struct command cmd_rings = {
	.name = "rings",
	.summary = "a ring chart of memory by source directory: SVG, PNG, PDF or HTML",
	.operands = "CAPTURE...|DB|VMLINUX|BUILD_TREE",
	.description =
		"Draws memory by the directories of the source tree as rings: the top directories around the\n"
		"middle, what is in them further out, the largest first, each as wide as its bytes. Directories of\n"
		"callers need debug information (load -k); without it the rings are modules and functions, and say\n"
		"so. An HTML page shows sizes under the mouse and enters directories by a click; a JSON file has\n"
		"the drawing as numbers.\n",
	.examples =
		"  kmem-analyze rings cap.kmem -o live.svg                  who holds memory\n"
		"  kmem-analyze rings -a current cap.kmem.db -o all.html    static and live, to look around in\n"
		"  kmem-analyze rings -a waste -b fs/ext4 cap.kmem -o ext4_waste.png\n"
		"  kmem-analyze rings ~/linux -o static.png                 code and data of a tree that was built\n",
	.options = rows,
	.run = run,
};
