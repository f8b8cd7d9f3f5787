/* SPDX-License-Identifier: MIT */
#include "base/timeslice.h"

#include <stdlib.h>
#include <string.h>

#include "../unit.h"
#include "base/loop.h"
#include "base/mem.h"
#include "text/json.h"

enum { max_items = 10000, item_bytes = 64 };

static struct loop *loop;
static struct fiber_group group;
static char texts[max_items][item_bytes];
static struct slice items[max_items], expected[max_items];
static size_t turns_of_others;
static bool ended;

static int by_bytes(const void *a, const void *b)
{
	return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

/* Long beginnings in common, different lengths, some twice. */
static void make_items(size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int n = snprintf(texts[i], item_bytes, "%050zu", i * 7919 % (count / 2 + 1));

		items[i] = expected[i] = slice_of(texts[i], (size_t)n - i % 3);
	}
	qsort(expected, count, sizeof *expected, by_bytes);
}

static void check_items(size_t count)
{
	for (size_t i = 0; i < count; i++)
		ck_assert(slice_equal(items[i], expected[i]));
}

START_TEST(items_of_any_number_are_sorted)
{
	static const size_t counts[] = {0, 1, 2, 63, 64, 65, 127, 128, 129, 1000, 8192, max_items};

	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		struct timeslice timeslice = {0};

		make_items(counts[i]);
		ck_assert_int_eq(timeslice_sort(&timeslice, items, counts[i]), OK);
		check_items(counts[i]);
	}
}
END_TEST

static void others(void *argument)
{
	(void)argument;
	while (!ended) {
		turns_of_others++;
		fiber_yield();
	}
	loop_stop(loop);
}

static void with_others(void (*work)(void *), void *argument)
{
	ended = false;
	turns_of_others = 0;
	loop = loop_new();
	fiber_group_init(&group, "test", loop);
	fiber_spawn(&group, "work", work, argument);
	fiber_spawn(&group, "others", others, NULL);
	loop_run(loop);
	loop_free(loop);
}

/* As much work as it takes for at least two rests, however quick the machine is. */
static void sort_for_long(void *argument)
{
	struct timeslice timeslice = {.since_ns = clock_mono_ns()};

	(void)argument;
	while (turns_of_others < 3) {
		make_items(max_items);
		ck_assert_int_eq(timeslice_sort(&timeslice, items, max_items), OK);
		check_items(max_items);
	}
	ended = true;
}

static void print_for_long(void *argument)
{
	cJSON *array = argument;

	while (turns_of_others < 3) {
		struct buf out = {0};

		json_print_yielding(array, &out);
		ck_assert_uint_eq(out.n, (size_t)max_items * (item_bytes + 3) + 1);
		buf_release(&out);
	}
	ended = true;
}

START_TEST(sorting_yields_to_other_fibers)
{
	with_others(sort_for_long, NULL);
	ck_assert_uint_ge(turns_of_others, 3);
}
END_TEST

START_TEST(printing_yields_to_other_fibers)
{
	cJSON *array = cJSON_CreateArray();
	char text[item_bytes];

	memset(text, 'x', sizeof text);
	for (size_t i = 0; i < max_items; i++)
		json_append_slice(array, slice_of(text, sizeof text));
	with_others(print_for_long, array);
	ck_assert_uint_ge(turns_of_others, 3);
	cJSON_Delete(array);
}
END_TEST

static void sort_cancelled(void *argument)
{
	struct timeslice timeslice = {0};
	enum error error = OK;

	(void)argument;
	fiber_group_cancel(&group);
	while (!error) {
		make_items(max_items);
		error = timeslice_sort(&timeslice, items, max_items);
		check_items(max_items);
	}
	ck_assert_int_eq(error, ERR_CANCELLED);
	ended = true;
}

TEST_CALL(cancelled_sorting_is_completed, with_others(sort_cancelled, NULL))

TEST_SUITE("timeslice", items_of_any_number_are_sorted, sorting_yields_to_other_fibers,
	printing_yields_to_other_fibers, cancelled_sorting_is_completed)
