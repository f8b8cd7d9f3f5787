/* SPDX-License-Identifier: MIT */
/* Days of the proleptic Gregorian calendar, counted from 1970-01-01, for every year of int32. */
#ifndef CW_BASE_CALENDAR_H
#define CW_BASE_CALENDAR_H

#include <stdint.h>

struct date {
	int32_t year;
	int month; /* 1..12 */
	int day;   /* 1..31 */
};

/* The date must exist. */
int64_t calendar_days(struct date date);
struct date calendar_date(int64_t days);
/* 0 = Sunday. */
int calendar_weekday(int64_t days);
/* How many days the month has. */
int calendar_month_days(int32_t year, int month);

#endif
