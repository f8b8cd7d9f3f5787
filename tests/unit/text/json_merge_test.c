/* SPDX-License-Identifier: MIT */
#include "text/json_merge.h"

#include "../unit.h"
#include "base/clock.h"

static const struct json_limits limits = {8, 50000, 20000, true};

static void merged(const char *target, const char *patch, const char *expected)
{
	struct fault fault = {0};
	struct buf out = {0};

	enum error error = json_merge(slice_str(target), slice_str(patch), &limits, &out, &fault);
	ck_assert_msg(error == OK, "%s", fault.detail);
	ck_assert_str_eq(out.p, expected);
	buf_release(&out);
}

/* Appendix A of RFC 7396, but for its members' blanks. */
START_TEST(the_rfc_s_examples_hold)
{
	merged("{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}");
	merged("{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}");
	merged("{\"a\":\"b\"}", "{\"a\":null}", "{}");
	merged("{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}");
	merged("{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}");
	merged("{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}");
	merged("{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}",
		"{\"a\":{\"b\":\"d\"}}");
	merged("{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}");
	merged("[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]");
	merged("{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]");
	merged("{\"a\":\"foo\"}", "null", "null");
	merged("{\"a\":\"foo\"}", "\"bar\"", "\"bar\"");
	merged("{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}");
	merged("[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}");
	merged("{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}");
}
END_TEST

START_TEST(unpatched_members_keep_their_spelling)
{
	merged("{ \"n\" : 9007199254740993, \"e\":[], \"o\":{}, \"f\": 1.50, \"x\":1E2 }",
		"{\"b\":12345678901234567890123}",
		"{\"n\":9007199254740993,\"e\":[],\"o\":{},\"f\":1.50,\"x\":1E2,"
		"\"b\":12345678901234567890123}");
	merged("{\"a\":{\"k\":[1, 2],\"l\":-0}}", "{\"a\":{\"m\":[null, {}]}}",
		"{\"a\":{\"k\":[1, 2],\"l\":-0,\"m\":[null, {}]}}");
}
END_TEST

START_TEST(names_are_compared_decoded)
{
	merged("{\"a\\u0062\":1}", "{\"ab\":2}", "{\"a\\u0062\":2}");
	merged("{\"ab\":1}", "{\"\\u0061b\":null}", "{}");
	merged("{\"\\u0000\":1,\"\":2}", "{\"\\u0000\":null}", "{\"\":2}");
}
END_TEST

static void refused(const char *target, const char *patch, const char *words)
{
	struct fault fault = {0};
	struct buf out = {0};

	buf_str(&out, "before");
	ck_assert_int_eq(json_merge(slice_str(target), slice_str(patch), &limits, &out, &fault),
		ERR_BAD_JSON);
	ck_assert_msg(strstr(fault.detail, words) != NULL, "%s", fault.detail);
	ck_assert_str_eq(out.p, "before");
	buf_release(&out);
}

START_TEST(a_patch_past_the_limits_is_refused)
{
	refused("{}", "{\"a\":1,\"\\u0061\":2}", "stands twice");
	refused("{}", "{\"a\":", "ends inside");
	refused("{}", "{\"a\":[[[[[[[[1]]]]]]]]}", "deep");
}
END_TEST

/* Members that the target has and the patch changes: as many as a session may hold, and more. */
START_TEST(many_members_are_merged_in_subquadratic_time)
{
	struct buf target = {0}, patch = {0}, out = {0};

	for (int i = 0; i < 20000; i++) {
		buf_printf(&target, "%c\"%d\":0", i ? ',' : '{', i);
		buf_printf(&patch, "%c\"%d\":1", i ? ',' : '{', 19999 - i);
	}
	buf_char(&target, '}');
	buf_char(&patch, '}');
	int64_t began = unit_cpu_us();
	ck_assert_int_eq(json_check(buf_slice(&target), &limits, NULL), OK);
	int64_t yardstick = unit_cpu_us() - began;
	began = unit_cpu_us();
	ck_assert_int_eq(
		json_merge(buf_slice(&target), buf_slice(&patch), &limits, &out, NULL), OK);
	ck_assert_work(began, 60, yardstick);
	ck_assert_uint_eq(out.n, target.n);
	ck_assert(slice_starts(buf_slice(&out), SLICE("{\"0\":1,\"1\":1,")));
	buf_release(&target);
	buf_release(&patch);
	buf_release(&out);
}
END_TEST

TEST_SUITE("json_merge", the_rfc_s_examples_hold, unpatched_members_keep_their_spelling,
	names_are_compared_decoded, a_patch_past_the_limits_is_refused,
	many_members_are_merged_in_subquadratic_time)
