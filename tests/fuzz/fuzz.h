/* SPDX-License-Identifier: MIT */
/*
 * What the fuzz targets share. A target is one file that defines fuzz_one(); fuzz.c is the driver
 * that libFuzzer calls.
 */
#ifndef CW_TESTS_FUZZ_H
#define CW_TESTS_FUZZ_H

#include "base/buf.h"
#include "base/error.h"

/*
 * One input, in memory of its own size, so that a sanitizer sees what looks beyond it. It must
 * leave nothing behind.
 */
void fuzz_one(struct slice input);

/* Takes the first byte off the input; 0 at its end. */
unsigned char fuzz_byte(struct slice *input);
/* Takes what stands before the next byte `end`, or all of the rest. */
struct slice fuzz_until(struct slice *input, char end);
/* A copy in memory of exactly its size; free() it. NULL for an empty slice. */
char *fuzz_copy(struct slice bytes);

/* As assert(), whatever NDEBUG says. */
#define FUZZ_CHECK(condition) ((condition) ? (void)0 : fuzz_failed(#condition, __FILE__, __LINE__))
_Noreturn void fuzz_failed(const char *what, const char *file, int line);

#endif
