/*
 * ring_cairo.h - drawing a ring chart with cairo. A build without cairo has the same functions; they fail with a
 * text that says so.
 *
 *	struct ring_canvas *canvas;
 *
 *	ring_canvas_new(&canvas, &err);
 *	options.measure = ring_canvas_measure, options.arg = canvas;
 *	...
 *	ring_canvas_draw(canvas, &chart, RING_PNG, 1000, out, &err);
 *	ring_canvas_free(canvas);
 */
#ifndef KMEM_ANALYZE_RING_CAIRO_H
#define KMEM_ANALYZE_RING_CAIRO_H

#include <stdio.h>

#include "analyze/ring_chart.h"

enum ring_format { RING_SVG, RING_PNG, RING_PDF };

struct ring_canvas;

/* ERR_UNSUPPORTED without cairo. */
int ring_canvas_new(struct ring_canvas **ret, struct error *err);
void ring_canvas_free(struct ring_canvas *canvas);

double ring_canvas_measure(void *canvas, const char *text, double size, bool bold);

/* pixels: width of a PNG; SVG and PDF have no pixels. */
int ring_canvas_draw(struct ring_canvas *canvas, const struct ring_chart *chart,
		     enum ring_format format, unsigned int pixels, FILE *out, struct error *err);

#endif
