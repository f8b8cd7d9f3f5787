/* SPDX-License-Identifier: MIT */
/*
 * Files that are compiled into the program.
 *
 * EMBED(name, "docs/file"); at file level takes the file in; EMBEDDED(name) is then a slice of its
 * bytes, behind which a NUL stands. The path is relative to the root of the tree. The Makefile says
 * which objects depend on which files: the compiler does not know.
 */
#ifndef CW_BASE_EMBED_H
#define CW_BASE_EMBED_H

#include "base/slice.h"

/* clang-format off */
#define EMBED(name, path) \
	__asm__(".pushsection .rodata\n" \
		"embedded_" #name ":\n" \
		"\t.incbin \"" path "\"\n" \
		"embedded_" #name "_end:\n" \
		"\t.byte 0\n" \
		".popsection\n"); \
	extern const char embedded_##name[] __attribute__((visibility("hidden"))); \
	extern const char embedded_##name##_end[] __attribute__((visibility("hidden")))
/* clang-format on */

/* Not the difference of two pointers, which C defines within one array only. */
#define EMBEDDED(name) \
	slice_of(embedded_##name, \
		(size_t)((uintptr_t)embedded_##name##_end - (uintptr_t)embedded_##name))

#endif
