/* SPDX-License-Identifier: MIT */
#include "base/fiber.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "../unit.h"
#include "base/loop.h"

static struct loop *loop;
static struct fiber_group group;
static char trace[64];

static void note(const char *what)
{
	strcat(trace, what);
}

static void setup(void)
{
	loop = loop_new();
	fiber_group_init(&group, "test", loop);
	trace[0] = '\0';
}

static void finish(void *argument)
{
	(void)argument;
	while (group.count > 1)
		fiber_sleep(1);
	loop_stop(loop);
}

static void run(void)
{
	fiber_spawn(&group, "finish", finish, NULL);
	loop_run(loop);
	loop_free(loop);
}

static void yields(void *argument)
{
	for (int i = 0; i < 3; i++) {
		note(argument);
		ck_assert_int_eq(fiber_yield(), OK);
	}
}

START_TEST(fibers_take_turns)
{
	setup();
	fiber_spawn(&group, "a", yields, "a");
	fiber_spawn(&group, "b", yields, "b");
	run();
	ck_assert_str_eq(trace, "ababab");
}
END_TEST

static void sleeps(void *argument)
{
	int64_t began = clock_mono_ms();

	ck_assert_int_eq(fiber_sleep(20), OK);
	ck_assert_int_ge(clock_mono_ms() - began, 20);
	ck_assert_int_eq(fiber_park("the test", clock_deadline(5)), ERR_TIMEOUT);
	note(argument);
}

static void parks_for_ever(void *argument)
{
	ck_assert_int_eq(fiber_park("the test", DEADLINE_NONE), ERR_CANCELLED);
	ck_assert_int_eq(fiber_sleep(1000), ERR_CANCELLED);
	fiber_cleanup_begin(1000);
	ck_assert_int_eq(fiber_sleep(2), OK);
	fiber_cleanup_end();
	ck_assert_int_eq(fiber_yield(), ERR_CANCELLED);
	note(argument);
}

static void cancels(void *argument)
{
	struct fiber_group *others = argument;

	fiber_sleep(5);
	fiber_group_cancel(others);
	ck_assert_int_eq(fiber_group_join(others, clock_deadline(20000)), OK);
	note("j");
}

START_TEST(deadlines_and_cancel_end_a_park)
{
	struct fiber_group others;

	setup();
	fiber_group_init(&others, "test", loop);
	fiber_spawn(&group, "sleeps", sleeps, "s");
	fiber_spawn(&others, "parks", parks_for_ever, "c");
	fiber_spawn(&group, "cancels", cancels, &others);
	run();
	/* A busy machine may wake the sleeping one earlier. */
	ck_assert_uint_eq(strlen(trace), 3);
	ck_assert(strchr(trace, 's') && strchr(trace, 'c') < strchr(trace, 'j'));
}
END_TEST

/* Cancelled itself, and in a cleanup section that is over. */
static void stops(void *argument)
{
	struct fiber_group *others = argument;

	fiber_cancel(fiber_current());
	fiber_group_stop(others);
	ck_assert_uint_eq(others->count, 0);
	note("j");
	fiber_spawn(others, "parks", parks_for_ever, "d");
	fiber_cleanup_begin(0);
	fiber_group_stop(others);
	fiber_cleanup_end();
	ck_assert_uint_eq(others->count, 0);
	note("j");
	fiber_group_stop(others);
}

START_TEST(stopping_a_group_waits_for_all_though_the_caller_is_cancelled)
{
	struct fiber_group others;

	setup();
	fiber_group_init(&others, "test", loop);
	fiber_spawn(&others, "parks", parks_for_ever, "c");
	fiber_spawn(&group, "stops", stops, &others);
	run();
	ck_assert_str_eq(trace, "cjdj");
	fiber_group_stop(&others);
}
END_TEST

static void cleans_up(void *argument)
{
	ck_assert_int_eq(fiber_park("the test", DEADLINE_NONE), ERR_CANCELLED);
	for (int i = 0; i < 2; i++) {
		fiber_cleanup_begin(60000);
		ck_assert_int_eq(fiber_park("the test", DEADLINE_NONE), ERR_TIMEOUT);
		fiber_cleanup_end();
	}
	note(argument);
}

static void limits_cleanup(void *argument)
{
	struct fiber_group *others = argument;

	fiber_sleep(1);
	fiber_group_cancel(others);
	fiber_sleep(1);
	fiber_cleanup_limit(loop, clock_deadline(5));
	ck_assert_int_eq(fiber_group_join(others, clock_deadline(20000)), OK);
	note("j");
}

START_TEST(a_limit_ends_cleanup_sections_under_way_and_later_ones)
{
	struct fiber_group others;

	setup();
	fiber_group_init(&others, "test", loop);
	fiber_spawn(&others, "cleans up", cleans_up, "c");
	fiber_spawn(&group, "limits", limits_cleanup, &others);
	run();
	ck_assert_str_eq(trace, "cj");
}
END_TEST

/* A park outside the section goes on, the one within it ends, and after a spawn all is as before.
 */
static void waits_for_others(void *argument)
{
	ck_assert_int_eq(fiber_sleep(5), OK);
	fiber_wait_begin();
	fiber_wait_begin();
	fiber_wait_end();
	ck_assert_int_eq(fiber_park("the test", DEADLINE_NONE), ERR_CANCELLED);
	ck_assert(fiber_cancelled());
	fiber_cleanup_begin(1000);
	ck_assert_int_eq(fiber_sleep(1), OK);
	fiber_cleanup_end();
	fiber_wait_end();
	ck_assert(!fiber_cancelled());
	ck_assert_int_eq(fiber_sleep(1), OK);
	note(argument);
}

static void disowns(void *argument)
{
	/* It sleeps outside of any section, and ends the section that comes later. */
	ck_assert(!fiber_disown(argument));
}

START_TEST(disowned_fibers_cancel_waiting_sections_only)
{
	setup();
	fiber_spawn(
		&group, "disowns", disowns, fiber_spawn(&group, "waits", waits_for_others, "w"));
	fiber_spawn(&group, "sleeps", sleeps, "s");
	run();
	/* In the order in which a busy machine wakes them. */
	ck_assert(strcmp(trace, "ws") == 0 || strcmp(trace, "sw") == 0);
	setup();
	fiber_spawn(&group, "sleeps", sleeps, "s");
	run();
	ck_assert_str_eq(trace, "s");
}
END_TEST

static struct fiber_cond cond;

static void waits(void *argument)
{
	ck_assert_int_eq(fiber_cond_wait(&cond, "the test", DEADLINE_NONE), OK);
	note(argument);
}

static void waits_in_vain(void *argument)
{
	ck_assert_int_eq(fiber_cond_wait(&cond, "the test", clock_deadline(1)), ERR_TIMEOUT);
	note(argument);
}

static void signals(void *argument)
{
	(void)argument;
	fiber_sleep(10);
	fiber_cond_signal(&cond);
	fiber_sleep(1);
	note("|");
	fiber_cond_broadcast(&cond);
}

START_TEST(conditions_wake_in_order)
{
	setup();
	fiber_spawn(&group, "1", waits, "1");
	fiber_spawn(&group, "x", waits_in_vain, "x");
	fiber_spawn(&group, "2", waits, "2");
	fiber_spawn(&group, "3", waits, "3");
	fiber_spawn(&group, "signals", signals, NULL);
	run();
	ck_assert_str_eq(trace, "x1|23");
}
END_TEST

static void spawns(void *argument)
{
	int *left = argument;

	if (--*left > 0)
		fiber_spawn(&group, "child", spawns, argument);
	fiber_yield();
}

START_TEST(stacks_are_reused_many_times)
{
	int left = 20000;

	setup();
	for (int i = 0; i < 100; i++)
		fiber_spawn(&group, "spawns", spawns, &left);
	run();
	ck_assert_int_le(left, 0);
}
END_TEST

__attribute__((noinline)) static int dig(volatile char *above, int depth)
{
	volatile char here[4096];

	here[0] = above[0];
	return depth == 0 ? here[0] : dig(here, depth - 1) + here[0];
}

static void overruns(void *argument)
{
	volatile char top[1] = {1};

	*(volatile int *)argument = dig(top, 1000);
}

START_TEST(a_stack_overflow_hits_the_guard_page)
{
	volatile int sink = 0;

	/* The sanitizer's report is the expected outcome, so nobody needs to read it. */
	ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
	setup();
	fiber_spawn(&group, "overruns", overruns, (void *)&sink);
	run();
}
END_TEST

static void sleeps_then_stops(void *argument)
{
	bool *done = argument;

	fiber_sleep(5);
	*done = true;
	loop_stop(loop);
}

START_TEST(a_loop_can_be_turned_by_hand)
{
	bool done = false;

	setup();
	ck_assert(!loop_busy(loop));
	fiber_spawn(&group, "sleeps", sleeps_then_stops, &done);
	ck_assert(loop_busy(loop));
	loop_turn(loop, false);
	ck_assert(!loop_busy(loop) && !done);
	/* The last turn would wait for ever, did the fiber not stop the loop. */
	while (!done)
		loop_turn(loop, true);
	ck_assert_uint_eq(group.count, 0);
	loop_free(loop);
}
END_TEST

static void reads_mask(void *argument)
{
	sigset_t *masks = argument;

	pthread_sigmask(SIG_SETMASK, NULL, &masks[0]);
	fiber_sleep(1);
	pthread_sigmask(SIG_SETMASK, NULL, &masks[1]);
	loop_stop(loop);
}

START_TEST(fibers_have_the_signal_mask_of_the_loops_caller)
{
	sigset_t masks[2], set;

	setup();
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	fiber_spawn(&group, "reads", reads_mask, masks);
	loop_turn(loop, false);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	while (group.count)
		loop_turn(loop, true);
	ck_assert_int_eq(sigismember(&masks[0], SIGUSR1), 0);
	ck_assert_int_eq(sigismember(&masks[1], SIGUSR1), 1);
	loop_free(loop);
}
END_TEST

static void look_for_me(void *argument)
{
	(void)argument;
	fiber_park("the fish", clock_deadline(5000));
}

struct looked {
	struct fiber_look at[4];
	size_t count;
};

static bool keep_look(void *context, const struct fiber_look *at)
{
	struct looked *looked = context;

	looked->at[looked->count++] = *at;
	return looked->count < 4;
}

/* Gives its child its own id, then takes another. */
static void parent_of_one(void *argument)
{
	struct looked *looked = argument;

	ck_assert_str_eq(fiber_id(), "request-1");
	fiber_set_id(fiber_spawn(&group, "child", look_for_me, NULL), fiber_id());
	fiber_spawn(&group, "other", look_for_me, NULL);
	fiber_set_id(fiber_current(),
		"sixty-four bytes and no more of what is longer than that are kept in a fiber");
	fiber_each(loop, keep_look, looked);
	ck_assert_str_eq(looked->at[0].id, "");
	ck_assert_str_eq(looked->at[1].id, "request-1");
	ck_assert_uint_eq(strlen(looked->at[2].id), FIBER_ID_BYTES);
}

START_TEST(a_fiber_has_the_id_that_it_was_given)
{
	struct looked looked = {0};

	loop = loop_new();
	ck_assert_str_eq(fiber_id(), "");
	fiber_group_init(&group, "anglers", loop);
	fiber_set_id(fiber_spawn(&group, "parent", parent_of_one, &looked), "request-1");
	ck_assert_str_eq(fiber_id(), "");
	loop_turn(loop, false);
	ck_assert_uint_eq(looked.count, 3);
	fiber_group_cancel(&group);
	loop_turn(loop, false);
	/* A stack that is used again has no id. */
	looked.count = 0;
	fiber_spawn(&group, "third", look_for_me, NULL);
	fiber_each(loop, keep_look, &looked);
	ck_assert_str_eq(looked.at[0].id, "");
	fiber_group_cancel(&group);
	loop_turn(loop, false);
	loop_free(loop);
}
END_TEST

START_TEST(listing_fibers_shows_what_each_waits_for)
{
	struct looked looked = {0};

	loop = loop_new();
	fiber_group_init(&group, "anglers", loop);
	struct fiber *first = fiber_spawn(&group, "first", look_for_me, NULL);
	fiber_spawn(&group, "second", look_for_me, NULL);
	fiber_each(loop, keep_look, &looked);
	ck_assert_uint_eq(looked.count, 2);
	ck_assert_str_eq(looked.at[0].name, "second");
	ck_assert_str_eq(looked.at[0].state, "ready");
	ck_assert_ptr_null(looked.at[0].waits_for);
	ck_assert(looked.at[0].deadline == DEADLINE_NONE);
	loop_turn(loop, false);
	fiber_cancel(first);
	looked.count = 0;
	fiber_each(loop, keep_look, &looked);
	ck_assert_str_eq(looked.at[1].group, "anglers");
	ck_assert_str_eq(looked.at[1].state, "ready");
	ck_assert(looked.at[1].cancelled && !looked.at[0].cancelled);
	ck_assert_str_eq(looked.at[0].state, "parked");
	ck_assert_str_eq(looked.at[0].waits_for, "the fish");
	ck_assert(looked.at[0].deadline - looked.at[0].since_mono_ms > 4000);
	fiber_group_cancel(&group);
	loop_turn(loop, false);
	looked.count = 0;
	fiber_each(loop, keep_look, &looked);
	ck_assert_uint_eq(looked.count, 0);
	loop_free(loop);
}
END_TEST

TEST_SUITE("fiber", a_fiber_has_the_id_that_it_was_given, listing_fibers_shows_what_each_waits_for,
	fibers_take_turns, deadlines_and_cancel_end_a_park,
	stopping_a_group_waits_for_all_though_the_caller_is_cancelled,
	a_limit_ends_cleanup_sections_under_way_and_later_ones, conditions_wake_in_order,
	disowned_fibers_cancel_waiting_sections_only, stacks_are_reused_many_times,
	a_loop_can_be_turned_by_hand, fibers_have_the_signal_mask_of_the_loops_caller)
TEST_SUITE_SIGNAL("fiber_guard", SIGSEGV, a_stack_overflow_hits_the_guard_page)
