/*
 * symbols.h - the part of /proc/kallsyms that a capture needs: the lines whose symbols cover an
 * address that was recorded. 5 to 20 MB become some tens of kB, which matters on a small target.
 *
 *	symbols_used(&text, kallsyms.data, kallsyms.len, &addresses, &err);
 *
 * An address is looked up as it is and one byte before: a return address behind the last call of a
 * function lies in the next one. _stext and _etext are always kept.
 *
 * And the other way: from the name of a function to its addresses.
 *
 *	symbols_find(kallsyms.data, kallsyms.len, "do_exit", ranges, 8, &count, &err);
 */
#ifndef KMEM_RECORD_SYMBOLS_H
#define KMEM_RECORD_SYMBOLS_H

#include "format/base/buf.h"
#include "format/base/error.h"
#include "format/base/near.h"
#include "record/intern.h"

/* From a symbol to the next one above it. */
struct symbol_range {
	uint64_t start, end;
};

/* addresses: u64 keys. Appends lines, in order of address, to *ret. */
int symbols_used(struct buf *ret, const char *kallsyms, size_t len, const struct intern *addresses,
		 struct error *err);

/*
 * All functions of that name, at most `room` of them in ranges; *ret_count is how many there are.
 * start is 0 where the kernel hides addresses.
 */
int symbols_find(const char *kallsyms, size_t len, const char *name, struct symbol_range *ranges,
		 size_t room, size_t *ret_count, struct error *err);
/* Functions whose names differ little. */
void symbols_near(struct near_names *near, const char *kallsyms, size_t len, const char *name);

#endif
