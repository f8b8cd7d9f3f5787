/* SPDX-License-Identifier: MIT */
/*
 * When a schedule is due: cron expressions in a time zone, and plain periods.
 *
 * Five fields (minute hour day month weekday) of lists, ranges, steps (also 5/15 = 5-last/15),
 * names (JAN, MON), `*` or `?`; 7 is Sunday too; or @hourly @daily @midnight @weekly @monthly
 * @yearly @annually. Where both day and weekday are restricted, one of them is enough (Vixie).
 *
 * Clocks that change: where minute or hour begins with `*`, the expression holds for each real
 * minute, so such a job skips what a gap leaves out and runs in both passes of an overlap. Other
 * jobs have a fixed time: one that falls into a gap runs at the gap's end, one that falls into an
 * overlap runs in its first pass, so each runs once.
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
 * NULL, or the end of a sentence ("has an hour outside 0-23"); then *ret is undefined. A date that
 * never comes (31 February) is refused.
 */
const char *cron_parse(struct slice text, struct cron *ret);
/* The first time after `after_wall_s` at which it is due; -1 where it is not within 5 years. */
int64_t cron_next(const struct cron *cron, const struct zone *zone, int64_t after_wall_s);
/* The first multiple of the period (> 0), counted from the epoch, after `after_wall_ms`. */
int64_t cron_every_next(int64_t every_ms, int64_t after_wall_ms);

#endif
