/* SPDX-License-Identifier: MIT */
#include "source/http_url.h"

#include <string.h>

#include "../unit.h"
#include "text/template.h"

/* What the path comes to with {id}; NULL = refused. */
static void expect_path(const char *path, const char *id, const char *expected)
{
	const char *why;
	struct conf_source conf = {.type = SOURCE_HTTP,
		.base_url = "http://h/v1/",
		.url_path = template_parse(slice_str(path), &why)};
	struct source_param param = {.name = SLICE("id"), .value = slice_str(id)};
	struct source_call call = {.conf = &conf, .params = &param, .param_count = 1};
	struct buf url = {0};
	struct fault fault = {0};
	enum error error = http_url_make(&call, 1, &url, &fault);

	if (expected) {
		ck_assert_msg(error == OK, "%s: %s", id, fault.detail);
		ck_assert_str_eq(url.p, expected);
	} else {
		ck_assert_msg(error == ERR_BAD_PARAMETER, "%s: %s", id, url.p);
		ck_assert_int_eq(fault.error, ERR_BAD_PARAMETER);
		ck_assert_ptr_nonnull(strstr(fault.detail, path));
		ck_assert_ptr_nonnull(strstr(fault.detail, "another address"));
	}
	buf_release(&url);
	template_free(conf.url_path);
}

START_TEST(a_value_stays_within_its_segment)
{
	static const char *const away[] = {".", "..", "/", "a/b", "../x", "x/..", "%2e%2E", "%2F",
		"a%2fb", "..%2f", "%2e", "..\\x", "x\\..", "%2e%2e%5cx", "x%5C.."};

	for (size_t i = 0; i < sizeof away / sizeof *away; i++) {
		expect_path("/u/{id}", away[i], NULL);
		expect_path("/{id}/x", away[i], NULL);
	}
	expect_path("/u/.{id}", ".", NULL);
	expect_path("/u/{id}.", ".", NULL);
	expect_path("/u/{id}{id}", ".", NULL);
	expect_path("/u/%2e{id}", ".", NULL);
}
END_TEST

START_TEST(other_values_are_sent_as_they_are)
{
	expect_path("/u/{id}", "...", "http://h/v1/u/...");
	expect_path("/u/{id}.json", ".", "http://h/v1/u/..json");
	expect_path("/u/{id}", "a.b", "http://h/v1/u/a.b");
	expect_path("/u/{id}", "%25", "http://h/v1/u/%2525");
	expect_path("/u/{id}", "100%", "http://h/v1/u/100%25");
	expect_path("/u/{id}", "%2", "http://h/v1/u/%252");
	expect_path("/u/{id}", "%zz", "http://h/v1/u/%25zz");
	expect_path("/u/{id}", "DOMAIN\\user", "http://h/v1/u/DOMAIN%5Cuser");
	expect_path("/u/{id}", "\xc3\xa9", "http://h/v1/u/%C3%A9");
	/* Not in the path; and what the configuration itself says. */
	expect_path("/u?at={id}", "../a/b", "http://h/v1/u?at=..%2Fa%2Fb");
	expect_path("/a/../{id}", "b", "http://h/v1/a/../b");
}
END_TEST

static void expect_next(
	const char *url, const char *parameter, const char *next, const char *expected)
{
	struct conf_source conf = {.base_url = (char *)(uintptr_t) "https://h/v1",
		.pages_parameter = (char *)(uintptr_t)parameter};
	struct buf text = {0};
	struct fault fault = {.detail = ""};

	buf_str(&text, url);
	enum error error = http_url_next(&conf, slice_str(next), &text, &fault);
	ck_assert_msg(
		error ? strstr(fault.detail, expected) != NULL : !strcasecmp(text.p, expected),
		"%s: %s", next, error ? fault.detail : text.p);
	buf_release(&text);
}

START_TEST(the_next_page_is_on_the_same_server)
{
	expect_next("https://h/v1/a?p=1", NULL, "https://h/v1/a?p=2", "https://h/v1/a?p=2");
	expect_next("https://h/v1/a?p=1", NULL, "https://H:443/b", "https://H:443/b");
	expect_next("https://h/v1/a?p=1", NULL, "?p=2", "https://h/v1/a?p=2");
	expect_next("https://h/v1/a?p=1", NULL, "/b", "https://h/b");
	expect_next("https://h/v1/a?p=1", NULL, "b", "https://h/v1/b");
	expect_next("https://h/a", NULL, "//other/b", "is on another server, which must not get");
	expect_next("https://h/a", NULL, "http://h/a?token=x", "of this source: http://h/a");
	expect_next("https://h/a", NULL, "https://h:8443/a", "another server");
	expect_next("https://h/a", NULL, "https://u:p@h/a", "another server");
	expect_next("https://h/a", NULL, "https://h.evil/a", "another server");
	expect_next("https://h/a", NULL, "https://h/a b", "cannot be read");
	expect_next("https://h/a", NULL, "https://[h/a", "cannot be read");
}
END_TEST

START_TEST(the_next_page_is_a_parameter)
{
	expect_next("https://h/a", "cursor", "x/&=y", "https://h/a?cursor=x%2F%26%3Dy");
	expect_next("https://h/a?n=5", "cursor", "2", "https://h/a?n=5&cursor=2");
	expect_next("https://h/a?cursor=1&n=5&xcursor=3", "cursor", "2",
		"https://h/a?n=5&xcursor=3&cursor=2");
	expect_next("https://h/a?cursor=1", "cursor", "https://evil/",
		"https://h/a?cursor=https%3A%2F%2Fevil%2F");
}
END_TEST

static void expect_shown(const char *url, const char *expected)
{
	char shown[HTTP_SHOWN_BYTES];

	http_show(url, shown);
	ck_assert_str_eq(shown, expected);
}

START_TEST(no_message_shows_credentials_or_queries)
{
	expect_shown("http://h:80/a?token=x#y", "http://h:80/a");
	expect_shown(
		"https://bob:hunter2@s3.example/o?X-Amz-Signature=dead", "https://s3.example/o");
	expect_shown("https://bob:hun@ter2@h/o", "an address that cannot be read");
	expect_shown("https://bob@h/", "https://h/");
	expect_shown("ftp://bob:pw;type=a@h/x?y", "ftp://h/x");
	expect_shown("http://h/a/../b", "http://h/a/../b");
	expect_shown("https:bob:pw@h/x", "an address that cannot be read");
	expect_shown("http://h/\\\\bob:pw@x", "http://h/");
	expect_shown("nonsense with pw", "an address that cannot be read");
	expect_shown("", "an address that cannot be read");
	char url[400] = "http://h/";
	memset(url + 9, 'a', 390);
	char shown[HTTP_SHOWN_BYTES];
	http_show(url, shown);
	ck_assert_uint_eq(strlen(shown), HTTP_SHOWN_BYTES - 1);
}
END_TEST

TEST_SUITE("http_url", a_value_stays_within_its_segment, other_values_are_sent_as_they_are,
	the_next_page_is_on_the_same_server, the_next_page_is_a_parameter,
	no_message_shows_credentials_or_queries)
