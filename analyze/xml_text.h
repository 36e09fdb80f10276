/*
 * xml_text.h - text as it may stand in XML, SVG and HTML, between tags and in quoted attributes.
 *
 *	xml_text(out, "a<b> & \"c\"", SIZE_MAX);	// "a&lt;b&gt; &amp; &quot;c&quot;"
 */
#ifndef KMEM_ANALYZE_XML_TEXT_H
#define KMEM_ANALYZE_XML_TEXT_H

#include <stddef.h>
#include <stdio.h>

/* text: UTF-8 without errors (report_safe); control characters become '?'. most: bytes at most. */
void xml_text(FILE *out, const char *text, size_t most);

/* Bytes of the first `count` characters, and how many characters there are. */
size_t utf8_bytes(const char *text, size_t count);
size_t utf8_count(const char *text);

#endif
