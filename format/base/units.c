#include "format/base/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *units_bytes(char text[UNITS_TEXT], uint64_t bytes)
{
	static const char *const names[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
	double v = (double)bytes;
	unsigned int i = 0;

	/* 1023.95 would print as 1024.0: go on to the next unit first */
	for (; v >= 1023.95 && i + 1 < sizeof(names) / sizeof(*names); i++)
		v /= 1024;
	if (i == 0)
		snprintf(text, UNITS_TEXT, "%" PRIu64 " B", bytes);
	else
		snprintf(text, UNITS_TEXT, "%.1f %s", v, names[i]);
	return text;
}

const char *units_duration(char text[UNITS_TEXT], uint64_t ns)
{
	uint64_t s = ns / 1000000000u;

	if (ns < 1000)
		snprintf(text, UNITS_TEXT, "%" PRIu64 " ns", ns);
	else if (ns < 1000000)
		snprintf(text, UNITS_TEXT, "%.3f us", (double)ns / 1e3);
	else if (ns < 1000000000u)
		snprintf(text, UNITS_TEXT, "%.3f ms", (double)ns / 1e6);
	else if (s < 3600)
		snprintf(text, UNITS_TEXT, "%.3f s", (double)ns / 1e9);
	else
		snprintf(text, UNITS_TEXT, "%" PRIu64 " h %02u min", s / 3600,
			 (unsigned int)(s % 3600 / 60));
	return text;
}

const char *units_count(char text[UNITS_TEXT], uint64_t n)
{
	char digits[24];
	size_t len = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, n), out = 0;

	for (size_t i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			text[out++] = ',';
		text[out++] = digits[i];
	}
	text[out] = '\0';
	return text;
}
