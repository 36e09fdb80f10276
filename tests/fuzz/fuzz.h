/*
 * fuzz.h - what the fuzz targets share. Each tests/fuzz/fuzz_NAME.c is one target: bytes in, no answer; whatever the bytes are, it
 * must come back, without a sanitizer's word.
 *
 *	make fuzz TARGET=capture TIME=60	clang's libFuzzer looks for inputs that break it
 *	make check				every input of tests/fuzz/corpus/NAME once, by replay.c
 *
 * Those named fuzz_record_* may use the recorder's rooms, all others the analyser's.
 */
#ifndef KMEM_FUZZ_H
#define KMEM_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The bytes as a file, of which there is one at a time; it is gone when the program ends. */
const char *fuzz_file(const uint8_t *data, size_t size);

/* A directory of its own, for outputs, likewise. */
const char *fuzz_directory(void);

#endif
