/*
 * near.h - what the user may have meant: the few names that differ least from the one that was typed.
 *
 *	struct near_names near = { 0 };
 *	for (...) near_add(&near, name, near_distance(name, typed));
 *	near_text(&near, text, sizeof(text));		// "kmem:kfree, kmem:kmalloc"; "" for none
 */
#ifndef KMEM_BASE_NEAR_H
#define KMEM_BASE_NEAR_H

#include <stddef.h>

#define NEAR_MAX      5
#define NEAR_DISTANCE 4 /* letters that may differ */

struct near_names {
	char names[NEAR_MAX][64];
	unsigned int far[NEAR_MAX];
	size_t count;
};

/* Letters to change, add or drop (Levenshtein); long names are simply far away. */
unsigned int near_distance(const char *a, const char *b);

/* Keeps the name if it is one of the nearest so far; a name that is there already is not repeated. */
void near_add(struct near_names *near, const char *name, unsigned int far);

const char *near_text(const struct near_names *near, char *text, size_t room);

#endif
