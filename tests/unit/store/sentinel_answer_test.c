/* SPDX-License-Identifier: MIT */
#include "store/sentinel_answer.h"

#include <stdio.h>
#include <string.h>

#include "../unit.h"
#include "redis/resp.h"

/* A reply as it comes over the network; the caller frees it. */
static struct redis_value *reply(const char *bytes)
{
	struct resp *reader = resp_new();
	struct redis_value *value = NULL;
	size_t used;

	ck_assert_int_eq(resp_feed(reader, slice_str(bytes), &used, &value), RESP_VALUE);
	resp_free(reader);
	return value;
}

static enum error parse(const char *bytes, struct sentinel_answer *ret, struct fault *fault)
{
	struct redis_value *value = reply(bytes);
	enum error error = sentinel_answer_parse(value, "main", ret, fault);

	redis_value_free(value);
	return error;
}

START_TEST(an_address_may_be_a_number_or_a_name)
{
	struct sentinel_answer answer;
	struct fault fault;

	ck_assert_int_eq(parse("*2\r\n$9\r\n127.0.0.1\r\n$4\r\n6379\r\n", &answer, &fault), OK);
	ck_assert_str_eq(answer.host, "127.0.0.1");
	ck_assert_int_eq(answer.port, 6379);
	ck_assert_int_eq(parse("*2\r\n$7\r\ndb-1.lo\r\n$5\r\n65535\r\n", &answer, &fault), OK);
	ck_assert_str_eq(answer.host, "db-1.lo");
	ck_assert_int_eq(parse("*2\r\n$3\r\n::1\r\n$1\r\n1\r\n", &answer, &fault), OK);
	ck_assert_str_eq(answer.host, "::1");
}
END_TEST

START_TEST(what_is_no_address_is_refused)
{
	static const char *const bad[] = {
		"*0\r\n",
		"+OK\r\n",
		":1\r\n",
		"*1\r\n$1\r\na\r\n",
		"*3\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\n1\r\n",
		"*2\r\n$1\r\na\r\n$1\r\n0\r\n",
		"*2\r\n$1\r\na\r\n$5\r\n65536\r\n",
		"*2\r\n$1\r\na\r\n$2\r\n-1\r\n",
		"*2\r\n$1\r\na\r\n:6379\r\n",
		"*2\r\n$0\r\n\r\n$1\r\n1\r\n",
		"*2\r\n$3\r\na b\r\n$1\r\n1\r\n",
		"*2\r\n$3\r\na/b\r\n$1\r\n1\r\n",
		"*2\r\n$-1\r\n$-1\r\n",
	};
	struct sentinel_answer answer;
	struct fault fault;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		ck_assert_msg(
			parse(bad[i], &answer, &fault) == ERR_REDIS_UNAVAILABLE, "%s", bad[i]);
		ck_assert_str_eq(answer.host, "");
	}
	ck_assert_int_eq(parse("*-1\r\n", &answer, &fault), ERR_REDIS_UNAVAILABLE);
	ck_assert_ptr_nonnull(strstr(fault.detail, "knows no primary named main"));
	ck_assert_int_eq(
		parse("-NOAUTH Authentication required.\r\n", &answer, &fault), ERR_REDIS_AUTH);
}
END_TEST

START_TEST(a_host_is_at_most_as_long_as_a_name_can_be)
{
	char bytes[600], host[SENTINEL_HOST_BYTES + 2];
	struct sentinel_answer answer;
	struct fault fault;

	for (int n = SENTINEL_HOST_BYTES; n <= SENTINEL_HOST_BYTES + 1; n++) {
		memset(host, 'h', sizeof host);
		host[n] = '\0';
		snprintf(bytes, sizeof bytes, "*2\r\n$%d\r\n%s\r\n$1\r\n1\r\n", n, host);
		ck_assert_int_eq(parse(bytes, &answer, &fault),
			n <= SENTINEL_HOST_BYTES ? OK : ERR_REDIS_UNAVAILABLE);
	}
}
END_TEST

static int64_t epoch(const char *bytes)
{
	struct redis_value *value = reply(bytes);
	int64_t ret = sentinel_answer_epoch(value);

	redis_value_free(value);
	return ret;
}

START_TEST(the_epoch_is_found_among_the_other_fields)
{
	ck_assert_int_eq(epoch("*4\r\n$4\r\nname\r\n$12\r\nconfig-epoch\r\n$12\r\nconfig-epoch\r\n"
			       "$2\r\n17\r\n"),
		17);
	ck_assert_int_eq(epoch("*1\r\n$12\r\nconfig-epoch\r\n"), 0);
	ck_assert_int_eq(epoch("*2\r\n$12\r\nconfig-epoch\r\n$2\r\n-1\r\n"), 0);
	ck_assert_int_eq(epoch("*2\r\n$12\r\nconfig-epoch\r\n$17\r\n99999999999999999\r\n"), 0);
	ck_assert_int_eq(epoch("-NOPERM no\r\n"), 0);
	ck_assert_int_eq(sentinel_answer_epoch(NULL), 0);
}
END_TEST

static bool switched(const char *channel, const char *text, struct sentinel_answer *ret_now)
{
	char bytes[300];
	struct sentinel_answer before;

	snprintf(bytes, sizeof bytes, "*3\r\n$7\r\nmessage\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n",
		strlen(channel), channel, strlen(text), text);
	struct redis_value *message = reply(bytes);
	bool is = sentinel_answer_switch(message, "main", &before, ret_now);

	redis_value_free(message);
	return is;
}

START_TEST(a_message_of_a_failover_has_five_words)
{
	static const char channel[] = "+switch-master";
	struct sentinel_answer now;

	ck_assert(switched(channel, "main 10.0.0.1 6379 10.0.0.2 6380", &now));
	ck_assert_str_eq(now.host, "10.0.0.2");
	ck_assert_int_eq(now.port, 6380);
	ck_assert(!switched("+sdown", "main 10.0.0.1 6379 10.0.0.2 6380", &now));
	ck_assert(!switched(channel, "other 10.0.0.1 6379 10.0.0.2 6380", &now));
	ck_assert(!switched(channel, "main 10.0.0.1 6379 10.0.0.2", &now));
	ck_assert(!switched(channel, "main 10.0.0.1 6379 10.0.0.2 0", &now));
	ck_assert(!switched(channel, "main 10.0.0.1 6379 10.0.0.2 6380 x", &now));
	ck_assert(!switched(channel, "main  6379 10.0.0.2 6380", &now));
	ck_assert(!switched(channel, "", &now));
}
END_TEST

TEST_SUITE("sentinel_answer", an_address_may_be_a_number_or_a_name, what_is_no_address_is_refused,
	a_host_is_at_most_as_long_as_a_name_can_be, the_epoch_is_found_among_the_other_fields,
	a_message_of_a_failover_has_five_words)
