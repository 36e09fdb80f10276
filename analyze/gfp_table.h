/*
 * gfp_table.h - the flags of an allocation by name, as the kernel of the capture prints them. Their numbers and the
 * names of combinations change between kernels; the format of an event says what they are.
 *
 *	struct gfp_table t;
 *
 *	if (!gfp_table_parse(&t, format, len))		// a file events/kmem/kmalloc/format
 *		gfp_table_of_release(&t, "6.1.0-13-amd64");
 *	gfp_table_print(&t, 0xdc0, text, sizeof(text));	// "GFP_KERNEL|__GFP_ZERO"
 */
#ifndef KMEM_ANALYZE_GFP_TABLE_H
#define KMEM_ANALYZE_GFP_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GFP_FLAGS_MAX 96
#define GFP_NAME_MAX  40
#define GFP_TEXT_MAX  512 /* bytes of all names of a gfp */

struct gfp_flag {
	uint64_t bits;
	char name[GFP_NAME_MAX];
};

struct gfp_table {
	struct gfp_flag flags[GFP_FLAGS_MAX]; /* in the order in which they are looked for */
	size_t count;
	const char *source; /* for people: where the names are from; a constant */
};

/* False: there is no list of flags in it, or one with expressions that cannot be worked out. */
bool gfp_table_parse(struct gfp_table *t, const char *format, size_t len);

/* Those of include/linux/gfp_types.h (before 6.2: gfp.h) of a release; empty where none is known. NULL: the latest. */
void gfp_table_of_release(struct gfp_table *t, const char *release);

/* Names joined by '|', in hexadecimal what has none; "none" for 0. Returns text. */
const char *gfp_table_print(const struct gfp_table *t, uint64_t gfp, char *text, size_t room);

#endif
