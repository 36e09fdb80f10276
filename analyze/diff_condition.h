/*
 * diff_condition.h - --fail-if: what change fails a build.
 *
 *	[group.]net|total|waste|alloc|objects  > >= < <=  NUMBER[k|M|G|%]
 *
 * net>1M: live bytes grew by more than 1 MiB in all. group.net>64k: those of some group did. Per cent are of what was
 * before; from nothing any growth is more than every per cent.
 */
#ifndef KMEM_ANALYZE_DIFF_CONDITION_H
#define KMEM_ANALYZE_DIFF_CONDITION_H

#include <stdbool.h>
#include <stdint.h>

#include "format/base/error.h"

enum diff_measure { DIFF_NET, DIFF_TOTAL, DIFF_WASTE, DIFF_ALLOC, DIFF_OBJECTS, DIFF_MEASURES };

struct diff_condition {
	const char *text; /* as it was given */
	bool group;
	enum diff_measure measure;
	bool less, or_equal;
	bool percent;
	uint64_t limit;
};

/* change and before of every measure, in the order of enum diff_measure. */
struct diff_numbers {
	int64_t change[DIFF_MEASURES], before[DIFF_MEASURES];
};

/* ERR_USAGE shows how one is written. */
int diff_condition_parse(struct diff_condition *ret, const char *text, struct error *err);
bool diff_condition_holds(const struct diff_condition *c, const struct diff_numbers *n);

#endif
