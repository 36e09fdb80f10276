/* A timeline as a chart: areas that are stacked if they add up, else lines. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "analyze/timeline.h"
#include "analyze/xml_text.h"
#include "format/base/units.h"

#define LEFT	   90.0
#define TOP	   40.0
#define PLOT_W	   760.0
#define PLOT_H	   360.0
#define LEGEND	   (LEFT + PLOT_W + 20)
#define LINE	   18.0
#define NAMES	   36 /* characters of a name in the legend */
#define TICKS	   5
#define MARK_NAMES 8	/* marks that have their names beside them; of more only under the mouse */
#define HOVERS	   1200 /* moments with a text of their own under the mouse */

/* Told apart by eyes that see no red or no green, too. */
static const char *const colours[] = { "#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee",
				       "#aa3377", "#bb5500", "#117733", "#882255", "#44aa99" };
#define COLOURS (sizeof(colours) / sizeof(colours[0]))

struct chart {
	const struct timeline *t;
	FILE *out;
	double most; /* bytes at the top of the scale */
	size_t first;
};

static const char *colour(const struct chart *c, size_t series)
{
	return c->t->series[series].kind == SERIES_OTHERS ? "#bbbbbb" :
							    colours[(series - c->first) % COLOURS];
}

static double x_of(const struct chart *c, int64_t time)
{
	double length = (double)c->t->to - (double)c->t->from;

	return LEFT + (length > 0 ? ((double)time - (double)c->t->from) / length : 0) * PLOT_W;
}

static double y_of(const struct chart *c, double bytes)
{
	return TOP + PLOT_H - (c->most > 0 ? bytes / c->most : 0) * PLOT_H;
}

/* What lies below the series: of those that are drawn before it, if they add up. */
static double base(const struct chart *c, uint64_t step, size_t series)
{
	double sum = 0;

	for (size_t i = c->first; c->t->adds_up && i < series; i++)
		sum += (double)timeline_value(c->t, step, i)->bytes;
	return sum;
}

static void title_of(const struct chart *c, size_t series)
{
	const struct timeline_series *s = &c->t->series[series];
	char peak[UNITS_TEXT], at[UNITS_TEXT];

	fprintf(c->out, "<title>");
	xml_text(c->out, s->name, SIZE_MAX);
	fprintf(c->out, ": at most %s in %" PRIu64 " objects, at %s</title>",
		units_bytes(peak, s->peak_bytes), s->peak_objects,
		units_duration(at, (uint64_t)(s->peak_time > 0 ? s->peak_time : 0)));
}

static void draw_series(const struct chart *c, size_t series)
{
	const struct timeline *t = c->t;

	fprintf(c->out,
		"<path class=\"series\" fill=\"%s\" fill-opacity=\"%s\" stroke=\"%s\" d=\"M",
		colour(c, series), t->adds_up ? "0.85" : "0.25", colour(c, series));
	for (uint64_t i = 0; i <= t->steps; i++)
		fprintf(c->out, "%.1f %.1f ", x_of(c, t->times[i]),
			y_of(c, base(c, i, series) + (double)timeline_value(t, i, series)->bytes));
	for (uint64_t i = t->steps + 1; i > 0; i--)
		fprintf(c->out, "%.1f %.1f ", x_of(c, t->times[i - 1]),
			y_of(c, base(c, i - 1, series)));
	fprintf(c->out, "Z\">");
	title_of(c, series);
	fprintf(c->out, "</path>\n");
}

/* Where events are missing the background is grey. */
static void draw_missing(const struct chart *c)
{
	const struct timeline *t = c->t;

	for (uint64_t i = 1; i <= t->steps; i++)
		if (t->missing[i])
			fprintf(c->out,
				"<rect class=\"missing\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n",
				x_of(c, t->times[i - 1]), TOP,
				x_of(c, t->times[i]) - x_of(c, t->times[i - 1]), PLOT_H);
}

static void draw_scales(const struct chart *c)
{
	const struct timeline *t = c->t;
	char text[UNITS_TEXT];

	for (int i = 0; i <= TICKS; i++) {
		double bytes = c->most * i / TICKS, y = y_of(c, bytes);
		int64_t time = i == TICKS ? t->to : t->from + (t->to - t->from) / TICKS * i;
		double x = x_of(c, time);

		fprintf(c->out,
			"<line class=\"grid\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>"
			"<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n",
			LEFT, y, LEFT + PLOT_W, y, LEFT - 6, y + 4,
			units_bytes(text, bytes < 1.8e19 ? (uint64_t)bytes : UINT64_MAX));
		fprintf(c->out,
			"<line class=\"grid\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>"
			"<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%s</text>\n",
			x, TOP, x, TOP + PLOT_H + 4, x, TOP + PLOT_H + LINE,
			time > 0 ? units_duration(text, (uint64_t)time) : "0");
	}
}

static void draw_legend(const struct chart *c)
{
	double y = TOP + 10;

	for (size_t n = c->t->count; n > c->first; n--, y += LINE) {
		const char *name = c->t->series[n - 1].name;
		size_t len = utf8_bytes(name, NAMES);

		fprintf(c->out,
			"<g><rect x=\"%.1f\" y=\"%.1f\" width=\"12\" height=\"12\" fill=\"%s\"/>"
			"<text x=\"%.1f\" y=\"%.1f\">",
			LEGEND, y - 10, colour(c, n - 1), LEGEND + 18, y);
		xml_text(c->out, name, len);
		fprintf(c->out, "%s</text>", name[len] ? "..." : "");
		title_of(c, n - 1);
		fprintf(c->out, "</g>\n");
	}
}

static void draw_marks(const struct chart *c)
{
	const struct timeline *t = c->t;
	char text[UNITS_TEXT];

	for (size_t i = 0; i < t->mark_count; i++) {
		const struct timeline_mark *m = &t->marks[i];
		double x = x_of(c, m->time);

		fprintf(c->out,
			"<g><line class=\"mark\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>",
			x, TOP - 4, x, TOP + PLOT_H);
		if (t->mark_count <= MARK_NAMES) {
			fprintf(c->out, "<text class=\"note\" x=\"%.1f\" y=\"%.1f\">", x + 3,
				TOP - 2);
			xml_text(c->out, m->text, utf8_bytes(m->text, NAMES / 2));
			fprintf(c->out, "</text>");
		}
		fprintf(c->out, "<title>");
		xml_text(c->out, m->text, SIZE_MAX);
		fprintf(c->out, " at %s</title></g>\n",
			m->time > 0 ? units_duration(text, (uint64_t)m->time) : "0 s");
	}
}

/* What was live at each moment, under the mouse. */
static void draw_hovers(const struct chart *c)
{
	const struct timeline *t = c->t;
	double half = PLOT_W / (double)t->steps / 2;
	char text[UNITS_TEXT];

	for (uint64_t i = 0; t->steps <= HOVERS && i <= t->steps; i++) {
		fprintf(c->out,
			"<rect class=\"hover\" x=\"%.2f\" y=\"%.1f\" width=\"%.2f\" height=\"%.1f\"><title>%s",
			x_of(c, t->times[i]) - half, TOP, 2 * half, PLOT_H,
			t->times[i] > 0 ? units_duration(text, (uint64_t)t->times[i]) : "0 s");
		for (size_t s = t->count; s > 0; s--) {
			const struct timeline_value *v = timeline_value(t, i, s - 1);

			fprintf(c->out, "\n%s in %" PRIu64 ": ", units_bytes(text, v->bytes),
				v->objects);
			xml_text(c->out, t->series[s - 1].name,
				 utf8_bytes(t->series[s - 1].name, 2 * NAMES));
		}
		fprintf(c->out, "%s</title></rect>\n", t->missing[i] ? "\nevents are missing" : "");
	}
}

/* The top of the scale: a round number of bytes, TICKS times 1, 2 or 5 of some power of two. */
static double scale(const struct timeline *t)
{
	static const double rounds[] = {
		1, 2, 3, 4, 5, 10, 20, 30, 40, 50, 100, 200, 300, 400, 500
	};
	double most = 0, unit = 1;

	for (uint64_t i = 0; i <= t->steps; i++)
		for (size_t s = 0; s < t->count; s++)
			if ((double)timeline_value(t, i, s)->bytes > most)
				most = (double)timeline_value(t, i, s)->bytes;
	for (; most > 0; unit *= 1024)
		for (size_t i = 0; i < sizeof(rounds) / sizeof(rounds[0]); i++)
			if (rounds[i] * unit * TICKS >= most)
				return rounds[i] * unit * TICKS;
	return TICKS;
}

void timeline_svg(const struct timeline *t, const char *const *lines, FILE *out)
{
	struct chart c = { .t = t, .out = out, .most = scale(t), .first = t->adds_up };
	size_t notes = 0;
	double height;

	while (lines[notes])
		notes++;
	height = TOP + PLOT_H + LINE * (double)(notes + 3);
	if (height < TOP + LINE * (double)(t->count + 1))
		height = TOP + LINE * (double)(t->count + 1);
	fprintf(out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"1160\" height=\"%.0f\" viewBox=\"0 0 1160 %.0f\">\n"
		"<style>text{font:12px sans-serif}.note{fill:#555}.grid{stroke:#ddd}.missing{fill:#eee}.mark{stroke:#555;stroke-dasharray:4 3}"
		".hover{fill:#000;fill-opacity:0}.hover:hover{fill-opacity:.12}</style>\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n"
		"<text x=\"%.0f\" y=\"24\" style=\"font-size:16px\">live bytes over time%s</text>\n",
		height, height, LEFT,
		!t->adds_up && t->count > 1 ? " (domains overlap: slab lies in pages)" : "");
	draw_missing(&c);
	draw_scales(&c);
	for (size_t i = c.first; i < t->count; i++)
		draw_series(&c, i);
	draw_legend(&c);
	draw_hovers(&c);
	draw_marks(&c);
	for (size_t i = 0; i < notes; i++) {
		fprintf(out, "<text class=\"note\" x=\"%.0f\" y=\"%.0f\">", LEFT,
			TOP + PLOT_H + LINE * (double)(i + 3));
		xml_text(out, lines[i], SIZE_MAX);
		fprintf(out, "</text>\n");
	}
	fprintf(out, "</svg>\n");
}
