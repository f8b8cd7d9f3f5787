/* SPDX-License-Identifier: MIT */
/* Durations, sizes and dates, from text and to text; see duration.h. */
#include "base/duration.h"

#include <string.h>

#include "base/calendar.h"

enum { day_ms = 86400000 };

struct unit {
	const char *name;
	int64_t worth;
};

static const struct unit duration_units[] = {
	{"w", 7 * (int64_t)day_ms},
	{"d", day_ms},
	{"h", 3600000},
	{"m", 60000},
	{"s", 1000},
	{"ms", 1},
};

static const struct unit size_units[] = {
	{"TiB", (int64_t)1 << 40},
	{"GiB", 1 << 30},
	{"MiB", 1 << 20},
	{"KiB", 1 << 10},
	{"TB", 1000000000000},
	{"GB", 1000000000},
	{"MB", 1000000},
	{"KB", 1000},
	{"", 1},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Takes the digits, then the letters, that `text` begins with; either may be missing. */
static void take_number_and_unit(struct slice *text, struct slice *number, struct slice *unit)
{
	size_t n = 0;

	while (n < text->n && is_digit(text->p[n]))
		n++;
	*number = slice_of(text->p, n);
	*text = slice_skip(*text, n);
	n = 0;
	while (n < text->n && !is_digit(text->p[n]))
		n++;
	*unit = slice_of(text->p, n);
	*text = slice_skip(*text, n);
}

/* The row of `unit`, or `count`. */
static size_t find_unit(const struct unit *units, size_t count, struct slice unit)
{
	size_t i = 0;

	while (i < count && !slice_is(unit, units[i].name))
		i++;
	return i;
}

const char *duration_parse(struct slice text, int64_t *ret_ms)
{
	static const char malformed[] = "is not a duration such as 250ms, 1h30m or 7d";
	size_t smallest_used = 0;
	int64_t total = 0;

	if (slice_is(text, "0")) {
		*ret_ms = 0;
		return NULL;
	}
	if (text.n == 0)
		return malformed;
	for (bool first = true; text.n > 0; first = false) {
		struct slice number, unit;
		int64_t value;

		take_number_and_unit(&text, &number, &unit);
		size_t row = find_unit(duration_units, COUNT(duration_units), unit);
		if (number.n > 0 && unit.n == 0)
			return "is a duration without its unit (ms, s, m, h, d or w)";
		if (number.n == 0 || row == COUNT(duration_units))
			return malformed;
		if (!first && row <= smallest_used)
			return "is a duration whose units do not go from large to small";
		smallest_used = row;
		if (!slice_int64(number, &value))
			return number.n > 18 ? "is too long a duration" : malformed;
		if (__builtin_mul_overflow(value, duration_units[row].worth, &value) ||
			__builtin_add_overflow(total, value, &total))
			return "is too long a duration";
	}
	*ret_ms = total;
	return NULL;
}

void duration_format(int64_t ms, struct buf *out)
{
	uint64_t left = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms;

	if (ms == 0)
		buf_str(out, "0s");
	if (ms < 0)
		buf_char(out, '-');
	/* Weeks are read but not written: 8d says more than 1w1d. */
	for (size_t i = 1; i < COUNT(duration_units); i++) {
		uint64_t worth = (uint64_t)duration_units[i].worth;

		if (left < worth)
			continue;
		buf_uint(out, left / worth);
		buf_str(out, duration_units[i].name);
		left %= worth;
	}
}

const char *size_parse(struct slice text, int64_t *ret)
{
	struct slice number, unit;
	int64_t value;

	take_number_and_unit(&text, &number, &unit);
	size_t row = find_unit(size_units, COUNT(size_units), unit);
	if (text.n > 0 || row == COUNT(size_units) || number.n == 0)
		return "is not a size such as 512, 64KiB or 1MiB";
	if (!slice_int64(number, &value))
		return number.n > 18 ? "is too large a size"
				     : "is not a size such as 512, 64KiB or 1MiB";
	if (__builtin_mul_overflow(value, size_units[row].worth, &value))
		return "is too large a size";
	*ret = value;
	return NULL;
}

void size_format(int64_t bytes, struct buf *out)
{
	for (size_t i = 0; bytes != 0 && i < 4; i++) {
		if (bytes % size_units[i].worth != 0)
			continue;
		buf_int(out, bytes / size_units[i].worth);
		buf_str(out, size_units[i].name);
		return;
	}
	buf_int(out, bytes);
}

void time_format(int64_t wall_ms, struct buf *out)
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

const char *time_parse(struct slice text, int64_t *ret_wall_ms)
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
