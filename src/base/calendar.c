/* SPDX-License-Identifier: MIT */
/*
 * Dates and day numbers; see calendar.h.
 *
 * Years are counted from March here, so that the leap day is a year's last day and the lengths of
 * the months before it follow one line: (153 m + 2) / 5. Four hundred years have 146097 days.
 */
#include "base/calendar.h"

#include <stdbool.h>

enum {
	days_per_400_years = 146097,
	days_per_100_years = 36524,
	days_per_4_years = 1461,
	days_from_march_0000_to_1970 = 719468
};

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

int64_t calendar_days(struct date date)
{
	int64_t year = (int64_t)date.year - (date.month <= 2);
	int64_t era = floor_div(year, 400);
	int64_t year_of_era = year - era * 400;
	int64_t month = (date.month + 9) % 12; /* March is 0 */
	int64_t day_of_year = (153 * month + 2) / 5 + date.day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	return era * days_per_400_years + day_of_era - days_from_march_0000_to_1970;
}

struct date calendar_date(int64_t days)
{
	int64_t from_march = days + days_from_march_0000_to_1970;
	int64_t era = floor_div(from_march, days_per_400_years);
	int64_t day_of_era = from_march - era * days_per_400_years;
	int64_t year_of_era =
		(day_of_era - day_of_era / (days_per_4_years - 1) +
			day_of_era / days_per_100_years - day_of_era / (days_per_400_years - 1)) /
		365;
	int64_t day_of_year =
		day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t month = (5 * day_of_year + 2) / 153;
	int calendar_month = (int)(month < 10 ? month + 3 : month - 9);

	return (struct date){
		.year = (int32_t)(era * 400 + year_of_era + (calendar_month <= 2)),
		.month = calendar_month,
		.day = (int)(day_of_year - (153 * month + 2) / 5 + 1),
	};
}

int calendar_weekday(int64_t days)
{
	int64_t since_sunday = days + 4; /* 1970-01-01 was a Thursday */

	return (int)(since_sunday - floor_div(since_sunday, 7) * 7);
}

int calendar_month_days(int32_t year, int month)
{
	static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return lengths[month - 1] + (month == 2 && leap);
}
