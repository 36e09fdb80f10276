/*
 * output_kind.h - commands that write files of several kinds: which one is meant, by the ending of -o or by name.
 *
 *	static const struct output_kind kinds[] = { { "svg", ".svg" }, { "folded", ".folded" }, { NULL, NULL } };
 *
 *	kind = output_kind(kinds, o.as, o.report.output, -1, "graph", &err);
 */
#ifndef KMEM_ANALYZE_OUTPUT_KIND_H
#define KMEM_ANALYZE_OUTPUT_KIND_H

#include "format/base/error.h"

struct output_kind {
	const char *name, *ending; /* name NULL ends a list */
};

/*
 * The index of the kind that is named, else of the one with the file's ending. Without a name and a file, or for "-", it is
 * `otherwise`; where that is negative, or the ending is another one, ERR_USAGE lists them for the command.
 */
int output_kind(const struct output_kind *kinds, const char *name, const char *path, int otherwise,
		const char *command, struct error *err);

#endif
