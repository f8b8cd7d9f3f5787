/* SPDX-License-Identifier: MIT */
/*
 * When a schedule is due: cron expressions in a time zone, and plain periods.
 *
 * Five fields (minute hour day month weekday) of lists, ranges, steps (also 5/15 = 5-last/15),
 * names (JAN, MON), `*` or `?`; 7 is Sunday too; or @hourly @daily @midnight @weekly @monthly
 * @yearly @annually. If both day and weekday are restricted, a match of one is enough (Vixie).
 *
 * Daylight saving: if minute or hour begins with `*`, the expression is matched against each real
 * minute, so such a job skips local times that do not exist and runs in both passes of those that
 * exist twice. Other jobs have a fixed time and run once: at the end of the gap if their time does
 * not exist, in the first pass if it exists twice.
 */
#ifndef CW_TEXT_CRON_H
#define CW_TEXT_CRON_H

#include "base/buf.h"
#include "text/zone.h"

struct cron {
	uint64_t minutes; /* bit n = minute n, and so on */
	uint32_t hours;
	uint32_t days;
	uint16_t months;
	uint8_t weekdays;
	bool any_day; /* the field begins with `*` */
	bool any_weekday;
	bool every_real_minute; /* no fixed time */
};

/*
 * NULL, or the end of a sentence ("has an hour outside 0-23"); then *ret is undefined. Dates that
 * never occur (31 February) are refused.
 */
const char *cron_parse(struct slice text, struct cron *ret);
/* The first time after `after_wall_s` at which it is due; -1 if there is none within 5 years. */
int64_t cron_next(const struct cron *cron, const struct zone *zone, int64_t after_wall_s);
/* The first multiple of the period (> 0), counted from the epoch, after `after_wall_ms`. */
int64_t cron_every_next(int64_t every_ms, int64_t after_wall_ms);

#endif
