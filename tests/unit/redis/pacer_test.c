/* SPDX-License-Identifier: MIT */
#include "redis/pacer.h"

#include "../unit.h"
#include "rig.h"

static struct fiber_group probes;

static void begin_probes(void)
{
	set("a", "1");
	fiber_group_init(&probes, "test", loop);
}

static void end_probes(struct redis_pacer *pacer)
{
	redis_pacer_free(pacer);
	ck_assert_int_eq(fiber_group_join(&probes, clock_deadline(20000)), OK);
}

static void unpaced(void)
{
	begin_probes();
	struct redis_pacer *pacer = redis_pacer_new(node, 0, &probes);
	int64_t began = unit_now_ms();

	for (int i = 0; i < 1000; i++) {
		ck_assert_uint_eq(redis_pacer_page(pacer), 500);
		ck_assert_int_eq(redis_pacer_pause(pacer), OK);
	}
	ck_assert_soon(began, 20);
	ck_assert_uint_eq(probes.count, 0);
	ck_assert_int_eq(redis_pacer_latency_us(pacer), 0);
	/* Work that joins wants care. */
	redis_pacer_limit(pacer, 5);
	ck_assert_uint_eq(probes.count, 1);
	ck_assert_uint_lt(redis_pacer_page(pacer), 500);
	end_probes(pacer);
}

START_TEST(without_a_limit_there_is_no_probe_and_no_pause)
{
	begin(NULL, NULL);
	run(unpaced);
}
END_TEST

static void quick_server(void)
{
	begin_probes();
	struct redis_pacer *pacer = redis_pacer_new(node, 1000, &probes);
	size_t first = redis_pacer_page(pacer);

	fiber_sleep(300);
	ck_assert_uint_gt(redis_pacer_page(pacer), first);
	ck_assert_int_gt(redis_pacer_latency_us(pacer), 0);
	fiber_sleep(700);
	ck_assert_uint_le(redis_pacer_page(pacer), 500);
	end_probes(pacer);
}

START_TEST(pages_grow_while_the_server_is_fast)
{
	begin(NULL, NULL);
	run(quick_server);
}
END_TEST

/* Bulk work as its worst: the server does nothing else for 5 ms at a time. */
static void slow_server(void)
{
	struct redis_call call = {.priority = REDIS_BULK};

	begin_probes();
	struct redis_pacer *pacer = redis_pacer_new(node, 1, &probes);

	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(
			store_call(store, call, SLICE(""), 3,
				(struct slice[]){SLICE("DEBUG"), SLICE("SLEEP"), SLICE("0.005")},
				NULL, NULL),
			OK);
	ck_assert_uint_eq(redis_pacer_page(pacer), 10);
	ck_assert_int_gt(redis_pacer_latency_us(pacer), 1000);
	int64_t began = clock_mono_ms();

	ck_assert_int_eq(redis_pacer_pause(pacer), OK);
	ck_assert_int_ge(clock_mono_ms() - began, 1);
	end_probes(pacer);
}

START_TEST(pages_shrink_and_pauses_come_while_it_is_slow)
{
	begin(NULL, NULL);
	run(slow_server);
}
END_TEST

/* Commands of 8 ms: a PING, sent 2 ms after the last answer, waits for about 6, which is below the
 * limit of 10 and above what the pacer aims at. */
static void near_the_limit(void)
{
	struct redis_call call = {.priority = REDIS_BULK};

	begin_probes();
	struct redis_pacer *pacer = redis_pacer_new(node, 10, &probes);

	for (int i = 0; i < 100 && redis_pacer_page(pacer) > 10; i++)
		ck_assert_int_eq(
			store_call(store, call, SLICE(""), 3,
				(struct slice[]){SLICE("DEBUG"), SLICE("SLEEP"), SLICE("0.008")},
				NULL, NULL),
			OK);
	ck_assert_uint_eq(redis_pacer_page(pacer), 10);
	end_probes(pacer);
}

START_TEST(pages_shrink_well_before_the_limit)
{
	begin(NULL, NULL);
	run(near_the_limit);
}
END_TEST

static void paced_work(void *argument)
{
	struct redis_pacer *pacer = argument;
	enum error error = OK;

	while (error == OK) {
		fiber_yield();
		error = redis_pacer_pause(pacer);
	}
	ck_assert_int_eq(error, ERR_CANCELLED);
	fiber_cleanup_begin(1000);
	redis_pacer_free(pacer);
	fiber_cleanup_end();
}

static void cancelled(void)
{
	begin_probes();
	fiber_spawn(&probes, "paced", paced_work, redis_pacer_new(node, 1, &probes));
	fiber_sleep(20);
	fiber_group_cancel(&probes);
	ck_assert_int_eq(fiber_group_join(&probes, clock_deadline(20000)), OK);
}

START_TEST(cancelled_work_ends_its_pacer)
{
	begin(NULL, NULL);
	run(cancelled);
}
END_TEST

TEST_SUITE("pacer", without_a_limit_there_is_no_probe_and_no_pause,
	pages_grow_while_the_server_is_fast, pages_shrink_and_pauses_come_while_it_is_slow,
	pages_shrink_well_before_the_limit, cancelled_work_ends_its_pacer)
