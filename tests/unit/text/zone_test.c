/* SPDX-License-Identifier: MIT */
/* Time zones beside the C library's, which each test process may set as it likes. */
#include "text/zone.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "text/zone_rule.h"

#include "../unit.h"

static const char *const names[] = {"Europe/Paris", "America/New_York", "Australia/Lord_Howe",
	"Asia/Kolkata", "UTC", "Europe/Dublin", "America/Sao_Paulo", "America/St_Johns",
	"Pacific/Apia", "Africa/Casablanca", "Antarctica/Troll", "Asia/Gaza", "Etc/GMT+5"};

enum { name_count = sizeof names / sizeof *names };

#define YEAR_S (int64_t)31556952

static struct zone *load(const char *name)
{
	const char *why = "";
	struct zone *zone = zone_load(name, &why);

	ck_assert_msg(zone && !why, "%s %s", name, why);
	return zone;
}

static int32_t libc_offset(int64_t utc_s)
{
	time_t time = (time_t)utc_s;
	struct tm tm;

	localtime_r(&time, &tm);
	return (int32_t)tm.tm_gmtoff;
}

static void use_libc_zone(const char *name)
{
	setenv("TZ", name, 1);
	tzset();
}

static int64_t random_time(int64_t from_year, int64_t to_year)
{
	int64_t span = (to_year - from_year) * YEAR_S;

	return (from_year - 1970) * YEAR_S + (random() * (int64_t)2147483648 + random()) % span;
}

START_TEST(offsets_agree_with_the_c_library)
{
	for (int i = 0; i < name_count; i++) {
		struct zone *zone = load(names[i]);

		use_libc_zone(names[i]);
		for (int j = 0; j < 20000; j++) {
			int64_t at = random_time(1950, 2400);

			ck_assert_msg(zone_offset(zone, at) == libc_offset(at),
				"%s at %lld: %d, not %d", names[i], (long long)at,
				zone_offset(zone, at), libc_offset(at));
		}
		zone_free(zone);
	}
}
END_TEST

START_TEST(changes_are_exact_and_complete)
{
	for (int i = 0; i < name_count; i++) {
		struct zone *zone = load(names[i]);
		int64_t at = -20 * YEAR_S, hour = at;

		use_libc_zone(names[i]);
		while (at < 130 * YEAR_S) {
			int64_t next = zone_next_change(zone, at);
			int64_t until = next < 130 * YEAR_S ? next : 130 * YEAR_S;

			for (; hour < until; hour += 25 * 3600)
				ck_assert_int_eq(libc_offset(hour), zone_offset(zone, at));
			if (next < 130 * YEAR_S) {
				ck_assert_int_ne(libc_offset(next - 1), libc_offset(next));
				ck_assert_int_eq(
					zone_offset(zone, next - 1), libc_offset(next - 1));
				ck_assert_int_eq(zone_offset(zone, next), libc_offset(next));
				ck_assert_int_eq(zone_next_change(zone, next - 1), next);
			}
			at = next;
		}
		zone_free(zone);
	}
}
END_TEST

START_TEST(local_times_convert_back)
{
	for (int i = 0; i < name_count; i++) {
		struct zone *zone = load(names[i]);

		for (int j = 0; j < 20000; j++) {
			int64_t at = random_time(1950, 2100), back;

			if (j % 2) { /* near a change */
				int64_t change = zone_next_change(zone, at);
				at = change < 200 * YEAR_S ? change + random() % 14400 - 7200 : at;
			}
			enum zone_fit fit =
				zone_from_local(zone, at + zone_offset(zone, at), &back);
			ck_assert_int_ne(fit, ZONE_GAP);
			if (back != at) {
				ck_assert_int_eq(fit, ZONE_TWICE);
				ck_assert_int_lt(back, at);
				ck_assert_int_eq(
					back + zone_offset(zone, back), at + zone_offset(zone, at));
			}
		}
		zone_free(zone);
	}
}
END_TEST

START_TEST(gaps_and_overlaps_are_reported)
{
	static const struct {
		const char *name;
		int64_t local, utc;
		enum zone_fit fit;
	} rows[] = {
		/* 2026-03-29 02:00 -> 03:00 and 2026-10-25 03:00 -> 02:00 */
		{"Europe/Paris", 1774749599, 1774745999, ZONE_ONCE},
		{"Europe/Paris", 1774749600, 1774746000, ZONE_GAP},
		{"Europe/Paris", 1774753199, 1774746000, ZONE_GAP},
		{"Europe/Paris", 1774753200, 1774746000, ZONE_ONCE},
		{"Europe/Paris", 1792893599, 1792886399, ZONE_ONCE},
		{"Europe/Paris", 1792893600, 1792886400, ZONE_TWICE},
		{"Europe/Paris", 1792897199, 1792889999, ZONE_TWICE},
		{"Europe/Paris", 1792897200, 1792893600, ZONE_ONCE},
		/* 30 December 2011 never was */
		{"Pacific/Apia", 1325203200 + 43200, 1325239200, ZONE_GAP},
		{"UTC", 12345, 12345, ZONE_ONCE},
		{"Asia/Kolkata", 1774749600, 1774749600 - 19800, ZONE_ONCE},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct zone *zone = load(rows[i].name);
		int64_t utc;

		ck_assert_int_eq(zone_from_local(zone, rows[i].local, &utc), rows[i].fit);
		ck_assert_int_eq(utc, rows[i].utc);
		zone_free(zone);
	}
}
END_TEST

START_TEST(other_names_are_refused)
{
	static const char *const bad[] = {"", "/", "..", "/etc/passwd", "../../../etc/passwd",
		"Europe/../Europe/Paris", "Europe/./Paris", "Europe//Paris", "Europe", "Europe/",
		"/Europe/Paris", "europe/paris", "Europe/Paris ", "Europe/Paris\n", "zone.tab",
		"Europe/Nowhere", "Europe\\Paris", "CET-1CEST", ":UTC",
		"Averylongnamethatnozoneinthewholewideworldwouldeverhave/becauseitislong"};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		const char *why = NULL;

		ck_assert_msg(!zone_load(bad[i], &why), "%s", bad[i]);
		ck_assert_msg(why && strstr(why, "time zone"), "%s", bad[i]);
	}
	zone_free(NULL);
}
END_TEST

static struct buf read_paris(void)
{
	struct buf file = {0};
	int fd = open("/usr/share/zoneinfo/Europe/Paris", O_RDONLY);
	ssize_t n = read(fd, buf_reserve(&file, 16384), 16384);

	ck_assert_int_gt(n, 1000);
	file.n = (size_t)n;
	close(fd);
	return file;
}

START_TEST(damaged_files_are_refused)
{
	struct buf file = read_paris();
	const char *why;

	for (size_t n = 0; n < file.n; n++) {
		char *copy = slice_dup(slice_of(file.p, n));

		ck_assert_msg(!zone_parse(slice_of(copy, n), &why), "cut at %zu", n);
		ck_assert_ptr_nonnull(why);
		free(copy);
	}
	for (size_t i = 0; i < file.n * 4; i++) {
		struct slice old = slice_of(file.p, file.n);
		char *copy = slice_dup(old);

		copy[i % file.n] = (char)(copy[i % file.n] ^ (1 << random() % 8));
		struct zone *zone = zone_parse(slice_of(copy, file.n), &why);
		free(copy);
		if (!zone)
			continue;
		for (int j = 0; j < 10; j++) {
			int64_t at = random_time(1900, 2200), back;

			zone_next_change(zone, at);
			zone_from_local(zone, at + zone_offset(zone, at), &back);
		}
		zone_free(zone);
	}
	file.p[4] = '\0';
	ck_assert(!zone_parse(buf_slice(&file), &why) && strstr(why, "old form"));
	buf_release(&file);
}
END_TEST

static bool parses(const char *text)
{
	struct zone_rule rule;

	return zone_rule_parse(slice_str(text), &rule);
}

START_TEST(rules_are_read_strictly)
{
	static const char *const bad[] = {"", "UTC", "UT0", "5", "<+03-3", "<>-3", "EST5EDT",
		"EST5EDT,M3.2.0", "EST5EDT,M3.2.0,M11.1.0 ", "EST5EDT,M13.2.0,M11.1.0",
		"EST5EDT,M3.6.0,M11.1.0", "EST5EDT,M3.2.7,M11.1.0", "EST5EDT,M3.2.0,M11.1.0/168",
		"EST5EDT,J0,J365", "EST5EDT,J1,J366", "EST5EDT,0,366", "EST26", "EST5:60",
		"EST5EDT,M3.2.0/,M11.1.0", "EST5EDT4,,"};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_assert_msg(!parses(bad[i]), "%s", bad[i]);
	ck_assert(parses("UTC0"));
	ck_assert(parses("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0"));
	ck_assert(parses("<-02>2<-01>,M3.5.0/-1,M10.5.0/0"));
}
END_TEST

START_TEST(rules_agree_with_the_c_library)
{
	static const char *const rules[] = {"EST5EDT,M3.2.0,M11.1.0",
		"EST5EDT4,J60/1:30,J300/23:59:59", "AAA-3BBB,59,364/25",
		"IST-1GMT0,M10.5.0,M3.5.0/1", "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
		"AAA0BBB,M2.5.6/50,M12.1.1/-20", "CET-1CEST,M3.5.0,M10.5.0/3"};

	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
		struct zone_rule rule;

		ck_assert_msg(zone_rule_parse(slice_str(rules[i]), &rule), "%s", rules[i]);
		use_libc_zone(rules[i]);
		for (int j = 0; j < 20000; j++) {
			int64_t at = random_time(1972, 2300);

			ck_assert_msg(zone_rule_offset(&rule, at) == libc_offset(at), "%s at %lld",
				rules[i], (long long)at);
			at = zone_rule_next_change(&rule, at);
			ck_assert_int_eq(zone_rule_offset(&rule, at), libc_offset(at));
			ck_assert_int_ne(zone_rule_offset(&rule, at - 1), libc_offset(at));
		}
	}
}
END_TEST

START_TEST(summer_may_last_all_year)
{
	struct zone_rule rule;

	ck_assert(zone_rule_parse(SLICE("EST5EDT,0/0,J365/25"), &rule));
	for (int i = 0; i < 10000; i++) {
		int64_t at = random_time(1972, 2300);

		ck_assert_int_eq(zone_rule_offset(&rule, at), -4 * 3600);
		ck_assert_int_eq(zone_rule_next_change(&rule, at), INT64_MAX);
	}
	ck_assert_int_eq(zone_rule_offset(&rule, 1767243600), -4 * 3600); /* 2026-01-01 00:00 EST */
}
END_TEST

TEST_SUITE("zone", offsets_agree_with_the_c_library, changes_are_exact_and_complete,
	local_times_convert_back, gaps_and_overlaps_are_reported, other_names_are_refused,
	damaged_files_are_refused, rules_are_read_strictly, rules_agree_with_the_c_library,
	summer_may_last_all_year)
