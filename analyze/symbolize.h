/*
 * symbolize.h - source lines for the frames of a database, from files with debug information: tables source,
 * inline_frame and static_symbol (static_capture.h), frame.unit, and names of module functions and user functions that only those files have.
 *
 *	struct symbolize_options o = { .paths = paths, .count = n };
 *	struct symbolize_result r;
 *
 *	symbolize(writer, &o, &r, &err);	// inside the writer's transaction; replaces what was there
 *	puts(symbolize_summary(text, sizeof(text), &r));
 *
 * Files belong to the capture by build-id. Where the capture or the file has none, release and size of the kernel's text are
 * compared, and every report says that the build was not verified. A kernel of another build is refused, or with
 * allow_mismatch used, which every report says, too.
 *
 * Keys of the table `capture`:
 *	symbols.from		the files used, one a line
 *	symbols.build_id	of the vmlinux used, hex; not there where it has none
 *	symbols.mismatch	1: of another build than the capture's
 *	symbols.unverified	files whose build could not be compared
 *	symbols.frames		kernel and module frames that have a compile unit
 */
#ifndef KMEM_ANALYZE_SYMBOLIZE_H
#define KMEM_ANALYZE_SYMBOLIZE_H

#include "analyze/db_write.h"

struct symbolize_options {
	const char *const *paths; /* files and directories: debug_search.h */
	size_t count;
	bool allow_mismatch;
	bool lines_only; /* no static sizes, which take a second for a whole kernel */
};

struct symbolize_result {
	uint64_t frames, named;	     /* of the kernel and its modules; with a compile unit */
	uint64_t users, users_named; /* of user programs */
	uint64_t inlined;	     /* kernel and module frames with inlined functions */
	uint64_t modules_missing;    /* modules with frames, without a file */
	char missing[200];	     /* their names, as many as there is room for */
};

/* ERR_FORMAT: nothing among the paths belongs to the capture, or the kernel is of another build. */
int symbolize(struct db_writer *w, const struct symbolize_options *o, struct symbolize_result *ret,
	      struct error *err);

#define SYMBOLIZE_SUMMARY 512

/* What was found, in a sentence for the user. Returns room. */
const char *symbolize_summary(char *room, size_t size, const struct symbolize_result *r);

#endif
