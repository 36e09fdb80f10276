#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* M_PI, asprintf */
#endif
#include "analyze/ring_chart.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/array_room.h"
#include "analyze/json_text.h"
#include "format/base/units.h"

#define MARGIN	      20.0
#define HEAD	      70.0 /* height of title and subtitle */
#define RADIUS	      470.0
#define RING_MOST     150.0 /* width of a ring */
#define HOLE_LEAST    85.0
#define HOLE_MOST     130.0
#define THIN	      3.0 /* wedges whose arc is shorter are shown together */
#define PAD	      2.0 /* between a label and the edge of its wedge */
#define LEGEND_ROWS   10
#define LEGEND_LINE   19.0
#define LEGEND_SIZE   12.0
#define LEGEND_COLUMN ((RING_WIDTH - 2 * MARGIN) / 3)
#define NOTE_SIZE     11.0
#define NOTE_LINE     15.0
#define TEXT_MOST     640 /* bytes of a path in a text */

static const char dots[] = "\xe2\x80\xa6";

struct layout {
	struct ring_chart *c;
	const struct ring_chart_options *o;
	int levels;
	double ring;
	struct error *err;
};

static double text_width(const struct layout *l, const char *text, double size, bool bold)
{
	return l->o->measure(l->o->arg, text, size, bold);
}

/* A copy of the text, in the middle of (x, y); NULL: no memory. */
static struct ring_text *add_text(struct layout *l, const char *text, double x, double y,
				  double size, bool bold)
{
	struct ring_chart *c = l->c;
	char *copy = strdup(text);

	if (!copy ||
	    !array_room((void **)&c->texts, &c->text_cap, c->text_count, sizeof(*c->texts))) {
		free(copy);
		error_nomem(l->err);
		return NULL;
	}
	c->texts[c->text_count] = (struct ring_text){
		.text = copy,
		.x = x,
		.y = y,
		.size = size,
		.width = text_width(l, text, size, bold),
		.bold = bold,
		.wedge = -1,
	};
	return &c->texts[c->text_count++];
}

static int add_swatch(struct layout *l, double x, double y, struct ring_colour colour)
{
	struct ring_chart *c = l->c;

	if (!array_room((void **)&c->swatches, &c->swatch_cap, c->swatch_count,
			sizeof(*c->swatches)))
		return error_nomem(l->err);
	c->swatches[c->swatch_count++] = (struct ring_swatch){ x, y, 11, colour };
	return 0;
}

/* ---- shortening ---- */

static bool is_first_byte(char c)
{
	return (c & 0xc0) != 0x80;
}

/* The longest beginning of text with dots behind it that fits, of at least three letters. */
static bool cut_tail(char *room, size_t size, const char *text, bool (*fits)(void *, const char *),
		     void *arg)
{
	for (size_t n = strlen(text); n > 3; n--) {
		if (!is_first_byte(text[n - 1]))
			continue;
		snprintf(room, size, "%.*s%s", (int)(n - 1), text, dots);
		if (fits(arg, room))
			return true;
	}
	return false;
}

/* The longest end of text, with dots before it where it is not all, that is not wider than that. */
static void cut_head(const struct layout *l, char *room, size_t size, const char *text,
		     double width)
{
	snprintf(room, size, "%s", text);
	while (*text && text_width(l, room, LEGEND_SIZE, false) > width) {
		text++;
		if (is_first_byte(*text))
			snprintf(room, size, "%s%s", dots, text);
	}
}

/* ---- labels ---- */

enum direction { LEVEL, TANGENT, RADIAL };

struct label {
	const struct layout *l;
	const struct ring_wedge *w;
	enum direction direction;
	double size;
	const char *second; /* line; NULL: none */
};

static double middle(const struct ring_wedge *w)
{
	return (w->from + w->to) / 2;
}

static double label_angle(const struct label *label)
{
	double a = middle(label->w);

	if (label->direction == LEVEL)
		return 0;
	if (label->direction == TANGENT)
		return cos(a) >= 0 ? a : a + M_PI;
	return sin(a) >= 0 ? a - M_PI / 2 : a + M_PI / 2;
}

/* A box around the middle of the wedge, turned by angle, lies inside of the wedge. */
static bool box_fits(const struct ring_wedge *w, double angle, double width, double height)
{
	double mid = middle(w), half = (w->to - w->from) / 2, radius = (w->inner + w->outer) / 2;
	double x = radius * sin(mid), y = -radius * cos(mid);
	/* the centre of the rings, seen from the box */
	double along = fabs(x * cos(angle) + y * sin(angle));
	double across = fabs(-x * sin(angle) + y * cos(angle));

	if (hypot(fmax(along - width / 2, 0), fmax(across - height / 2, 0)) < w->inner + PAD)
		return false;
	for (int corner = 0; corner < 4; corner++) {
		double dx = corner & 1 ? width / 2 : -width / 2;
		double dy = corner & 2 ? height / 2 : -height / 2;
		double cx = x + dx * cos(angle) - dy * sin(angle);
		double cy = y + dx * sin(angle) + dy * cos(angle);
		double distance = hypot(cx, cy);
		double off = remainder(atan2(cx, -cy) - mid, 2 * M_PI);

		if (distance > w->outer - PAD || fabs(off) > half - PAD / distance)
			return false;
	}
	return true;
}

static bool label_fits(void *arg, const char *first)
{
	const struct label *label = arg;
	double width = text_width(label->l, first, label->size, false);
	double height = label->size * 1.2;

	if (label->second) {
		width = fmax(width, text_width(label->l, label->second, label->size, false));
		height = label->size * 2.4;
	}
	return box_fits(label->w, label_angle(label), width, height);
}

/* Adds the lines of a label that fits. */
static int put_label(struct layout *l, const struct label *label, const char *first, int wedge)
{
	double mid = middle(label->w), angle = label_angle(label);
	double radius = (label->w->inner + label->w->outer) / 2;
	double x = l->c->x + radius * sin(mid), y = l->c->y - radius * cos(mid);

	for (int line = 0; line < (label->second ? 2 : 1); line++) {
		double off = label->second ? label->size * (line ? 0.6 : -0.6) : 0;
		struct ring_text *t = add_text(l, line ? label->second : first,
					       x - off * sin(angle), y + off * cos(angle),
					       label->size, false);

		if (!t)
			return l->err->code;
		t->angle = angle;
		t->wedge = wedge;
	}
	return 0;
}

static const double label_sizes[] = { 14, 12.5, 11 };
#define LABEL_SIZES (sizeof(label_sizes) / sizeof(label_sizes[0]))

/* Tries all directions and sizes for these lines. 1: placed. */
static int try_label(struct layout *l, int wedge, const char *first, const char *second)
{
	struct label label = { .l = l, .w = &l->c->wedges[wedge], .second = second };

	for (size_t s = 0; s < LABEL_SIZES; s++) {
		label.size = label_sizes[s];
		for (label.direction = LEVEL; label.direction <= RADIAL; label.direction++)
			if (label_fits(&label, first))
				return put_label(l, &label, first, wedge) < 0 ? l->err->code : 1;
	}
	return 0;
}

static int try_short_label(struct layout *l, int wedge, const char *name)
{
	struct label label = { .l = l, .w = &l->c->wedges[wedge], .size = label_sizes[2] };
	char text[TEXT_MOST];

	for (int direction = RADIAL; direction >= LEVEL; direction--) {
		label.direction = (enum direction)direction;
		if (cut_tail(text, sizeof(text), name, label_fits, &label))
			return put_label(l, &label, text, wedge) < 0 ? l->err->code : 1;
	}
	return 0;
}

static int label_wedge(struct layout *l, int wedge)
{
	struct ring_wedge *w = &l->c->wedges[wedge];
	char bytes[UNITS_TEXT], name[300], line[TEXT_MOST];
	int rc;

	units_bytes(bytes, w->bytes);
	if (w->more)
		snprintf(name, sizeof(name), "%zu more", w->more);
	else
		snprintf(name, sizeof(name), "%s", w->node->name);
	snprintf(line, sizeof(line), "%s  %s", name, bytes);
	rc = try_label(l, wedge, name, bytes);
	if (rc == 0)
		rc = try_label(l, wedge, line, NULL);
	if (rc == 0)
		rc = try_label(l, wedge, name, NULL);
	l->c->wedges[wedge].labelled = rc == 1;
	if (rc == 0 && !l->c->wedges[wedge].more)
		rc = try_short_label(l, wedge, name);
	return rc < 0 ? rc : 0;
}

/* ---- wedges ---- */

static int add_wedge(struct layout *l, const struct ring_wedge *wedge)
{
	struct ring_chart *c = l->c;

	if (!array_room((void **)&c->wedges, &c->wedge_cap, c->wedge_count, sizeof(*c->wedges)))
		return error_nomem(l->err);
	c->wedges[c->wedge_count++] = *wedge;
	return label_wedge(l, (int)c->wedge_count - 1);
}

/* A ring of one node's children. */
struct ring {
	const struct size_node *node;
	const char *top; /* the directory that gives the colour; NULL: each child its own */
	int level;
	double inner, from, share; /* share: radians a byte */
	uint64_t done;		   /* bytes that are placed already */
};

static int place(struct layout *l, const struct size_node *node, const char *top, int level,
		 double from, double to);

static bool is_thin(const struct layout *l, const struct ring *r, uint64_t bytes)
{
	return r->share * (double)bytes * (r->inner + l->ring / 2) < THIN;
}

static struct ring_wedge next_wedge(const struct layout *l, struct ring *r,
				    const struct size_node *node, uint64_t bytes)
{
	struct ring_wedge w = {
		.node = node,
		.bytes = bytes,
		.level = r->level,
		.inner = r->inner,
		.outer = r->inner + l->ring,
		.from = r->from + r->share * (double)r->done,
	};

	r->done += bytes;
	w.to = r->from + r->share * (double)r->done;
	return w;
}

static int place_child(struct layout *l, struct ring *r, size_t i)
{
	const struct size_node *child = r->node->children[i];
	const char *hue = r->top ? r->top : child->name;
	struct ring_wedge w = next_wedge(l, r, child, child->bytes);
	int rc;

	w.colour = ring_colour(hue, r->level, (unsigned int)i);
	rc = add_wedge(l, &w);
	return rc < 0 ? rc : place(l, child, hue, r->level + 1, w.from, w.to);
}

/* What is too thin to be seen; a single one is shown all the same. */
static int place_rest(struct layout *l, struct ring *r)
{
	uint64_t bytes = 0;
	size_t count = 0, last = 0;
	struct ring_wedge w;

	for (size_t i = 0; i < r->node->count; i++) {
		if (!is_thin(l, r, r->node->children[i]->bytes))
			continue;
		bytes += r->node->children[i]->bytes;
		count++;
		last = i;
	}
	if (!bytes)
		return 0;
	if (count == 1)
		return place_child(l, r, last);
	w = next_wedge(l, r, r->node, bytes);
	w.more = count;
	w.colour = ring_colour(r->top ? r->top : "(", r->level + 2, 0);
	return add_wedge(l, &w);
}

/* The children of a node, within from..to: directories and files, what is thin, and last what stands for no directory. */
static int place(struct layout *l, const struct size_node *node, const char *top, int level,
		 double from, double to)
{
	struct ring r = { node, top, level, l->c->hole + l->ring * (level - 1), from, 0, 0 };
	size_t i = 0;
	int rc = 0;

	if (level > l->levels)
		return 0;
	r.share = (to - from) / (double)node->bytes;
	for (; i < node->count && *node->children[i]->name != '(' && rc == 0; i++)
		if (!is_thin(l, &r, node->children[i]->bytes))
			rc = place_child(l, &r, i);
	if (rc == 0)
		rc = place_rest(l, &r);
	for (; i < node->count && rc == 0; i++)
		if (!is_thin(l, &r, node->children[i]->bytes))
			rc = place_child(l, &r, i);
	return rc;
}

/* ---- around the rings ---- */

static int put_centre(struct layout *l)
{
	struct ring_chart *c = l->c;
	char bytes[UNITS_TEXT];
	bool ok = add_text(l, units_bytes(bytes, c->total), c->x, c->y - 4, 24, true);

	ok = ok && add_text(l, l->o->centre, c->x, c->y + 20, 13, false);
	return ok ? 0 : l->err->code;
}

static int put_left(struct layout *l, const char *text, double y, double size, bool bold, bool pale)
{
	struct ring_text *t = add_text(l, text, MARGIN, y, size, bold);

	if (!t)
		return l->err->code;
	t->align = RING_LEFT;
	t->pale = pale;
	return 0;
}

static bool line_fits(void *arg, const char *text)
{
	const struct layout *l = arg;

	return text_width(l, text, NOTE_SIZE, false) <= RING_WIDTH - 2 * MARGIN;
}

static int put_head(struct layout *l)
{
	int rc = put_left(l, l->o->title, 28, 20, true, false);

	return rc < 0 ? rc : put_left(l, l->o->subtitle, 53, 13, false, true);
}

static int put_notes(struct layout *l)
{
	char text[TEXT_MOST];
	int rc = 0;

	for (const char *const *note = l->o->notes; note && *note && rc == 0; note++) {
		const char *line = *note;

		if (!line_fits(l, line) && cut_tail(text, sizeof(text), line, line_fits, l))
			line = text;
		rc = put_left(l, line, l->c->height, NOTE_SIZE, false, true);
		l->c->height += NOTE_LINE;
	}
	return rc;
}

static int legend_entry(struct layout *l, int column, int row, double top,
			const struct ring_wedge *w)
{
	double x = MARGIN + column * LEGEND_COLUMN, y = top + LEGEND_LINE * (row + 1);
	char bytes[UNITS_TEXT], path[TEXT_MOST], shown[TEXT_MOST];
	struct ring_text *t;

	units_bytes(bytes, w->bytes);
	if (w->more)
		snprintf(path, sizeof(path), "%zu more", w->more);
	else
		size_node_path(w->node, path, sizeof(path));
	if (add_swatch(l, x, y - 5.5, w->colour) < 0)
		return l->err->code;
	t = add_text(l, bytes, x + LEGEND_COLUMN - 24, y, LEGEND_SIZE, false);
	if (!t)
		return l->err->code;
	t->align = RING_RIGHT;
	cut_head(l, shown, sizeof(shown), path, LEGEND_COLUMN - 18 - 36 - t->width);
	t = add_text(l, shown, x + 18, y, LEGEND_SIZE, false);
	if (!t)
		return l->err->code;
	t->align = RING_LEFT;
	return 0;
}

static int by_size(const void *a, const void *b)
{
	const struct ring_wedge *x = *(const struct ring_wedge *const *)a,
				*y = *(const struct ring_wedge *const *)b;

	if (x->bytes != y->bytes)
		return x->bytes > y->bytes ? -1 : 1;
	return x < y ? -1 : x > y;
}

/* Left the top directories, then the largest that have no label, or a shortened one. */
static int put_legend(struct layout *l)
{
	const struct ring_chart *c = l->c;
	const struct ring_wedge **others = calloc(c->wedge_count + 1,
						  sizeof(const struct ring_wedge *));
	double top = c->height;
	size_t count = 0;
	int rows = 0, most = 0, rc = 0;

	if (!others)
		return error_nomem(l->err);
	for (size_t i = 0; i < c->wedge_count && rc == 0; i++) {
		const struct ring_wedge *w = &c->wedges[i];

		if (w->level == 1 && rows < LEGEND_ROWS)
			rc = legend_entry(l, 0, rows++, top, w);
		else if (!w->labelled && !w->more)
			others[count++] = w;
	}
	qsort(others, count, sizeof(*others), by_size);
	for (size_t i = 0; i < count && i < 2 * (size_t)LEGEND_ROWS && rc == 0; i++)
		rc = legend_entry(l, 1 + (int)i / LEGEND_ROWS, (int)i % LEGEND_ROWS, top,
				  others[i]);
	free(others);
	if (rc == 0)
		rc = put_left(l, "largest at the top", top, LEGEND_SIZE, true, false);
	if (rc == 0 && count) {
		rc = put_left(l, "largest without room for their name", top, LEGEND_SIZE, true,
			      false);
		l->c->texts[l->c->text_count - 1].x += LEGEND_COLUMN;
	}
	most = count > LEGEND_ROWS ? LEGEND_ROWS : (int)count;
	l->c->height += LEGEND_LINE * ((rows > most ? rows : most) + 1) + 12;
	return rc;
}

int ring_chart_init(struct ring_chart *c, const struct size_tree *tree,
		    const struct ring_chart_options *options, struct error *err)
{
	struct layout l = { .c = c, .o = options, .err = err };
	int depth = size_tree_depth(tree), rc;
	double radius;

	*c = (struct ring_chart){ .width = RING_WIDTH, .x = RING_WIDTH / 2 };
	c->total = tree->root.bytes;
	l.levels = options->levels ? options->levels : RING_LEVELS;
	if (l.levels > depth)
		l.levels = depth ? depth : 1;
	c->hole = fmax(HOLE_LEAST, fmin(HOLE_MOST, RADIUS / (l.levels + 1)));
	l.ring = fmin(RING_MOST, (RADIUS - c->hole) / l.levels);
	radius = c->hole + l.ring * l.levels;
	c->y = HEAD + radius + 5;
	c->height = c->y + radius + 32;
	rc = put_head(&l);
	if (rc == 0)
		rc = put_centre(&l);
	if (rc == 0)
		rc = place(&l, &tree->root, NULL, 1, 0, 2 * M_PI);
	if (rc == 0)
		rc = put_legend(&l);
	if (rc == 0)
		rc = put_notes(&l);
	c->height += MARGIN / 2;
	if (rc < 0)
		ring_chart_release(c);
	return rc;
}

void ring_chart_release(struct ring_chart *c)
{
	for (size_t i = 0; i < c->text_count; i++)
		free(c->texts[i].text);
	free(c->texts);
	free(c->wedges);
	free(c->swatches);
	*c = (struct ring_chart){ 0 };
}

/* ---- JSON ---- */

static void json_wedge(const struct ring_wedge *w, FILE *out)
{
	char path[TEXT_MOST];

	fprintf(out, "{\"path\":");
	json_text(out, size_node_path(w->node, path, sizeof(path)));
	fprintf(out,
		",\"more\":%zu,\"bytes\":%" PRIu64
		",\"level\":%d,\"inner\":%.3f,\"outer\":%.3f,\"from\":%.9f,\"to\":%.9f,"
		"\"colour\":[%.4f,%.4f,%.4f]}",
		w->more, w->bytes, w->level, w->inner, w->outer, w->from, w->to, w->colour.red,
		w->colour.green, w->colour.blue);
}

static void json_label(const struct ring_text *t, FILE *out)
{
	static const char *const aligns[] = { "centre", "left", "right" };

	fprintf(out, "{\"text\":");
	json_text(out, t->text);
	fprintf(out,
		",\"x\":%.3f,\"y\":%.3f,\"angle\":%.6f,\"size\":%.2f,\"width\":%.3f,\"align\":\"%s\","
		"\"wedge\":%d}",
		t->x, t->y, t->angle, t->size, t->width, aligns[t->align], t->wedge);
}

void ring_chart_json(const struct ring_chart *c, FILE *out)
{
	fprintf(out,
		"{\"width\":%.1f,\"height\":%.1f,\"x\":%.1f,\"y\":%.1f,\"hole\":%.3f,\"bytes\":%" PRIu64
		",\n\"wedges\":[",
		c->width, c->height, c->x, c->y, c->hole, c->total);
	for (size_t i = 0; i < c->wedge_count; i++) {
		fprintf(out, "%s\n", i ? "," : "");
		json_wedge(&c->wedges[i], out);
	}
	fprintf(out, "],\n\"texts\":[");
	for (size_t i = 0; i < c->text_count; i++) {
		fprintf(out, "%s\n", i ? "," : "");
		json_label(&c->texts[i], out);
	}
	fprintf(out, "]}\n");
}
