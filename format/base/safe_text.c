#include "format/base/safe_text.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a terminal or a reader would obey instead of show: U+0080 to U+009F, line ends, directions, marks of order. */
static bool is_control(unsigned int code)
{
	return code < 0xa0 || code == 0x061c || code == 0x200e || code == 0x200f ||
	       (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) ||
	       code == 0xfeff;
}

/*
 * Length of the UTF-8 sequence at p, or 0 if there is none to show. Overlong forms and surrogates are none.
 */
static size_t shown_len(const unsigned char *p)
{
	static const unsigned int least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = *p < 0x80		   ? 1 :
		   *p >= 0xf0 && *p < 0xf5 ? 4 :
		   *p >= 0xe0		   ? 3 :
		   *p >= 0xc2		   ? 2 :
					     0;
	unsigned int code;

	if (n == 1)
		return *p >= 0x20 && *p != 0x7f;
	if (n == 0 || *p >= 0xf5)
		return 0;
	code = *p & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (p[i] & 0x3f);
	}
	if (code < least[n] || is_control(code) || (code >= 0xd800 && code < 0xe000) ||
	    code > 0x10ffff)
		return 0;
	return n;
}

const char *safe_text(char *room, size_t size, const char *text)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t used = 0;

	while (*p && used + 5 < size) {
		size_t n = shown_len(p);

		if (n == 0) {
			used += (size_t)snprintf(room + used, size - used, "\\x%02x", *p++);
			continue;
		}
		memcpy(room + used, p, n);
		used += n;
		p += n;
	}
	room[used] = '\0';
	return room;
}

void safe_complain(const char *program, const char *text)
{
	char safe[1024];

	fprintf(stderr, "%s: ", program);
	/* line by line: a text may have several, with a mark under what is wrong */
	for (size_t len; *text; text += len) {
		char line[512];

		len = strcspn(text, "\n");
		if (len >= sizeof(line))
			len = sizeof(line) - 1;
		memcpy(line, text, len);
		line[len] = '\0';
		fputs(safe_text(safe, sizeof(safe), line), stderr);
		if (text[len] == '\n') {
			fputc('\n', stderr);
			len++;
		}
	}
	fputc('\n', stderr);
}
