/* SPDX-License-Identifier: MIT */
#include "base/calendar.h"

#include <stdbool.h>

#include "../unit.h"

START_TEST(every_day_of_three_thousand_years_follows_the_last)
{
	int64_t days = calendar_days((struct date){-500, 1, 1});
	int weekday = calendar_weekday(days);

	for (int32_t year = -500; year < 2500; year++)
		for (int month = 1; month <= 12; month++)
			for (int day = 1; day <= calendar_month_days(year, month); day++) {
				struct date date = calendar_date(days);

				bool right = date.year == year && date.month == month &&
					     date.day == day && calendar_days(date) == days &&
					     calendar_weekday(days) == weekday;

				/* check(3) reports each assertion to its parent: not a million
				 * times. */
				if (!right)
					ck_abort_msg("%d-%d-%d", (int)year, month, day);
				weekday = (weekday + 1) % 7;
				days++;
			}
}
END_TEST

START_TEST(known_dates_have_their_numbers)
{
	ck_assert_int_eq(calendar_days((struct date){1970, 1, 1}), 0);
	ck_assert_int_eq(calendar_days((struct date){2000, 2, 29}), 11016);
	ck_assert_int_eq(calendar_days((struct date){1, 1, 1}), -719162);
	ck_assert_int_eq(calendar_weekday(0), 4);
	ck_assert_int_eq(calendar_weekday(calendar_days((struct date){2026, 11, 24})), 2);
}
END_TEST

TEST_SUITE("calendar", every_day_of_three_thousand_years_follows_the_last,
	known_dates_have_their_numbers)
