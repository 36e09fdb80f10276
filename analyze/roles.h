/*
 * roles.h - which tracepoints allocate and free memory, in which address space, and which of their
 * fields say where and how much. Data, not code: a new allocator is one more row of the table in
 * roles.c.
 *
 *	struct role role = role_of(&type);
 *	if (role.kind == ROLE_ALLOC)
 *		size = values[role.bytes_alloc].number;		// values of the tuple, in the type's order
 *
 * Sources: include/trace/events/{kmem,percpu,vmalloc}.h of the kernel. mm_page_free_batched has no
 * role: it is a duplicate of mm_page_free (measured on 6.12: 4938 of 4938).
 */
#ifndef KMEM_ANALYZE_ROLES_H
#define KMEM_ANALYZE_ROLES_H

#include "format/capture.h"

enum role_kind {
	ROLE_NONE,
	ROLE_ALLOC,
	ROLE_FREE,
	ROLE_NEWTASK,
	ROLE_RENAME,
	ROLE_MODULE_LOAD,
	ROLE_MODULE_FREE
};

/* Address spaces: an object is only ever freed in the one it was allocated in. */
enum domain { DOMAIN_SLAB, DOMAIN_PAGE, DOMAIN_PERCPU, DOMAIN_VMALLOC, DOMAIN_COUNT };

/* Fields are named by their place among the fields of PLACE_TUPLE, or -1: the event has none. */
struct role {
	enum role_kind kind;
	enum domain domain;
	const char *api; /* "malloc", "cache" or NULL */
	int16_t address; /* -1: the field of PLACE_ADDRESS, the usual case */
	int16_t call_site, bytes_req, bytes_alloc, order, gfp, node, cache, failed, migratetype;
};

/*
 * ROLE_NONE also for a known event that lacks the fields its role needs, or has them in columns: it
 * is then kept as any other tracepoint.
 */
struct role role_of(const struct event_type *type);

const char *domain_name(enum domain domain); /* "slab", "page", "percpu", "vmalloc" */

/*
 * Whether an address is that of no object: NULL and ZERO_SIZE_PTR of the slab, all ones for the
 * page frame of a failed page allocation (long_size: bytes of the target's long), NULL elsewhere.
 */
enum address_kind { ADDRESS_OBJECT, ADDRESS_NULL, ADDRESS_ZERO_SIZE };
enum address_kind address_kind(enum domain domain, uint64_t address, unsigned int long_size);

#endif
