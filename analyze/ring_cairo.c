#include "analyze/ring_cairo.h"

#ifdef HAVE_CAIRO
#include <cairo-pdf.h>
#include <cairo-svg.h>
#include <cairo.h>
#include <math.h>
#include <stdlib.h>

struct ring_canvas {
	cairo_surface_t *surface; /* to measure on */
	cairo_t *cr;
};

static void set_font(cairo_t *cr, double size, bool bold)
{
	cairo_select_font_face(cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
			       bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
	cairo_set_font_size(cr, size);
}

/* The same widths whatever is drawn on: a vector drawing has no pixels to fit letters to. */
static void set_exact_metrics(cairo_t *cr)
{
	cairo_font_options_t *options = cairo_font_options_create();

	cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
	cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
	cairo_set_font_options(cr, options);
	cairo_font_options_destroy(options);
}

int ring_canvas_new(struct ring_canvas **ret, struct error *err)
{
	struct ring_canvas *canvas = calloc(1, sizeof(*canvas));

	if (!canvas)
		return error_nomem(err);
	canvas->surface = cairo_image_surface_create(CAIRO_FORMAT_A8, 1, 1);
	canvas->cr = cairo_create(canvas->surface);
	if (cairo_status(canvas->cr) != CAIRO_STATUS_SUCCESS) {
		ring_canvas_free(canvas);
		return error_nomem(err);
	}
	set_exact_metrics(canvas->cr);
	*ret = canvas;
	return 0;
}

void ring_canvas_free(struct ring_canvas *canvas)
{
	if (!canvas)
		return;
	cairo_destroy(canvas->cr);
	cairo_surface_destroy(canvas->surface);
	free(canvas);
}

double ring_canvas_measure(void *arg, const char *text, double size, bool bold)
{
	struct ring_canvas *canvas = arg;
	cairo_text_extents_t extents;

	set_font(canvas->cr, size, bold);
	cairo_text_extents(canvas->cr, text, &extents);
	return extents.x_advance;
}

static void draw_wedge(cairo_t *cr, const struct ring_chart *c, const struct ring_wedge *w)
{
	double from = w->from - M_PI / 2, to = w->to - M_PI / 2;

	cairo_new_path(cr);
	cairo_arc(cr, c->x, c->y, w->outer, from, to);
	cairo_arc_negative(cr, c->x, c->y, w->inner, to, from);
	cairo_close_path(cr);
	cairo_set_source_rgb(cr, w->colour.red, w->colour.green, w->colour.blue);
	cairo_fill_preserve(cr);
	cairo_set_source_rgb(cr, 1, 1, 1);
	/* thin wedges side by side must not drown in their borders */
	cairo_set_line_width(cr, fmin(1.0, (w->to - w->from) * w->inner / 5));
	cairo_stroke(cr);
}

static void draw_text(cairo_t *cr, const struct ring_text *t)
{
	double x = t->align == RING_CENTRE ? -t->width / 2 : t->align == RING_RIGHT ? -t->width : 0;
	double grey = t->pale ? 0.35 : 0.05;

	set_font(cr, t->size, t->bold);
	cairo_save(cr);
	cairo_translate(cr, t->x, t->y);
	cairo_rotate(cr, t->angle);
	cairo_set_source_rgb(cr, grey, grey, grey);
	/* the middle of small letters and capitals is a third of the size above the baseline */
	cairo_move_to(cr, x, t->size * 0.35);
	cairo_show_text(cr, t->text);
	cairo_restore(cr);
}

static void draw(cairo_t *cr, const struct ring_chart *c)
{
	cairo_set_source_rgb(cr, 1, 1, 1);
	cairo_paint(cr);
	for (size_t i = 0; i < c->wedge_count; i++)
		draw_wedge(cr, c, &c->wedges[i]);
	for (size_t i = 0; i < c->swatch_count; i++) {
		const struct ring_swatch *s = &c->swatches[i];

		cairo_rectangle(cr, s->x, s->y, s->size, s->size);
		cairo_set_source_rgb(cr, s->colour.red, s->colour.green, s->colour.blue);
		cairo_fill(cr);
	}
	for (size_t i = 0; i < c->text_count; i++)
		draw_text(cr, &c->texts[i]);
}

static cairo_status_t write_bytes(void *arg, const unsigned char *data, unsigned int len)
{
	FILE *out = arg;

	return fwrite(data, 1, len, out) == len ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_WRITE_ERROR;
}

static cairo_surface_t *make_surface(const struct ring_chart *c, enum ring_format format,
				     double scale, FILE *out)
{
	if (format == RING_SVG)
		return cairo_svg_surface_create_for_stream(write_bytes, out, c->width, c->height);
	if (format == RING_PDF)
		return cairo_pdf_surface_create_for_stream(write_bytes, out, c->width, c->height);
	return cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)lround(c->width * scale),
					  (int)lround(c->height * scale));
}

int ring_canvas_draw(struct ring_canvas *canvas, const struct ring_chart *chart,
		     enum ring_format format, unsigned int pixels, FILE *out, struct error *err)
{
	double scale = format == RING_PNG ? pixels / chart->width : 1;
	cairo_surface_t *surface = make_surface(chart, format, scale, out);
	cairo_t *cr = cairo_create(surface);
	cairo_status_t status;

	(void)canvas;
	if (format == RING_PNG)
		cairo_scale(cr, scale, scale);
	set_exact_metrics(cr);
	draw(cr, chart);
	status = cairo_status(cr);
	cairo_destroy(cr);
	if (status == CAIRO_STATUS_SUCCESS && format == RING_PNG)
		status = cairo_surface_write_to_png_stream(surface, write_bytes, out);
	cairo_surface_finish(surface);
	if (status == CAIRO_STATUS_SUCCESS)
		status = cairo_surface_status(surface);
	cairo_surface_destroy(surface);
	if (status == CAIRO_STATUS_NO_MEMORY)
		return error_nomem(err);
	if (status != CAIRO_STATUS_SUCCESS)
		return error_set(err, ERR_IO, "cannot draw the rings: %s",
				 cairo_status_to_string(status));
	return 0;
}

#else /* without cairo */

int ring_canvas_new(struct ring_canvas **ret, struct error *err)
{
	(void)ret;
	return error_set(
		err, ERR_UNSUPPORTED,
		"this kmem-analyze was built without cairo, which draws SVG, PNG and PDF: install libcairo2-dev and"
		" build it again, or use -o FILE.html");
}

void ring_canvas_free(struct ring_canvas *canvas)
{
	(void)canvas;
}

double ring_canvas_measure(void *canvas, const char *text, double size, bool bold)
{
	(void)canvas, (void)text, (void)bold;
	return size;
}

int ring_canvas_draw(struct ring_canvas *canvas, const struct ring_chart *chart,
		     enum ring_format format, unsigned int pixels, FILE *out, struct error *err)
{
	(void)canvas, (void)chart, (void)format, (void)pixels, (void)out;
	return error_set(err, ERR_UNSUPPORTED, "this kmem-analyze was built without cairo");
}
#endif
