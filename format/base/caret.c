#include "format/base/caret.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SHOWN_BEFORE 72
#define SHOWN_AFTER  24

int caret_error(struct error *err, enum error_code code, const char *text, size_t offset,
		const char *fmt, ...)
{
	size_t len = strlen(text), from = 0;
	char sentence[280];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(sentence, sizeof(sentence), fmt, ap);
	va_end(ap);
	if (offset > len)
		offset = len;
	if (len > SHOWN_BEFORE + SHOWN_AFTER && offset > SHOWN_BEFORE)
		from = offset - SHOWN_BEFORE;
	return error_set(err, code, "%s\n  %.*s\n  %*s^", sentence, SHOWN_BEFORE + SHOWN_AFTER,
			 text + from, (int)(offset - from), "");
}
