#include "format/base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int error_set(struct error *err, enum error_code code, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return code;
	if (err->code)
		return err->code;
	err->code = code;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return code;
}

int error_errno(struct error *err, const char *fmt, ...)
{
	int saved = errno;
	enum error_code code = ERR_IO;
	size_t used;
	va_list ap;

	if (saved == ENOSPC || saved == EDQUOT || saved == EFBIG)
		code = ERR_FULL;
	else if (saved == ENOMEM)
		code = ERR_NOMEM;
	else if (saved == EEXIST)
		code = ERR_EXISTS;
	if (!err)
		return code;
	if (err->code)
		return err->code;
	err->code = code;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	used = strlen(err->text);
	snprintf(err->text + used, sizeof(err->text) - used, ": %s", strerror(saved));
	return code;
}

int error_prefix(struct error *err, const char *fmt, ...)
{
	char old[sizeof(err->text)];
	size_t used;
	va_list ap;

	if (!err || !err->code)
		return err ? err->code : ERR_IO;
	memcpy(old, err->text, sizeof(old));
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	used = strlen(err->text);
	snprintf(err->text + used, sizeof(err->text) - used, ": %.*s", (int)(sizeof(old) - 1), old);
	return err->code;
}

int error_nomem(struct error *err)
{
	return error_set(err, ERR_NOMEM, "out of memory");
}

void error_clear(struct error *err)
{
	err->code = 0;
	err->text[0] = '\0';
}
