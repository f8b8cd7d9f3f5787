/* SPDX-License-Identifier: MIT */
/*
 * When a cron expression is due next; see cron.h.
 *
 * Matching local times are found day by day. A fixed time is then converted to Unix time, which
 * keeps the order of local times, so the first one after `after` is the answer. An expression for
 * each real minute is searched in each period with one offset.
 */
#include "text/cron.h"

#include <assert.h>

#include "base/calendar.h"

enum { minute_s = 60, day_minutes = 1440 };

#define HORIZON_S ((int64_t)5 * 366 * 86400)

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static bool day_matches(const struct cron *cron, int64_t days)
{
	struct date date = calendar_date(days);
	bool day = cron->days >> date.day & 1;
	bool weekday = cron->weekdays >> calendar_weekday(days) & 1;

	if (!(cron->months >> date.month & 1))
		return false;
	return cron->any_day || cron->any_weekday ? day && weekday : day || weekday;
}

/* The first minute of the day that matches, from `minute` on; -1 where there is none. */
static int next_minute_of_day(const struct cron *cron, int minute)
{
	for (int hour = minute / 60, from = minute % 60; hour < 24; hour++, from = 0) {
		uint64_t left = cron->minutes >> from;

		if (cron->hours >> hour & 1 && left)
			return hour * 60 + from + __builtin_ctzll(left);
	}
	return -1;
}

/* The first local time that matches, from `from_s` on; false where it is past `until_s`. */
static bool next_local(const struct cron *cron, int64_t from_s, int64_t until_s, int64_t *ret_s)
{
	int64_t minute = -floor_div(-from_s, minute_s);
	int64_t days = floor_div(minute, day_minutes);
	int of_day = (int)(minute - days * day_minutes);

	for (; days * day_minutes * minute_s <= until_s; days++, of_day = 0) {
		int found = day_matches(cron, days) ? next_minute_of_day(cron, of_day) : -1;

		if (found < 0)
			continue;
		*ret_s = (days * day_minutes + found) * minute_s;
		return *ret_s <= until_s;
	}
	return false;
}

static int64_t next_fixed(const struct cron *cron, const struct zone *zone, int64_t after_s)
{
	int64_t local = after_s + zone_offset(zone, after_s);
	int64_t until = local + HORIZON_S;
	int64_t due;

	for (; next_local(cron, local, until, &local); local += minute_s) {
		zone_from_local(zone, local, &due);
		if (due > after_s)
			return due;
	}
	return -1;
}

static int64_t next_real_minute(const struct cron *cron, const struct zone *zone, int64_t after_s)
{
	int64_t from = after_s + 1;

	while (from <= after_s + HORIZON_S) {
		int32_t offset = zone_offset(zone, from);
		int64_t until = zone_next_change(zone, from);
		int64_t local;

		if (until > after_s + HORIZON_S)
			until = after_s + HORIZON_S;
		if (next_local(cron, from + offset, until - 1 + offset, &local))
			return local - offset;
		from = until + (until == after_s + HORIZON_S);
	}
	return -1;
}

int64_t cron_next(const struct cron *cron, const struct zone *zone, int64_t after_wall_s)
{
	if (cron->every_real_minute)
		return next_real_minute(cron, zone, after_wall_s);
	return next_fixed(cron, zone, after_wall_s);
}

int64_t cron_every_next(int64_t every_ms, int64_t after_wall_ms)
{
	int64_t next;

	assert(every_ms > 0);
	if (__builtin_mul_overflow(floor_div(after_wall_ms, every_ms) + 1, every_ms, &next))
		return INT64_MAX;
	return next;
}
