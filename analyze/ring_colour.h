/*
 * ring_colour.h - the colours of ring charts: a hue for each top directory, the same in every chart, lighter with
 * each level, light enough for black text.
 *
 *	struct ring_colour c = ring_colour("fs", 2, index_among_siblings);
 */
#ifndef KMEM_ANALYZE_RING_COLOUR_H
#define KMEM_ANALYZE_RING_COLOUR_H

struct ring_colour {
	double red, green, blue; /* 0..1 */
};

struct ring_hue {
	const char *name;
	int hue; /* degrees */
};

/* The directories that every kernel has; a name of NULL ends them. */
extern const struct ring_hue ring_hues[];

/* Names in parentheses stand for what has no directory: -1, grey. Other names get a hue from their letters. */
int ring_hue(const char *name);

struct ring_colour ring_colour(const char *top, int level, unsigned int sibling);

#endif
