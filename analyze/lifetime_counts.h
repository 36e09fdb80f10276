/*
 * lifetime_counts.h - how many objects of each allocation site lived how long (lifetime_total of tables.sql), kept up
 * in O(1) per object that was freed.
 *
 * Lifetimes are counted in classes of two decimal digits: below 100 ns each ns is one, then 100 to 109 ns, ..., 1.2
 * to 1.3 ms. A class is named by its shortest lifetime, so a power of ten is always where one begins.
 *
 *	struct lifetime_counts c = { 0 };
 *
 *	lifetime_counts_add(&c, site, self, in_doubt, ns);	// false: no memory
 *	lifetime_counts_sort(&c);				// false: no memory; no adding from here on
 *	for (size_t i = 0; i < c.used; i++) ... lifetime_count(&c, i)
 *	lifetime_counts_release(&c);
 */
#ifndef KMEM_ANALYZE_LIFETIME_COUNTS_H
#define KMEM_ANALYZE_LIFETIME_COUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lifetime_slot {
	uint64_t key, objects; /* key 0: free */
};

/* Objects wait that long for their slot to come from memory. */
#define LIFETIMES_WAITING 16

struct lifetime_counts {
	struct lifetime_slot *slots;
	size_t mask, used;
	uint64_t waiting[LIFETIMES_WAITING]; /* keys; 0: none */
	unsigned int turn;
};

struct lifetime_count {
	uint32_t site;
	bool self, in_doubt; /* in_doubt: events are missing from their lives */
	uint64_t ns;	     /* the shortest lifetime of the class */
	uint64_t objects;
};

bool lifetime_counts_add(struct lifetime_counts *c, uint32_t site, bool self, bool in_doubt,
			 uint64_t ns);
/* By site, self, in_doubt and ns. */
bool lifetime_counts_sort(struct lifetime_counts *c);
struct lifetime_count lifetime_count(const struct lifetime_counts *c, size_t i);
void lifetime_counts_release(struct lifetime_counts *c);

/* The shortest lifetime of the class that ns belongs to. */
uint64_t lifetime_class(uint64_t ns);
/* What bounds that class from above: all of it, named by its shortest, are at most so long. */
uint64_t lifetime_class_limit(uint64_t shortest);

#endif
