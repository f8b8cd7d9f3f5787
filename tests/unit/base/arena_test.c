/* SPDX-License-Identifier: MIT */
#include "base/arena.h"

#include <stdint.h>

#include "../unit.h"

static void count(void *p)
{
	++*(int *)p;
}

START_TEST(texts_live_until_release_and_end_with_a_nul)
{
	struct arena arena = {0};
	struct slice first = arena_slice(&arena, slice_of("a\0b", 3));

	for (int i = 0; i < 100; i++)
		arena_dup(&arena, SLICE("more"));
	ck_assert(slice_equal(first, slice_of("a\0b", 3)));
	ck_assert_int_eq(first.p[3], '\0');
	ck_assert_str_eq(arena_dup(&arena, slice_of(NULL, 0)), "");
	arena_release(&arena);
	ck_assert_str_eq(arena_dup(&arena, SLICE("again")), "again");
	arena_release(&arena);
}
END_TEST

START_TEST(memory_is_cleared_and_aligned)
{
	struct arena arena = {0};
	static const char zeros[100];

	for (size_t n = 0; n < sizeof zeros; n++) {
		char *p = arena_alloc(&arena, n);

		ck_assert_uint_eq((uintptr_t)p % _Alignof(max_align_t), 0);
		ck_assert_mem_eq(p, zeros, n);
	}
	arena_release(&arena);
}
END_TEST

START_TEST(what_it_owns_is_ended_once)
{
	struct arena arena = {0};
	int ended = 0;

	arena_own(&arena, &ended, count);
	arena_own(&arena, &ended, count);
	ck_assert_int_eq(ended, 0);
	arena_release(&arena);
	arena_release(&arena);
	ck_assert_int_eq(ended, 2);
}
END_TEST

START_TEST(it_takes_the_bytes_of_a_buf)
{
	struct arena arena = {0};
	struct buf text = {0}, none = {0};

	buf_str(&text, "text");
	const char *p = text.p;
	struct slice taken = arena_take(&arena, &text);

	ck_assert_ptr_eq(taken.p, p);
	ck_assert(slice_is(taken, "text"));
	ck_assert_ptr_null(text.p);
	ck_assert_ptr_nonnull(arena_take(&arena, &none).p);
	arena_release(&arena);
}
END_TEST

TEST_SUITE("arena", it_takes_the_bytes_of_a_buf, texts_live_until_release_and_end_with_a_nul,
	memory_is_cleared_and_aligned, what_it_owns_is_ended_once)
