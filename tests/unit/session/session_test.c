/* SPDX-License-Identifier: MIT */
#include "session/session.h"

#include "../cache/engine.h"
#include "../unit.h"
#include "base/clock.h"
#include "base/mem.h"

static const struct slice user = SLICE("42");

static struct slice create(struct slice data, int64_t ttl_ms, char id[SESSION_ID + 1])
{
	struct session session;
	struct fault fault = {0};

	const struct session_new what = {.user_id = user, .data = data, .ttl_ms = ttl_ms};
	enum error error = session_create(engine.sessions, &what, id, &session, &fault);
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

	ck_assert_int_eq(session_create(engine.sessions, &what, id, &session, &fault), expected);
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

TEST_CALL(invalid_sessions_are_not_stored, engine_run("", bounds))

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
	ck_assert_int_eq(session_create(engine.sessions, &what, id, &session, &fault), OK);
	session_release(&session);
	ck_assert_int_eq(
		session_get(engine.sessions, slice_of(id, SESSION_ID), true, &session, &fault), OK);
	ck_assert(slice_equal(buf_slice(&session.user_id), odd));
	ck_assert_str_eq(session.data.p, "{\"\\u0000\": 9007199254740993}");
	ck_assert_int_eq(session.expires_wall_ms - session.last_seen_wall_ms, 1800000);
	session_release(&session);
}

TEST_CALL(any_text_comes_back_as_it_was, engine_run("", bytes))

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
		ck_assert_int_eq(session_get(engine.sessions, slice_of(ids[i], SESSION_ID), false,
					 &session, NULL),
			i < 4 ? ERR_UNKNOWN_SESSION : OK);
		session_release(&session);
	}
	clock_use_fake(NULL);
}

TEST_CALL(the_oldest_sessions_end_first_whatever_the_clock_says,
	engine_run("sessions: {max_per_user: 2}", order))

static enum error look(const char *id, bool touch, struct session *ret)
{
	return session_get(engine.sessions, slice_of(id, SESSION_ID), touch, ret, NULL);
}

static void seen_again(const char *id, int64_t at_ms)
{
	struct session session;

	ck_assert_int_eq(look(id, true, &session), OK);
	ck_assert_str_eq(session.data.p, "{\"n\":1}");
	ck_assert_int_eq(session.last_seen_wall_ms, at_ms);
	session_release(&session);
}

static size_t listed(void)
{
	struct session *sessions;
	size_t count;

	ck_assert_int_eq(session_list(engine.sessions, user, &sessions, &count, NULL), OK);
	for (size_t i = 0; i < count; i++)
		session_release(&sessions[i]);
	mem_free(sessions);
	return count;
}

static const int64_t right_ms = 1800000000000;

/* Used, changed and begun under clocks of 1970 and of the year 2554, then under the right one. */
static void wrong_clocks(void)
{
	static const int64_t wrong[] = {0, 12345, 999999999999, 10000000000000, 18446744073709};
	const struct session_change patch = {.patch = SLICE("{\"n\":1}")};
	struct clock_fake clock = {.mono_ns = clock_mono_ns(), .wall_ms = right_ms};
	char id[SESSION_ID + 1], other[SESSION_ID + 1];
	struct session session;

	engine_call("PING", NULL, NULL, NULL);
	clock_use_fake(&clock);
	create(SLICE("{\"n\":1}"), 60000, id);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		clock.wall_ms = wrong[i];
		ck_assert_int_eq(look(id, true, &session), OK);
		/* 13 digits without a zero before them, as every reader of JSON takes them. */
		ck_assert_int_ge(session.last_seen_wall_ms, 1000000000000);
		ck_assert_int_le(session.last_seen_wall_ms, 9999999999999);
		session_release(&session);
		ck_assert_int_eq(session_patch(engine.sessions, slice_of(id, SESSION_ID), &patch,
					 &session, NULL),
			OK);
		session_release(&session);
		create(SLICE("{\"n\":1}"), 60000, other);
		clock.wall_ms = right_ms + (int64_t)i;
		seen_again(id, clock.wall_ms);
		seen_again(other, clock.wall_ms);
		/* To begin one more forgets none that lives. */
		create(SLICE(""), 60000, other);
		ck_assert_int_eq((int64_t)listed(), 1 + 2 * ((int64_t)i + 1));
	}
	clock_use_fake(NULL);
}

TEST_CALL(a_session_used_under_a_wrong_clock_can_be_read_afterwards, engine_run("", wrong_clocks))

/* Past its age by one clock, and known again by the right one; before its birth by another. */
static void age(void)
{
	const struct session_new what = {.user_id = user,
		.ttl_ms = 200000,
		.max_age_ms = 100000,
		.data = SLICE("{\"n\":1}")};
	struct clock_fake clock = {.mono_ns = clock_mono_ns(), .wall_ms = right_ms};
	char id[SESSION_ID + 1];
	struct session session;

	engine_call("PING", NULL, NULL, NULL);
	clock_use_fake(&clock);
	ck_assert_int_eq(session_create(engine.sessions, &what, id, &session, NULL), OK);
	ck_assert_int_eq(session.expires_wall_ms, right_ms + 100000);
	session_release(&session);
	clock.wall_ms = right_ms + 100000;
	ck_assert_int_eq(look(id, true, &session), ERR_UNKNOWN_SESSION);
	clock.wall_ms = right_ms + 60000;
	seen_again(id, clock.wall_ms);
	clock.wall_ms = right_ms - 1000000;
	ck_assert_int_eq(look(id, true, &session), OK);
	ck_assert_int_eq(session.expires_wall_ms, clock.wall_ms + 100000);
	session_release(&session);
	clock.wall_ms = right_ms + 50000;
	ck_assert_int_eq(look(id, true, &session), OK);
	ck_assert_int_eq(session.expires_wall_ms, right_ms + 100000);
	session_release(&session);
	clock_use_fake(NULL);
}

TEST_CALL(an_age_is_counted_by_the_clock_and_ends_nothing_early, engine_run("", age))

static void refused_change(struct session_change change, enum error expected)
{
	char id[SESSION_ID + 1], fresh[SESSION_ID + 1];
	struct session session;
	struct fault fault;

	create(SLICE(""), 60000, id);
	ck_assert_int_eq(session_rotate(engine.sessions, slice_of(id, SESSION_ID), &change, fresh,
				 &session, &fault),
		expected);
	ck_assert_str_ne(fault.detail, "");
	ck_assert_int_eq(
		session_patch(engine.sessions, slice_of(id, SESSION_ID), &change, &session, &fault),
		expected);
	ck_assert_int_eq(look(id, false, &session), OK);
	ck_assert(slice_equal(buf_slice(&session.user_id), user));
	session_release(&session);
}

static void change_bounds(void)
{
	char *big = mem_zalloc(SESSION_DATA_BYTES + 1);

	engine_call("PING", NULL, NULL, NULL);
	refused_change((struct session_change){.ttl_ms = 999}, ERR_BAD_BODY);
	refused_change((struct session_change){.ttl_ms = -1}, ERR_BAD_BODY);
	refused_change((struct session_change){.ttl_ms = TTL_MAX_MS + 1}, ERR_BAD_BODY);
	refused_change((struct session_change){.grace_ms = SESSION_GRACE_MS + 1}, ERR_BAD_BODY);
	refused_change((struct session_change){.grace_ms = -1}, ERR_BAD_BODY);
	refused_change(
		(struct session_change){.set_user = true, .user_id = SLICE("\xff")}, ERR_BAD_BODY);
	refused_change((struct session_change){.set_user = true,
			       .user_id = slice_of(big, SESSION_USER_BYTES + 1)},
		ERR_BAD_BODY);
	refused_change((struct session_change){.patch = SLICE("[]")}, ERR_BAD_BODY);
	refused_change((struct session_change){.patch = SLICE(" ")}, ERR_BAD_JSON);
	refused_change((struct session_change){.patch = slice_of(big, SESSION_DATA_BYTES + 1)},
		ERR_TOO_LARGE);
	mem_free(big);
}

TEST_CALL(a_refused_change_changes_nothing, engine_run("", change_bounds))

TEST_SUITE("session", invalid_sessions_are_not_stored, any_text_comes_back_as_it_was,
	the_oldest_sessions_end_first_whatever_the_clock_says,
	a_session_used_under_a_wrong_clock_can_be_read_afterwards,
	an_age_is_counted_by_the_clock_and_ends_nothing_early, a_refused_change_changes_nothing)
