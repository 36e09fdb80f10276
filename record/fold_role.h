/*
 * fold_role.h - which events begin and end objects, for the hold of --survivors (fold.h).
 *
 * A pair that is folded must be one that the analysis would have made, so this table and
 * fold_address say the same as analyze/roles.c does, whose sources are
 * include/trace/events/{kmem,percpu,vmalloc}.h of the kernel.
 */
#ifndef KMEM_RECORD_FOLD_ROLE_H
#define KMEM_RECORD_FOLD_ROLE_H

#include "record/event_plan.h"
#include "record/fold.h"

enum fold_space { SPACE_SLAB, SPACE_PAGE, SPACE_PERCPU, SPACE_VMALLOC };

struct fold_role {
	uint8_t kind;	 /* FOLD_PASS, FOLD_ALLOC or FOLD_FREE */
	uint8_t space;	 /* enum fold_space */
	uint16_t match;	 /* offset of the order in the record; NO_OFFSET: none */
	uint16_t failed; /* offset of a field that is not 0 when the allocation failed */
	uint8_t match_size, failed_size;
};

/* FOLD_PASS for events that do neither, lack a field or have columns. */
struct fold_role fold_role_of(const struct event_type *type);

/* What an event of that role with that address does; failed: the event says so itself. */
enum fold_kind fold_kind_of(const struct fold_role *role, uint64_t address, bool failed,
			    unsigned int long_size);

/* The same by the event's name alone. False: it does neither. */
bool fold_role_named(const char *system, const char *name, enum fold_kind *ret_kind,
		     unsigned int *ret_space);

/* "slab", "page", "percpu", "vmalloc": as -e names them. */
const char *fold_space_name(unsigned int space);

#endif
