#define _GNU_SOURCE /* fopencookie */
#include "analyze/text_stream.h"

/* 0 is an error here. */
static ssize_t append(void *cookie, const char *bytes, size_t n)
{
	struct buf *b = cookie;

	buf_bytes(b, bytes, n);
	return b->oom ? 0 : (ssize_t)n;
}

int text_stream_open(struct text_stream *t, struct error *err)
{
	*t = (struct text_stream){ .out = NULL };
	t->out = fopencookie(&t->bytes, "w", (cookie_io_functions_t){ .write = append });
	return t->out ? 0 : error_nomem(err);
}

int text_stream_close(struct text_stream *t, char **ret_text, size_t *ret_size, struct error *err)
{
	bool bad = fclose(t->out) != 0;

	t->out = NULL;
	buf_u8(&t->bytes, '\0');
	if (bad || t->bytes.oom) {
		buf_release(&t->bytes);
		*ret_text = NULL;
		return error_nomem(err);
	}
	*ret_text = (char *)t->bytes.data;
	*ret_size = t->bytes.len - 1;
	return 0;
}
