/* SPDX-License-Identifier: MIT */
#include "cli/moment.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../unit.h"
#include "base/timestamp.h"

/* What the text means at 2026-03-29 12:00 UTC, the day on which Berlin's summer time began. */
static const char *when(const char *text, bool ahead)
{
	static struct buf out;
	int64_t now, ms;

	ck_assert_ptr_null(timestamp_parse(SLICE("2026-03-29T12:00:00Z"), &now));
	if (!cli_moment_parse(slice_str(text), now, ahead, &ms))
		return "none";
	buf_release(&out);
	timestamp_format(ms, &out);
	return out.p;
}

#define PAST(text, expected)  ck_assert_str_eq(when(text, false), expected)
#define AHEAD(text, expected) ck_assert_str_eq(when(text, true), expected)

START_TEST(moments)
{
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	PAST("8h", "2026-03-29T04:00:00.000Z");
	AHEAD("8h", "2026-03-29T20:00:00.000Z");
	PAST("13:59:59", "2026-03-29T11:59:59.000Z");
	PAST("14:00", "2026-03-29T12:00:00.000Z");
	AHEAD("14:00", "2026-03-30T12:00:00.000Z");
	PAST("14:01", "2026-03-28T13:01:00.000Z");
	PAST("0:30", "2026-03-28T23:30:00.000Z");
	PAST("today", "2026-03-28T23:00:00.000Z");
	PAST("yesterday", "2026-03-27T23:00:00.000Z");
	PAST("yesterday 14:00", "2026-03-28T13:00:00.000Z");
	AHEAD("tomorrow", "2026-03-29T22:00:00.000Z");
	PAST("2026-03-01", "2026-02-28T23:00:00.000Z");
	PAST("2026-03-01 6:00", "2026-03-01T05:00:00.000Z");
	PAST("2026-03-01T06:00:10", "2026-03-01T05:00:10.000Z");
	PAST("2026-03-01T06:00:10.5Z", "2026-03-01T06:00:10.500Z");
	PAST("2026-03-01T06:00:10-08:00", "2026-03-01T14:00:10.000Z");
}
END_TEST

/* The same of an end after a beginning; none = NULL. */
static const char *end_of(const char *text, const char *since)
{
	static struct buf out;
	int64_t now, begin = -1, ms;

	ck_assert_ptr_null(timestamp_parse(SLICE("2026-03-27T17:35:00Z"), &now));
	if (since)
		ck_assert(cli_moment_parse(slice_str(since), now, false, &begin));
	if (!cli_moment_parse_until(slice_str(text), now, begin, &ms))
		return "none";
	buf_release(&out);
	timestamp_format(ms, &out);
	return out.p;
}

START_TEST(ends)
{
	static const struct {
		const char *since, *until, *expected;
	} cases[] = {
		{"17:30", "17:36", "2026-03-27T17:36:00.000Z"},
		{"17:30", "17:34", "2026-03-27T17:34:00.000Z"},
		{"22:00", "23:00", "2026-03-26T23:00:00.000Z"},
		{"23:00", "6:00", "2026-03-27T06:00:00.000Z"},
		{"17:30", "17:30", "2026-03-28T17:30:00.000Z"},
		{"8h", "14:00", "2026-03-27T14:00:00.000Z"},
		{"yesterday", "17:36", "2026-03-27T17:36:00.000Z"},
		{"yesterday", "9:00", "2026-03-27T09:00:00.000Z"},
		{NULL, "17:36", "2026-03-27T17:36:00.000Z"},
		{NULL, "17:35", "2026-03-27T17:35:00.000Z"},
		{NULL, "9:00", "2026-03-27T09:00:00.000Z"},
		{NULL, "1h", "2026-03-27T16:35:00.000Z"},
		{"2h", "today 18:00", "2026-03-27T18:00:00.000Z"},
		{NULL, "25:00", "none"},
	};

	setenv("TZ", "UTC", 1);
	tzset();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		ck_assert_msg(
			strcmp(end_of(cases[i].until, cases[i].since), cases[i].expected) == 0,
			"case %zu: %s", i, end_of(cases[i].until, cases[i].since));
}
END_TEST

START_TEST(texts_that_are_none)
{
	static const char *const texts[] = {"", " ", "8", "24:00", "12:60", "12:", ":12", "1200",
		"12:00x", "yesterdayx", "yesterday ", "yesterday 25:00", "2026-02-29", "2026-13-01",
		"2026-1", "26-01-01", "2026-01-01x", "2026-01-01 ", "2026-01-01T", "-8h",
		"today12:00", "2026-01-01T06:00:00+1", "99999999999999d"};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		PAST(texts[i], "none");
		AHEAD(texts[i], "none");
	}
}
END_TEST

TEST_SUITE("cli_moment", moments, ends, texts_that_are_none)
