#include "analyze/aside.h"

#include <stdlib.h>

#include "analyze/report.h"

int aside_begin(struct aside *a, struct report *r, struct error *err)
{
	FILE *memory = open_memstream(&a->text, &a->size);

	if (!memory)
		return error_nomem(err);
	a->out = r->out;
	r->out = memory;
	return 0;
}

int aside_end(struct aside *a, struct report *r, int rc, struct error *err)
{
	/* where the C library has no memory for the text, fclose says nothing of it */
	bool bad = fclose(r->out) != 0 || !a->text;

	r->out = a->out;
	return rc == 0 && bad ? error_nomem(err) : rc;
}

void aside_release(struct aside *a)
{
	free(a->text);
	*a = (struct aside){ .text = NULL };
}
