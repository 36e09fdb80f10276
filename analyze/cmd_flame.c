/* flame: flame graphs and folded stacks. */
#include <stdio.h>
#include <string.h>

#include "analyze/flame.h"
#include "analyze/output_kind.h"
#include "analyze/report.h"
#include "analyze/report_lines.h"

struct flame_command {
	struct report_options report;
	const char *measure, *format, *diff;
	bool all_frames;
};

enum kind { SVG, FOLDED };
static const struct output_kind kinds[] = { { "svg", ".svg" },
					    { "folded", ".folded" },
					    { NULL, NULL } };
static const char *const formats[] = { "svg", "folded", NULL };

/* clang-format off */
static const struct option_row rows[] = {
	REPORT_ROWS(struct flame_command, report),
	MEASURE_ROW(struct flame_command, measure),
	{ "diff", 0, "OTHER", "compare with an older capture or database: red is more than there, blue is less", OPT_STRING,
	  offsetof(struct flame_command, diff), 0, 0, 0, NULL },
	{ "format", 0, "FORMAT", "svg or folded, where the ending of -o does not say it", OPT_CHOICE,
	  offsetof(struct flame_command, format), 0, 0, 0, formats },
	ALL_FRAMES_ROW(struct flame_command, all_frames),
	{ NULL, 0, NULL, NULL, OPT_FLAG, 0, 0, 0, 0, NULL },
};
/* clang-format on */

static int kind_of(const struct flame_command *o, struct error *err)
{
	return output_kind(kinds, o->format, o->report.output, FOLDED, "flame", err);
}

static int check(void *options, struct error *err)
{
	return kind_of(options, err);
}

struct flame {
	const struct flame_command *o;
	enum stack_measure measure;
	struct text_pool pool;
	struct flame_tree tree;
	bool other_complete;
};

static int add_stacks(struct flame *f, struct report *r, bool other, struct error *err)
{
	const struct stack_values_options how = { .peak = f->measure == MEASURE_PEAK,
						  .all_frames = f->o->all_frames };
	struct stack_values v = { .pool = &f->pool };
	int rc = report_select_groups(r, err);

	if (rc == 0)
		rc = stack_values_read(&v, r, &how, err);
	if (rc == 0)
		rc = flame_tree_add(&f->tree, &v, f->measure, other, err);
	stack_values_release(&v);
	return rc;
}

static int add_other(struct flame *f, struct report *r, struct error *err)
{
	struct report_other other;
	int rc = report_other_open(&other, r, f->o->diff, err);

	if (rc == 0)
		rc = add_stacks(f, &other.report, true, err);
	if (rc == 0)
		f->other_complete = other.report.complete;
	report_other_close(&other);
	return rc;
}

static int draw_svg(const struct flame *f, struct report *r, struct error *err)
{
	char title[500], safe[300];
	struct flame_options o = { .title = title,
				   .measure = f->measure,
				   .diff = f->o->diff != NULL };
	struct report_lines lines;
	int rc = report_lines_init(&lines, r, "flame", err);

	o.notes = lines.lines;
	snprintf(title, sizeof(title), "%s by stack%s%s%s", stack_measure_text(f->measure),
		 o.diff ? ", compared with " : "",
		 o.diff ? report_safe(safe, sizeof(safe), f->o->diff) : "",
		 o.diff && !f->other_complete ? " (some of whose events are missing)" : "");
	if (rc == 0)
		rc = flame_svg(&f->tree, &f->pool, &o, r->out, err);
	report_lines_release(&lines);
	return rc;
}

static int print(struct report *r, void *options, const char *order, struct error *err)
{
	const struct flame_command *o = options;
	struct flame f = { .o = o, .measure = stack_measure_of(o->measure) };
	int kind = kind_of(o, err), rc;

	(void)order;
	rc = flame_tree_init(&f.tree, err);
	if (rc == 0)
		rc = add_stacks(&f, r, false, err);
	if (rc == 0 && o->diff)
		rc = add_other(&f, r, err);
	if (rc == 0)
		rc = flame_tree_sort(&f.tree, &f.pool, err);
	if (rc == 0 && kind == SVG)
		rc = draw_svg(&f, r, err);
	else if (rc == 0)
		flame_folded(&f.tree, &f.pool, o->diff != NULL, r->out);
	if (o->diff)
		r->complete &= f.other_complete;
	if (rc == 0 && kind == FOLDED)
		report_lines_warn(r);
	flame_tree_release(&f.tree);
	text_pool_release(&f.pool);
	return rc;
}

static int run(const struct command *self, int argc, char **argv)
{
	struct flame_command o = { .report.looks = LOOKS_AT_STACKS, .report.check = check };

	return report_run(self, argc, argv, &o, &o.report, NULL, NULL, print);
}

const struct command cmd_flame = {
	.name = "flame",
	.summary = "a flame graph (SVG) of live, allocated or wasted memory; folded stacks",
	.operands = "CAPTURE...|DB",
	.description =
		"Draws stacks as frames on their callers, each as wide as what was allocated below it. In a browser a\n"
		"frame tells about itself under the mouse, a click makes it as wide as the picture, and a regular\n"
		"expression searches; nothing is loaded from anywhere. FILE.folded, or no -o, is one line for each\n"
		"stack: root;...;leaf N.\n",
	.examples =
		"  kmem-analyze flame cap.kmem -o live.svg                     who holds memory\n"
		"  kmem-analyze flame --measure allocated --by comm cap.kmem -o all.svg    below each task's name\n"
		"  kmem-analyze flame --diff before.kmem after.kmem -o diff.svg            what became more and less\n"
		"  kmem-analyze flame --measure peak cap.kmem.db >peak.folded\n",
	.options = rows,
	.run = run,
};
