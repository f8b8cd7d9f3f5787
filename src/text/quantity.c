/* SPDX-License-Identifier: MIT */
/* Durations and sizes, from text and to text; see quantity.h. */
#include "text/quantity.h"

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

const char *quantity_parse_duration(struct slice text, int64_t *ret_ms)
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

void quantity_format_duration(int64_t ms, struct buf *out)
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

const char *quantity_parse_size(struct slice text, int64_t *ret)
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

void quantity_format_size(int64_t bytes, struct buf *out)
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
