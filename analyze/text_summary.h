/*
 * text_summary.h - what `load` and `verify` say about a text log: one line for each thing that a reader of
 * the numbers must know.
 *
 *	text_summary(stderr, &counts);
 */
#ifndef KMEM_ANALYZE_TEXT_SUMMARY_H
#define KMEM_ANALYZE_TEXT_SUMMARY_H

#include <stdio.h>

#include "analyze/text_log.h"

void text_summary(FILE *out, const struct text_counts *counts);

#endif
