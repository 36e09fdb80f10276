/*
 * units.h - numbers as people read them.
 *
 *	char text[UNITS_TEXT];
 *	units_bytes(text, 1536);	// "1.5 kB": 1 kB is 1024 bytes, as the kernel counts
 *	units_duration(text, 1500000);	// "1.500 ms"
 */
#ifndef KMEM_BASE_UNITS_H
#define KMEM_BASE_UNITS_H

#include <stdint.h>

#define UNITS_TEXT 32

const char *units_bytes(char text[UNITS_TEXT], uint64_t bytes);
const char *units_duration(char text[UNITS_TEXT], uint64_t ns);
const char *units_count(char text[UNITS_TEXT], uint64_t n); /* "1,234,567" */

#endif
