/*
 * gfp_names.h - the gfp flags of an allocation from their names, as the kernel's text of an event has
 * them: "GFP_KERNEL|__GFP_ZERO". Numbers of the flags change between kernels; these are those of 6.18
 * (include/linux/gfp_types.h), for older names of the same meaning, too.
 *
 *	if (gfp_from_names((struct text){ p, len }, &gfp))
 *		...
 */
#ifndef KMEM_ANALYZE_GFP_NAMES_H
#define KMEM_ANALYZE_GFP_NAMES_H

#include <stdbool.h>

#include "format/records.h"

/* Names, "none", or a number ("0xcc0"), joined by '|'. False: something is none of them. */
bool gfp_from_names(struct text names, uint64_t *ret);

#endif
