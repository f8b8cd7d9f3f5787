/* SPDX-License-Identifier: MIT */
#include "http/deadline.h"

#include <string.h>

#include "../unit.h"
#include "base/clock.h"

static uv_loop_t loop;
static struct deadlines deadlines;
static struct deadline members[3];
static enum phase expired_from[8];
static const struct deadline *expired[8];
static size_t expired_count;

static void note(struct deadlines *all, struct deadline *deadline, enum phase phase)
{
	ck_assert_ptr_eq(all, &deadlines);
	ck_assert_int_eq(deadline->phase, PHASE_HANDLER);
	expired_from[expired_count] = phase;
	expired[expired_count++] = deadline;
}

static void begin(void)
{
	uv_loop_init(&loop);
	deadlines_init(&deadlines, &loop, note);
	deadlines.durations_ms[PHASE_HEAD] = 20;
	deadlines.durations_ms[PHASE_REPLY] = 40;
	deadlines.durations_ms[PHASE_IDLE] = 60000;
}

/* Runs the loop for at least `ms`. */
static void run(int64_t ms)
{
	int64_t end = clock_mono_ms() + ms;

	while (clock_mono_ms() < end) {
		uv_run(&loop, UV_RUN_NOWAIT);
		uv_sleep(1);
	}
	uv_run(&loop, UV_RUN_NOWAIT);
}

/* Whether it expired in the phase, once. */
static bool expired_in(const struct deadline *member, enum phase phase)
{
	size_t times = 0;

	for (size_t i = 0; i < expired_count; i++)
		times += expired[i] == member && expired_from[i] == phase;
	return times == 1;
}

static void end(void)
{
	uv_close((uv_handle_t *)&deadlines.timer, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
}

START_TEST(each_expires_at_the_time_of_its_phase)
{
	begin();
	deadline_begin(&deadlines, &members[0], PHASE_REPLY);
	deadline_begin(&deadlines, &members[1], PHASE_HEAD);
	deadline_begin(&deadlines, &members[2], PHASE_IDLE);
	run(100);
	ck_assert_uint_eq(expired_count, 2);
	ck_assert(expired_in(&members[1], PHASE_HEAD));
	ck_assert(expired_in(&members[0], PHASE_REPLY));
	end();
}
END_TEST

START_TEST(a_new_phase_restarts_the_time_and_touching_does_not)
{
	begin();
	deadline_begin(&deadlines, &members[0], PHASE_HEAD);
	deadline_begin(&deadlines, &members[1], PHASE_HEAD);
	uv_run(&loop, UV_RUN_NOWAIT);
	deadline_move(&deadlines, &members[0], PHASE_IDLE);
	run(50);
	ck_assert_uint_eq(expired_count, 1);
	ck_assert(expired_in(&members[1], PHASE_HEAD));
	deadline_end(&members[0]);
	ck_assert_ptr_null(deadlines_first(&deadlines, PHASE_IDLE));
	end();
}
END_TEST

START_TEST(a_phase_without_a_limit_never_expires)
{
	begin();
	deadline_begin(&deadlines, &members[0], PHASE_HANDLER);
	run(30);
	ck_assert_uint_eq(expired_count, 0);
	ck_assert(!uv_is_active((uv_handle_t *)&deadlines.timer));
	end();
}
END_TEST

START_TEST(the_timer_is_not_moved_by_later_members)
{
	begin();
	deadline_begin(&deadlines, &members[0], PHASE_HEAD);
	int64_t armed = deadlines.armed_at_ms;
	uv_sleep(3);
	uv_update_time(&loop);
	deadline_begin(&deadlines, &members[1], PHASE_HEAD);
	deadline_move(&deadlines, &members[0], PHASE_IDLE);
	ck_assert_int_eq(deadlines.armed_at_ms, armed);
	end();
}
END_TEST

START_TEST(remaining_times_can_be_shortened)
{
	begin();
	deadline_begin(&deadlines, &members[0], PHASE_IDLE);
	deadline_begin(&deadlines, &members[1], PHASE_IDLE);
	deadlines_shorten(&deadlines, PHASE_IDLE, 10);
	run(40);
	ck_assert_uint_eq(expired_count, 2);
	end();
}
END_TEST

TEST_SUITE("deadline", each_expires_at_the_time_of_its_phase,
	a_new_phase_restarts_the_time_and_touching_does_not, a_phase_without_a_limit_never_expires,
	the_timer_is_not_moved_by_later_members, remaining_times_can_be_shortened)
