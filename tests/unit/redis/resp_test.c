/* SPDX-License-Identifier: MIT */
#include "redis/resp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "../unit.h"
#include "base/mem.h"

/* Feeds all of it in pieces of `piece` bytes; the result that was not RESP_MORE first. */
static enum resp_result feed(
	struct resp *reader, struct slice bytes, size_t piece, struct redis_value **ret)
{
	while (bytes.n > 0) {
		size_t used, n = bytes.n < piece ? bytes.n : piece;
		enum resp_result result = resp_feed(reader, slice_of(bytes.p, n), &used, ret);

		if (result != RESP_MORE)
			return result;
		ck_assert_uint_eq(used, n);
		bytes = slice_of(bytes.p + n, bytes.n - n);
	}
	return RESP_MORE;
}

static struct redis_value *value_of(const char *bytes, size_t piece)
{
	struct resp *reader = resp_new();
	struct redis_value *value = NULL;

	ck_assert_int_eq(feed(reader, slice_str(bytes), piece, &value), RESP_VALUE);
	resp_free(reader);
	return value;
}

START_TEST(every_type_of_resp2_is_read)
{
	struct redis_value *v = value_of("*7\r\n$5\r\na\r\nbc\r\n:-42\r\n+OK\r\n-ERR no\r\n$-1\r\n"
					 "*-1\r\n*2\r\n$0\r\n\r\n*0\r\n",
		SIZE_MAX);

	ck_assert_int_eq(v->type, REDIS_ARRAY);
	ck_assert_uint_eq(v->count, 7);
	ck_assert(slice_is(redis_value_item(v, 0), "a\r\nbc"));
	ck_assert_int_eq(v->items[1]->type, REDIS_INTEGER);
	ck_assert_int_eq(v->items[1]->integer, -42);
	ck_assert_int_eq(v->items[2]->type, REDIS_STATUS);
	ck_assert_int_eq(v->items[3]->type, REDIS_ERROR);
	ck_assert(slice_is(v->items[3]->text, "ERR no"));
	ck_assert_int_eq(v->items[4]->type, REDIS_NIL);
	ck_assert_int_eq(v->items[5]->type, REDIS_NIL);
	ck_assert_uint_eq(v->items[6]->count, 2);
	ck_assert_int_eq(v->items[6]->items[0]->type, REDIS_STRING);
	ck_assert_uint_eq(v->items[6]->items[1]->count, 0);
	ck_assert_uint_eq(redis_value_item(v, 9).n, 0);
	redis_value_free(v);
}
END_TEST

START_TEST(pieces_of_any_size_give_the_same_value)
{
	static const char bytes[] = "*3\r\n*2\r\n:1\r\n$3\r\nabc\r\n+x\r\n$10\r\n0123456789\r\n";

	for (size_t piece = 1; piece < sizeof bytes; piece++) {
		struct redis_value *v = value_of(bytes, piece);

		ck_assert_uint_eq(v->count, 3);
		ck_assert(slice_is(v->items[0]->items[1]->text, "abc"));
		ck_assert(slice_is(redis_value_item(v, 2), "0123456789"));
		redis_value_free(v);
	}
}
END_TEST

START_TEST(successive_replies_are_taken_one_at_a_time)
{
	struct resp *reader = resp_new();
	struct slice bytes = SLICE(":1\r\n:2\r\n$1\r\nx\r\n");
	struct redis_value *value;
	size_t used;

	for (int64_t i = 1; i <= 2; i++) {
		ck_assert_int_eq(resp_feed(reader, bytes, &used, &value), RESP_VALUE);
		ck_assert_uint_eq(used, 4);
		ck_assert_int_eq(value->integer, i);
		redis_value_free(value);
		bytes = slice_of(bytes.p + used, bytes.n - used);
	}
	ck_assert_int_eq(resp_feed(reader, bytes, &used, &value), RESP_VALUE);
	redis_value_free(value);
	resp_free(reader);
}
END_TEST

START_TEST(a_page_of_a_thousand_keys_keeps_every_byte)
{
	struct buf bytes = {0};

	buf_printf(&bytes, "*2\r\n$1\r\n7\r\n*1000\r\n");
	for (int i = 0; i < 1000; i++)
		buf_printf(&bytes, "$%d\r\n%0*d\r\n", 10 + i % 300, 10 + i % 300, i);
	struct redis_value *v = value_of(bytes.p, 4096);

	for (int i = 0; i < 1000; i++) {
		struct slice item = redis_value_item(v->items[1], (size_t)i);

		ck_assert_uint_eq(item.n, (size_t)(10 + i % 300));
		ck_assert_int_eq(atoi(item.p), i);
	}
	redis_value_free(v);
	buf_release(&bytes);
}
END_TEST

static const char *const hostile[] = {
	"HTTP/1.1 400 Bad Request\r\n\r\n",
	"\x15\x03\x01\x00\x02\x02\x16",
	"\x16\x03\x01\x02\x00\x01",
	"SSH-2.0-OpenSSH_9.2\r\n",
	"$9223372036854775807\r\n",
	"$18446744073709551615\r\n",
	"$-2\r\n",
	"$-10\r\n",
	"$+5\r\nabcde\r\n",
	"$\r\n",
	"$5\n",
	"$5 \r\n",
	"$0x5\r\n",
	"$3\r\nabcd\r\n",
	"$3\r\nabc\n\n",
	"$3\r\nabc\rx",
	"*9223372036854775807\r\n",
	"*99999999999999999999\r\n",
	"*-2\r\n",
	"*\r\n",
	"*1\r\n*1\r\n?",
	"*1\r\n\r\n",
	":\r\n",
	":-\r\n",
	":--1\r\n",
	":1.5\r\n",
	":123456789012345678901234567890\r\n",
	":9223372036854775808\r\n",
	"+OK\rX",
	"\r\n",
	"\n",
	" +OK\r\n",
	"PING\r\n",
	/* RESP3 */
	"_\r\n",
	"#t\r\n",
	",1.5\r\n",
	"(3492890328409238509324850943850943825024385\r\n",
	"!21\r\nSYNTAX invalid syntax\r\n",
	"=15\r\ntxt:Some string\r\n",
	"%1\r\n+a\r\n:1\r\n",
	"~1\r\n+a\r\n",
	">1\r\n+a\r\n",
	"|1\r\n+a\r\n:1\r\n+b\r\n",
	"*1\r\n%1\r\n",
};

START_TEST(what_is_not_resp2_is_refused_in_pieces_of_any_size)
{
	for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
		for (size_t piece = 1; piece < 40; piece++) {
			struct resp *reader = resp_new();
			struct redis_value *value = NULL;

			ck_assert_msg(
				feed(reader, slice_str(hostile[i]), piece, &value) == RESP_BAD,
				"%s", hostile[i]);
			ck_assert_ptr_null(value);
			resp_free(reader);
		}
	}
}
END_TEST

static size_t resident_kib(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (size_t)usage.ru_maxrss;
}

/* `body` `times` over between head and tail: too large, and the next reply is read as ever. */
static void check_skipped(const char *head, struct slice body, size_t times, const char *tail)
{
	struct resp *reader = resp_new();
	struct redis_value *value = NULL;
	size_t before = resident_kib();

	ck_assert_int_eq(feed(reader, slice_str(head), SIZE_MAX, &value), RESP_MORE);
	for (size_t i = 0; i < times; i++)
		ck_assert_int_eq(feed(reader, body, SIZE_MAX, &value), RESP_MORE);
	ck_assert(resp_skipping(reader));
	ck_assert_int_eq(feed(reader, slice_str(tail), SIZE_MAX, &value), RESP_TOO_LARGE);
	ck_assert(!resp_skipping(reader));
	ck_assert_int_eq(feed(reader, SLICE(":7\r\n"), SIZE_MAX, &value), RESP_VALUE);
	ck_assert_int_eq(value->integer, 7);
	redis_value_free(value);
	resp_free(reader);
#if !defined(__SANITIZE_ADDRESS__)
	ck_assert_uint_lt(resident_kib() - before, 4 * 1024);
#else
	(void)before;
#endif
}

START_TEST(a_string_past_the_cap_is_skipped_to_its_end)
{
	size_t n = 1 << 20;
	char *megabyte = mem_zalloc(n);

	check_skipped("$104857600\r\n", slice_of(megabyte, n), 100, "\r\n");
	mem_free(megabyte);
}
END_TEST

START_TEST(an_array_past_the_cap_is_skipped_to_its_end)
{
	struct buf body = {0};

	for (int i = 0; i < 1000; i++)
		buf_str(&body, "$2\r\nab\r\n");
	check_skipped("*1500001\r\n", buf_slice(&body), 1500, ":1\r\n");
	buf_release(&body);
}
END_TEST

START_TEST(many_values_that_are_too_much_together_are_skipped)
{
	size_t n = 1 << 20;
	struct buf body = {0};

	buf_printf(&body, "$%zu\r\n", n);
	memset(buf_reserve(&body, n), 'x', n);
	body.n += n;
	buf_str(&body, "\r\n");
	struct resp *reader = resp_new();
	struct redis_value *value = NULL;

	ck_assert_int_eq(feed(reader, SLICE("*70\r\n"), 99, &value), RESP_MORE);
	for (int i = 0; i < 69; i++)
		ck_assert_int_eq(feed(reader, buf_slice(&body), 65536, &value), RESP_MORE);
	ck_assert_int_eq(feed(reader, SLICE("+x\r\n"), 99, &value), RESP_TOO_LARGE);
	resp_free(reader);
	buf_release(&body);
}
END_TEST

START_TEST(a_line_past_the_cap_is_skipped_to_its_end)
{
	size_t n = 1 << 20;
	char *megabyte = mem_alloc(n);
	struct resp *reader = resp_new();
	struct redis_value *value = NULL;

	memset(megabyte, 'x', n);
	ck_assert_int_eq(feed(reader, SLICE("*3\r\n:1\r\n-"), 99, &value), RESP_MORE);
	for (int i = 0; i < 70; i++) {
		ck_assert_int_eq(resp_skipping(reader), i >= 64);
		ck_assert_int_eq(feed(reader, slice_of(megabyte, n), n, &value), RESP_MORE);
	}
	ck_assert_int_eq(feed(reader, SLICE("\r\n"), 1, &value), RESP_MORE);
	ck_assert_int_eq(feed(reader, SLICE("$-1\r\n"), 2, &value), RESP_TOO_LARGE);
	resp_free(reader);
	mem_free(megabyte);
}
END_TEST

START_TEST(depth_past_the_cap_is_skipped_to_its_end)
{
	struct resp *reader = resp_new();
	struct redis_value *value = NULL;

	for (int i = 0; i < 8; i++)
		ck_assert_int_eq(feed(reader, SLICE("*1\r\n"), 99, &value), RESP_MORE);
	ck_assert_int_eq(feed(reader, SLICE("+x\r\n"), 99, &value), RESP_VALUE);
	redis_value_free(value);
	resp_free(reader);
	check_skipped("*2\r\n*0\r\n", SLICE("*2\r\n:5\r\n"), 10000, "$1\r\nx\r\n");
}
END_TEST

START_TEST(a_huge_announced_length_allocates_nothing)
{
	size_t before = resident_kib();
	struct resp *reader = resp_new();
	struct redis_value *value = NULL;

	ck_assert_int_eq(feed(reader, SLICE("*2000000000\r\n"), 99, &value), RESP_MORE);
	ck_assert(resp_skipping(reader));
	resp_free(reader);
	reader = resp_new();
	ck_assert_int_eq(feed(reader, SLICE("$1000000000000\r\n"), 99, &value), RESP_MORE);
	ck_assert(resp_skipping(reader));
	resp_free(reader);
	ck_assert_uint_lt(resident_kib() - before, 1024);
}
END_TEST

/* Appends a reply of any shape, at most 8 levels deep. */
static void random_reply(struct buf *out, int depth)
{
	int kind = rand() % (depth < 8 ? 7 : 5), n = rand() % 5;

	switch (kind) {
	case 0:
		buf_printf(out, ":%d\r\n", rand() % 2 ? rand() : -rand());
		return;
	case 1:
		buf_printf(out, "+%d\r\n", rand());
		return;
	case 2:
		buf_str(out, depth == 8 || rand() % 2 ? "$-1\r\n" : "*-1\r\n");
		return;
	case 3:
		buf_printf(out, "-ERR %d\r\n", rand());
		return;
	case 4:
		buf_printf(out, "$%d\r\n%.*s\r\n", n, n, "\r\n\r\n");
		return;
	default:
		buf_printf(out, "*%d\r\n", n);
		while (n-- > 0)
			random_reply(out, depth + 1);
	}
}

START_TEST(random_replies_end_where_they_should)
{
	struct resp *reader = resp_new();
	struct buf bytes = {0};

	srand(7);
	for (int round = 0; round < 20000; round++) {
		struct redis_value *value = NULL;
		size_t piece = (size_t)(1 + rand() % 64);

		buf_clear(&bytes);
		random_reply(&bytes, 0);
		ck_assert_int_eq(feed(reader, buf_slice(&bytes), piece, &value), RESP_VALUE);
		redis_value_free(value);
	}
	resp_free(reader);
	buf_release(&bytes);
}
END_TEST

START_TEST(error_replies_are_distinguished)
{
	static const struct {
		const char *bytes;
		enum error error;
	} rows[] = {
		{"-LOADING Redis is loading the dataset in memory\r\n", ERR_REDIS_LOADING},
		{"-BUSY Redis is busy running a script.\r\n", ERR_REDIS_BUSY},
		{"-BUSYKEY Target key name already exists.\r\n", ERR_REDIS_ERROR},
		{"-BUSYGROUP Consumer Group name already exists\r\n", ERR_REDIS_ERROR},
		{"-OOM command not allowed when used memory > 'maxmemory'.\r\n", ERR_REDIS_OOM},
		{"-READONLY You can't write against a read only replica.\r\n", ERR_REDIS_READONLY},
		{"-MISCONF Errors writing to the AOF file\r\n", ERR_REDIS_READONLY},
		{"-NOREPLICAS Not enough good replicas to write.\r\n", ERR_REDIS_READONLY},
		{"-MASTERDOWN Link with MASTER is down\r\n", ERR_REDIS_UNAVAILABLE},
		{"-NOAUTH Authentication required.\r\n", ERR_REDIS_AUTH},
		{"-WRONGPASS invalid username-password pair\r\n", ERR_REDIS_AUTH},
		{"-NOPERM this user has no permissions\r\n", ERR_REDIS_NOPERM},
		{"-WRONGTYPE Operation against a key\r\n", ERR_WRONG_TYPE},
		/* As Redis 6.0 says it of a script. */
		{"-ERR Error running script (call to f_62): @user_script:1: WRONGTYPE "
		 "Operation\r\n",
			ERR_WRONG_TYPE},
		{"-ERR Error running script (call to f_1f): @user_script:1: @user_script: 1: -OOM "
		 "command not allowed\r\n",
			ERR_REDIS_OOM},
		{"-ERR Error running script (call to f_1f): @user_script:1:\r\n", ERR_REDIS_ERROR},
		{"-ERR max number of clients reached\r\n", ERR_REDIS_UNAVAILABLE},
		{"-ERR syntax error\r\n", ERR_REDIS_ERROR},
		{"-\r\n", ERR_REDIS_ERROR},
		{"-NEWWORD\r\n", ERR_REDIS_ERROR},
		{"+OK\r\n", OK},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct redis_value *value = value_of(rows[i].bytes, 99);
		struct fault fault = {0};

		ck_assert_msg(
			redis_value_error(value, &fault) == rows[i].error, "%s", rows[i].bytes);
		ck_assert_int_eq(fault.error, rows[i].error);
		redis_value_free(value);
	}
}
END_TEST

START_TEST(numbers_beyond_2_to_53_are_cut)
{
	static const struct {
		const char *bytes;
		int64_t number;
	} rows[] = {
		{":9007199254740992\r\n", REDIS_MAX_NUMBER},
		{":9223372036854775807\r\n", REDIS_MAX_NUMBER},
		{":-9223372036854775808\r\n", -REDIS_MAX_NUMBER},
		{":9007199254740991\r\n", REDIS_MAX_NUMBER - 1},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct redis_value *value = value_of(rows[i].bytes, 3);

		ck_assert_int_eq(value->integer, rows[i].number);
		redis_value_free(value);
	}
}
END_TEST

TEST_SUITE("resp", numbers_beyond_2_to_53_are_cut, every_type_of_resp2_is_read,
	pieces_of_any_size_give_the_same_value, successive_replies_are_taken_one_at_a_time,
	a_page_of_a_thousand_keys_keeps_every_byte,
	what_is_not_resp2_is_refused_in_pieces_of_any_size,
	a_string_past_the_cap_is_skipped_to_its_end, an_array_past_the_cap_is_skipped_to_its_end,
	many_values_that_are_too_much_together_are_skipped,
	a_line_past_the_cap_is_skipped_to_its_end, depth_past_the_cap_is_skipped_to_its_end,
	a_huge_announced_length_allocates_nothing, random_replies_end_where_they_should,
	error_replies_are_distinguished)
