#include "analyze/aside.h"

#include <stdlib.h>

#include "analyze/report.h"

int aside_begin(struct aside *a, struct report *r, struct error *err)
{
	int rc = text_stream_open(&a->memory, err);

	if (rc < 0)
		return rc;
	a->out = r->out;
	r->out = a->memory.out;
	return 0;
}

int aside_end(struct aside *a, struct report *r, int rc, struct error *err)
{
	int closed = text_stream_close(&a->memory, &a->text, &a->size, rc < 0 ? NULL : err);

	r->out = a->out;
	return rc < 0 ? rc : closed;
}

void aside_release(struct aside *a)
{
	free(a->text);
	*a = (struct aside){ .text = NULL };
}
