/* SPDX-License-Identifier: MIT */
/* The rule for the years after a zone's table; see zone_rule.h. */
#include "text/zone_rule.h"

#include "base/calendar.h"

enum { day_s = 86400, max_hours = 167 };

/* One change of the clock. */
struct zone_change {
	int64_t at_s;
	int32_t offset_s; /* from then on */
};

static bool take_char(struct slice *text, char c)
{
	if (text->n == 0 || text->p[0] != c)
		return false;
	*text = slice_skip(*text, 1);
	return true;
}

static bool take_number(struct slice *text, int min, int max, int *ret)
{
	size_t n = 0;

	*ret = 0;
	for (; n < text->n && n < 3 && text->p[n] >= '0' && text->p[n] <= '9'; n++)
		*ret = *ret * 10 + (text->p[n] - '0');
	*text = slice_skip(*text, n);
	return n > 0 && *ret >= min && *ret <= max;
}

/* Three letters or more, or <letters, digits and signs>. */
static bool take_name(struct slice *text)
{
	bool quoted = take_char(text, '<');
	size_t n = 0;

	for (; n < text->n; n++) {
		char c = text->p[n];
		bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
		bool other = (c >= '0' && c <= '9') || c == '+' || c == '-';

		if (!letter && !(quoted && other))
			break;
	}
	*text = slice_skip(*text, n);
	return n >= 3 && (!quoted || take_char(text, '>'));
}

/* [+-]hh[:mm[:ss]] */
static bool take_time(struct slice *text, int32_t *ret_s)
{
	bool negative = take_char(text, '-');
	int hours, minutes = 0, seconds = 0;

	if (!negative)
		take_char(text, '+');
	if (!take_number(text, 0, max_hours, &hours))
		return false;
	if (take_char(text, ':')) {
		if (!take_number(text, 0, 59, &minutes))
			return false;
		if (take_char(text, ':') && !take_number(text, 0, 59, &seconds))
			return false;
	}
	*ret_s = (hours * 3600 + minutes * 60 + seconds) * (negative ? -1 : 1);
	return true;
}

/* TZ counts west of Greenwich. */
static bool take_offset(struct slice *text, int32_t *ret_s)
{
	if (!take_time(text, ret_s) || *ret_s > 25 * 3600 || *ret_s < -25 * 3600)
		return false;
	*ret_s = -*ret_s;
	return true;
}

/* ,Mm.w.d or ,Jn or ,n; then /time, else 02:00 */
static bool take_day(struct slice *text, struct zone_day *ret)
{
	bool fits;

	ret->time_s = 2 * 3600;
	if (!take_char(text, ','))
		return false;
	if (take_char(text, 'M')) {
		ret->kind = ZONE_DAY_MONTH;
		fits = take_number(text, 1, 12, &ret->month) && take_char(text, '.') &&
		       take_number(text, 1, 5, &ret->week) && take_char(text, '.') &&
		       take_number(text, 0, 6, &ret->weekday);
	} else if (take_char(text, 'J')) {
		ret->kind = ZONE_DAY_JULIAN;
		fits = take_number(text, 1, 365, &ret->day);
	} else {
		ret->kind = ZONE_DAY_ZERO;
		fits = take_number(text, 0, 365, &ret->day);
	}
	return fits && (!take_char(text, '/') || take_time(text, &ret->time_s));
}

bool zone_rule_parse(struct slice text, struct zone_rule *ret)
{
	*ret = (struct zone_rule){0};
	if (!take_name(&text) || !take_offset(&text, &ret->standard_s))
		return false;
	if (text.n == 0)
		return true;
	if (!take_name(&text))
		return false;
	ret->has_summer = true;
	ret->summer_s = ret->standard_s + 3600;
	if (text.n > 0 && text.p[0] != ',' && !take_offset(&text, &ret->summer_s))
		return false;
	return take_day(&text, &ret->start) && take_day(&text, &ret->end) && text.n == 0;
}

static int64_t day_in_year(const struct zone_day *day, int32_t year)
{
	int64_t first = calendar_days((struct date){year, 1, 1});
	bool leap = calendar_month_days(year, 2) == 29;

	if (day->kind == ZONE_DAY_ZERO)
		return first + day->day;
	if (day->kind == ZONE_DAY_JULIAN)
		return first + day->day - 1 + (leap && day->day >= 60);
	int64_t month = calendar_days((struct date){year, day->month, 1});
	int to_weekday = (day->weekday - calendar_weekday(month) + 7) % 7;
	int in_month = to_weekday + (day->week - 1) * 7;
	while (in_month >= calendar_month_days(year, day->month))
		in_month -= 7;
	return month + in_month;
}

/* The changes of a year: summer's start, then its end, whichever comes first. */
static void changes_of(const struct zone_rule *rule, int32_t year, struct zone_change changes[2])
{
	changes[0].at_s =
		day_in_year(&rule->start, year) * day_s + rule->start.time_s - rule->standard_s;
	changes[0].offset_s = rule->summer_s;
	changes[1].at_s = day_in_year(&rule->end, year) * day_s + rule->end.time_s - rule->summer_s;
	changes[1].offset_s = rule->standard_s;
}

enum { years_around = 5, changes_around = 2 * years_around };

/* The changes from two years before a time to two years after it, in order. */
static void changes_near(const struct zone_rule *rule, int64_t utc_s, struct zone_change *changes)
{
	int32_t year = calendar_date(utc_s / day_s).year - years_around / 2;

	for (int i = 0; i < years_around; i++)
		changes_of(rule, year + i, changes + 2 * i);
	for (int i = 1; i < changes_around; i++) {
		struct zone_change change = changes[i];
		int j = i;

		/* If summer ends at the moment it begins again, it never ends: the start counts. */
		for (; j > 0 && (changes[j - 1].at_s > change.at_s ||
					(changes[j - 1].at_s == change.at_s &&
						change.offset_s == rule->standard_s));
			j--)
			changes[j] = changes[j - 1];
		changes[j] = change;
	}
}

int32_t zone_rule_offset(const struct zone_rule *rule, int64_t utc_s)
{
	struct zone_change changes[changes_around];
	int32_t offset = rule->standard_s;

	if (!rule->has_summer)
		return offset;
	changes_near(rule, utc_s, changes);
	for (int i = 0; i < changes_around && changes[i].at_s <= utc_s; i++)
		offset = changes[i].offset_s;
	return offset;
}

int64_t zone_rule_next_change(const struct zone_rule *rule, int64_t after_s)
{
	struct zone_change changes[changes_around];

	if (!rule->has_summer)
		return INT64_MAX;
	changes_near(rule, after_s, changes);
	int32_t offset = zone_rule_offset(rule, after_s);
	/* The last one shows only whether the one before it lasts. */
	for (int i = 0; i + 1 < changes_around; i++)
		if (changes[i].at_s > after_s && changes[i + 1].at_s > changes[i].at_s &&
			changes[i].offset_s != offset)
			return changes[i].at_s;
	return INT64_MAX;
}
