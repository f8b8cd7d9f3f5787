/* SPDX-License-Identifier: MIT */
/* From a cron expression's text to its sets of minutes, hours and days; see cron.h. */
#include <strings.h>

#include "base/calendar.h"
#include "text/cron.h"

enum { field_count = 5, field_weekday = 4 };

/* One of the five fields, with what can be said against its text. */
struct field {
	int min, max;
	const char *const *names; /* of min, min + 1, ... */
	const char *malformed, *outside, *backwards, *bad_step;
};

static const char *const months[] = {
	"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC", NULL};
static const char *const weekdays[] = {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", NULL};

#define COMPLAINTS(one, many, range) \
	"has " one " that is not a number, list, range or step", "has " one " outside " range, \
		"has a range of " many " that runs backwards", \
		"has a step of " many " that is 0 or longer than the field"

static const struct field fields[field_count] = {
	{0, 59, NULL, COMPLAINTS("a minute", "minutes", "0-59")},
	{0, 23, NULL, COMPLAINTS("an hour", "hours", "0-23")},
	{1, 31, NULL, COMPLAINTS("a day of the month", "days of the month", "1-31")},
	{1, 12, months, COMPLAINTS("a month", "months", "1-12 or JAN-DEC")},
	{0, 7, weekdays, COMPLAINTS("a weekday", "weekdays", "0-7 or SUN-SAT")},
};

static const struct {
	const char *name, *expression;
} macros[] = {
	{"@hourly", "0 * * * *"},
	{"@daily", "0 0 * * *"},
	{"@midnight", "0 0 * * *"},
	{"@weekly", "0 0 * * 0"},
	{"@monthly", "0 0 1 * *"},
	{"@yearly", "0 0 1 1 *"},
	{"@annually", "0 0 1 1 *"},
};

static struct slice rest_of(struct slice text, size_t n)
{
	return slice_skip(text, n);
}

static bool take_char(struct slice *text, char c)
{
	if (text->n == 0 || text->p[0] != c)
		return false;
	*text = rest_of(*text, 1);
	return true;
}

/* Digits; what is longer than any value becomes too large instead of overflowing. */
static bool take_number(struct slice *text, int *ret)
{
	size_t n = 0;

	*ret = 0;
	for (; n < text->n && text->p[n] >= '0' && text->p[n] <= '9'; n++)
		if (*ret < 1000)
			*ret = *ret * 10 + (text->p[n] - '0');
	*text = rest_of(*text, n);
	return n > 0;
}

static const char *take_value(struct slice *text, const struct field *field, int *ret)
{
	for (int i = 0; field->names && field->names[i]; i++)
		if (text->n >= 3 && strncasecmp(text->p, field->names[i], 3) == 0) {
			*text = rest_of(*text, 3);
			*ret = field->min + i;
			return NULL;
		}
	if (!take_number(text, ret))
		return field->malformed;
	return *ret < field->min || *ret > field->max ? field->outside : NULL;
}

/* `*`, a value, or two with `-` between; *single is set where it was one value. */
static const char *take_range(
	struct slice *text, const struct field *field, int *from, int *to, bool *single)
{
	const char *why;

	*single = false;
	if (take_char(text, '*') || take_char(text, '?')) {
		*from = field->min;
		*to = field == &fields[field_weekday] ? 6 : field->max;
		return NULL;
	}
	why = take_value(text, field, from);
	if (why)
		return why;
	*to = *from;
	*single = !take_char(text, '-');
	if (*single)
		return NULL;
	why = take_value(text, field, to);
	if (why)
		return why;
	if (field == &fields[field_weekday] && *to == 0 && *from > 0)
		*to = 7; /* FRI-SUN */
	return *to < *from ? field->backwards : NULL;
}

/* One item of a list: a range and its step. */
static const char *take_item(struct slice *text, const struct field *field, uint64_t *bits)
{
	int from, to, step = 1;
	bool single;
	const char *why = take_range(text, field, &from, &to, &single);

	if (why)
		return why;
	if (take_char(text, '/')) {
		if (!take_number(text, &step))
			return field->malformed;
		if (step == 0 || step > field->max - field->min + 1)
			return field->bad_step;
		if (single)
			to = field == &fields[field_weekday] ? 6 : field->max;
	}
	for (int value = from; value <= to; value += step)
		*bits |= (uint64_t)1 << value;
	return NULL;
}

static const char *parse_field(struct slice text, const struct field *field, uint64_t *bits)
{
	*bits = 0;
	do {
		const char *why = take_item(&text, field, bits);

		if (why)
			return why;
	} while (take_char(&text, ','));
	return text.n > 0 ? field->malformed : NULL;
}

/* Splits at spaces and tabs; returns how many fields there are, of which `max` are stored. */
static size_t split(struct slice text, struct slice *ret, size_t max)
{
	size_t count = 0;

	for (;;) {
		size_t n = 0;

		while (text.n > 0 && (text.p[0] == ' ' || text.p[0] == '\t'))
			text = rest_of(text, 1);
		if (text.n == 0)
			return count;
		while (n < text.n && text.p[n] != ' ' && text.p[n] != '\t')
			n++;
		if (count < max)
			ret[count] = slice_of(text.p, n);
		count++;
		text = rest_of(text, n);
	}
}

static bool begins_with_star(struct slice field)
{
	return field.p[0] == '*' || field.p[0] == '?';
}

/* Whether some month has such a day; by the weekday alone there always is one. */
static bool date_exists(const struct cron *cron)
{
	if (!cron->any_day && !cron->any_weekday)
		return true;
	for (int month = 1; month <= 12; month++)
		for (int day = 1; day <= calendar_month_days(2000, month); day++)
			if (cron->months >> month & cron->days >> day & 1)
				return true;
	return false;
}

static const char *parse_fields(const struct slice *texts, struct cron *ret)
{
	uint64_t bits[field_count];

	for (size_t i = 0; i < field_count; i++) {
		const char *why = parse_field(texts[i], &fields[i], &bits[i]);

		if (why)
			return why;
	}
	*ret = (struct cron){
		.minutes = bits[0],
		.hours = (uint32_t)bits[1],
		.days = (uint32_t)bits[2],
		.months = (uint16_t)bits[3],
		.weekdays = (uint8_t)((bits[4] | bits[4] >> 7) & 0x7f),
		.any_day = begins_with_star(texts[2]),
		.any_weekday = begins_with_star(texts[4]),
		.every_real_minute = begins_with_star(texts[0]) || begins_with_star(texts[1]),
	};
	return date_exists(ret) ? NULL : "names a date that never comes";
}

const char *cron_parse(struct slice text, struct cron *ret)
{
	struct slice texts[field_count];
	size_t count = split(text, texts, field_count);

	if (count &&
		(slice_starts(texts[0], SLICE("CRON_TZ=")) || slice_starts(texts[0], SLICE("TZ="))))
		return "begins with a time zone: write it as time_zone beside cron";
	if (count && slice_is(texts[0], "@every"))
		return "is a period: write {every: 25m} in the place of cron";
	if (count == 1 && slice_is(texts[0], "@reboot"))
		return "is not a time: write on: [startup] in the place of schedule";
	if (count == 1 && texts[0].p[0] == '@') {
		for (size_t i = 0; i < sizeof macros / sizeof *macros; i++)
			if (slice_is(texts[0], macros[i].name))
				return cron_parse(slice_str(macros[i].expression), ret);
		return "is not one of @hourly, @daily, @weekly, @monthly, @yearly";
	}
	if (count == field_count + 1)
		return "has six fields where cron has five (minute hour day month weekday): leave "
		       "out the seconds";
	if (count != field_count)
		return "is not of five fields (minute hour day month weekday), nor @daily or the "
		       "like";
	return parse_fields(texts, ret);
}
