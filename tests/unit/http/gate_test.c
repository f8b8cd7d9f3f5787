/* SPDX-License-Identifier: MIT */
#include "http/gate.h"

#include <string.h>

#include "../unit.h"

static struct head head;
static struct fault fault;

static void begin(const char *method)
{
	head_begin(&head, slice_str(method));
}

static void add(const char *name, const char *value)
{
	head_add(&head, slice_str(name), slice_str(value));
}

/* The fields step on a head with one field. */
static enum error one_field(const char *name, const char *value)
{
	begin("GET");
	add(name, value);
	return gate_fields(&head, &fault);
}

START_TEST(only_known_upper_case_methods_are_taken)
{
	static const char *const good[] = {
		"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
	static const char *const bad[] = {"get", "TRACE", "CONNECT", "PROPFIND", "", "GET\t", "G"};

	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		ck_assert_int_eq(gate_method(slice_str(good[i]), &fault), OK);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_assert_msg(
			gate_method(slice_str(bad[i]), &fault) == ERR_UNKNOWN_METHOD, "%s", bad[i]);
}
END_TEST

START_TEST(header_names_are_tokens_and_values_have_no_control_bytes)
{
	ck_assert_int_eq(one_field("X-A_b.1", "any \t text, \xc3\xa9"), OK);
	ck_assert_int_eq(one_field("Transfer-Encoding ", "chunked"), ERR_BAD_REQUEST);
	ck_assert_int_eq(one_field("", "x"), ERR_BAD_REQUEST);
	ck_assert_int_eq(one_field("X\tA", "x"), ERR_BAD_REQUEST);
	ck_assert_int_eq(one_field("X(A)", "x"), ERR_BAD_REQUEST);
	ck_assert_int_eq(one_field("X-A", "a\rb"), ERR_BAD_REQUEST);
	ck_assert_int_eq(one_field("X-A", "a\x7f"), ERR_BAD_REQUEST);
	begin("GET");
	head_add(&head, SLICE("X-A"), slice_of("a\0b", 3));
	ck_assert_int_eq(gate_fields(&head, &fault), ERR_BAD_REQUEST);
}
END_TEST

START_TEST(deciding_headers_given_twice_are_refused)
{
	static const char *const single[] = {"Host", "authorization", "CONTENT-TYPE",
		"Content-Length", "Cookie", "Expect", "Origin", "X-Request-Id"};

	for (size_t i = 0; i < sizeof single / sizeof *single; i++) {
		begin("GET");
		add(single[i], "1");
		add("X-Between", "1");
		ck_assert_int_eq(gate_fields(&head, &fault), OK);
		add(single[i], "1");
		ck_assert_int_eq(gate_fields(&head, &fault), ERR_BAD_REQUEST);
	}
	begin("GET");
	add("Accept", "a");
	add("Accept", "b");
	ck_assert_int_eq(gate_fields(&head, &fault), OK);
}
END_TEST

START_TEST(headers_are_bounded_in_number_and_bytes)
{
	static char value[HEAD_MAX_BYTES];

	begin("GET");
	for (int i = 0; i < HEAD_MAX_FIELDS; i++)
		add("A", "b");
	ck_assert_int_eq(gate_fields(&head, &fault), OK);
	add("A", "b");
	ck_assert_int_eq(gate_fields(&head, &fault), ERR_HEADERS_TOO_LARGE);
	memset(value, 'v', sizeof value);
	begin("GET");
	head_add(&head, SLICE("A"), slice_of(value, sizeof value - 5));
	ck_assert_int_eq(gate_fields(&head, &fault), OK);
	begin("GET");
	head_add(&head, SLICE("A"), slice_of(value, sizeof value - 4));
	ck_assert_int_eq(gate_fields(&head, &fault), ERR_HEADERS_TOO_LARGE);
}
END_TEST

static enum error host(const char *value, bool local)
{
	static const struct slice names[] = {{"localhost", 9}, {"cache.example", 13}};
	struct gate_hosts hosts = {names + local, 2 - local, local, false};

	begin("GET");
	if (value)
		add("Host", value);
	ck_assert_int_eq(gate_fields(&head, &fault), OK);
	return gate_host(&head, &hosts, &fault);
}

START_TEST(a_host_is_an_address_or_on_the_list)
{
	static const char *const good[] = {"localhost", "LOCALHOST:8480", "cache.example:1",
		"127.0.0.1", "127.0.0.1:8480", "10.1.2.3:80", "[::1]", "[::1]:8480",
		"[2001:db8::1]:", "localhost:"};
	static const char *const misdirected[] = {"evil.test", "localhost.", "localhost.evil",
		"127.0.0.1.", "127.0.0.1.evil.test", "0x7f000001", "127.1", "2130706433",
		"[localhost]", "[127.0.0.1]"};

	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		ck_assert_msg(host(good[i], false) == OK, "%s", good[i]);
	for (size_t i = 0; i < sizeof misdirected / sizeof *misdirected; i++)
		ck_assert_msg(host(misdirected[i], false) == ERR_MISDIRECTED, "%s", misdirected[i]);
}
END_TEST

START_TEST(what_is_not_a_host_is_refused)
{
	static const char *const bad[] = {"", ":80", "a:b", "localhost:80:80", "a@localhost",
		"localhost/x", "local host", "[::1", "[::1]x", "::1", "localhost:123456",
		"localhost,evil", "[]", "localhost\xc3\xa9"};

	ck_assert_int_eq(host(NULL, false), ERR_BAD_REQUEST);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_assert_msg(host(bad[i], false) == ERR_BAD_REQUEST, "%s", bad[i]);
}
END_TEST

START_TEST(a_unix_socket_serves_localhost_and_the_list)
{
	ck_assert_int_eq(host("localhost", true), OK);
	ck_assert_int_eq(host("cache.example", true), OK);
	ck_assert_int_eq(host("evil.test", true), ERR_MISDIRECTED);
}
END_TEST

static enum error framing(const char *method, const char *name, const char *value)
{
	begin(method);
	add(name, value);
	ck_assert_int_eq(gate_fields(&head, &fault), OK);
	return gate_framing(&head, &fault);
}

START_TEST(any_transfer_encoding_is_refused)
{
	ck_assert_int_eq(framing("POST", "Transfer-Encoding", "chunked"), ERR_LENGTH_REQUIRED);
	ck_assert_int_eq(framing("POST", "transfer-encoding", "identity"), ERR_LENGTH_REQUIRED);
	ck_assert_int_eq(framing("GET", "Transfer-Encoding", ""), ERR_LENGTH_REQUIRED);
	begin("POST");
	add("Content-Length", "3");
	add("Transfer-Encoding", "xchunked");
	add("Transfer-Encoding", "chunked");
	ck_assert_int_eq(gate_fields(&head, &fault), OK);
	ck_assert_int_eq(gate_framing(&head, &fault), ERR_LENGTH_REQUIRED);
}
END_TEST

START_TEST(a_length_is_digits_only)
{
	static const char *const bad[] = {
		"", "-1", "+1", "1,1", "1 1", "0x10", "1.0", "1e3", "\xd9\xa1"};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_assert_msg(
			framing("POST", "Content-Length", bad[i]) == ERR_BAD_REQUEST, "%s", bad[i]);
	ck_assert_int_eq(framing("POST", "Content-Length", "17"), OK);
	ck_assert_int_eq(head.length, 17);
	ck_assert_int_eq(framing("POST", "Content-Length", "0017"), OK);
	ck_assert_int_eq(head.length, 17);
	ck_assert_int_eq(framing("POST", "Content-Length", "10000000000000000000"), OK);
	ck_assert_int_eq(head.length, INT64_MAX);
	ck_assert_int_eq(framing("POST", "X-None", ""), OK);
	ck_assert_int_eq(head.length, 0);
}
END_TEST

START_TEST(a_read_with_a_body_is_refused)
{
	ck_assert_int_eq(framing("GET", "Content-Length", "0"), OK);
	ck_assert_int_eq(framing("GET", "Content-Length", "1"), ERR_BAD_REQUEST);
	ck_assert_int_eq(framing("HEAD", "Content-Length", "1"), ERR_BAD_REQUEST);
}
END_TEST

static const struct route json = {"POST", "/j", SCOPE_NONE, ROUTE_JSON, NULL, "wait strict", ""};
static const struct route bytes = {"PUT", "/b", SCOPE_NONE, ROUTE_BYTES, NULL, "", ""};
static const struct route bare = {"DELETE", "/d", SCOPE_NONE, 0, NULL, NULL, ""};

static enum error body(const struct route *route, const char *type, const char *length)
{
	begin(route->method);
	if (type)
		add("Content-Type", type);
	if (length)
		add("Content-Length", length);
	ck_assert_int_eq(gate_fields(&head, &fault), OK);
	ck_assert_int_eq(gate_framing(&head, &fault), OK);
	return gate_body(&head, route, 100, &fault);
}

START_TEST(a_json_route_takes_only_json)
{
	static const char *const good[] = {"application/json", "Application/JSON; charset=utf-8",
		"application/merge-patch+json", "application/json ;x=y"};
	static const char *const bad[] = {"application/x-www-form-urlencoded", "text/plain",
		"multipart/form-data", "application/jsonx", "application/+json", "json",
		"text/+json", ""};

	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		ck_assert_msg(body(&json, good[i], "2") == OK, "%s", good[i]);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		ck_assert_msg(body(&json, bad[i], "2") == ERR_UNSUPPORTED_TYPE, "%s", bad[i]);
		ck_assert_msg(body(&json, bad[i], NULL) == ERR_UNSUPPORTED_TYPE, "%s", bad[i]);
	}
	ck_assert_int_eq(body(&json, NULL, "2"), ERR_UNSUPPORTED_TYPE);
	ck_assert_str_eq(fault.detail, "send Content-Type: application/json (curl --json)");
	ck_assert_int_eq(body(&json, NULL, NULL), OK);
	ck_assert_int_eq(body(&json, NULL, "0"), OK);
	ck_assert_int_eq(body(&bytes, "image/png", "2"), OK);
	ck_assert_int_eq(body(&bytes, NULL, "2"), OK);
}
END_TEST

START_TEST(a_body_beyond_the_limit_of_its_route_is_refused)
{
	ck_assert_int_eq(body(&json, "application/json", "100"), OK);
	ck_assert_int_eq(body(&json, "application/json", "101"), ERR_TOO_LARGE);
	ck_assert_int_eq(body(&json, "application/json", "99999999999999999999"), ERR_TOO_LARGE);
	ck_assert_int_eq(body(&bare, NULL, "1"), ERR_BAD_BODY);
	ck_assert_int_eq(body(&bare, "text/plain", "0"), OK);
}
END_TEST

START_TEST(only_100_continue_is_expected)
{
	begin("POST");
	add("Expect", "100-Continue");
	ck_assert_int_eq(gate_fields(&head, &fault), OK);
	ck_assert_int_eq(gate_body(&head, &json, 100, &fault), OK);
	begin("POST");
	add("Expect", "200-ok");
	ck_assert_int_eq(gate_fields(&head, &fault), OK);
	ck_assert_int_eq(gate_body(&head, &json, 100, &fault), ERR_EXPECTATION_FAILED);
}
END_TEST

static enum error query(const struct route *route, const char *target)
{
	char text[256];
	struct uri uri;

	strcpy(text, target);
	ck_assert_int_eq(uri_parse(text, strlen(text), &uri, &fault), OK);
	return gate_query(&uri, route, &fault);
}

START_TEST(unknown_query_parameters_are_refused)
{
	ck_assert_int_eq(query(&json, "/j?wait=1&strict=true"), OK);
	ck_assert_int_eq(query(&json, "/j?wai=1"), ERR_BAD_PARAMETER);
	ck_assert_ptr_nonnull(strstr(fault.detail, "wai is not known"));
	ck_assert_ptr_nonnull(strstr(fault.detail, "wait strict"));
	ck_assert_int_eq(query(&json, "/j?wait+strict=1"), ERR_BAD_PARAMETER);
	ck_assert_int_eq(query(&json, "/j?=1"), ERR_BAD_PARAMETER);
	ck_assert_int_eq(query(&bytes, "/b?x"), ERR_BAD_PARAMETER);
	ck_assert_int_eq(query(&bare, "/d?x"), ERR_BAD_PARAMETER);
	ck_assert_int_eq(query(&bare, "/d"), OK);
}
END_TEST

START_TEST(a_token_in_the_query_is_refused)
{
	ck_assert_int_eq(query(&json, "/j?access_token=x"), ERR_BAD_REQUEST);
	ck_assert_int_eq(query(&json, "/j?wait=1&%61ccess_token="), ERR_BAD_REQUEST);
}
END_TEST

static enum error origin(const char *name, const char *value)
{
	begin("POST");
	add("Host", "localhost:8480");
	add(name, value);
	ck_assert_int_eq(gate_fields(&head, &fault), OK);
	return gate_origin_of_change(&head, &fault);
}

START_TEST(a_page_of_another_site_may_not_write)
{
	ck_assert_int_eq(origin("Origin", "http://localhost:8480"), OK);
	ck_assert_int_eq(origin("Origin", "https://LOCALHOST:8480"), OK);
	ck_assert_int_eq(origin("Origin", "http://localhost:8481"), ERR_FORBIDDEN);
	ck_assert_int_eq(origin("Origin", "http://evil.test"), ERR_FORBIDDEN);
	ck_assert_int_eq(origin("Origin", "null"), ERR_FORBIDDEN);
	ck_assert_int_eq(origin("Sec-Fetch-Site", "cross-site"), ERR_FORBIDDEN);
	ck_assert_int_eq(origin("Sec-Fetch-Site", "same-site"), ERR_FORBIDDEN);
	ck_assert_int_eq(origin("Sec-Fetch-Site", "same-origin"), OK);
	ck_assert_int_eq(origin("X-None", "1"), OK);
}
END_TEST

TEST_SUITE("gate", only_known_upper_case_methods_are_taken,
	header_names_are_tokens_and_values_have_no_control_bytes,
	deciding_headers_given_twice_are_refused, headers_are_bounded_in_number_and_bytes,
	a_host_is_an_address_or_on_the_list, what_is_not_a_host_is_refused,
	a_unix_socket_serves_localhost_and_the_list, any_transfer_encoding_is_refused,
	a_length_is_digits_only, a_read_with_a_body_is_refused, a_json_route_takes_only_json,
	a_body_beyond_the_limit_of_its_route_is_refused, only_100_continue_is_expected,
	unknown_query_parameters_are_refused, a_token_in_the_query_is_refused,
	a_page_of_another_site_may_not_write)
