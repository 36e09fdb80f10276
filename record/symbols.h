/*
 * symbols.h - the part of /proc/kallsyms that a capture needs: the lines whose symbols cover an
 * address that was recorded. 5 to 20 MB become some tens of kB, which matters on a small target.
 *
 *	symbols_used(&text, kallsyms.data, kallsyms.len, &addresses, &err);
 *
 * An address is looked up as it is and one byte before: a return address behind the last call of a
 * function lies in the next one. _stext and _etext are always kept.
 */
#ifndef KMEM_RECORD_SYMBOLS_H
#define KMEM_RECORD_SYMBOLS_H

#include "format/base/buf.h"
#include "format/base/error.h"
#include "record/intern.h"

/* addresses: u64 keys. Appends lines, in order of address, to *ret. */
int symbols_used(struct buf *ret, const char *kallsyms, size_t len, const struct intern *addresses,
		 struct error *err);

#endif
