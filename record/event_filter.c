#include "record/event_filter.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/base/caret.h"
#include "format/base/fileio.h"
#include "format/records.h"
#include "record/event_plan.h"
#include "record/filter_text.h"
#include "record/tracefs.h"

#define KALLSYMS_MAX (256u << 20)
#define RANGES_MAX   32 /* functions of one name; static ones may repeat, 13 times on 6.18 */

/* One event whose filter is being set. */
struct filtering {
	const struct instance *inst;
	struct listed_event *event;
	struct event_type type;
	struct buf *kallsyms; /* read when first needed */
	char path[256];	      /* of the filter file, below inst->dir */
};

static bool is_address(const struct filtering *f, const char *field)
{
	for (uint16_t i = 0; i < f->type.field_count; i++) {
		const struct event_field *e = &f->type.fields[i];

		if (!strcmp(e->name, field))
			return e->size == f->inst->layout.long_size &&
			       (e->kind == FIELD_UNSIGNED || e->kind == FIELD_SIGNED);
	}
	return false;
}

static int no_symbol(const struct filtering *f, const struct filter_comparison *c,
		     struct error *err)
{
	struct near_names near = { 0 };
	char text[330];

	symbols_near(&near, (char *)f->kallsyms->data, f->kallsyms->len, c->value);
	near_text(&near, text, sizeof(text));
	return caret_error(err, ERR_USAGE, f->event->filter,
			   (size_t)(c->value_at - f->event->filter),
			   "%s:%s: the kernel has no function '%s'%s%s", f->event->system,
			   f->event->name, c->value, near.count ? ": did you mean " : "", text);
}

/* Does this kernel take FIELD.function == NAME? Asked of it, so that no table can be wrong. */
static int kernel_knows(const struct filtering *f, const struct buf *function, bool *ret,
			struct error *err)
{
	char *text = strndup((char *)function->data, function->len);

	if (!text)
		return error_nomem(err);
	*ret = tracefs_write(f->inst->dir, f->path, text, NULL) == 0;
	free(text);
	return 0;
}

static int put_symbol(const struct filtering *f, struct buf *to, const struct filter_comparison *c,
		      struct error *err)
{
	struct symbol_range ranges[RANGES_MAX];
	struct buf function = { 0 };
	bool known = false;
	size_t count;
	int rc = 0;

	if (!f->kallsyms->len)
		rc = file_slurp(AT_FDCWD, "/proc/kallsyms", KALLSYMS_MAX, f->kallsyms, err);
	if (rc == 0)
		rc = symbols_find((char *)f->kallsyms->data, f->kallsyms->len, c->value, ranges,
				  RANGES_MAX, &count, err);
	if (rc < 0)
		return rc;
	if (!count)
		return no_symbol(f, c, err);
	filter_put_function(&function, c);
	if (function.oom)
		rc = error_nomem(err);
	else if (count == 1) /* of several, the kernel would take the first */
		rc = kernel_knows(f, &function, &known, err);
	if (rc == 0 && !known && is_address(f, c->field) && count <= RANGES_MAX && ranges[0].start)
		filter_put_ranges(to, c, ranges, count);
	else if (rc == 0 && count > 1)
		rc = error_set(err, ERR_UNSUPPORTED,
			       "%s:%s: there are %zu functions '%s', and /proc/kallsyms does not "
			       "tell their addresses (kernel.kptr_restrict)",
			       f->event->system, f->event->name, count, c->value);
	else if (rc == 0) /* also where no way is left: then the kernel says why */
		buf_bytes(to, function.data, function.len);
	buf_release(&function);
	return rc;
}

static int translate(const struct filtering *f, struct buf *to, struct error *err)
{
	const char *done = f->event->filter, *pos = done;
	struct filter_comparison c;
	int rc = 0;

	while (rc == 0 && filter_next_comparison(&pos, &c)) {
		if (!c.is_function && !is_address(f, c.field))
			continue;
		buf_bytes(to, done, (size_t)(c.at - done));
		rc = put_symbol(f, to, &c, err);
		done = c.end;
	}
	buf_bytes(to, done, strlen(done) + 1);
	if (rc == 0 && to->oom)
		rc = error_nomem(err);
	if (rc == 0 && to->len > INSTANCE_FILTER_MAX)
		rc = error_set(err, ERR_USAGE,
			       "%s:%s: with the addresses of its functions the filter is too long "
			       "for the kernel: %zu bytes of %d",
			       f->event->system, f->event->name, to->len, INSTANCE_FILTER_MAX);
	return rc;
}

/*
 * After a filter was rejected its file holds three lines: the filter, a caret, "parse_error: WHY".
 */
static int rejected(const struct filtering *f, struct error *err)
{
	struct buf b = { 0 };
	const char *text, *why, *caret;

	if (tracefs_read(f->inst->dir, f->path, &b, NULL) < 0 ||
	    !(why = strstr((char *)b.data, "parse_error: ")))
		goto out;
	text = strchr((char *)b.data, '\n');
	caret = text ? strchr(text + 1, '^') : NULL;
	if (caret && caret < why) {
		why += strlen("parse_error: ");
		error_clear(err);
		caret_error(err, ERR_USAGE, f->event->kernel_filter, (size_t)(caret - text - 1),
			    "%s:%s: the kernel rejects this filter: %.*s", f->event->system,
			    f->event->name, (int)strcspn(why, "\n"), why);
	}
out:
	buf_release(&b);
	return err->code;
}

static int set_one(struct filtering *f, struct error *err)
{
	struct listed_event *e = f->event;
	struct buf text = { 0 };
	int rc;

	snprintf(f->path, sizeof(f->path), "events/%s/%s/format", e->system, e->name);
	rc = tracefs_read(f->inst->dir, f->path, &text, err);
	if (rc == 0)
		rc = event_format_parse(&f->type, e->system, (char *)text.data, text.len, err);
	buf_clear(&text);
	snprintf(f->path, sizeof(f->path), "events/%s/%s/filter", e->system, e->name);
	if (rc == 0)
		rc = translate(f, &text, err);
	if (rc == 0) {
		e->kernel_filter = strdup((char *)text.data);
		rc = e->kernel_filter ? 0 : error_nomem(err);
	}
	buf_release(&text);
	if (rc == 0 && tracefs_write(f->inst->dir, f->path, e->kernel_filter, err) < 0)
		rc = rejected(f, err);
	event_type_release(&f->type);
	return rc;
}

int event_filters_set(struct event_list *list, const struct instance *inst, struct error *err)
{
	struct buf kallsyms = { 0 };
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < list->count; i++) {
		struct filtering f = {
			.inst = inst,
			.event = &list->items[i],
			.kallsyms = &kallsyms,
		};

		if (f.event->filter)
			rc = set_one(&f, err);
	}
	buf_release(&kallsyms);
	return rc;
}
