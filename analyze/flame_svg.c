#include "analyze/flame.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "analyze/xml_text.h"
#include "format/base/units.h"
#include "schema_sql.h"

#define LEFT  10.0
#define WIDE  (FLAME_WIDTH - 2 * LEFT)
#define ROW   17.0
#define HEAD  84.0 /* above the frames */
#define CHAR  7.25 /* width of a character of 12 units; flame.js has the same */
#define LINE  14.0
#define NOTES 40

struct drawing {
	const struct flame_tree *tree;
	const struct text_pool *pool;
	const struct flame_options *o;
	FILE *out;
	uint64_t least;	 /* what is less is drawn together */
	uint64_t change; /* the largest of a frame */
	uint32_t depth;	 /* of the deepest frame that is drawn */
	size_t drawn, together;
	double height;
};

/* ---- what is drawn ---- */

static void measure(struct drawing *d)
{
	const struct flame_tree *t = d->tree;

	d->drawn = d->together = 0;
	d->depth = 0;
	for (size_t i = 0; i < t->count; i++) {
		const struct flame_node *n = &t->nodes[i];
		uint64_t rest = 0, thin = 0;

		if (n->value < d->least)
			continue;
		d->drawn++;
		if (n->depth > d->depth)
			d->depth = n->depth;
		for (uint32_t c = n->child; c; c = t->nodes[c].next)
			if (t->nodes[c].value && t->nodes[c].value < d->least) {
				rest += t->nodes[c].value;
				thin++;
			}
		d->together += thin;
		if (rest < d->least)
			continue;
		d->drawn++;
		if (n->depth + 1 > d->depth)
			d->depth = n->depth + 1;
	}
}

static void choose_least(struct drawing *d)
{
	uint64_t total = d->tree->nodes[0].value;

	d->least = (uint64_t)ceil((double)total * FLAME_THIN / WIDE);
	if (!d->least)
		d->least = 1;
	for (measure(d); d->drawn > FLAME_FRAMES && d->least < total; measure(d))
		d->least *= 2;
}

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

static void largest_change(struct drawing *d)
{
	for (size_t i = 1; i < d->tree->count; i++) {
		const struct flame_node *n = &d->tree->nodes[i];
		uint64_t change = distance(n->value, n->other);

		if (n->value && change > d->change)
			d->change = change;
	}
}

/* ---- colours ---- */

static unsigned int hash_name(const char *name)
{
	uint32_t hash = 2166136261u;

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 16777619u;
	return hash ^ hash >> 15;
}

/* The kernel is orange, modules green, programs blue, what is no code grey; the shade is that of the name. */
static unsigned int name_colour(const char *name)
{
	size_t len = strlen(name);
	unsigned int h = hash_name(name), a = h % 50, b = h / 50 % 50;

	if (*name == '(')
		return (190 + a / 2) * 0x10101;
	if (len && name[len - 1] == ']')
		return (110 + a) << 16 | (195 + b / 2) << 8 | (100 + a);
	if (len && name[len - 1] == ')')
		return (120 + a) << 16 | (170 + b) << 8 | 240;
	return 245u << 16 | (150 + a + b / 2) << 8 | (70 + b);
}

static unsigned int change_colour(const struct drawing *d, uint64_t value, uint64_t other)
{
	double share = d->change ? fmin((double)distance(value, other) / (double)d->change, 1) : 0;
	unsigned int pale = 240 - (unsigned int)(110 * share);

	if (value == other)
		return 0xf0f0f0;
	return value > other ? 255u << 16 | pale << 8 | pale : pale << 16 | pale << 8 | 255u;
}

/* ---- frames ---- */

static void print_count(FILE *out, uint64_t n)
{
	char text[UNITS_TEXT];

	fputs(units_count(text, n), out);
}

static void print_about(const struct drawing *d, uint64_t value, uint64_t other)
{
	bool bytes = stack_measure_is_bytes(d->o->measure);
	char human[UNITS_TEXT];
	uint64_t total = d->tree->nodes[0].value;

	print_count(d->out, value);
	fputs(bytes ? " bytes" : " objects", d->out);
	if (bytes && value >= 1024)
		fprintf(d->out, " (%s)", units_bytes(human, value));
	fprintf(d->out, ", %.2f %%", 100 * (double)value / (double)total);
	if (!d->o->diff)
		return;
	fputs(value < other ? ", -" : ", +", d->out);
	print_count(d->out, distance(value, other));
	fputs(" (before: ", d->out);
	print_count(d->out, other);
	fputc(')', d->out);
}

static void print_frame(const struct drawing *d, const char *name, uint32_t depth, uint64_t start,
			uint64_t value, uint64_t other)
{
	double scale = WIDE / (double)d->tree->nodes[0].value, x = LEFT + (double)start * scale,
	       width = (double)value * scale, y = HEAD + ROW * (d->depth - depth);
	int room = (int)((width - 6) / CHAR);
	size_t chars = utf8_count(name);

	fprintf(d->out,
		"<g class=\"f\" data-d=\"%" PRIu32 "\" data-s=\"%" PRIu64 "\" data-v=\"%" PRIu64
		"\"><title>",
		depth, start, value);
	xml_text(d->out, name, SIZE_MAX);
	fputc('\n', d->out);
	print_about(d, value, other);
	fprintf(d->out,
		"</title><rect x=\"%.2f\" y=\"%.0f\" width=\"%.2f\" height=\"16\""
		" fill=\"#%06x\"/><text x=\"%.2f\" y=\"%.0f\">",
		x, y, width,
		d->o->diff ? change_colour(d, value, other) : name_colour(depth ? name : "("),
		x + 3, y + 12);
	if (room >= 3 && chars <= (size_t)room) {
		xml_text(d->out, name, SIZE_MAX);
	} else if (room >= 3) {
		xml_text(d->out, name, utf8_bytes(name, (size_t)room - 2));
		fputs("..", d->out);
	}
	fputs("</text></g>\n", d->out);
}

/* The frames above a node, from left to right. The depth of a tree is bounded: STACK_VALUES_DEPTH. */
static void print_above(const struct drawing *d, const struct flame_node *n, uint64_t start)
{
	const struct flame_node *nodes = d->tree->nodes;
	uint64_t rest = 0, rest_other = 0, thin = 0;
	char name[40];

	for (uint32_t c = n->child; c; c = nodes[c].next) {
		if (nodes[c].value < d->least) {
			rest += nodes[c].value;
			rest_other += nodes[c].other;
			thin += nodes[c].value != 0;
			continue;
		}
		print_frame(d, text_pool_get(d->pool, nodes[c].name), nodes[c].depth, start,
			    nodes[c].value, nodes[c].other);
		print_above(d, &nodes[c], start);
		start += nodes[c].value;
	}
	if (rest < d->least)
		return;
	snprintf(name, sizeof(name), "(%" PRIu64 " more)", thin);
	print_frame(d, name, n->depth + 1, start, rest, rest_other);
}

/* ---- around them ---- */

static void print_line(const struct drawing *d, const char *text, double y, const char *class)
{
	fprintf(d->out, "<text class=\"%s\" x=\"%.0f\" y=\"%.0f\">", class, LEFT, y);
	xml_text(d->out, text, SIZE_MAX);
	fputs("</text>\n", d->out);
}

static size_t note_count(const struct flame_options *o)
{
	size_t n = 0;

	while (o->notes && o->notes[n] && n < NOTES)
		n++;
	return n;
}

static void print_open(const struct drawing *d)
{
	if (!d->o->inside)
		fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", d->out);
	fprintf(d->out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"kmem-flame\" viewBox=\"0 0 %d %.0f\""
		" width=\"%d\" height=\"%.0f\">\n",
		FLAME_WIDTH, d->height, FLAME_WIDTH, d->height);
	fputs("<style>\n"
	      ".kmem-flame text { font: 12px monospace; fill: #000 }\n"
	      ".kmem-flame .f { cursor: pointer }\n"
	      ".kmem-flame .f text { pointer-events: none }\n"
	      ".kmem-flame .f rect { stroke: #fff; stroke-width: 0.5 }\n"
	      ".kmem-flame .f:hover rect { stroke: #000; stroke-width: 1 }\n"
	      ".kmem-flame .f rect.hit { fill: #d633e6 }\n"
	      ".kmem-flame .title { font: bold 17px sans-serif }\n"
	      ".kmem-flame .note { font: 11px sans-serif; fill: #555 }\n"
	      ".kmem-flame .reset { fill: #0645ad; cursor: pointer; text-decoration: underline }\n"
	      ".kmem-flame input { font: 12px monospace; width: 100%; box-sizing: border-box }\n"
	      "</style>\n",
	      d->out);
	fprintf(d->out, "<rect width=\"%d\" height=\"%.0f\" fill=\"#fff\"/>\n", FLAME_WIDTH,
		d->height);
	print_line(d, d->o->title, 26, "title");
	for (size_t i = 0; i < 2 && i < note_count(d->o); i++)
		print_line(d, d->o->notes[i], 44 + LINE * (double)i, "note");
	fprintf(d->out,
		"<text class=\"reset\" x=\"%.0f\" y=\"76\" style=\"display: none\">show all</text>\n"
		"<text class=\"found\" x=\"%d\" y=\"76\" text-anchor=\"end\"></text>\n"
		"<foreignObject x=\"%d\" y=\"8\" width=\"250\" height=\"28\" style=\"display: none\">"
		"<input xmlns=\"http://www.w3.org/1999/xhtml\""
		" placeholder=\"search: a regular expression\"/></foreignObject>\n",
		LEFT, FLAME_WIDTH - (int)LEFT, FLAME_WIDTH - (int)LEFT - 250);
}

/* Of what is compared with: values of stacks that have none now. */
static uint64_t vanished(const struct flame_tree *t)
{
	uint64_t gone = 0;

	for (size_t i = 1; i < t->count; i++) {
		uint64_t value = t->nodes[i].value, other = t->nodes[i].other;

		for (uint32_t c = t->nodes[i].child; c; c = t->nodes[c].next) {
			value -= t->nodes[c].value;
			other -= t->nodes[c].other;
		}
		if (!value)
			gone += other;
	}
	return gone;
}

/* What is not in the picture. */
static size_t hidden_notes(const struct drawing *d, char lines[2][200])
{
	uint64_t total = d->tree->nodes[0].value, gone = d->o->diff ? vanished(d->tree) : 0;
	char text[UNITS_TEXT];
	size_t n = 0;

	if (d->together)
		snprintf(
			lines[n++], 200,
			"%zu frame%s of less than %s %s (%.3f %%) each are drawn together, with what is"
			" above them, or left out where they are too thin even so",
			d->together, d->together == 1 ? "" : "s", units_count(text, d->least),
			stack_measure_is_bytes(d->o->measure) ? "bytes" : "objects",
			100 * (double)d->least / (double)total);
	if (gone)
		snprintf(lines[n++], 200, "not drawn: %s %s of stacks that are no more",
			 units_count(text, gone),
			 stack_measure_is_bytes(d->o->measure) ? "bytes" : "objects");
	return n;
}

int flame_svg(const struct flame_tree *tree, const struct text_pool *pool,
	      const struct flame_options *options, FILE *out, struct error *err)
{
	struct drawing d = { .tree = tree, .pool = pool, .o = options, .out = out };
	size_t notes = note_count(options), hidden;
	char lines[2][200];
	double y;

	if (!tree->nodes[0].value)
		return error_set(err, ERR_UNSUPPORTED,
				 "nothing to draw: there are no %s here; kmem-analyze account tells"
				 " more",
				 stack_measure_text(options->measure));
	choose_least(&d);
	largest_change(&d);
	hidden = hidden_notes(&d, lines);
	y = HEAD + ROW * (d.depth + 1) + LINE;
	d.height = y + LINE * (double)(notes > 2 ? notes - 2 : 0) + LINE * (double)hidden + 14;
	print_open(&d);
	print_frame(&d, "all", 0, 0, tree->nodes[0].value, tree->nodes[0].other);
	print_above(&d, &tree->nodes[0], 0);
	print_line(&d, "", y, "here");
	for (size_t i = 2; i < notes; i++)
		print_line(&d, options->notes[i], y += LINE, "note");
	for (size_t i = 0; i < hidden; i++)
		print_line(&d, lines[i], y += LINE, "note");
	fprintf(out, "<script><![CDATA[\n%s]]></script>\n</svg>\n", analyze_flame_js);
	return 0;
}
