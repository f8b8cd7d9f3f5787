/* SPDX-License-Identifier: MIT */
#include "watch/server_sample.h"

#include "../unit.h"

static struct server_sample server;

static void begin(void)
{
	server = (struct server_sample){.hits = -1, .misses = -1};
	redis_info_parse(slice_of("", 0), 0, &server.info);
}

/* An answer of a process, with its counters; our own lookups are `own` hits and misses each. */
static void answer(const char *text, int64_t own)
{
	struct server_answer given = {.own_hits = own, .own_misses = own, .took_us = 7};

	redis_info_parse(slice_str(text), 0, &given.info);
	server_sample_take(&server, &given);
}

static void end(void)
{
	redis_info_release(&server.info);
}

START_TEST(the_first_answer_is_no_growth)
{
	begin();
	answer("run_id:a\nkeyspace_hits:50\nkeyspace_misses:5\ntotal_commands_processed:90\n", 2);
	ck_assert(server.known && server.answered && !server.restarted && !server.flushed);
	ck_assert_int_eq(server.hits, 48);
	ck_assert_int_eq(server.misses, 3);
	ck_assert_int_eq(server.hits_grown, 0);
	ck_assert_int_eq(server.commands_grown, 0);
	ck_assert_int_eq(server.took_us, 7);
	end();
}
END_TEST

START_TEST(counters_grow_without_our_own_lookups)
{
	begin();
	answer("run_id:a\nkeyspace_hits:50\nkeyspace_misses:5\ntotal_commands_processed:90\n"
	       "expired_keys:1\nevicted_keys:1\n",
		2);
	answer("run_id:a\nkeyspace_hits:60\nkeyspace_misses:9\ntotal_commands_processed:99\n"
	       "expired_keys:4\nevicted_keys:6\n",
		5);
	ck_assert_int_eq(server.hits_grown, 7);
	ck_assert_int_eq(server.misses_grown, 1);
	ck_assert_int_eq(server.commands_grown, 9);
	ck_assert_int_eq(server.expired_grown, 3);
	ck_assert_int_eq(server.evicted_grown, 5);
	end();
}
END_TEST

START_TEST(an_own_lookup_that_is_known_late_is_taken_back)
{
	begin();
	answer("run_id:a\nkeyspace_hits:50\nkeyspace_misses:5\ntotal_commands_processed:90\n", 0);
	answer("run_id:a\nkeyspace_hits:52\nkeyspace_misses:5\ntotal_commands_processed:92\n", 0);
	ck_assert_int_eq(server.hits_grown, 2);
	answer("run_id:a\nkeyspace_hits:52\nkeyspace_misses:5\ntotal_commands_processed:93\n", 2);
	ck_assert_int_eq(server.hits_grown, -2);
	ck_assert_int_eq(server.hits, 50);
	end();
}
END_TEST

START_TEST(another_process_begins_to_count_anew)
{
	begin();
	answer("run_id:a\nkeyspace_hits:50\ntotal_commands_processed:90\n", 5);
	answer("run_id:b\nkeyspace_hits:60\ntotal_commands_processed:95\n", 9);
	ck_assert(server.restarted);
	ck_assert_int_eq(server.hits_grown, 0);
	ck_assert_int_eq(server.commands_grown, 0);
	/* Its counters hold none of our lookups so far. */
	ck_assert_int_eq(server.hits, 60);
	answer("run_id:b\nkeyspace_hits:64\ntotal_commands_processed:99\n", 10);
	ck_assert(!server.restarted);
	ck_assert_int_eq(server.hits, 63);
	ck_assert_int_eq(server.hits_grown, 3);
	end();
}
END_TEST

START_TEST(reset_counters_begin_anew)
{
	begin();
	answer("run_id:a\nkeyspace_hits:50\ntotal_commands_processed:90\n", 0);
	answer("run_id:a\nkeyspace_hits:2\ntotal_commands_processed:3\n", 0);
	ck_assert(server.restarted);
	ck_assert_int_eq(server.hits_grown, 0);
	end();
}
END_TEST

START_TEST(unknown_counters_do_not_grow)
{
	begin();
	answer("run_id:a\n", 0);
	answer("run_id:a\nkeyspace_hits:5\ntotal_commands_processed:9\n", 0);
	ck_assert_int_eq(server.hits_grown, 0);
	ck_assert_int_eq(server.commands_grown, 0);
	answer("run_id:a\n", 0);
	ck_assert_int_eq(server.hits, -1);
	ck_assert_int_eq(server.hits_grown, 0);
	end();
}
END_TEST

START_TEST(a_flush_is_told_from_expiry)
{
	static const struct {
		const char *before, *after;
		bool flushed;
	} cases[] = {
		{"run_id:a\ndb0:keys=10\n", "run_id:a\ndb0:keys=1\n", false},
		{"run_id:a\ndb0:keys=10\n",
			"run_id:a\ndb0:keys=5\ncmdstat_flushdb:calls=1,usec=1\n", true},
		{"run_id:a\ndb0:keys=10\n",
			"run_id:a\ndb0:keys=6\ncmdstat_flushall:calls=1,usec=1\n", false},
		{"run_id:a\ndb0:keys=10\n", "run_id:b\n# Keyspace\n", true},
		{"run_id:a\ndb0:keys=10\n", "run_id:b\ndb0:keys=10\n", false},
		{"run_id:a\n# Keyspace\n", "run_id:b\n# Keyspace\n", false},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		begin();
		answer(cases[i].before, 0);
		ck_assert(!server.flushed);
		answer(cases[i].after, 0);
		ck_assert_msg(server.flushed == cases[i].flushed, "%zu", i);
		end();
	}
}
END_TEST

/* While it loads, it has a part of them; then it is compared with what it had before. */
START_TEST(a_server_that_loads_is_judged_afterwards)
{
	begin();
	answer("run_id:a\ndb0:keys=10\n", 0);
	answer("run_id:b\nloading:1\ndb0:keys=1\n", 0);
	ck_assert(!server.flushed);
	answer("run_id:b\nloading:0\ndb0:keys=10\n", 0);
	ck_assert(!server.flushed);
	answer("run_id:c\nloading:1\n", 0);
	answer("run_id:c\nloading:0\ndb0:keys=1\n", 0);
	ck_assert(server.flushed);
	/* Until it is told. */
	answer("run_id:c\nloading:0\ndb0:keys=9\n", 0);
	ck_assert(server.flushed);
	end();
}
END_TEST

TEST_SUITE("server_sample", the_first_answer_is_no_growth, counters_grow_without_our_own_lookups,
	an_own_lookup_that_is_known_late_is_taken_back, another_process_begins_to_count_anew,
	reset_counters_begin_anew, unknown_counters_do_not_grow, a_flush_is_told_from_expiry,
	a_server_that_loads_is_judged_afterwards)
