/*
 * static_capture.h - static memory of the kernel and the modules of a capture, for symbolize.
 *
 *	static_capture(db, kernel, search, &tree, &err);	// in the caller's transaction, after all other sources
 *
 * Capture keys:
 *	static.modules		modules whose sizes are in static_symbol
 *	static.missing		modules of the capture without a file
 */
#ifndef KMEM_ANALYZE_STATIC_CAPTURE_H
#define KMEM_ANALYZE_STATIC_CAPTURE_H

#include <sqlite3.h>

#include "analyze/debug_search.h"
#include "analyze/source_path.h"
#include "format/base/error.h"

/*
 * Adds rows to static_symbol and source. kernel NULL: nothing is done. A module without a build-id in the
 * capture is taken by its name. A file that cannot be understood counts as missing.
 */
int static_capture(sqlite3 *db, struct debug_file *kernel, struct debug_search *search,
		   struct source_tree *tree, struct error *err);

#endif
