/* SPDX-License-Identifier: MIT */
#include "http/uri.h"

#include <stdio.h>
#include <string.h>

#include "../unit.h"

static char text[8192];
static struct uri uri;
static struct fault fault;

static enum error parse(const char *target)
{
	snprintf(text, sizeof text, "%s", target);
	return uri_parse(text, strlen(text), &uri, &fault);
}

START_TEST(a_path_is_split_and_decoded_once)
{
	ck_assert_int_eq(parse("/api/keys/a%2Fb%252F%ff+"), OK);
	ck_assert_uint_eq(uri.segment_count, 3);
	ck_assert(slice_is(uri.segments[0], "api"));
	ck_assert(slice_is(uri.segments[2], "a/b%2F\xff+"));
	ck_assert_uint_eq(uri.parameter_count, 0);
}
END_TEST

START_TEST(empty_and_dotted_segments_are_segments)
{
	ck_assert_int_eq(parse("/"), OK);
	ck_assert_uint_eq(uri.segment_count, 1);
	ck_assert_uint_eq(uri.segments[0].n, 0);
	ck_assert_int_eq(parse("//a/../%2e%2e/"), OK);
	ck_assert_uint_eq(uri.segment_count, 5);
	ck_assert(slice_is(uri.segments[2], ".."));
	ck_assert(slice_is(uri.segments[3], ".."));
	ck_assert_uint_eq(uri.segments[4].n, 0);
}
END_TEST

START_TEST(a_query_is_split_with_plus_as_space)
{
	ck_assert_int_eq(parse("/k?a=1+2%2B&b&&c=%26%3d="), OK);
	ck_assert_uint_eq(uri.parameter_count, 3);
	ck_assert(slice_is(uri_parameter(&uri, "a")->value, "1 2+"));
	ck_assert_uint_eq(uri_parameter(&uri, "b")->value.n, 0);
	ck_assert(slice_is(uri_parameter(&uri, "c")->value, "&=="));
	ck_assert_ptr_null(uri_parameter(&uri, "d"));
	ck_assert_int_eq(parse("/k?"), OK);
	ck_assert_uint_eq(uri.parameter_count, 0);
}
END_TEST

START_TEST(bad_escapes_are_refused_at_any_place)
{
	static const char *const bad[] = {
		"/%", "/%4", "/%zz", "/a%2", "/%%41", "/a?b=%", "/a?%g1=1", "/a/%4/b", "/% 1"};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_assert_msg(parse(bad[i]) == ERR_BAD_REQUEST, "%s", bad[i]);
}
END_TEST

START_TEST(a_key_may_hold_a_nul_and_a_query_may_not)
{
	ck_assert_int_eq(parse("/keys/foo%00bar"), OK);
	ck_assert(slice_equal(uri.segments[1], SLICE("foo\0bar")));
	ck_assert_int_eq(parse("/keys?a=%00"), ERR_BAD_REQUEST);
	ck_assert_int_eq(parse("/keys?%00"), ERR_BAD_REQUEST);
	ck_assert_ptr_nonnull(strstr(fault.detail, "%00"));
}
END_TEST

static void absolute(const char *target, const char *authority, size_t segments, const char *first)
{
	ck_assert_int_eq(parse(target), OK);
	ck_assert(slice_is(uri.authority, authority));
	ck_assert_uint_eq(uri.segment_count, segments);
	ck_assert(slice_is(uri.segments[0], first));
}

START_TEST(the_absolute_form_also_gives_its_host)
{
	absolute("http://localhost:8480/livez", "localhost:8480", 1, "livez");
	absolute("HTTPS://[::1]/a/b?c=d", "[::1]", 2, "a");
	ck_assert(slice_is(uri_parameter(&uri, "c")->value, "d"));
	absolute("http://h", "h", 1, "");
	absolute("http://h?c=1", "h", 1, "");
	ck_assert(slice_is(uri_parameter(&uri, "c")->value, "1"));
	absolute("http:///a", "", 1, "a");
	absolute("http://u@h//a", "u@h", 2, "");
	ck_assert_int_eq(parse("/a"), OK);
	ck_assert_ptr_null(uri.authority.p);
}
END_TEST

START_TEST(no_other_form_is_taken)
{
	static const char *const bad[] = {
		"", "*", "http:/x", "ftp://h/x", "http:", "a", "evil:80", "?a=1"};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_assert_msg(parse(bad[i]) == ERR_BAD_REQUEST, "%s", bad[i]);
}
END_TEST

START_TEST(raw_bytes_that_must_be_encoded_are_refused)
{
	static const char *const bad[] = {"/a b", "/a\tb", "/\x01", "/\x7f", "/\xc3\xa9", "/a#b"};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_assert_msg(parse(bad[i]) == ERR_BAD_REQUEST, "%s", bad[i]);
	memcpy(text, "/a\0b", 4);
	ck_assert_int_eq(uri_parse(text, 4, &uri, &fault), ERR_BAD_REQUEST);
}
END_TEST

START_TEST(length_and_counts_are_bounded)
{
	char long_target[URI_MAX_BYTES + 2];

	memset(long_target, 'a', sizeof long_target);
	long_target[0] = '/';
	ck_assert_int_eq(uri_parse(long_target, URI_MAX_BYTES, &uri, &fault), OK);
	ck_assert_int_eq(uri_parse(long_target, URI_MAX_BYTES + 1, &uri, &fault), ERR_URI_TOO_LONG);
	ck_assert_int_eq(parse("/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16"), OK);
	ck_assert_int_eq(parse("/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17"), ERR_NOT_FOUND);
}
END_TEST

START_TEST(parameters_are_bounded_and_single)
{
	char many[512] = "/a?";

	for (int i = 0; i < URI_MAX_PARAMETERS; i++)
		snprintf(many + strlen(many), sizeof many - strlen(many), "p%d&", i);
	ck_assert_int_eq(parse(many), OK);
	strcat(many, "one_more");
	ck_assert_int_eq(parse(many), ERR_BAD_PARAMETER);
	ck_assert_int_eq(parse("/a?ttl=1&t%74l=2"), ERR_BAD_PARAMETER);
	ck_assert_ptr_nonnull(strstr(fault.detail, "ttl is given twice"));
}
END_TEST

TEST_SUITE("uri", a_path_is_split_and_decoded_once, empty_and_dotted_segments_are_segments,
	a_query_is_split_with_plus_as_space, bad_escapes_are_refused_at_any_place,
	a_key_may_hold_a_nul_and_a_query_may_not, the_absolute_form_also_gives_its_host,
	no_other_form_is_taken, raw_bytes_that_must_be_encoded_are_refused,
	length_and_counts_are_bounded, parameters_are_bounded_and_single)
