#include "analyze/xml_text.h"

void xml_text(FILE *out, const char *text, size_t most)
{
	for (; *text && most; text++, most--)
		switch (*text) {
		case '<': fputs("&lt;", out); break;
		case '>': fputs("&gt;", out); break;
		case '&': fputs("&amp;", out); break;
		case '"': fputs("&quot;", out); break;
		case '\'': fputs("&#39;", out); break;
		default: fputc((unsigned char)*text < 0x20 && *text != '\n' ? '?' : *text, out);
		}
}

size_t utf8_bytes(const char *text, size_t count)
{
	size_t n = 0;

	while (text[n] && ((text[n] & 0xc0) == 0x80 || count--))
		n++;
	return n;
}

size_t utf8_count(const char *text)
{
	size_t count = 0;

	for (; *text; text++)
		count += (*text & 0xc0) != 0x80;
	return count;
}
