#include "analyze/report_lines.h"

#include <stdlib.h>
#include <string.h>

#include "analyze/aside.h"

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
	struct aside a = { 0 };
	int rc = aside_begin(&a, r, err);

	*l = (struct report_lines){ .text = NULL };
	r->emit.format = EMIT_TEXT;
	if (rc == 0)
		rc = aside_end(&a, r, report_header(r, name, err), err);
	r->emit.format = format;
	l->text = a.text;
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
	if (!r->estimate && r->options->looks == LOOKS_AS_RECORDED && estimate_sampled(r->db))
		fprintf(stderr,
			"kmem-analyze: stacks of this capture are a sample: what has none is written with its call site"
			" alone\n");
	if (r->estimate)
		fprintf(stderr,
			"kmem-analyze: stacks of this capture are a sample: totals are of all allocations, what each stack has of its"
			" call site is an estimate (kmem-analyze top says how good)\n");
	if (!r->complete)
		fprintf(stderr,
			"kmem-analyze: events of this capture are missing: what is written are lower bounds, and a"
			" lost free looks live (kmem-analyze info)\n");
	if (capture_int(r->db, "events.out_of_order", 0))
		fprintf(stderr,
			"kmem-analyze: times of this capture step back: lifetimes, what was live, and when, may be wrong"
			" (kmem-analyze top says by how much)\n");
}
