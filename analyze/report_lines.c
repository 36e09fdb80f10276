#include "analyze/report_lines.h"

#include <stdlib.h>
#include <string.h>

static void split(struct report_lines *l)
{
	size_t count = 0;
	char *save = NULL;

	for (char *line = strtok_r(l->text, "\n", &save); line && count < REPORT_LINES_MAX;
	     line = strtok_r(NULL, "\n", &save))
		l->lines[count++] = line + strspn(line, "# ");
}

int report_lines_init(struct report_lines *l, struct report *r, const char *name, struct error *err)
{
	enum emit_format format = r->emit.format;
	FILE *out = r->out;
	size_t size;
	int rc;

	*l = (struct report_lines){ .text = NULL };
	r->out = open_memstream(&l->text, &size);
	if (!r->out) {
		r->out = out;
		return error_nomem(err);
	}
	r->emit.format = EMIT_TEXT;
	rc = report_header(r, name, err);
	if (fclose(r->out) && rc == 0)
		rc = error_nomem(err);
	r->out = out;
	r->emit.format = format;
	if (rc == 0)
		split(l);
	else
		report_lines_release(l);
	return rc;
}

void report_lines_release(struct report_lines *l)
{
	free(l->text);
	*l = (struct report_lines){ .text = NULL };
}

void report_lines_warn(const struct report *r)
{
	if (!r->complete)
		fprintf(stderr,
			"kmem-analyze: events of this capture are missing: what is written are lower bounds, and a"
			" lost free looks live (kmem-analyze info)\n");
}
