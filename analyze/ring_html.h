/*
 * ring_html.h - the rings as a page for a browser: one file that loads nothing, in which directories can be entered.
 *
 *	ring_html_write(tree, &options, out);
 *
 * The page itself is rings.html, embedded when built; what it shows stands in it as JSON.
 */
#ifndef KMEM_ANALYZE_RING_HTML_H
#define KMEM_ANALYZE_RING_HTML_H

#include <stdio.h>

#include "analyze/ring_chart.h"

/* options: title, subtitle, centre, notes and levels. The caller checks out for errors. */
void ring_html_write(const struct size_tree *tree, const struct ring_chart_options *options,
		     FILE *out);

#endif
