/* SPDX-License-Identifier: MIT */
#include "store/info_sum.h"

#include <string.h>

#include "../unit.h"

static struct redis_info sum;

/* The sum of the texts. */
static void add_up(size_t count, const char *const *texts)
{
	redis_info_parse(slice_of("", 0), 0, &sum);
	for (size_t i = 0; i < count; i++) {
		struct redis_info one;

		redis_info_parse(slice_str(texts[i]), 0, &one);
		info_sum_add(&sum, i, &one);
		redis_info_release(&one);
	}
}

#define ADD_UP(...) \
	add_up(sizeof((const char *[]){__VA_ARGS__}) / sizeof(const char *), \
		(const char *[]){__VA_ARGS__})

START_TEST(one_server_is_its_own_sum)
{
	ADD_UP("redis_version:7.0.15\nrole:master\nrun_id:a\ntcp_port:1\nused_memory:5\n"
	       "mem_fragmentation_ratio:1.25\nmaxmemory:9\nuptime_in_seconds:3\n"
	       "cmdstat_get:calls=4,usec=6\ndb0:keys=2,expires=1,avg_ttl=50\n");
	ck_assert_str_eq(sum.version, "7.0.15");
	ck_assert_str_eq(sum.run_id, "a");
	ck_assert_int_eq(sum.tcp_port, 1);
	ck_assert_int_eq(sum.used_memory, 5);
	ck_assert_double_eq(sum.fragmentation_ratio, 1.25);
	ck_assert_int_eq(sum.avg_ttl_ms, 50);
	ck_assert_int_eq(sum.hits, -1);
	ck_assert_uint_eq(sum.command_count, 1);
	redis_info_release(&sum);
}
END_TEST

START_TEST(figures_are_added)
{
	ADD_UP("used_memory:100\nused_memory_rss:150\nmaxmemory:9\nkeyspace_hits:1\n"
	       "uptime_in_seconds:30\nmem_fragmentation_ratio:1.5\n"
	       "db0:keys=2,expires=1,avg_ttl=50\n",
		"used_memory:100\nused_memory_rss:250\nmaxmemory:1\nkeyspace_hits:2\n"
		"uptime_in_seconds:10\nmem_fragmentation_ratio:2.5\n"
		"db0:keys=8,expires=3,avg_ttl=10\n",
		"used_memory:200\nused_memory_rss:200\nmaxmemory:2\nkeyspace_hits:4\n"
		"uptime_in_seconds:20\nmem_fragmentation_ratio:1\n# Keyspace\n");
	ck_assert_int_eq(sum.used_memory, 400);
	ck_assert_int_eq(sum.max_memory, 12);
	ck_assert_int_eq(sum.hits, 7);
	ck_assert_int_eq(sum.keys, 10);
	ck_assert_int_eq(sum.expiring, 4);
	ck_assert_int_eq(sum.avg_ttl_ms, 20);
	ck_assert_int_eq(sum.uptime_seconds, 10);
	ck_assert_double_eq(sum.fragmentation_ratio, 1.5);
	redis_info_release(&sum);
}
END_TEST

START_TEST(what_one_server_does_not_tell_is_unknown)
{
	ADD_UP("used_memory:100\nkeyspace_hits:1\nmaxmemory:1\ndb0:keys=2,expires=1,avg_ttl=50\n",
		"keyspace_hits:2\n", "used_memory:1\nkeyspace_hits:2\n");
	ck_assert_int_eq(sum.used_memory, -1);
	ck_assert_int_eq(sum.max_memory, -1);
	ck_assert_int_eq(sum.keys, -1);
	ck_assert_int_eq(sum.avg_ttl_ms, -1);
	ck_assert_double_lt(sum.fragmentation_ratio, 0);
	ck_assert_int_eq(sum.hits, 5);
	redis_info_release(&sum);
}
END_TEST

START_TEST(one_server_without_a_limit_makes_all_unlimited)
{
	ADD_UP("maxmemory:5\n", "maxmemory:0\n", "maxmemory:7\n");
	ck_assert_int_eq(sum.max_memory, 0);
	redis_info_release(&sum);
}
END_TEST

START_TEST(texts_that_differ_are_unknown)
{
	ADD_UP("redis_version:7.0.15\nredis_mode:cluster\nrole:master\nrun_id:a\ntcp_port:1\n",
		"redis_version:7.2.4\nredis_mode:cluster\nrole:master\nrun_id:b\ntcp_port:1\n",
		"redis_version:7.0.15\nredis_mode:cluster\nrole:master\nrun_id:a\ntcp_port:1\n");
	ck_assert_str_eq(sum.version, "");
	ck_assert_str_eq(sum.run_id, "");
	ck_assert_str_eq(sum.mode, "cluster");
	ck_assert_str_eq(sum.role, "master");
	/* Numbers of one server, equal or not. */
	ck_assert_int_eq(sum.tcp_port, -1);
	redis_info_release(&sum);
}
END_TEST

START_TEST(commands_are_added_by_name)
{
	ADD_UP("cmdstat_get:calls=1,usec=10\ncmdstat_set:calls=2,usec=20\n",
		"cmdstat_del:calls=5,usec=1\ncmdstat_set:calls=3,usec=30\n"
		"cmdstat_get:calls=4,usec=40\n");
	ck_assert_uint_eq(sum.command_count, 3);
	for (size_t i = 0; i < sum.command_count; i++) {
		const struct redis_info_command *c = &sum.commands[i];

		ck_assert_int_eq(c->calls, 5);
		ck_assert_int_eq(c->usec, strcmp(c->name, "del") == 0 ? 1 : 50);
	}
	redis_info_release(&sum);
}
END_TEST

TEST_SUITE("info_sum", one_server_is_its_own_sum, figures_are_added,
	what_one_server_does_not_tell_is_unknown, one_server_without_a_limit_makes_all_unlimited,
	texts_that_differ_are_unknown, commands_are_added_by_name)
