/* SPDX-License-Identifier: MIT */
/* Heads as libmicrohttpd leaves them behind: NULs for colons and line ends, texts in place. */
#include "http/head.h"

#include <string.h>

#include "../unit.h"

static struct head head;

/*
 * `text` has `|` for each NUL. Method GET, target /x; the fields lie where `names` and `values` are
 * found.
 */
static bool whole(const char *text, size_t count, const char *const names[])
{
	static char raw[256];
	size_t n = strlen(text);
	struct head_bytes bytes = {.begin = raw, .n = n, .target_n = 2};

	memcpy(raw, text, n + 1);
	for (size_t i = 0; i < n; i++)
		if (raw[i] == '|')
			raw[i] = '\0';
	bytes.version = raw + 7;
	head_begin(&head, slice_of(raw, 3));
	for (size_t i = 0; i < count; i++) {
		const char *name = raw + (strstr(text, names[i]) - text);
		const char *value = name + strlen(name) + 1;

		value += strspn(value, " \t");
		head_add(&head, slice_str(name), slice_str(value));
	}
	return head_is_whole(&head, &bytes);
}

static const char *const ab[] = {"A", "B"};

START_TEST(head_whose_fields_fill_it_is_whole)
{
	ck_assert(whole("GET|/x|HTTP/1.1||||", 0, ab));
	ck_assert(whole("GET|/x|HTTP/1.1||A| 1||B|2||||", 2, ab));
	ck_assert(whole("GET|/x|HTTP/1.1||A| \t 1||B|||||", 2, ab));
}
END_TEST

START_TEST(head_with_something_between_is_not_whole)
{
	/* A folded line: the text of its own has gone to the name, which lies elsewhere then. */
	ck_assert(!whole("GET|/x|HTTP/1.1||A| 1|| 2||B|2||||", 2, ab));
	/* Bare line feeds. */
	ck_assert(!whole("GET|/x|HTTP/1.1|A| 1||B|2||||", 2, ab));
	ck_assert(!whole("GET|/x|HTTP/1.1||A| 1|B|2||||", 2, ab));
	ck_assert(!whole("GET|/x|HTTP/1.1||A| 1||B|2|||", 2, ab));
	/* A NUL within a value, or two of them, as if a line ended there. */
	ck_assert(!whole("GET|/x|HTTP/1.1||A| 1|2||B|2||||", 2, ab));
	ck_assert(!whole("GET|/x|HTTP/1.1||A| 1||2||B|2||||", 2, ab));
	ck_assert(!whole("GET|/x|HTTP/1.1||A| 1||B|2||3||||", 2, ab));
	/* A line that begins with a colon or a NUL ends the head too early. */
	ck_assert(!whole("GET|/x|HTTP/1.1||A| 1||B|2||| x||", 2, ab));
	ck_assert(!whole("GET|/x|HTTP/1.1||A| 1||B|2|||||", 2, ab));
	ck_assert(!whole("GET|/x|HTTP/1.1||||x", 0, ab));
}
END_TEST

START_TEST(head_with_more_in_the_request_line_is_not_whole)
{
	ck_assert(!whole("GET||/x|HTTP/1.1||||", 0, ab));
	ck_assert(!whole("GET|/x|y|HTTP/1.1||||", 0, ab));
}
END_TEST

START_TEST(a_head_that_is_kept_outlives_its_bytes)
{
	char raw[] = "GET|/x|HTTP/1.1||A| 1||B|||||";
	struct buf text = {0};
	struct slice value;

	buf_str(&text, "what was there before");
	head_begin(&head, slice_of(raw, 3));
	head_add(&head, slice_of(strchr(raw, 'A'), 1), slice_of(strstr(raw, " 1") + 1, 1));
	head_add(&head, slice_of(strchr(raw, 'B'), 1), slice_of(strstr(raw, "B|") + 2, 0));
	for (size_t i = head.field_count; i <= HEAD_MAX_FIELDS; i++)
		head_add(&head, SLICE("More"), SLICE("and more"));
	head_keep(&head, &text);
	memset(raw, '!', sizeof raw);
	ck_assert(slice_is(head.method, "GET"));
	ck_assert_uint_eq(head.field_count, HEAD_MAX_FIELDS);
	ck_assert(head_find(&head, SLICE("a"), &value) && slice_is(value, "1"));
	ck_assert(head_find(&head, SLICE("b"), &value) && slice_is(value, ""));
	ck_assert(slice_is(head.fields[HEAD_MAX_FIELDS - 1].value, "and more"));
	buf_release(&text);
}
END_TEST

TEST_SUITE("head", head_whose_fields_fill_it_is_whole, head_with_something_between_is_not_whole,
	head_with_more_in_the_request_line_is_not_whole, a_head_that_is_kept_outlives_its_bytes)
