/* export: stacks with their values for other programs. */
#include <stdio.h>
#include <string.h>

#include "analyze/export.h"
#include "analyze/flame.h"
#include "analyze/output_kind.h"
#include "analyze/report_lines.h"

struct export_options {
	struct report_options report;
	const char *measure, *as;
	bool all_frames;
};

enum kind { PPROF, SPEEDSCOPE, FOLDED, MASSIF, HEAP, PLAIN_HEAP };
static const struct output_kind kinds[] = {
	{ "pprof", ".pb.gz" },	 { "speedscope", ".speedscope.json" },
	{ "folded", ".folded" }, { "massif", ".massif" },
	{ "jemalloc", ".heap" }, { "jemalloc-plain", ".plain.heap" },
	{ NULL, NULL },
};
static const char *const names[] = { "pprof",	 "speedscope",	   "folded", "massif",
				     "jemalloc", "jemalloc-plain", NULL };

/* clang-format off */
static const struct option_row rows[] = {
	REPORT_ROWS(struct export_options, report),
	{ "as", 0, "FORMAT", "pprof (.pb.gz), speedscope (.speedscope.json), folded, massif, jemalloc (.heap) or "
	  "jemalloc-plain, where the ending of -o does not say it", OPT_CHOICE, offsetof(struct export_options, as), 0, 0, 0,
	  names },
	MEASURE_ROW(struct export_options, measure),
	ALL_FRAMES_ROW(struct export_options, all_frames),
	{ NULL, 0, NULL, NULL, OPT_FLAG, 0, 0, 0, 0, NULL },
};
/* clang-format on */

static int kind_of(const struct export_options *o, struct error *err)
{
	return output_kind(kinds, o->as, o->report.output, -1, "export", err);
}

static int check(void *options, struct error *err)
{
	struct export_options *o = options;
	int kind = kind_of(o, err);

	/* of single objects */
	if (kind == MASSIF)
		o->report.looks = LOOKS_AS_RECORDED;
	return kind;
}

static int write_folded(const struct export_input *in, FILE *out, struct error *err)
{
	struct flame_tree tree;
	int rc = flame_tree_init(&tree, err);

	if (rc == 0)
		rc = flame_tree_add(&tree, in->v, in->measure, false, err);
	if (rc == 0)
		rc = flame_tree_sort(&tree, in->v->pool, err);
	if (rc == 0)
		flame_folded(&tree, in->v->pool, false, out);
	flame_tree_release(&tree);
	return rc;
}

static int write_export(const struct export_input *in, int kind, FILE *out, struct error *err)
{
	switch (kind) {
	case PPROF: return export_pprof(in, out, err);
	case SPEEDSCOPE: export_speedscope(in, out); return 0;
	case MASSIF: return export_massif(in, out, err);
	case HEAP: return export_heap(in, true, out, err);
	case PLAIN_HEAP: return export_heap(in, false, out, err);
	default: return write_folded(in, out, err);
	}
}

static int print(struct report *r, void *options, const char *order, struct error *err)
{
	const struct export_options *o = options;
	int kind = kind_of(o, err), rc = report_select_groups(r, err);
	enum stack_measure measure = stack_measure_of(o->measure);
	const struct stack_values_options how = { .peak = measure == MEASURE_PEAK,
						  .labels = kind == PPROF,
						  .all_frames = o->all_frames };
	struct text_pool pool = { 0 };
	struct stack_values v = { .pool = &pool };
	struct report_lines lines = { .text = NULL };

	(void)order;
	if (kind == MASSIF)
		r->rows_for = "massif";
	if (rc == 0)
		rc = stack_values_read(&v, r, &how, err);
	if (rc == 0)
		rc = report_lines_init(&lines, r, "export", err);
	if (rc == 0)
		rc = write_export(&(struct export_input){ r, &v, measure, lines.lines }, kind,
				  r->out, err);
	if (rc == 0)
		report_lines_warn(r);
	report_lines_release(&lines);
	stack_values_release(&v);
	text_pool_release(&pool);
	return rc;
}

static int run(const struct command *self, int argc, char **argv)
{
	struct export_options o = { .report.looks = LOOKS_AT_STACKS, .report.check = check };

	return report_run(self, argc, argv, &o, &o.report, NULL, NULL, print);
}

const struct command cmd_export = {
	.name = "export",
	.summary = "for other programs: pprof, speedscope, folded stacks, massif, jemalloc",
	.operands = "CAPTURE...|DB",
	.description =
		"Writes stacks with their values. pprof has all objects and bytes and the live ones, with sizes and\n"
		"caches as labels, keys of --by as well; speedscope a profile for each measure; massif snapshots over\n"
		"time; jemalloc live and all objects and bytes, with symbols in front that jeprof reads (plain:\n"
		"without).\n",
	.examples =
		"  kmem-analyze export cap.kmem -o live.pb.gz               go tool pprof -http : live.pb.gz\n"
		"  kmem-analyze export --by comm,gfp cap.kmem -o live.pb.gz with the task and gfp flags as labels\n"
		"  kmem-analyze export cap.kmem -o cap.speedscope.json      speedscope cap.speedscope.json\n"
		"  kmem-analyze export cap.kmem -o cap.massif               ms_print cap.massif\n"
		"  kmem-analyze export cap.kmem -o cap.heap                 jeprof --text cap.heap\n",
	.options = rows,
	.run = run,
};
