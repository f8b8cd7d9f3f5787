/* SPDX-License-Identifier: MIT */
/*
 * The rule at the end of a TZif file, for the years after its table: POSIX's TZ string, e.g.
 * CET-1CEST,M3.5.0,M10.5.0/3, with the hours beyond a day of RFC 8536; part of zone.c.
 */
#ifndef CW_TEXT_ZONE_RULE_H
#define CW_TEXT_ZONE_RULE_H

#include "base/buf.h"

/* A day of every year, and a time on it by the clock that is about to change. */
struct zone_day {
	enum { ZONE_DAY_JULIAN, ZONE_DAY_ZERO, ZONE_DAY_MONTH } kind;
	int day;   /* JULIAN: 1..365, never 29 February; ZERO: 0..365 */
	int month; /* MONTH: 1..12, week 1..5 (5 = last), weekday 0..6 */
	int week;
	int weekday;
	int32_t time_s;
};

struct zone_rule {
	int32_t standard_s; /* east of UTC */
	int32_t summer_s;
	bool has_summer;
	struct zone_day start, end; /* of summer time */
};

bool zone_rule_parse(struct slice text, struct zone_rule *ret);
/* As zone_offset() and zone_next_change(). */
int32_t zone_rule_offset(const struct zone_rule *rule, int64_t utc_s);
int64_t zone_rule_next_change(const struct zone_rule *rule, int64_t after_s);

#endif
