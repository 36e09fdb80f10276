/*
 * text_names.h - frames from the text of a log: "vfs_open+0x12/0x30", "ext4_map+0x1f/0x80 [ext4]", "c0123456",
 * "vfs_open <ffffffff81234567>". Each text is read once; every later one is a look-up.
 *
 *	struct text_names names = { .stacks = &stacks };
 *	uint32_t frame;
 *
 *	if (text_names_frame(&names, text, &frame) < 0)		// ERR_NOMEM
 *		...
 *	if (!frame)						// it is none
 *		...
 *	text_names_release(&names);
 *
 * Plain addresses get their names from stacks.symbols; a text that has a name needs none. A log that
 * gives names has no addresses: its frames have those of stacks.symbols, where a function there has that name alone and
 * is as long, else none.
 */
#ifndef KMEM_ANALYZE_TEXT_NAMES_H
#define KMEM_ANALYZE_TEXT_NAMES_H

#include "analyze/stacks.h"
#include "analyze/text_pool.h"
#include "format/base/buf.h"

struct text_names {
	struct stacks *stacks;
	/* from here on its own */
	struct text_name *list; /* number n is list[n - 1] */
	size_t count, cap;
	struct buf texts;
	struct id_index index;
	struct text_pool modules;
	uint64_t plain, plain_named; /* distinct plain addresses, and those that have a name */
};

int text_names_frame(struct text_names *n, struct text text, uint32_t *ret);
void text_names_release(struct text_names *n);

#endif
