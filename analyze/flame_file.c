#include "analyze/flame_file.h"

#include <string.h>
#include <unistd.h>

#include "analyze/flame.h"
#include "analyze/report_lines.h"
#include "format/base/fileio.h"

static int make_tree(struct report *r, const char *pairs, enum stack_measure *measure,
		     struct text_pool *pool, struct flame_tree *tree, struct error *err)
{
	const struct stack_values_options how = { .pairs = pairs };
	struct stack_values v = { .pool = pool };
	int rc = flame_tree_init(tree, err);

	if (rc == 0)
		rc = stack_values_read(&v, r, &how, err);
	if (*measure == MEASURE_LIVE && !v.totals[MEASURE_LIVE] && v.totals[MEASURE_OBJECTS])
		*measure = MEASURE_OBJECTS;
	if (rc == 0)
		rc = flame_tree_add(tree, &v, *measure, false, err);
	if (rc == 0)
		rc = flame_tree_sort(tree, pool, err);
	stack_values_release(&v);
	return rc;
}

static int write_svg(struct report *r, const struct flame_tree *tree, const struct text_pool *pool,
		     enum stack_measure measure, FILE *out, struct error *err)
{
	struct flame_options o = { .title = stack_measure_text(measure), .measure = measure };
	struct report_lines lines;
	int rc = report_lines_init(&lines, r, "flame", err);

	o.notes = lines.lines;
	if (rc == 0 && tree->nodes[0].value)
		rc = flame_svg(tree, pool, &o, out, err);
	else if (rc == 0)
		fprintf(out,
			"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"600\" height=\"60\"><text"
			" x=\"10\" y=\"35\">there are no %s here</text></svg>\n",
			stack_measure_text(measure));
	report_lines_release(&lines);
	return rc;
}

int flame_file_write(struct report *r, const char *path, const char *pairs,
		     enum stack_measure measure, struct error *err)
{
	size_t len = strlen(path);
	bool svg = len > 4 && !strcmp(path + len - 4, ".svg"), bad;
	struct text_pool pool = { 0 };
	struct flame_tree tree = { 0 };
	FILE *out = NULL;
	int rc = make_tree(r, pairs, &measure, &pool, &tree, err);

	if (rc == 0)
		rc = file_create_stream(path, r->options->force, &out, err);
	if (rc == 0 && svg)
		rc = write_svg(r, &tree, &pool, measure, out, err);
	else if (rc == 0)
		flame_folded(&tree, &pool, false, out);
	if (out) {
		bad = ferror(out);
		bad |= fclose(out) != 0;
		if (bad && rc == 0)
			rc = error_errno(err, "cannot write '%s'", path);
		if (rc < 0)
			unlink(path);
	}
	flame_tree_release(&tree);
	text_pool_release(&pool);
	return rc;
}
