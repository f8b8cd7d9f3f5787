/* SPDX-License-Identifier: MIT */
#include "http/logins.h"

#include <string.h>

#include "../unit.h"

static const uint8_t token[SHA256_BYTES] = {1, 2, 3};
static struct logins *logins;
static char id[LOGIN_ID + 1];

static void begin(void)
{
	logins = logins_new();
	ck_assert_ptr_nonnull(logins_begin(logins, token, 0, id));
}

static const struct login *find(int64_t now_ms)
{
	return logins_find(logins, slice_of(id, LOGIN_ID), now_ms, true);
}

START_TEST(a_login_is_found_by_its_id_alone)
{
	char other[LOGIN_ID + 1];

	begin();
	ck_assert_uint_eq(strlen(id), LOGIN_ID);
	ck_assert_ptr_nonnull(find(1));
	ck_assert_mem_eq(find(1)->token_sha256, token, SHA256_BYTES);
	ck_assert_uint_eq(strlen(find(1)->csrf), LOGIN_CSRF);
	ck_assert_ptr_null(logins_find(logins, slice_of(id, LOGIN_ID - 1), 1, true));
	logins_begin(logins, token, 0, other);
	ck_assert_str_ne(id, other);
	id[0] = id[0] == '0' ? '1' : '0';
	ck_assert_ptr_null(find(1));
	logins_free(logins);
}
END_TEST

START_TEST(a_login_ends_when_it_is_not_used)
{
	begin();
	ck_assert_ptr_nonnull(find(LOGIN_IDLE_MS - 1));
	ck_assert_ptr_nonnull(find(2 * LOGIN_IDLE_MS - 2));
	ck_assert_ptr_null(find(3 * (int64_t)LOGIN_IDLE_MS - 2));
	logins_free(logins);
}
END_TEST

START_TEST(a_look_at_a_login_is_no_use_of_it)
{
	begin();
	ck_assert_ptr_nonnull(
		logins_find(logins, slice_of(id, LOGIN_ID), LOGIN_IDLE_MS - 1, false));
	ck_assert_ptr_null(find(LOGIN_IDLE_MS));
	logins_free(logins);
}
END_TEST

START_TEST(a_login_ends_at_its_age_however_much_it_is_used)
{
	begin();
	for (int64_t now = 0; now < LOGIN_AGE_MS; now += LOGIN_IDLE_MS / 2)
		ck_assert_ptr_nonnull(find(now));
	ck_assert_ptr_null(find(LOGIN_AGE_MS));
	logins_free(logins);
}
END_TEST

START_TEST(one_login_too_many_ends_the_longest_unused)
{
	char last[LOGIN_ID + 1], second[LOGIN_ID + 1];

	begin();
	logins_begin(logins, token, 1, second);
	for (int i = 2; i < LOGINS_MAX; i++)
		logins_begin(logins, token, i, last);
	ck_assert_ptr_nonnull(find(LOGINS_MAX));
	logins_begin(logins, token, LOGINS_MAX, last);
	ck_assert_ptr_nonnull(find(LOGINS_MAX));
	ck_assert_ptr_null(logins_find(logins, slice_of(second, LOGIN_ID), LOGINS_MAX, true));
	logins_free(logins);
}
END_TEST

START_TEST(a_login_that_was_ended_is_not_found)
{
	begin();
	logins_end(logins, find(1));
	ck_assert_ptr_null(find(1));
	logins_free(logins);
}
END_TEST

static size_t cookies(const char *header, struct slice *ret)
{
	struct slice value;
	size_t at = 0, count = 0;

	while (logins_cookie(slice_str(header), SLICE("cw"), &at, &value)) {
		*ret = value;
		count++;
	}
	return count;
}

START_TEST(each_cookie_of_the_name_is_read)
{
	struct slice value = {0};

	ck_assert_uint_eq(cookies("cw=abc", &value), 1);
	ck_assert(slice_is(value, "abc"));
	ck_assert_uint_eq(cookies("a=1; cw=x ;cw=yz; cwx=2; xcw=3", &value), 2);
	ck_assert(slice_is(value, "yz"));
	ck_assert_uint_eq(cookies("cw=", &value), 1);
	ck_assert_uint_eq(value.n, 0);
	ck_assert_uint_eq(cookies("cw; CW=1; ;;=; c", &value), 0);
	ck_assert_uint_eq(cookies("", &value), 0);
}
END_TEST

TEST_SUITE("logins", a_login_is_found_by_its_id_alone, a_login_ends_when_it_is_not_used,
	a_look_at_a_login_is_no_use_of_it, a_login_ends_at_its_age_however_much_it_is_used,
	one_login_too_many_ends_the_longest_unused, a_login_that_was_ended_is_not_found,
	each_cookie_of_the_name_is_read)
