#include "record/notes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "format/records.h"

#define NOTES_MAX 64

void notes_add(struct notes *n, const char *code, const char *fmt, ...)
{
	struct note *p = n->count < NOTES_MAX ? realloc(n->items, (n->count + 1) * sizeof(*p)) :
						NULL;
	va_list args;

	if (!p) {
		if (n->count < NOTES_MAX)
			buf_note_lack();
		return;
	}
	n->items = p;
	p = &n->items[n->count++];
	snprintf(p->code, sizeof(p->code), "%s", code);
	va_start(args, fmt);
	vsnprintf(p->text, sizeof(p->text), fmt, args);
	va_end(args);
}

void notes_encode(const struct notes *n, struct buf *info)
{
	char key[32], value[sizeof(struct note) + 2];

	for (size_t i = 0; i < n->count; i++) {
		snprintf(key, sizeof(key), "warning.%zu", i + 1);
		snprintf(value, sizeof(value), "%s: %s", n->items[i].code, n->items[i].text);
		info_encode(info, key, value);
	}
}

void notes_release(struct notes *n)
{
	free(n->items);
	*n = (struct notes){ 0 };
}
