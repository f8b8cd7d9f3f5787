/* SPDX-License-Identifier: MIT */
#include "redis/monitor_line.h"

#include <stdlib.h>

#include "../unit.h"

static struct buf seen;

static void looked_up(void *context, struct slice key)
{
	(void)context;
	buf_add(&seen, key);
	buf_char(&seen, ',');
}

/* The keys that a line looks up; NULL if it is none. */
static const char *lookups(struct slice text)
{
	struct monitor_line line;

	buf_clear(&seen);
	buf_str(&seen, "");
	if (!monitor_line_parse(text, &line))
		return NULL;
	monitor_line_lookups(&line, looked_up, NULL);
	return seen.n ? seen.p : "";
}

#define HEAD "1339518083.107412 [0 127.0.0.1:60866] "

START_TEST(keys_that_are_looked_up_are_found)
{
	static const struct {
		struct slice line;
		const char *keys;
	} cases[] = {
		{SLICE(HEAD "\"get\" \"user:1\""), "user:1,"},
		{SLICE(HEAD "\"MGET\" \"a\" \"b\" \"c\""), "a,b,c,"},
		{SLICE(HEAD "\"set\" \"a\" \"get\""), ""},
		{SLICE(HEAD "\"hget\" \"h\" \"field\""), "h,"},
		{SLICE(HEAD "\"zinter\" \"2\" \"z1\" \"z2\" \"WITHSCORES\""), "z1,z2,"},
		{SLICE(HEAD "\"zinter\" \"x\" \"z1\""), ""},
		{SLICE(HEAD "\"zinter\" \"99999999999\" \"z1\""), ""},
		{SLICE(HEAD "\"get\" \"a\\\"b\\\\c\\n\\x41\\xff\""), "a\"b\\c\nA\xff,"},
		{SLICE(HEAD "\"get\""), ""},
		{SLICE(HEAD "\"get\" \"never ends"), ""},
		{SLICE(HEAD "\"get\" \"ends with \\"), ""},
		{SLICE(HEAD "\"nothing known\" \"a\""), ""},
		{SLICE("1.5 [3 unix:/tmp/a b].sock] \"get\" \"k\""), "k,"},
		{SLICE("1.5 [0 lua] \"get\" \"k\""), "k,"},
		{SLICE("OK"), NULL},
		{SLICE(""), NULL},
		{SLICE("1.5 [x 1.2.3.4:5] \"get\" \"k\""), NULL},
		{SLICE("1.5 [0 1.2.3.4:5"), NULL},
		{SLICE("1.5 [99999999 1.2.3.4:5] \"get\" \"k\""), NULL},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *keys = lookups(cases[i].line);

		if (cases[i].keys)
			ck_assert_str_eq(keys, cases[i].keys);
		else
			ck_assert_ptr_null(keys);
	}
	buf_release(&seen);
}
END_TEST

START_TEST(the_database_is_told)
{
	struct monitor_line line;

	ck_assert(monitor_line_parse(SLICE("1.5 [12 1.2.3.4:5] \"get\" \"k\""), &line));
	ck_assert_uint_eq(line.database, 12);
}
END_TEST

START_TEST(any_bytes_do_no_harm)
{
	char text[64];
	uint64_t x = 88172645463325252;

	for (int round = 0; round < 20000; round++) {
		size_t n = 0;

		while (n < sizeof text) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			text[n++] = "1. [0]\"\\xagetGET \n\377"[x % 19];
		}
		/* From memory of its own, so that a sanitizer sees what is read behind it. */
		size_t length = x % sizeof text;
		char *copy = malloc(length ? length : 1);

		for (size_t i = 0; i < length; i++)
			copy[i] = text[i];
		lookups(slice_of(copy, length));
		free(copy);
	}
	buf_release(&seen);
}
END_TEST

TEST_SUITE("monitor_line", keys_that_are_looked_up_are_found, the_database_is_told,
	any_bytes_do_no_harm)
