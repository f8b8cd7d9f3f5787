/* SPDX-License-Identifier: MIT */
#include "cache/session.h"

#include "../unit.h"
#include "base/clock.h"
#include "base/mem.h"
#include "engine.h"

static const struct slice user = SLICE("42");

static struct slice create(struct slice data, int64_t ttl_ms, char id[SESSION_ID + 1])
{
	struct session session;
	struct fault fault = {0};

	const struct session_new what = {.user_id = user, .data = data, .ttl_ms = ttl_ms};
	enum error error = session_create(&engine, &what, id, &session, &fault);
	ck_assert_msg(error == OK, "%s", fault.detail);
	session_release(&session);
	return slice_of(id, SESSION_ID);
}

static void refused(struct slice who, struct slice data, int64_t ttl_ms, enum error expected)
{
	const struct session_new what = {.user_id = who, .data = data, .ttl_ms = ttl_ms};
	char id[SESSION_ID + 1];
	struct session session;
	struct fault fault;

	ck_assert_int_eq(session_create(&engine, &what, id, &session, &fault), expected);
	ck_assert_str_ne(fault.detail, "");
	session_release(&session);
}

static void bounds(void)
{
	char *big = mem_zalloc(SESSION_DATA_BYTES + 1);

	engine_call("PING", NULL, NULL, NULL);
	refused(SLICE("\xff"), SLICE("{}"), 0, ERR_BAD_BODY);
	refused(slice_of(big, SESSION_USER_BYTES + 1), SLICE("{}"), 0, ERR_BAD_BODY);
	refused(user, SLICE("[]"), 0, ERR_BAD_BODY);
	refused(user, SLICE("{"), 0, ERR_BAD_JSON);
	refused(user, SLICE("{\"a\":1,\"a\":1}"), 0, ERR_BAD_JSON);
	refused(user, slice_of(big, SESSION_DATA_BYTES + 1), 0, ERR_TOO_LARGE);
	refused(user, SLICE("{}"), 999, ERR_BAD_BODY);
	refused(user, SLICE("{}"), -1, ERR_BAD_BODY);
	refused(user, SLICE("{}"), TTL_MAX_MS + 1, ERR_BAD_BODY);
	ck_assert_int_eq(engine_call("DBSIZE", NULL, NULL, NULL), 0);
	mem_free(big);
}

START_TEST(what_is_no_session_stores_nothing)
{
	engine_run("", bounds);
}
END_TEST

/* A NUL in data and user_id, which no HTTP body may have. */
static void bytes(void)
{
	static const struct slice odd = {"a\0b", 3};
	char id[SESSION_ID + 1];
	struct session session;
	struct fault fault;

	engine_call("PING", NULL, NULL, NULL);
	const struct session_new what = {
		.user_id = odd, .data = SLICE(" {\"\\u0000\": 9007199254740993} ")};
	ck_assert_int_eq(session_create(&engine, &what, id, &session, &fault), OK);
	session_release(&session);
	ck_assert_int_eq(
		session_get(&engine, slice_of(id, SESSION_ID), true, &session, &fault), OK);
	ck_assert(slice_equal(buf_slice(&session.user_id), odd));
	ck_assert_str_eq(session.data.p, "{\"\\u0000\": 9007199254740993}");
	ck_assert_int_eq(session.expires_wall_ms - session.last_seen_wall_ms, 1800000);
	session_release(&session);
}

START_TEST(any_text_comes_back_as_it_was)
{
	engine_run("", bytes);
}
END_TEST

/* Begun within one millisecond of a clock that stands still, and then goes back. */
static void order(void)
{
	struct clock_fake clock = {.mono_ns = clock_mono_ns(), .wall_ms = 1800000000000};
	char ids[6][SESSION_ID + 1];
	struct session session;

	engine_call("PING", NULL, NULL, NULL);
	clock_use_fake(&clock);
	for (int i = 0; i < 6; i++) {
		clock.wall_ms -= i == 3 ? 5000 : 0;
		create(SLICE(""), 60000, ids[i]);
	}
	for (int i = 0; i < 6; i++) {
		ck_assert_int_eq(
			session_get(&engine, slice_of(ids[i], SESSION_ID), false, &session, NULL),
			i < 4 ? ERR_UNKNOWN_SESSION : OK);
		session_release(&session);
	}
	clock_use_fake(NULL);
}

START_TEST(the_first_begun_end_whatever_the_clock_says)
{
	engine_run("sessions: {max_per_user: 2}", order);
}
END_TEST

TEST_SUITE("session", what_is_no_session_stores_nothing, any_text_comes_back_as_it_was,
	the_first_begun_end_whatever_the_clock_says)
