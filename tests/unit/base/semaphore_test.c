/* SPDX-License-Identifier: MIT */
#include "base/semaphore.h"

#include <string.h>

#include "../unit.h"
#include "base/loop.h"

static struct loop *loop;
static struct fiber_group group;
static struct semaphore turns;
static char trace[64];
static int64_t limit;

static void note(const char *what)
{
	strcat(trace, what);
}

/* Upper case: begins; lower case: ends. */
static void work(void *argument)
{
	char begins[2] = {((const char *)argument)[0], '\0'};
	char ends[2] = {(char)(begins[0] | 0x20), '\0'};

	if (semaphore_acquire(&turns, limit, DEADLINE_NONE)) {
		note("!");
		return;
	}
	note(begins);
	fiber_sleep(50);
	note(ends);
	semaphore_release(&turns, limit);
}

static void finish(void *argument)
{
	(void)argument;
	while (group.count > 1)
		fiber_sleep(1);
	loop_stop(loop);
}

static void setup(int64_t at_once)
{
	limit = at_once;
	turns = (struct semaphore){0};
	trace[0] = '\0';
	loop = loop_new();
	fiber_group_init(&group, "test", loop);
}

static void run(void)
{
	fiber_spawn(&group, "finish", finish, NULL);
	loop_run(loop);
	loop_free(loop);
	ck_assert_int_eq(turns.active, 0);
	ck_assert_ptr_null(turns.first);
}

START_TEST(one_at_a_time_in_order)
{
	setup(1);
	for (const char *name = "ABCD"; *name; name++)
		fiber_spawn(&group, "work", work, (void *)(uintptr_t)name);
	run();
	ck_assert_str_eq(trace, "AaBbCcDd");
}
END_TEST

START_TEST(two_at_once)
{
	setup(2);
	for (const char *name = "ABC"; *name; name++)
		fiber_spawn(&group, "work", work, (void *)(uintptr_t)name);
	run();
	ck_assert_str_eq(trace, "ABabCc");
}
END_TEST

static void cancel_third(void *argument)
{
	struct fiber *third = argument;

	fiber_yield();
	fiber_cancel(third);
}

START_TEST(a_cancelled_waiter_leaves_the_queue)
{
	setup(1);
	struct fiber *third = NULL;
	for (const char *name = "ABCD"; *name; name++) {
		struct fiber *f = fiber_spawn(&group, "work", work, (void *)(uintptr_t)name);

		if (*name == 'C')
			third = f;
	}
	fiber_spawn(&group, "cancel", cancel_third, third);
	run();
	ck_assert_str_eq(trace, "A!aBbDd");
}
END_TEST

static void too_late(void *argument)
{
	(void)argument;
	ck_assert_int_eq(semaphore_acquire(&turns, limit, clock_deadline(2)), ERR_TIMEOUT);
	note("-");
}

START_TEST(waiting_has_a_deadline)
{
	setup(1);
	fiber_spawn(&group, "work", work, "A");
	fiber_spawn(&group, "late", too_late, NULL);
	fiber_spawn(&group, "work", work, "B");
	run();
	ck_assert_str_eq(trace, "A-aBb");
}
END_TEST

TEST_SUITE("semaphore", one_at_a_time_in_order, two_at_once, a_cancelled_waiter_leaves_the_queue,
	waiting_has_a_deadline)
