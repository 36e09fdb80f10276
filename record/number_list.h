/*
 * number_list.h - a set of small numbers (CPUs, processes, threads), as people and the kernel write
 * it: 0-3,8.
 *
 *	struct number_list cpus = { 0 };
 *	number_list_parse(&cpus, "0-3,8", "-C 0-3,8: not a CPU list", 0, 8191, true, &err);
 *	number_list_sort(&cpus);			// ascending, none twice
 *	if (number_list_has(&cpus, 2)) ...
 *	number_list_text(&cpus, true, &text);		// "0-3,8"
 *	number_list_release(&cpus);
 */
#ifndef KMEM_RECORD_NUMBER_LIST_H
#define KMEM_RECORD_NUMBER_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/base/buf.h"
#include "format/base/error.h"

struct number_list {
	uint32_t *items;
	size_t count, room;
};

void number_list_release(struct number_list *list);
int number_list_add(struct number_list *list, uint32_t n, struct error *err);

/*
 * Adds the numbers of a text, which may end in a newline. ERR_USAGE, beginning with `what`, when it
 * is no such list, is empty, or a number is not from min to max. With ranges, A-B is allowed.
 */
int number_list_parse(struct number_list *list, const char *text, const char *what, uint32_t min,
		      uint32_t max, bool ranges, struct error *err);

void number_list_sort(struct number_list *list);

/* The list is sorted. */
bool number_list_has(const struct number_list *list, uint32_t n);

/* The text into `to`, which is empty, without a NUL. With ranges, neighbours become A-B. The list is sorted. */
void number_list_text(const struct number_list *list, bool ranges, struct buf *to);

#endif
