/* SPDX-License-Identifier: MIT */
#include "base/timestamp.h"
#include "text/quantity.h"

#include <string.h>

#include "../unit.h"

static void check_duration(const char *text, int64_t ms)
{
	int64_t got = -1;
	const char *why = quantity_parse_duration(slice_str(text), &got);

	ck_assert_msg(!why, "%s %s", text, why);
	ck_assert_msg(got == ms, "%s gives %lld", text, (long long)got);
}

START_TEST(durations_are_read)
{
	check_duration("0", 0);
	check_duration("0s", 0);
	check_duration("250ms", 250);
	check_duration("90s", 90000);
	check_duration("1h30m", 5400000);
	check_duration("7d", 604800000);
	check_duration("2w1d1h1m1s1ms", 1299661001);
	check_duration("9223372036854775807ms", INT64_MAX);
}
END_TEST

START_TEST(other_durations_are_refused_with_the_reason)
{
	static const struct {
		const char *text, *reason;
	} rows[] = {
		{"", "not a duration"},
		{"s", "not a duration"},
		{"5", "without its unit"},
		{"1h30", "without its unit"},
		{"1.5h", "not a duration"},
		{"-1s", "not a duration"},
		{"+1s", "not a duration"},
		{"1 s", "not a duration"},
		{" 1s", "not a duration"},
		{"1S", "not a duration"},
		{"1y", "not a duration"},
		{"01s", "not a duration"},
		{"30m1h", "large to small"},
		{"1s1s", "large to small"},
		{"1ms1s", "large to small"},
		{"9223372036854775808ms", "too long"},
		{"9223372036854775807ms1ms", "large to small"},
		{"9223372036854776s", "too long"},
		{"15250284452w4d", "too long"},
		{"99999999999999999999999w", "too long"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int64_t ms = -7;
		const char *why = quantity_parse_duration(slice_str(rows[i].text), &ms);

		ck_assert_msg(why && strstr(why, rows[i].reason), "%s: %s", rows[i].text,
			why ? why : "accepted");
		ck_assert_int_eq(ms, -7);
	}
	ck_assert_ptr_nonnull(quantity_parse_duration(slice_of("1s\0", 3), &(int64_t){0}));
}
END_TEST

START_TEST(durations_are_written_and_read_back)
{
	static const struct {
		int64_t ms;
		const char *text;
	} rows[] = {
		{0, "0s"},
		{1, "1ms"},
		{1500, "1s500ms"},
		{5400000, "1h30m"},
		{604800000, "7d"},
		{3600000, "1h"},
		{-90000, "-1m30s"},
		{INT64_MIN, "-106751991167d7h12m55s808ms"},
	};
	struct buf out = {0};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		buf_clear(&out);
		quantity_format_duration(rows[i].ms, &out);
		ck_assert_str_eq(out.p, rows[i].text);
		if (rows[i].ms >= 0)
			check_duration(out.p, rows[i].ms);
	}
	buf_release(&out);
}
END_TEST

START_TEST(sizes_are_read)
{
	static const struct {
		const char *text;
		int64_t bytes;
	} rows[] = {
		{"0", 0},
		{"512", 512},
		{"64KiB", 65536},
		{"1MiB", 1048576},
		{"2GiB", 2147483648},
		{"5KB", 5000},
		{"5MB", 5000000},
		{"5GB", 5000000000},
		{"9223372036854775807", INT64_MAX},
	};
	static const char *const bad[] = {"", "KiB", "1kb", "1K", "1.5MiB", "-1", "1 KiB", "1KiB1",
		"1KiB1KiB", "01", "9223372036854775808", "9007199254740992KiB", "8589934592GiB"};
	int64_t bytes;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		ck_assert_msg(
			!quantity_parse_size(slice_str(rows[i].text), &bytes), "%s", rows[i].text);
		ck_assert_int_eq(bytes, rows[i].bytes);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_assert_msg(quantity_parse_size(slice_str(bad[i]), &bytes) != NULL, "%s", bad[i]);
}
END_TEST

START_TEST(sizes_are_written_exactly)
{
	static const struct {
		int64_t bytes;
		const char *text;
	} rows[] = {
		{0, "0"},
		{1000, "1000"},
		{1024, "1KiB"},
		{1025, "1025"},
		{65536, "64KiB"},
		{268435456, "256MiB"},
		{-2048, "-2KiB"},
	};
	struct buf out = {0};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		buf_clear(&out);
		quantity_format_size(rows[i].bytes, &out);
		ck_assert_str_eq(out.p, rows[i].text);
	}
	buf_release(&out);
}
END_TEST

START_TEST(times_are_read_and_written)
{
	static const struct {
		const char *text, *normal;
	} rows[] = {
		{"1970-01-01", "1970-01-01T00:00:00.000Z"},
		{"2026-11-24T05:45:18.123Z", "2026-11-24T05:45:18.123Z"},
		{"2026-11-24T05:45:18Z", "2026-11-24T05:45:18.000Z"},
		{"2026-11-24T05:45:18.1239999Z", "2026-11-24T05:45:18.123Z"},
		{"2026-11-24T05:45:18+05:30", "2026-11-24T00:15:18.000Z"},
		{"2026-11-24T23:45:18-01:00", "2026-11-25T00:45:18.000Z"},
		{"2024-02-29", "2024-02-29T00:00:00.000Z"},
		{"1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"},
		{"0000-01-01", "0000-01-01T00:00:00.000Z"},
		{"9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"},
	};
	struct buf out = {0};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int64_t ms;

		ck_assert_msg(!timestamp_parse(slice_str(rows[i].text), &ms), "%s", rows[i].text);
		buf_clear(&out);
		timestamp_format(ms, &out);
		ck_assert_str_eq(out.p, rows[i].normal);
	}
	buf_clear(&out);
	timestamp_format(INT64_MIN, &out);
	timestamp_format(INT64_MAX, &out);
	buf_release(&out);
}
END_TEST

START_TEST(invalid_times_are_refused)
{
	static const char *const bad[] = {"", "2026", "2026-11", "2026-1-1", "2026-13-01",
		"2026-00-10", "2026-11-00", "2026-11-31", "2023-02-29", "1900-02-29", "2026-11-24T",
		"2026-11-24T05", "2026-11-24T05:45", "2026-11-24T05:45:18", "2026-11-24T24:00:00Z",
		"2026-11-24T05:60:00Z", "2026-11-24T05:45:60Z", "2026-11-24T05:45:18.Z",
		"2026-11-24T05:45:18.1", "2026-11-24T05:45:18+0100", "2026-11-24T05:45:18+24:00",
		"2026-11-24T05:45:18+01:60", "2026-11-24T05:45:18ZZ", "2026-11-24 05:45:18Z",
		"2026-11-24Z", " 2026-11-24", "+026-11-24", "2026-11-24T05:45:18*01:00"};
	int64_t ms;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_assert_msg(timestamp_parse(slice_str(bad[i]), &ms) != NULL, "%s", bad[i]);
}
END_TEST

TEST_SUITE("quantity", durations_are_read, other_durations_are_refused_with_the_reason,
	durations_are_written_and_read_back, sizes_are_read, sizes_are_written_exactly,
	times_are_read_and_written, invalid_times_are_refused)
