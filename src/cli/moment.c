/* SPDX-License-Identifier: MIT */
/* Moments on the command line; see moment.h. */
#include "cli/moment.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/calendar.h"
#include "base/clock.h"
#include "base/timestamp.h"
#include "cli/say.h"
#include "text/percent.h"
#include "text/quantity.h"

enum { hour_s = 3600, day_s = 24 * hour_s };

/* Takes one or two digits; false if there are none. */
static bool take_number(struct slice *text, int *ret)
{
	size_t n = 0;

	*ret = 0;
	for (; n < 2 && n < text->n && text->p[n] >= '0' && text->p[n] <= '9'; n++)
		*ret = 10 * *ret + (text->p[n] - '0');
	*text = slice_skip(*text, n);
	return n != 0;
}

static bool take_char(struct slice *text, char c)
{
	if (!text->n || text->p[0] != c)
		return false;
	*text = slice_skip(*text, 1);
	return true;
}

/* "14:00" or "14:00:30", and nothing behind it. */
static bool read_clock(struct slice text, struct tm *tm)
{
	int hour, minute, second = 0;

	if (!take_number(&text, &hour) || !take_char(&text, ':') || !take_number(&text, &minute))
		return false;
	if (take_char(&text, ':') && !take_number(&text, &second))
		return false;
	if (text.n || hour > 23 || minute > 59 || second > 59)
		return false;
	tm->tm_hour = hour;
	tm->tm_min = minute;
	tm->tm_sec = second;
	return true;
}

/* Takes "2026-11-30" of a day that there is. */
static bool take_date(struct slice *text, struct tm *tm)
{
	int century, year, month, day;

	if (!take_number(text, &century) || !take_number(text, &year) || !take_char(text, '-') ||
		!take_number(text, &month) || !take_char(text, '-') || !take_number(text, &day))
		return false;
	year += 100 * century;
	if (year < 1970 || month < 1 || month > 12 || day < 1 ||
		day > calendar_month_days(year, month))
		return false;
	tm->tm_year = year - 1900;
	tm->tm_mon = month - 1;
	tm->tm_mday = day;
	return true;
}

/* Takes the name of a day and moves *tm to it. */
static bool take_day(struct slice *text, struct tm *tm)
{
	static const struct {
		const char *name;
		int days;
	} names[] = {{"today", 0}, {"yesterday", -1}, {"tomorrow", 1}};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (!slice_starts(*text, slice_str(names[i].name)))
			continue;
		*text = slice_skip(*text, strlen(names[i].name));
		/* mktime(3) knows which date the zeroth of a month is. */
		tm->tm_mday += names[i].days;
		return true;
	}
	return false;
}

static int64_t to_ms(struct tm tm)
{
	/* Whether it is summer time is found out for that moment. */
	tm.tm_isdst = -1;
	return (int64_t)mktime(&tm) * 1000;
}

/* Local: a day, a time, or both. */
static bool parse_local(struct slice text, int64_t now_ms, bool ahead, int64_t *ret)
{
	time_t now = (time_t)(now_ms / 1000);
	struct tm tm;

	if (!localtime_r(&now, &tm))
		return false;
	if (read_clock(text, &tm)) {
		*ret = to_ms(tm);
		tm.tm_mday += ahead ? 1 : -1;
		if (ahead ? *ret <= now_ms : *ret > now_ms)
			*ret = to_ms(tm);
		return true;
	}
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	if (!take_day(&text, &tm) && !take_date(&text, &tm))
		return false;
	if (text.n &&
		((!take_char(&text, ' ') && !take_char(&text, 'T')) || !read_clock(text, &tm)))
		return false;
	*ret = to_ms(tm);
	return true;
}

bool cli_moment_parse(struct slice text, int64_t now_ms, bool ahead, int64_t *ret)
{
	int64_t span;

	if (quantity_parse_duration(text, &span) == NULL && span <= now_ms) {
		*ret = ahead ? now_ms + span : now_ms - span;
		return true;
	}
	/* What says its zone, or is finer than a second; a date alone is local. */
	if (memchr(text.n ? text.p : "", 'T', text.n) && timestamp_parse(text, ret) == NULL)
		return true;
	return parse_local(text, now_ms, ahead, ret);
}

static bool is_clock(struct slice text)
{
	return read_clock(text, &(struct tm){0});
}

bool cli_moment_parse_until(struct slice text, int64_t now_ms, int64_t since_ms, int64_t *ret)
{
	const int64_t day_ms = (int64_t)day_s * 1000;
	int64_t next;

	if (!cli_moment_parse(text, now_ms, false, ret))
		return false;
	if (!is_clock(text) || !cli_moment_parse(text, now_ms, true, &next))
		return true;
	if (since_ms >= 0 && now_ms - since_ms < day_ms ? *ret <= since_ms
							: next - now_ms < now_ms - *ret)
		*ret = next;
	return true;
}

/* "UTC", "CET": of the moments that say no zone. */
static void say_forms(const char *name, const char *text, bool ahead)
{
	time_t now = (time_t)(clock_wall_ms() / 1000);
	struct tm tm = {0};

	localtime_r(&now, &tm);
	if (*text)
		cli_say(CLI_USAGE, "--%s is not a moment: %s. It takes", name, text);
	else
		cli_say(CLI_USAGE, "--%s must not be empty: it takes", name);
	cli_say_done(
		0, "  8h, 1d12h                           so long %s", ahead ? "from now" : "ago");
	cli_say_done(0, "  14:00                               when the clock %s",
		ahead			     ? "next shows that"
		: strcmp(name, "until") == 0 ? "shows that after --since"
					     : "last showed that");
	cli_say_done(0, "  %s                    midnight; also '%s 14:00'",
		ahead ? "today, tomorrow " : "today, yesterday", ahead ? "tomorrow" : "yesterday");
	cli_say_done(0, "  2026-11-30                          midnight; also '2026-11-30 14:00'");
	cli_say_done(0, "  2026-11-30T14:00:00Z                UTC; also +01:00 instead of Z");
	cli_say_done(0, "Without Z or an offset they are in the local time zone, here %s (TZ).",
		tm.tm_zone ? tm.tm_zone : "UTC");
}

bool cli_moment(const struct cli_args *args, const char *name, bool ahead, int64_t *ret)
{
	const char *text = cli_args_text(args, name);
	int64_t now_ms = clock_wall_ms(), found;

	if (!text)
		return true;
	if (!cli_moment_parse(slice_str(text), now_ms, ahead, &found)) {
		say_forms(name, text, ahead);
		return false;
	}
	if (ahead && found <= now_ms) {
		cli_say(CLI_USAGE, "--%s %s has passed", name, text);
		return false;
	}
	*ret = found;
	return true;
}

static void add_moment(const char *name, int64_t ms, struct buf *query)
{
	struct buf text = {0};

	buf_printf(query, "&%s=", name);
	timestamp_format(ms, &text);
	percent_encode(buf_slice(&text), PERCENT_UNRESERVED, query);
	buf_release(&text);
}

bool cli_moment_query(const struct cli_args *args, struct buf *query)
{
	const char *end = cli_args_text(args, "until");
	int64_t since = -1, until = -1, now_ms = clock_wall_ms();

	if (!cli_moment(args, "since", false, &since))
		return false;
	if (end && !cli_moment_parse_until(slice_str(end), now_ms, since, &until)) {
		say_forms("until", end, false);
		return false;
	}
	if (since > now_ms) {
		cli_say(CLI_USAGE, "--since %s is yet to come", cli_args_text(args, "since"));
		return false;
	}
	if (until >= 0 && until <= since) {
		cli_say(CLI_USAGE,
			"nothing is between --since %s and --until %s: the second must be later",
			cli_args_text(args, "since"), cli_args_text(args, "until"));
		return false;
	}
	if (since >= 0)
		add_moment("since", since, query);
	if (until >= 0)
		add_moment("until", until, query);
	return true;
}
