/*
 * ring_chart.h - the ring chart of a tree as shapes and texts with their places; what draws them (ring_cairo.h) decides
 * nothing more.
 *
 * Directories are wedges around their parent, clockwise from 12 o'clock, the largest first; the angle of a wedge is
 * its share of its parent's. What is too thin to be seen is one wedge "N more". A label lies inside its own wedge, so
 * that labels cannot overlap; it is shortened with dots or left out where it does not fit, and the legend lists the
 * largest of these.
 *
 *	struct ring_chart_options options = { .title = ..., .measure = width_of_text, .arg = cr };
 *	struct ring_chart chart;
 *
 *	if (ring_chart_init(&chart, tree, &options, &err) == 0) {
 *		...
 *		ring_chart_release(&chart);
 *	}
 *
 * Lengths are units of the drawing, which is RING_WIDTH wide; y grows downwards. Angles are radians,
 * clockwise from 12 o'clock for wedges, clockwise from horizontal for texts.
 */
#ifndef KMEM_ANALYZE_RING_CHART_H
#define KMEM_ANALYZE_RING_CHART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "analyze/ring_colour.h"
#include "analyze/size_tree.h"
#include "format/base/error.h"

#define RING_WIDTH	 1000.0
#define RING_LEVELS	 4
#define RING_LEVELS_MOST 8

struct ring_chart_options {
	const char *title, *subtitle;
	const char *centre;	  /* what the number in the middle is */
	const char *const *notes; /* lines below; NULL ends them */
	int levels;		  /* rings at most; 0: RING_LEVELS */
	double (*measure)(void *arg, const char *text, double size,
			  bool bold); /* width of a text */
	void *arg;
};

struct ring_wedge {
	const struct size_node *node; /* of "N more": the parent */
	size_t more;		      /* how many it stands for; 0: a node of its own */
	uint64_t bytes;
	int level; /* from 1 */
	double inner, outer, from, to;
	struct ring_colour colour;
	bool labelled; /* with its whole name */
};

struct ring_text {
	char *text;
	double x, y; /* the middle of the line's height; of its width, unless left or right */
	double angle, size, width;
	enum ring_align { RING_CENTRE, RING_LEFT, RING_RIGHT } align;
	bool bold, pale;
	int wedge; /* that it labels; -1: none */
};

struct ring_swatch {
	double x, y, size;
	struct ring_colour colour;
};

struct ring_chart {
	double width, height, x, y; /* x, y: the centre of the rings */
	double hole;
	uint64_t total;
	struct ring_wedge *wedges;
	size_t wedge_count, wedge_cap;
	struct ring_text *texts;
	size_t text_count, text_cap;
	struct ring_swatch *swatches;
	size_t swatch_count, swatch_cap;
};

/* tree: sorted, its bytes more than 0; it must outlive the chart. */
int ring_chart_init(struct ring_chart *c, const struct size_tree *tree,
		    const struct ring_chart_options *options, struct error *err);
void ring_chart_release(struct ring_chart *c);

/* All of it as JSON: the drawing for other programs. */
void ring_chart_json(const struct ring_chart *c, FILE *out);

#endif
