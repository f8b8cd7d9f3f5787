/* SPDX-License-Identifier: MIT */
/* The driver of the fuzz targets; see fuzz.h. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/json.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	json_use_mem();
	return 0;
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n)
{
	char *copy = fuzz_copy(slice_of((const char *)bytes, n));

	fuzz_one(slice_of(copy, n));
	free(copy);
	return 0;
}

unsigned char fuzz_byte(struct slice *input)
{
	unsigned char byte;

	if (input->n == 0)
		return 0;
	byte = (unsigned char)input->p[0];
	*input = slice_of(input->p + 1, input->n - 1);
	return byte;
}

struct slice fuzz_until(struct slice *input, char end)
{
	const char *found = input->n ? memchr(input->p, end, input->n) : NULL;
	struct slice taken = slice_of(input->p, found ? (size_t)(found - input->p) : input->n);

	*input = found ? slice_of(found + 1, input->n - taken.n - 1) : slice_of("", 0);
	return taken;
}

char *fuzz_copy(struct slice bytes)
{
	char *copy = bytes.n ? malloc(bytes.n) : NULL;

	if (bytes.n && !copy)
		abort();
	if (bytes.n)
		memcpy(copy, bytes.p, bytes.n);
	return copy;
}

_Noreturn void fuzz_failed(const char *what, const char *file, int line)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
	abort();
}
