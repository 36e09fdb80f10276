/*
 * flame.h - flame graphs as an SVG that can be looked around in, and folded stacks.
 *
 *	struct flame_options o = { .title = "live bytes by stack", .measure = MEASURE_LIVE, .notes = lines };
 *
 *	flame_svg(&tree, pool, &o, out, &err);
 *	flame_folded(&tree, pool, false, out);
 *
 * The picture loads nothing and needs no script to be seen; with it (a browser, from a file, too) a frame tells about
 * itself under the mouse, a click makes it as wide as the picture, and a regular expression searches. The same input
 * gives the same bytes. Frames thinner than FLAME_THIN are drawn together, and at most FLAME_FRAMES are: the
 * picture says what was.
 */
#ifndef KMEM_ANALYZE_FLAME_H
#define KMEM_ANALYZE_FLAME_H

#include <stdio.h>

#include "analyze/flame_tree.h"

#define FLAME_WIDTH  1200
#define FLAME_THIN   0.1 /* of a unit of the picture, which is FLAME_WIDTH wide */
#define FLAME_FRAMES 8000

struct flame_options {
	const char *title;
	enum stack_measure measure;
	bool diff; /* colours by what became more (red) and less (blue) than `other` */
	const char *const *
		notes; /* lines below; the first two stand below the title. NULL ends them, or no notes */
	bool inside; /* part of an HTML page: an svg element without a declaration; its colours and script stay its own */
};

/* tree: sorted. ERR_UNSUPPORTED for one without a value: there is nothing to draw, and nothing is written. */
int flame_svg(const struct flame_tree *tree, const struct text_pool *pool,
	      const struct flame_options *options, FILE *out, struct error *err);

/*
 * "root;...;leaf N" in the order of the tree, for flamegraph.pl, inferno and their likes; with both "root;...;leaf OTHER N".
 * ';' and control characters in names are underscores.
 */
void flame_folded(const struct flame_tree *tree, const struct text_pool *pool, bool both,
		  FILE *out);

#endif
