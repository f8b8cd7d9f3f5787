/* SPDX-License-Identifier: MIT */
#include "store/slot_map.h"

#include <stdio.h>
#include <string.h>

#include "../redis/reply.h"
#include "../unit.h"

#define NODE_A	    "*3\r\n$9\r\n127.0.0.1\r\n:7001\r\n$1\r\na\r\n"
#define NODE_B	    "*4\r\n$9\r\nb.example\r\n:7002\r\n$1\r\nb\r\n*0\r\n"
#define RANGE(a, b) ":" #a "\r\n:" #b "\r\n"

static enum error parse(const char *bytes, struct slot_map **ret, struct fault *fault)
{
	struct redis_value *reply = reply_of(bytes);
	enum error error = slot_map_parse(reply, "10.0.0.9", ret, fault);

	redis_value_free(reply);
	return error;
}

START_TEST(ranges_give_the_owners)
{
	struct slot_map *map;
	struct fault fault;

	/* The replica of the first range is not an owner. */
	ck_assert_int_eq(parse("*3\r\n*4\r\n" RANGE(0, 99) NODE_A NODE_B "*3\r\n" RANGE(200, 16383)
					 NODE_B "*3\r\n" RANGE(100, 100) NODE_A,
				 &map, &fault),
		OK);
	ck_assert_uint_eq(map->node_count, 2);
	ck_assert_str_eq(map->nodes[0].host, "127.0.0.1");
	ck_assert_uint_eq(map->nodes[0].port, 7001);
	ck_assert_uint_eq(map->nodes[0].slots, 101);
	ck_assert_str_eq(map->nodes[1].host, "b.example");
	ck_assert_uint_eq(map->nodes[1].slots, 16184);
	ck_assert_uint_eq(map->owners[0], 0);
	ck_assert_uint_eq(map->owners[100], 0);
	ck_assert_uint_eq(map->owners[101], SLOT_MAP_NO_NODE);
	ck_assert_uint_eq(map->owners[16383], 1);
	ck_assert_uint_eq(map->unserved, 99);
	slot_map_free(map);
}
END_TEST

START_TEST(a_server_without_an_address_is_the_one_that_was_asked)
{
	static const char *const hosts[] = {"$0\r\n\r\n", "$-1\r\n"};
	struct slot_map *map;
	struct fault fault;
	char bytes[128];

	for (size_t i = 0; i < 2; i++) {
		snprintf(bytes, sizeof bytes,
			"*1\r\n*3\r\n:0\r\n:1\r\n*3\r\n%s:7001\r\n$1\r\na\r\n", hosts[i]);
		ck_assert_int_eq(parse(bytes, &map, &fault), OK);
		ck_assert_str_eq(map->nodes[0].host, "10.0.0.9");
		slot_map_free(map);
	}
}
END_TEST

static const struct {
	const char *bytes, *words;
} wrong[] = {
	{"*0\r\n", "no server has any slots"},
	{":1\r\n", "not a list"},
	{"*1\r\n:1\r\n", "range is not given"},
	{"*1\r\n*2\r\n" RANGE(0, 1), "range is not given"},
	{"*1\r\n*3\r\n$1\r\n0\r\n:1\r\n" NODE_A, "range is not given"},
	{"*1\r\n*3\r\n" RANGE(-1, 1) NODE_A, "not within 0 to 16383"},
	{"*1\r\n*3\r\n" RANGE(2, 1) NODE_A, "not within 0 to 16383"},
	{"*1\r\n*3\r\n" RANGE(0, 16384) NODE_A, "not within 0 to 16383"},
	{"*2\r\n*3\r\n" RANGE(0, 5) NODE_A "*3\r\n" RANGE(5, 9) NODE_B, "slot 5 has two primaries"},
	{"*2\r\n*3\r\n" RANGE(7, 7) NODE_A "*3\r\n" RANGE(7, 7) NODE_A, "slot 7 has two primaries"},
	{"*1\r\n*3\r\n" RANGE(0, 1) "*1\r\n$1\r\na\r\n", "host and port"},
	{"*1\r\n*3\r\n" RANGE(0, 1) "*2\r\n$1\r\na\r\n$4\r\n7001\r\n", "host and port"},
	{"*1\r\n*3\r\n" RANGE(0, 1) "*2\r\n$1\r\na\r\n:0\r\n", "port is not between"},
	{"*1\r\n*3\r\n" RANGE(0, 1) "*2\r\n$1\r\na\r\n:65536\r\n", "port is not between"},
	{"*1\r\n*3\r\n" RANGE(0, 1) "*2\r\n$1\r\n?\r\n:7001\r\n", "cluster-announce-hostname"},
	{"*1\r\n*3\r\n" RANGE(0, 1) "*2\r\n$3\r\na b\r\n:7001\r\n", "neither a name nor"},
	{"-ERR This instance has cluster support disabled\r\n", "cluster support disabled"},
	{"-NOPERM this user has no permissions to run the 'cluster|slots' command\r\n", "NOPERM"},
};

START_TEST(what_contradicts_itself_is_refused)
{
	struct slot_map *map = NULL;
	struct fault fault;

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		ck_assert_int_ne(parse(wrong[i].bytes, &map, &fault), OK);
		ck_assert_msg(strstr(fault.detail, wrong[i].words), "%s", fault.detail);
		ck_assert_ptr_null(map);
	}
}
END_TEST

START_TEST(more_servers_than_a_cluster_has_are_refused)
{
	struct buf bytes = {0};
	struct slot_map *map = NULL;
	struct fault fault;

	buf_str(&bytes, "*1025\r\n");
	for (int i = 0; i < 1025; i++)
		buf_printf(&bytes, "*3\r\n:%d\r\n:%d\r\n*2\r\n$1\r\na\r\n:%d\r\n", i, i, i + 1);
	ck_assert_int_eq(parse(bytes.p, &map, &fault), ERR_REDIS_ERROR);
	ck_assert_ptr_nonnull(strstr(fault.detail, "more than 1024"));
	buf_release(&bytes);
}
END_TEST

START_TEST(redirections_are_read)
{
	struct slot_redirection to;

	ck_assert(slot_redirection_parse(SLICE("MOVED 3999 127.0.0.1:6381"), &to));
	ck_assert(!to.ask && to.slot == 3999 && to.port == 6381);
	ck_assert_str_eq(to.host, "127.0.0.1");
	ck_assert(slot_redirection_parse(SLICE("ASK 0 ::1:6381"), &to));
	ck_assert(to.ask && to.slot == 0);
	ck_assert_str_eq(to.host, "::1");
	ck_assert(slot_redirection_parse(SLICE("MOVED 1 [fe80::1]:7"), &to));
	ck_assert_str_eq(to.host, "fe80::1");
	ck_assert(slot_redirection_parse(SLICE("MOVED 16383 :6381"), &to));
	ck_assert_str_eq(to.host, "");
}
END_TEST

static const char *const no_redirections[] = {"MOVED", "MOVED 1", "MOVED 16384 a:1", "MOVED -1 a:1",
	"MOVED 1 a", "MOVED 1 a:0", "MOVED 1 a:65536", "MOVED 1 a:x", "MOVED 1 ?:6379",
	"MOVED 1 a b:6379", "ASK", "ERR MOVED 1 a:1", "MOVED 1 a:1 "};

START_TEST(others_are_not)
{
	struct slot_redirection to;

	for (size_t i = 0; i < sizeof no_redirections / sizeof *no_redirections; i++)
		ck_assert(!slot_redirection_parse(slice_str(no_redirections[i]), &to));
}
END_TEST

START_TEST(a_long_host_is_no_redirection)
{
	struct buf text = {0};
	struct slot_redirection to;

	buf_str(&text, "MOVED 1 ");
	for (int i = 0; i < 254; i++)
		buf_char(&text, 'a');
	buf_str(&text, ":1");
	ck_assert(!slot_redirection_parse(buf_slice(&text), &to));
	buf_release(&text);
}
END_TEST

TEST_SUITE("slot_map", ranges_give_the_owners,
	a_server_without_an_address_is_the_one_that_was_asked, what_contradicts_itself_is_refused,
	more_servers_than_a_cluster_has_are_refused, redirections_are_read, others_are_not,
	a_long_host_is_no_redirection)
