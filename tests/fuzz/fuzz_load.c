/* The whole way of a capture or a text log into a database: merge, replay, symbols, summaries. Checksums are made right first. */
#include <stdio.h>

#include "analyze/load.h"
#include "tests/fuzz/arena.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/sealed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool is_capture = size >= CAPTURE_HEADER_LEN && !memcmp(data, CAPTURE_MAGIC, 4);
	uint8_t *sealed = is_capture ? sealed_capture(data, size) : NULL;
	const char *path = fuzz_file(is_capture ? sealed : data, size);
	char db[128];
	const struct load_options options = { .capture = path, .db = db, .force = true };

	arena_install();
	snprintf(db, sizeof(db), "%s/out.db", fuzz_directory());
	load_capture(&options, NULL, NULL);
	arena_reset();
	free(sealed);
	return 0;
}
