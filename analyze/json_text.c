#include "analyze/json_text.h"

#include <string.h>

void json_text(FILE *out, const char *text)
{
	fputc('"', out);
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		/* U+2028 and U+2029 end a line of a script */
		if (p[0] == 0xe2 && p[1] == 0x80 && (p[2] == 0xa8 || p[2] == 0xa9)) {
			fprintf(out, "\\u202%c", p[2] == 0xa8 ? '8' : '9');
			p += 2;
		} else if (*p < 0x20 || strchr("\"\\<>&'", *p)) {
			fprintf(out, "\\u%04x", *p);
		} else {
			fputc(*p, out);
		}
	}
	fputc('"', out);
}
