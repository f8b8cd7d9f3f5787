/* SPDX-License-Identifier: MIT */
#include "text/cron.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/timestamp.h"
#include "text/quantity.h"

#include "../unit.h"

static struct cron parse(const char *text)
{
	struct cron cron;
	const char *why = cron_parse(slice_str(text), &cron);

	ck_assert_msg(!why, "%s %s", text, why);
	return cron;
}

static struct zone *load(const char *name)
{
	const char *why;
	struct zone *zone = zone_load(name, &why);

	ck_assert_msg(zone != NULL, "%s", name);
	return zone;
}

/* `2026-11-24 05:45` or with seconds; read as UTC. */
static int64_t seconds(const char *text)
{
	struct buf full = {0};
	int64_t ms;

	buf_printf(&full, "%.10sT%s%sZ", text, text + 11, strlen(text) == 16 ? ":00" : "");
	ck_assert_msg(!timestamp_parse(buf_slice(&full), &ms), "%s", text);
	buf_release(&full);
	return ms / 1000;
}

static void check_next(
	const char *expression, const struct zone *zone, int64_t after_s, const char *expected)
{
	struct cron cron = parse(expression);
	int64_t next = cron_next(&cron, zone, after_s);
	struct buf text = {0};

	if (next >= 0)
		timestamp_format(next * 1000, &text);
	ck_assert_msg(next == (expected ? seconds(expected) : -1), "%s: %s, not %s", expression,
		next >= 0 ? text.p : "never", expected ? expected : "never");
	buf_release(&text);
}

START_TEST(expressions_become_sets)
{
	struct cron c = parse("*/15 9-17 1,15 jan-Mar,12 Mon-Fri");

	ck_assert_uint_eq(c.minutes, (uint64_t)1 << 0 | 1 << 15 | 1 << 30 | (uint64_t)1 << 45);
	ck_assert_uint_eq(c.hours, 0x3fe00);
	ck_assert_uint_eq(c.days, 1 << 1 | 1 << 15);
	ck_assert_uint_eq(c.months, 1 << 1 | 1 << 2 | 1 << 3 | 1 << 12);
	ck_assert_uint_eq(c.weekdays, 0x3e);
	ck_assert(!c.any_day && !c.any_weekday && c.every_real_minute);
	c = parse("5/20 0-23/12 */10 ? ?");
	ck_assert_uint_eq(c.minutes, (uint64_t)1 << 5 | 1 << 25 | (uint64_t)1 << 45);
	ck_assert_uint_eq(c.hours, 1 | 1 << 12);
	ck_assert_uint_eq(c.days, 1 << 1 | 1 << 11 | 1 << 21 | (uint32_t)1 << 31);
	ck_assert_uint_eq(c.months, 0x1ffe);
	ck_assert_uint_eq(c.weekdays, 0x7f);
	ck_assert(c.any_day && c.any_weekday && !c.every_real_minute);
	ck_assert_uint_eq(parse("59 23 31 12 7").weekdays, 1);
	ck_assert_uint_eq(parse("0 0 * * 0,7").weekdays, 1);
	ck_assert_uint_eq(parse("0 0 * * 5-7").weekdays, 1 | 1 << 5 | 1 << 6);
	ck_assert_uint_eq(parse("0 0 * * FRI-SUN").weekdays, 1 | 1 << 5 | 1 << 6);
	ck_assert_uint_eq(parse("0 0 * * SUN-TUE").weekdays, 7);
	ck_assert_uint_eq(parse("0 0 * * */2").weekdays, 1 | 1 << 2 | 1 << 4 | 1 << 6);
	ck_assert_uint_eq(parse(" \t0\t0  *  *\t* ").minutes, 1);
	ck_assert_uint_eq(parse("*/60 0 * * *").minutes, 1);
	ck_assert_uint_eq(
		parse("59,0,30-31 0 * * *").minutes, 1 | (uint64_t)1 << 59 | (uint64_t)3 << 30);
}
END_TEST

START_TEST(macros_stand_for_expressions)
{
	static const char *const rows[][2] = {{"@hourly", "0 * * * *"}, {"@daily", "0 0 * * *"},
		{"@midnight", "0 0 * * *"}, {"@weekly", "0 0 * * 0"}, {"@monthly", "0 0 1 * *"},
		{"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {" @daily ", "0 0 * * *"}};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct cron a = parse(rows[i][0]), b = parse(rows[i][1]);

		ck_assert(memcmp(&a, &b, sizeof a) == 0);
	}
}
END_TEST

START_TEST(other_texts_are_refused_with_the_reason)
{
	static const char *const rows[][2] = {
		{"", "five fields"},
		{"   ", "five fields"},
		{"* * * *", "five fields"},
		{"0 0 0 * * *", "leave out the seconds"},
		{"* * * * * * *", "five fields"},
		{"@reboot", "write on: [startup]"},
		{"@every 5m", "write {every: 25m}"},
		{"@every", "write {every: 25m}"},
		{"CRON_TZ=Europe/Paris 0 3 * * *", "write it as time_zone"},
		{"TZ=UTC 0 3 * * *", "write it as time_zone"},
		{"@Daily", "is not one of"},
		{"@daily 5", "five fields"},
		{"60 * * * *", "a minute outside 0-59"},
		{"99999999999999999999 * * * *", "a minute outside"},
		{"-1 * * * *", "a minute that is not"},
		{"* 24 * * *", "an hour outside 0-23"},
		{"* * 0 * *", "a day of the month outside 1-31"},
		{"* * 32 * *", "a day of the month outside"},
		{"* * * 0 *", "a month outside"},
		{"* * * 13 *", "a month outside"},
		{"* * * JANUARY *", "a month that is not"},
		{"* * * FOO *", "a month that is not"},
		{"* * * MON *", "a month that is not"},
		{"* * * * 8", "a weekday outside"},
		{"* * * * JAN", "a weekday that is not"},
		{"JAN * * * *", "a minute that is not"},
		{"30-10 * * * *", "range of minutes that runs backwards"},
		{"* 22-4 * * *", "range of hours that runs backwards"},
		{"* * * * TUE-MON", "range of weekdays that runs backwards"},
		{"*/0 * * * *", "step of minutes"},
		{"*/61 * * * *", "step of minutes"},
		{"*/90 * * * *", "step of minutes"},
		{"* */25 * * *", "step of hours"},
		{"*/ * * * *", "a minute that is not"},
		{"*/-5 * * * *", "a minute that is not"},
		{"*5 * * * *", "a minute that is not"},
		{"*-5 * * * *", "a minute that is not"},
		{"1, * * * *", "a minute that is not"},
		{",1 * * * *", "a minute that is not"},
		{"1,,2 * * * *", "a minute that is not"},
		{"1-2-3 * * * *", "a minute that is not"},
		{"1- * * * *", "a minute that is not"},
		{"1/2/3 * * * *", "a minute that is not"},
		{"* * L * *", "a day of the month that is not"},
		{"* * 15W * *", "a day of the month that is not"},
		{"* * * * 5#3", "a weekday that is not"},
		{"0\n0 * * *", "five fields"},
		{"0 0 31 2 *", "never comes"},
		{"0 0 30 2 ?", "never comes"},
		{"0 0 31 4,6,9,11 *", "never comes"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct cron cron;
		const char *why = cron_parse(slice_str(rows[i][0]), &cron);

		ck_assert_msg(why && strstr(why, rows[i][1]), "\"%s\": %s", rows[i][0],
			why ? why : "accepted");
	}
	ck_assert_ptr_nonnull(cron_parse(slice_of("0 0 * * *\0", 10), &(struct cron){0}));
	parse("0 0 31 2 MON");
	parse("0 0 29 2 *");
}
END_TEST

START_TEST(the_next_time_in_utc)
{
	static const struct {
		const char *expression, *after, *next;
	} rows[] = {
		{"* * * * *", "2026-11-24 05:45", "2026-11-24 05:46"},
		{"* * * * *", "2026-11-24 05:45:59", "2026-11-24 05:46"},
		{"*/30 * * * *", "2026-11-24 05:45:18", "2026-11-24 06:00"},
		{"*/30 * * * *", "2026-11-24 06:00", "2026-11-24 06:30"},
		{"15 4 * * *", "2026-11-24 04:14:59", "2026-11-24 04:15"},
		{"15 4 * * *", "2026-11-24 04:15", "2026-11-25 04:15"},
		{"0 0 * * MON", "2026-11-24 00:00", "2026-11-30 00:00"},
		{"59 23 31 12 *", "2026-12-31 23:59", "2027-12-31 23:59"},
		{"@monthly", "2026-12-15 00:00", "2027-01-01 00:00"},
		{"@yearly", "2026-01-01 00:00", "2027-01-01 00:00"},
		{"0 0 31 * *", "2026-03-31 00:00", "2026-05-31 00:00"},
		{"0 0 29 2 *", "2026-11-24 00:00", "2028-02-29 00:00"},
		{"0 0 29 2 *", "2096-03-01 00:00", NULL},
		{"* * 29 2 *", "2096-03-01 00:00", NULL},
		/* One of the two is enough: Friday, or the 13th. */
		{"0 0 13 * FRI", "2026-11-24 00:00", "2026-11-27 00:00"},
		{"0 0 13 * FRI", "2026-12-11 00:00", "2026-12-13 00:00"},
		/* A field that begins with a star restricts with the other. */
		{"0 0 */2 * TUE", "2026-11-24 00:00", "2026-12-01 00:00"},
		{"0 0 1-31 * TUE", "2026-11-24 00:00", "2026-11-25 00:00"},
		{"0 12 31 2 WED", "2026-11-24 00:00", "2027-02-03 12:00"},
	};
	struct zone *utc = load("UTC");

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		check_next(rows[i].expression, utc, seconds(rows[i].after), rows[i].next);
	zone_free(utc);
}
END_TEST

START_TEST(the_next_time_where_clocks_change)
{
	static const struct {
		const char *zone, *expression, *after, *next; /* times in UTC */
	} rows[] = {
		{"Asia/Kolkata", "30 5 * * *", "2026-11-24 00:00", "2026-11-25 00:00"},
		{"Asia/Kolkata", "0 * * * *", "2026-11-24 00:00", "2026-11-24 00:30"},
		{"Europe/Paris", "30 4 * * *", "2026-11-24 00:00", "2026-11-24 03:30"},
		{"Europe/Paris", "30 4 * * *", "2026-07-24 00:00", "2026-07-24 02:30"},
		/* Paris, 29 March 2026: 02:00 becomes 03:00, at 01:00 UTC. */
		{"Europe/Paris", "30 2 * * *", "2026-03-28 00:00", "2026-03-28 01:30"},
		{"Europe/Paris", "30 2 * * *", "2026-03-28 01:30", "2026-03-29 01:00"},
		{"Europe/Paris", "30 2 * * *", "2026-03-29 01:00", "2026-03-30 00:30"},
		{"Europe/Paris", "0,30 2,3 * * *", "2026-03-29 00:00", "2026-03-29 01:00"},
		{"Europe/Paris", "0,30 2,3 * * *", "2026-03-29 01:00", "2026-03-29 01:30"},
		{"Europe/Paris", "0 2 * * *", "2026-03-29 00:59:59", "2026-03-29 01:00"},
		{"Europe/Paris", "*/30 2 * * *", "2026-03-29 00:00", "2026-03-30 00:00"},
		{"Europe/Paris", "*/30 * * * *", "2026-03-29 00:30", "2026-03-29 01:00"},
		/* Paris, 25 October 2026: 03:00 becomes 02:00, at 01:00 UTC. */
		{"Europe/Paris", "30 2 * * *", "2026-10-25 00:00", "2026-10-25 00:30"},
		{"Europe/Paris", "30 2 * * *", "2026-10-25 00:30", "2026-10-26 01:30"},
		{"Europe/Paris", "30 2 * * *", "2026-10-25 01:15", "2026-10-26 01:30"},
		{"Europe/Paris", "0 3 * * *", "2026-10-25 00:00", "2026-10-25 02:00"},
		{"Europe/Paris", "30 * * * *", "2026-10-25 00:30", "2026-10-25 01:30"},
		{"Europe/Paris", "*/30 2 * * *", "2026-10-25 00:30", "2026-10-25 01:00"},
		{"Europe/Paris", "*/30 2 * * *", "2026-10-25 01:30", "2026-10-26 01:00"},
		{"America/New_York", "30 2 * * *", "2026-03-08 06:00", "2026-03-08 07:00"},
		{"America/New_York", "30 1 * * *", "2026-11-01 05:00", "2026-11-01 05:30"},
		{"America/New_York", "30 1 * * *", "2026-11-01 05:30", "2026-11-02 06:30"},
		{"America/New_York", "@hourly", "2026-11-01 05:00", "2026-11-01 06:00"},
		/* Lord Howe, 4 October 2026: 02:00 becomes 02:30, at 15:30 UTC the day before. */
		{"Australia/Lord_Howe", "15 2 * * *", "2026-10-03 15:00", "2026-10-03 15:30"},
		{"Australia/Lord_Howe", "15 2 * * *", "2026-10-03 15:30", "2026-10-04 15:15"},
		{"Australia/Lord_Howe", "*/10 * * * *", "2026-10-03 15:20", "2026-10-03 15:30"},
		{"Australia/Lord_Howe", "0 * * * *", "2026-10-03 15:00", "2026-10-03 16:00"},
		/* Lord Howe, 5 April 2026: 02:00 becomes 01:30, at 15:00 UTC the day before. */
		{"Australia/Lord_Howe", "45 1 * * *", "2026-04-04 14:00", "2026-04-04 14:45"},
		{"Australia/Lord_Howe", "45 1 * * *", "2026-04-04 14:45", "2026-04-05 15:15"},
		{"Australia/Lord_Howe", "45 * * * *", "2026-04-04 14:45", "2026-04-04 15:15"},
		/* Far behind the table, by the rule: 25 March 2096. */
		{"Europe/Paris", "30 2 25 3 *", "2095-12-01 00:00", "2096-03-25 01:00"},
		/* A midnight that never was, and a day. */
		{"America/Sao_Paulo", "@daily", "2018-11-03 12:00", "2018-11-04 03:00"},
		{"Pacific/Apia", "0 12 * * *", "2011-12-29 22:00", "2011-12-30 10:00"},
		{"Pacific/Apia", "0 12 * * *", "2011-12-30 10:00", "2011-12-30 22:00"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct zone *zone = load(rows[i].zone);

		check_next(rows[i].expression, zone, seconds(rows[i].after), rows[i].next);
		zone_free(zone);
	}
}
END_TEST

enum { window_minutes = 2 * 1440, minutes_before = 720 };

/*
 * The minutes around a change at which a fixed time of day is due: each time the clocks show it,
 * save in the second pass of an overlap, and at the end of the gap that swallows it.
 */
static bool is_due(int64_t t, int64_t change, int64_t local, int64_t jump, int at)
{
	if (t == change && jump > 0)
		for (int64_t missed = local - jump; missed < local; missed += 60)
			if (missed / 60 % 1440 == at)
				return true;
	return local / 60 % 1440 == at && !(t >= change && t < change - jump);
}

static void check_fixed_times(const struct zone *zone, int64_t change)
{
	int64_t from = change - minutes_before * 60, locals[window_minutes];
	int64_t jump = zone_offset(zone, change) - zone_offset(zone, change - 1);

	for (int i = 0; i < window_minutes; i++)
		locals[i] = from + i * 60 + zone_offset(zone, from + i * 60);
	for (int at = 0; at < 1440; at += 10) {
		char expression[32];

		snprintf(expression, sizeof expression, "%d %d * * *", at % 60, at / 60);
		struct cron cron = parse(expression);
		int64_t next = cron_next(&cron, zone, from - 1);
		for (int i = 0; i < window_minutes; i++) {
			int64_t t = from + i * 60;

			if (is_due(t, change, locals[i], jump, at) != (t == next))
				ck_abort_msg("%s at %lld", expression, (long long)t);
			if (t == next)
				next = cron_next(&cron, zone, t);
		}
	}
}

/* A job of every 5 minutes, and one of a full hour, against each real minute. */
static void check_real_minutes(const struct zone *zone, int64_t change)
{
	struct cron five = parse("*/5 * * * *"), hourly = parse("0 * * * *");
	int64_t next_five = cron_next(&five, zone, change - 14400);
	int64_t next_hour = cron_next(&hourly, zone, change - 14400);

	for (int64_t t = change - 14400 + 60; t < change + 14400; t += 60) {
		int64_t minute = (t + zone_offset(zone, t)) / 60;

		ck_assert_int_eq(minute % 5 == 0, t == next_five);
		ck_assert_int_eq(minute % 60 == 0, t == next_hour);
		if (t == next_five)
			next_five = cron_next(&five, zone, t);
		if (t == next_hour)
			next_hour = cron_next(&hourly, zone, t);
	}
}

/* Each local date has exactly one fire of a fixed time, whatever clocks do. */
static void check_one_fire_a_date(const struct zone *zone, int64_t change, int at)
{
	char expression[32];

	snprintf(expression, sizeof expression, "%d %d * * *", at % 60, at / 60);
	struct cron cron = parse(expression);
	int64_t t = change - 5 * 86400, last = -1;
	for (int i = 0; i < 10; i++) {
		t = cron_next(&cron, zone, t);
		int64_t date = (t + zone_offset(zone, t)) / 86400;

		ck_assert_msg(last < 0 || date == last + 1, "%s near %lld: %lld after %lld",
			expression, (long long)change, (long long)date, (long long)last);
		last = date;
	}
}

START_TEST(jobs_run_once_over_each_clock_change_of_four_decades)
{
	static const char *const names[] = {
		"Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"};
	int changes = 0;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct zone *zone = load(names[i]);
		int64_t end = seconds("2038-01-01 00:00");
		int64_t change = zone_next_change(zone, seconds("2000-01-01 00:00"));

		for (; change < end; change = zone_next_change(zone, change)) {
			check_fixed_times(zone, change);
			check_real_minutes(zone, change);
			for (int at = 0; at < 1440; at += 15)
				check_one_fire_a_date(zone, change, at);
			changes++;
		}
		zone_free(zone);
	}
	ck_assert_int_eq(changes, 3 * 2 * 38);
}
END_TEST

START_TEST(any_text_is_parsed_or_refused)
{
	static const char letters[] = "0123456789*/-,? JANMONSUN@dailyL#";
	struct zone *zone = load("Europe/Paris");
	int parsed = 0;

	for (int i = 0; i < 50000; i++) {
		char text[24];
		size_t n = 9 + (size_t)random() % 8;
		struct cron cron;

		for (size_t j = 0; j < n; j++)
			text[j] = j % 2 ? ' '
					: letters[(size_t)random() % (i % 2 ? 11 : sizeof letters)];
		if (cron_parse(slice_of(text, n), &cron))
			continue;
		parsed++;
		int64_t next = cron_next(&cron, zone, 1795499118);
		ck_assert(next > 1795499118);
	}
	ck_assert_int_gt(parsed, 100);
	zone_free(zone);
}
END_TEST

START_TEST(periods_count_from_the_epoch)
{
	ck_assert_int_eq(cron_every_next(1500000, 0), 1500000);
	ck_assert_int_eq(cron_every_next(1500000, 1499999), 1500000);
	ck_assert_int_eq(cron_every_next(1500000, 1500000), 3000000);
	ck_assert_int_eq(cron_every_next(1000, -1), 0);
	ck_assert_int_eq(cron_every_next(1000, -1000), 0);
	ck_assert_int_eq(cron_every_next(1000, -1001), -1000);
	ck_assert_int_eq(cron_every_next(1, 1795499118123), 1795499118124);
	ck_assert_int_eq(cron_every_next(INT64_MAX, 5), INT64_MAX);
	ck_assert_int_eq(cron_every_next(INT64_MAX - 1, INT64_MAX - 1), INT64_MAX);
}
END_TEST

TEST_SUITE("cron", expressions_become_sets, macros_stand_for_expressions,
	other_texts_are_refused_with_the_reason, the_next_time_in_utc,
	the_next_time_where_clocks_change, jobs_run_once_over_each_clock_change_of_four_decades,
	any_text_is_parsed_or_refused, periods_count_from_the_epoch)
