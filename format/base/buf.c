#include "format/base/buf.h"

#include <stdlib.h>

static bool lacked_memory; /* atomic */

bool buf_lacked_memory(void)
{
	return __atomic_load_n(&lacked_memory, __ATOMIC_RELAXED);
}

void buf_note_lack(void)
{
	__atomic_store_n(&lacked_memory, true, __ATOMIC_RELAXED);
}

void buf_release(struct buf *b)
{
	free(b->data);
	*b = (struct buf){ 0 };
}

bool buf_reserve_slow(struct buf *b, size_t n)
{
	size_t cap = b->cap ? b->cap : 256;
	uint8_t *p;

	if (b->oom || n > SIZE_MAX / 2 - b->len)
		goto fail;
	while (cap - b->len < n)
		cap *= 2;
	p = realloc(b->data, cap);
	if (!p)
		goto fail;
	b->data = p;
	b->cap = cap;
	return true;
fail:
	buf_note_lack();
	b->oom = true;
	return false;
}
