/*
 * The reader of captures and the decoder of every record: all that `kmem-analyze verify` looks at. Checksums are made right first.
 */
#include "analyze/verify.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/sealed.h"

static void ignore(void *arg, const char *text)
{
	(void)arg;
	(void)text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *sealed = sealed_capture(data, size);
	struct verify_result result;

	verify_capture(fuzz_file(sealed, size), ignore, NULL, &result, NULL);
	free(sealed);
	return 0;
}
