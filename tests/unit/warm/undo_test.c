/* SPDX-License-Identifier: MIT */
/* The undo list: at once, after an outage of Redis, too many keys, and after its end. */
#include "warm/undo.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "../unit.h"
#include "world.h"

static struct daemon d;
static struct undo *undo;

static void begin(void)
{
	daemon_begin(&d, "    []");
	ck_assert_str_eq(redis(&d, "MSET a 1 b 1 c 1 d 1"), "OK");
	undo = undo_new(&d.engine.cache, world.log);
}

static void end(void)
{
	undo_stop(undo);
	undo_free(undo);
	daemon_end(&d);
}

static void names_go(void)
{
	const struct slice first[] = {SLICE("a"), SLICE("nobody")}, second[] = {SLICE("b")};

	begin();
	ck_assert_int_eq(undo_wait(undo, clock_deadline(0)), OK);
	undo_add(undo, first, 2);
	undo_add(undo, second, 1);
	undo_add(undo, second, 0);
	ck_assert_int_eq(undo_wait(undo, clock_deadline(20000)), OK);
	ck_assert_str_eq(redis(&d, "EXISTS a b"), "0");
	ck_assert_str_eq(redis(&d, "EXISTS c d"), "2");
	ck_assert_ptr_nonnull(strstr(world_log(), "that were removed: 3"));
	end();
}

static void more_than_one_command_goes(void)
{
	enum { many = 1201 };
	static char texts[many][16];
	static struct slice names[many];

	begin();
	for (int i = 0; i < many; i++) {
		snprintf(texts[i], sizeof texts[i], "k%d", i);
		names[i] = slice_str(texts[i]);
	}
	ck_assert_str_eq(redis(&d, "MSET k0 1 k500 1 k1200 1"), "OK");
	undo_add(undo, names, many);
	ck_assert_int_eq(undo_wait(undo, clock_deadline(20000)), OK);
	ck_assert_str_eq(redis(&d, "EXISTS k0 k500 k1200"), "0");
	end();
}

static void what_is_too_much_is_told(void)
{
	static char long_name[1024 * 1024];
	struct slice names[6];

	begin();
	memset(long_name, 'x', sizeof long_name);
	for (int i = 0; i < 6; i++)
		names[i] = slice_of(long_name, sizeof long_name);
	undo_add(undo, names, 6);
	ck_assert_ptr_nonnull(strstr(world_log(), "that stay for their TTL: 2"));
	ck_assert_int_eq(undo_wait(undo, clock_deadline(20000)), OK);
	end();
}

static void a_hung_redis_is_waited_for_and_left(void)
{
	const struct slice names[] = {SLICE("a"), SLICE("b")};

	begin();
	server_signal(&world.server, SIGSTOP);
	undo_add(undo, names, 2);
	ck_assert_int_eq(undo_wait(undo, clock_deadline(50)), ERR_TIMEOUT);
	undo_stop(undo);
	ck_assert_ptr_nonnull(strstr(world_log(), "that stay for their TTL: 2"));
	/* After the end nothing is taken any more. */
	undo_add(undo, names, 1);
	ck_assert_ptr_nonnull(strstr(world_log(), "that stay for their TTL: 1"));
	server_signal(&world.server, SIGCONT);
	undo_free(undo);
	daemon_end(&d);
}

TEST_CALL(names_are_removed, world_run(names_go, NULL, NULL))

TEST_CALL(many_names_are_removed, world_run(more_than_one_command_goes, NULL, NULL))

TEST_CALL(keys_beyond_the_bound_are_logged, world_run(what_is_too_much_is_told, NULL, NULL))

TEST_CALL(the_end_logs_what_is_left, world_run(a_hung_redis_is_waited_for_and_left, NULL, NULL))

TEST_SUITE("undo", names_are_removed, many_names_are_removed, keys_beyond_the_bound_are_logged,
	the_end_logs_what_is_left)
