#include "analyze/ring_html.h"

#include <inttypes.h>
#include <string.h>

#include "analyze/json_text.h"
#include "schema_sql.h"

static const char mark[] = "@DATA@";

static void write_node(const struct size_node *node, FILE *out)
{
	fputc('[', out);
	json_text(out, node->name);
	fprintf(out, ",%" PRIu64 ",[", node->bytes);
	for (size_t i = 0; i < node->count; i++) {
		if (i)
			fputc(',', out);
		write_node(node->children[i], out);
	}
	fprintf(out, "]]\n");
}

static void write_data(const struct size_tree *tree, const struct ring_chart_options *o, FILE *out)
{
	fprintf(out, "{\"title\":");
	json_text(out, o->title);
	fprintf(out, ",\"what\":");
	json_text(out, o->centre);
	fprintf(out, ",\"levels\":%d,\"hues\":{", o->levels ? o->levels : RING_LEVELS);
	for (const struct ring_hue *h = ring_hues; h->name; h++) {
		if (h != ring_hues)
			fputc(',', out);
		json_text(out, h->name);
		fprintf(out, ":%d", h->hue);
	}
	fprintf(out, "},\"notes\":[");
	json_text(out, o->subtitle);
	for (const char *const *note = o->notes; note && *note; note++) {
		fputc(',', out);
		json_text(out, *note);
	}
	fprintf(out, "],\n\"tree\":");
	write_node(&tree->root, out);
	fprintf(out, "}");
}

void ring_html_write(const struct size_tree *tree, const struct ring_chart_options *options,
		     FILE *out)
{
	const char *page = analyze_rings_html, *at = strstr(page, mark);

	fwrite(page, 1, (size_t)(at - page), out);
	write_data(tree, options, out);
	fputs(at + strlen(mark), out);
}
