/* SPDX-License-Identifier: MIT */
#include "http/router.h"

#include <string.h>

#include "../unit.h"

static const struct route routes[] = {
	{.method = "GET", .path = "/"},
	{.method = "GET", .path = "/livez"},
	{.method = "GET", .path = "/api/v1/keys"},
	{.method = "GET", .path = "/api/v1/keys/{key}"},
	{.method = "PUT", .path = "/api/v1/keys/{key}"},
	{.method = "DELETE", .path = "/api/v1/keys/{key}"},
	{.method = "GET", .path = "/api/v1/keys/{key}/ttl"},
	{.method = "POST", .path = "/api/v1/operations/latest"},
	{.method = "GET", .path = "/api/v1/operations/{id}"},
	{.method = "DELETE", .path = "/users/{user_id}/sessions/{ref}"},
	{.method = NULL},
};

static struct router *router;
static struct router_match match;
static struct uri uri;
static struct fault fault;
static char text[256];

static enum error find(const char *method, const char *target)
{
	if (!router)
		router = router_new(routes);
	strcpy(text, target);
	ck_assert_int_eq(uri_parse(text, strlen(text), &uri, &fault), OK);
	return router_match(router, slice_str(method), &uri, &match, &fault);
}

START_TEST(each_row_is_found_by_method_and_path)
{
	ck_assert_int_eq(find("GET", "/"), OK);
	ck_assert_uint_eq(match.index, 0);
	ck_assert_int_eq(find("GET", "/livez"), OK);
	ck_assert_uint_eq(match.index, 1);
	ck_assert_int_eq(find("PUT", "/api/v1/keys/a"), OK);
	ck_assert_ptr_eq(match.route, &routes[4]);
	ck_assert_int_eq(find("GET", "/api/v1/keys/a/ttl?x"), OK);
	ck_assert_uint_eq(match.index, 6);
	router_free(router);
	router = NULL;
}
END_TEST

START_TEST(head_finds_the_row_of_get)
{
	ck_assert_int_eq(find("HEAD", "/livez"), OK);
	ck_assert_uint_eq(match.index, 1);
	ck_assert_int_eq(find("HEAD", "/api/v1/operations/latest"), OK);
	ck_assert_uint_eq(match.index, 8);
}
END_TEST

START_TEST(a_parameter_is_one_segment_of_any_bytes)
{
	ck_assert_int_eq(find("GET", "/api/v1/keys/a%2F..%2fb"), OK);
	ck_assert(slice_is(router_segment(router, match.index, &uri, "key"), "a/../b"));
	ck_assert_int_eq(find("DELETE", "/users/42/sessions/ab"), OK);
	ck_assert(slice_is(router_segment(router, match.index, &uri, "user_id"), "42"));
	ck_assert(slice_is(router_segment(router, match.index, &uri, "ref"), "ab"));
}
END_TEST

START_TEST(an_unknown_path_is_not_found)
{
	static const char *const unknown[] = {"/livez/", "//livez", "/livezz", "/api/v1/keys/",
		"/api%2fv1/keys", "/api/v1/keys/a/b", "/api", "/LIVEZ", "/./livez", "/x/../livez"};

	for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
		ck_assert_msg(find("GET", unknown[i]) == ERR_NOT_FOUND, "%s", unknown[i]);
		ck_assert_ptr_null(match.route);
		ck_assert_str_eq(match.allow, "");
	}
}
END_TEST

START_TEST(a_wrong_method_gets_the_list_of_right_ones)
{
	ck_assert_int_eq(find("POST", "/api/v1/keys/a"), ERR_METHOD_NOT_ALLOWED);
	ck_assert_str_eq(match.allow, "GET, HEAD, PUT, DELETE");
	ck_assert_ptr_null(match.route);
	ck_assert_int_eq(find("OPTIONS", "/livez"), ERR_METHOD_NOT_ALLOWED);
	ck_assert_str_eq(match.allow, "GET, HEAD");
}
END_TEST

TEST_SUITE("router", each_row_is_found_by_method_and_path, head_finds_the_row_of_get,
	a_parameter_is_one_segment_of_any_bytes, an_unknown_path_is_not_found,
	a_wrong_method_gets_the_list_of_right_ones)
