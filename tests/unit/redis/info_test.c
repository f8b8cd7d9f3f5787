/* SPDX-License-Identifier: MIT */
#include "redis/info.h"

#include <string.h>

#include "../unit.h"
#include "base/buf.h"
#include "info_sample.h"

static struct redis_info info;

static void parse(const char *text, unsigned database)
{
	redis_info_parse(slice_str(text), database, &info);
}

static const struct redis_info_command *command(const char *name)
{
	for (size_t i = 0; i < info.command_count; i++)
		if (strcmp(info.commands[i].name, name) == 0)
			return &info.commands[i];
	return NULL;
}

START_TEST(negative_numbers_are_unknown)
{
	struct redis_info below;

	redis_info_parse(SLICE("used_memory:-9\r\nkeyspace_hits:-2\r\ndb0:keys=-9,expires=-3,"
			       "avg_ttl=-4\r\n"),
		0, &below);
	ck_assert_int_eq(below.used_memory, -1);
	ck_assert_int_eq(below.hits, -1);
	ck_assert_int_eq(below.keys, -1);
	ck_assert_int_eq(below.expiring, -1);
	redis_info_release(&below);
}
END_TEST

START_TEST(the_info_of_redis_7_is_read_completely)
{
	parse(redis_7_0, 3);
	ck_assert_str_eq(info.version, "7.0.15");
	ck_assert_str_eq(info.mode, "standalone");
	ck_assert_str_eq(info.role, "master");
	ck_assert_str_eq(info.os, "Linux 6.1.0-18-amd64 x86_64");
	ck_assert_str_eq(info.run_id, "b2735360d59976e9307bfbe4a50a44528ea061d5");
	ck_assert_str_eq(info.master_replid, "b5874e3063f0e6edc5218c884d44b22974e0e598");
	ck_assert_str_eq(info.policy, "allkeys-lru");
	ck_assert_str_eq(info.master_link_status, "");
	ck_assert_int_eq(info.tcp_port, 6399);
	ck_assert_int_eq(info.process_id, 14102);
	ck_assert_int_eq(info.uptime_seconds, 1);
	ck_assert_int_eq(info.max_clients, 10000);
	ck_assert_int_eq(info.used_memory, 1114456);
	ck_assert_int_eq(info.max_memory, 104857600);
	ck_assert_int_eq(info.total_system_memory, 25276514304);
	ck_assert_double_eq(info.fragmentation_ratio, 7.94);
	ck_assert_int_eq(info.loading, 0);
	ck_assert_int_eq(info.loading_total_bytes, -1);
	ck_assert_int_eq(info.hits, 3);
	ck_assert_int_eq(info.misses, 1);
	ck_assert_int_eq(info.commands_processed, 17);
	ck_assert_int_eq(info.keys, 2);
	ck_assert_int_eq(info.expiring, 1);
	ck_assert_int_eq(info.flush_calls, 3);
	ck_assert_int_eq(info.master_last_io_seconds, -1);
	ck_assert(!info.valkey);
	ck_assert_int_eq(command("get")->calls, 4);
	ck_assert_int_ge(command("get")->usec, 0);
	ck_assert_int_eq(command("client|list")->calls, 1);
	ck_assert_ptr_null(command("hget"));
	redis_info_release(&info);
}
END_TEST

START_TEST(a_database_without_keys_has_none)
{
	parse(redis_7_0, 7);
	ck_assert_int_eq(info.keys, 0);
	ck_assert_int_eq(info.expiring, 0);
	redis_info_release(&info);
	/* db3, not db33 or db. */
	parse("db33:keys=9,expires=9,avg_ttl=9\r\ndb:keys=9\r\ndb3:keys=2,expires=1,avg_ttl=5\n",
		3);
	ck_assert_int_eq(info.keys, 2);
	ck_assert_int_eq(info.avg_ttl_ms, 5);
	redis_info_release(&info);
}
END_TEST

START_TEST(valkey_is_known_by_its_own_version)
{
	parse(valkey_8_0, 0);
	ck_assert(info.valkey);
	ck_assert_str_eq(info.version, "8.0.1");
	ck_assert_str_eq(info.redis_version, "7.2.4");
	ck_assert_str_eq(info.mode, "standalone");
	ck_assert_str_eq(info.role, "slave");
	ck_assert_str_eq(info.master_link_status, "down");
	ck_assert_int_eq(info.loading, 1);
	ck_assert_int_eq(info.loading_total_bytes, 5000);
	ck_assert_int_eq(info.loading_loaded_bytes, 1250);
	ck_assert_int_eq(info.used_memory, -1);
	ck_assert_double_lt(info.fragmentation_ratio, 0);
	redis_info_release(&info);
}
END_TEST

START_TEST(malformed_lines_are_ignored)
{
	static const char *const strange[] = {
		"",
		"\r\n\r\n",
		":",
		"used_memory",
		"used_memory:",
		"used_memory:-",
		"used_memory:1e9",
		"used_memory:99999999999999999999",
		"mem_fragmentation_ratio:lots",
		"mem_fragmentation_ratio:",
		"cmdstat_get:",
		"cmdstat_get:calls=,usec=1",
		"cmdstat_get:recalls=4",
		"db0:",
		"db0:expires",
	};

	for (size_t i = 0; i < sizeof strange / sizeof *strange; i++) {
		parse(strange[i], 0);
		ck_assert_int_eq(info.used_memory, -1);
		ck_assert_double_lt(info.fragmentation_ratio, 0);
		ck_assert_uint_eq(info.command_count, 0);
		redis_info_release(&info);
	}
}
END_TEST

START_TEST(a_long_value_is_cut)
{
	char text[600] = "redis_version:";

	memset(text + strlen(text), 'x', 500);
	parse(text, 0);
	ck_assert_uint_eq(strlen(info.version), sizeof info.version - 1);
	redis_info_release(&info);
}
END_TEST

START_TEST(commands_past_the_bound_are_left_out)
{
	struct buf text = {0};

	for (int i = 0; i < 3000; i++)
		buf_printf(&text, "cmdstat_c%d:calls=%d,usec=1\r\n", i, i);
	parse(text.p, 0);
	ck_assert_uint_eq(info.command_count, 1024);
	ck_assert_int_eq(command("c1023")->calls, 1023);
	redis_info_release(&info);
	buf_release(&text);
}
END_TEST

START_TEST(impossible_numbers_are_unknown)
{
	static const char *const numbers[] = {"9223372036854775807", "9007199254740993",
		"-9223372036854775808", "99999999999999999999999", "inf", ""};
	struct buf text = {0};

	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		buf_clear(&text);
		buf_printf(&text,
			"used_memory:%s\r\nkeyspace_hits:%s\r\nmem_fragmentation_ratio:%s\r\n"
			"db0:keys=%s,expires=%s,avg_ttl=%s\r\n",
			numbers[i], numbers[i], "1e999", numbers[i], numbers[i], numbers[i]);
		for (int n = 0; n < 1100; n++)
			buf_str(&text, "cmdstat_flushall:calls=9007199254740992,usec=1\r\n");
		parse(text.p, 0);
		ck_assert_int_eq(info.used_memory, -1);
		ck_assert_int_eq(info.hits, -1);
		ck_assert_int_eq(info.keys, -1);
		ck_assert_int_eq(info.avg_ttl_ms, -1);
		ck_assert(info.fragmentation_ratio < 0);
		ck_assert_int_gt(info.flush_calls, 0);
		redis_info_release(&info);
	}
	buf_release(&text);
}
END_TEST

START_TEST(replicas_have_their_lag)
{
	parse("role:master\r\nconnected_slaves:3\r\n"
	      "slave0:ip=127.0.0.1,port=6380,state=online,offset=90,lag=0\r\n"
	      "slave1:ip=::1,port=6381,state=wait_bgsave,offset=0,lag=0\r\n"
	      "slave2:ip=r.internal,port=6382,state=online,offset=120,lag=1\r\n"
	      "slave_read_repl_offset:7\r\n"
	      "slave3:port=6383,state=online\r\nslave4:ip=h,port=x,state=online\r\nslave5:\r\n"
	      "master_repl_offset:100\r\n",
		0);
	ck_assert_uint_eq(info.replica_count, 3);
	ck_assert_str_eq(info.replicas[0].name, "127.0.0.1:6380");
	ck_assert_str_eq(info.replicas[0].state, "online");
	ck_assert_int_eq(info.replicas[0].lag_bytes, 10);
	ck_assert_str_eq(info.replicas[1].name, "[::1]:6381");
	ck_assert_str_eq(info.replicas[1].state, "wait_bgsave");
	ck_assert_int_eq(info.replicas[1].lag_bytes, 100);
	ck_assert_str_eq(info.replicas[2].name, "r.internal:6382");
	/* It was written before the line of the primary's own offset. */
	ck_assert_int_eq(info.replicas[2].lag_bytes, 0);
	redis_info_release(&info);
	parse("slave0:ip=h,port=1,state=online,offset=5\r\n", 0);
	ck_assert_int_eq(info.replicas[0].lag_bytes, -1);
	redis_info_release(&info);
}
END_TEST

START_TEST(replicas_past_the_bound_are_left_out)
{
	struct buf text = {0};

	for (int i = 0; i < 1000; i++)
		buf_printf(&text, "slave%d:ip=h,port=%d,state=online,offset=1,lag=0\r\n", i, i);
	parse(text.p, 0);
	ck_assert_uint_eq(info.replica_count, 256);
	redis_info_release(&info);
	buf_release(&text);
}
END_TEST

TEST_SUITE("info", replicas_have_their_lag, replicas_past_the_bound_are_left_out,
	impossible_numbers_are_unknown, negative_numbers_are_unknown,
	the_info_of_redis_7_is_read_completely, a_database_without_keys_has_none,
	valkey_is_known_by_its_own_version, malformed_lines_are_ignored, a_long_value_is_cut,
	commands_past_the_bound_are_left_out)
