/*
 * safe_text.h - text of others (task names, symbols, paths of a capture) on its way to a terminal.
 *
 *	char room[256];
 *	fprintf(out, "%s\n", safe_text(room, sizeof(room), comm));
 */
#ifndef KMEM_BASE_SAFE_TEXT_H
#define KMEM_BASE_SAFE_TEXT_H

#include <stddef.h>

/*
 * Control characters, bytes that are no UTF-8, and characters that turn the direction of what is shown
 * become \xNN, byte by byte. What has no room is cut off. Returns room.
 */
const char *safe_text(char *room, size_t size, const char *text);

/* "PROGRAM: TEXT" and a newline on standard error, made safe; newlines in it are the text's own. */
void safe_complain(const char *program, const char *text);

#endif
