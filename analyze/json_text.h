/*
 * json_text.h - a string as JSON that may also stand in a <script> of an HTML page: nothing in it ends the script
 * or begins a comment.
 *
 *	json_text(out, "a\"b</script>");	// "a\"b\u003c/script\u003e"
 */
#ifndef KMEM_ANALYZE_JSON_TEXT_H
#define KMEM_ANALYZE_JSON_TEXT_H

#include <stdio.h>

/* text: UTF-8 without errors (report_safe). */
void json_text(FILE *out, const char *text);

#endif
