/* SPDX-License-Identifier: MIT */
/* Printing and parsing ISO 8601 times; see timestamp.h. */
#include "base/timestamp.h"

#include "base/calendar.h"

enum { day_ms = 86400000 };

void timestamp_format(int64_t wall_ms, struct buf *out)
{
	int ms = (int)(wall_ms % day_ms);
	int64_t days = wall_ms / day_ms;

	if (ms < 0) {
		ms += day_ms;
		days--;
	}
	struct date date = calendar_date(days);

	buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", date.year, date.month, date.day,
		ms / 3600000, ms / 60000 % 60, ms / 1000 % 60, ms % 1000);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/*
 * Takes what `shape` describes: each run of `9` is a number (stored in turn), other characters
 * stand for themselves.
 */
static bool take_shape(struct slice *text, const char *shape, int *numbers)
{
	size_t i = 0;
	int *number = numbers - 1;

	for (; shape[i]; i++) {
		if (i == text->n)
			return false;
		if (shape[i] != '9') {
			if (text->p[i] != shape[i])
				return false;
			continue;
		}
		if (!is_digit(text->p[i]))
			return false;
		if (i == 0 || shape[i - 1] != '9')
			*++number = 0;
		*number = *number * 10 + (text->p[i] - '0');
	}
	*text = slice_skip(*text, i);
	return true;
}

/* An optional `.` with digits; what is finer than a millisecond is dropped. */
static bool take_fraction(struct slice *text, int *ret_ms)
{
	int worth = 100;
	size_t n = 1;

	*ret_ms = 0;
	if (text->n == 0 || text->p[0] != '.')
		return true;
	for (; n < text->n && is_digit(text->p[n]); n++) {
		*ret_ms += worth * (text->p[n] - '0');
		worth /= 10;
	}
	*text = slice_skip(*text, n);
	return n > 1;
}

/* `Z` or `+01:00`, and nothing behind it. */
static bool take_offset(struct slice *text, int *ret_minutes)
{
	int parts[2];

	*ret_minutes = 0;
	if (slice_is(*text, "Z"))
		return true;
	bool east = text->n > 0 && text->p[0] == '+';
	if (!take_shape(text, east ? "+99:99" : "-99:99", parts) || text->n > 0)
		return false;
	if (parts[0] > 23 || parts[1] > 59)
		return false;
	*ret_minutes = (parts[0] * 60 + parts[1]) * (east ? 1 : -1);
	return true;
}

const char *timestamp_parse(struct slice text, int64_t *ret_wall_ms)
{
	static const char malformed[] =
		"is not a time such as 2026-11-24T05:45:18Z or a date such as 2026-11-24";
	static const char no_such[] = "is a time that does not exist";
	int d[3], t[3] = {0}, ms = 0, offset = 0;

	if (!take_shape(&text, "9999-99-99", d))
		return malformed;
	if (text.n > 0 && (!take_shape(&text, "T99:99:99", t) || !take_fraction(&text, &ms) ||
				  !take_offset(&text, &offset)))
		return malformed;
	if (d[1] < 1 || d[1] > 12 || d[2] < 1 || d[2] > calendar_month_days(d[0], d[1]))
		return no_such;
	if (t[0] > 23 || t[1] > 59 || t[2] > 59)
		return no_such;
	int64_t days = calendar_days((struct date){d[0], d[1], d[2]});
	int64_t seconds = days * 86400 + t[0] * 3600 + (t[1] - offset) * 60 + t[2];
	*ret_wall_ms = seconds * 1000 + ms;
	return NULL;
}
