/* SPDX-License-Identifier: MIT */
#include "base/mem.h"

#include <signal.h>
#include <stdio.h>

#include "../unit.h"

struct seen {
	int calls, patience;
	size_t bytes;
};

static bool count(void *context, size_t bytes)
{
	struct seen *seen = context;

	seen->bytes = bytes;
	return ++seen->calls <= seen->patience;
}

START_TEST(allocation_is_retried_after_a_hook_has_freed_memory)
{
	struct seen seen = {.patience = 2};
	const struct mem_hook hook = {count, &seen};

	mem_use_hook(&hook);
	mem_missing(7);
	mem_missing(8);
	ck_assert_int_eq(seen.calls, 2);
	ck_assert_uint_eq(seen.bytes, 8);
}
END_TEST

START_TEST(hooks_nest)
{
	const struct mem_hook a = {count, NULL}, b = {NULL, NULL};

	ck_assert_ptr_null(mem_use_hook(&a));
	ck_assert_ptr_eq(mem_use_hook(&b), &a);
	ck_assert_ptr_eq(mem_use_hook(NULL), &b);
}
END_TEST

TEST_SUITE("mem", allocation_is_retried_after_a_hook_has_freed_memory, hooks_nest)

START_TEST(a_hook_that_gives_up_ends_the_process)
{
	struct seen seen = {0};
	const struct mem_hook hook = {count, &seen};

	/* Where a sanitizer reports the expected end, nobody needs to read it. */
	ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
	mem_use_hook(&hook);
	mem_missing(7);
}
END_TEST

START_TEST(a_hook_without_a_function_ends_the_process)
{
	const struct mem_hook hook = {NULL, NULL};

	ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
	mem_use_hook(&hook);
	mem_missing(7);
}
END_TEST

TEST_SUITE_SIGNAL("mem_abort", SIGABRT, a_hook_that_gives_up_ends_the_process,
	a_hook_without_a_function_ends_the_process)
