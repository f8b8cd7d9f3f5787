/* SPDX-License-Identifier: MIT */
/* Texts and figures for a terminal; see cell.h. */
#include "cli/cell.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/timestamp.h"
#include "base/utf8.h"
#include "cli/view.h"

static bool is_harmless(uint32_t point)
{
	if (point < 0x20 || (point >= 0x7f && point < 0xa0))
		return false;
	/* Marks and overrides of direction, line and paragraph separators, the byte order mark. */
	return !(point == 0x61c || (point >= 0x200b && point <= 0x200f) ||
		 (point >= 0x2028 && point <= 0x202e) || (point >= 0x2060 && point <= 0x206f) ||
		 point == 0xfeff);
}

void cli_cell_clean(struct slice text, struct buf *out)
{
	while (text.n) {
		uint32_t point = 0;
		size_t n = utf8_next(text, &point);

		if (n && is_harmless(point))
			buf_append(out, text.p, n);
		else if (n > 1)
			buf_printf(out, "\\u%04x", point);
		else
			buf_printf(out, "\\x%02x", (unsigned char)text.p[0]);
		text = slice_skip(text, n ? n : 1);
	}
}

/* Of the code point that `text` begins with; *ret_n = its bytes. */
static int columns(struct slice text, size_t *ret_n)
{
	uint32_t point = 0;
	size_t n = utf8_next(text, &point);

	*ret_n = n ? n : 1;
	int width = point < 0x80 ? 1 : wcwidth((wchar_t)point);

	/* What the C library does not know takes a column in most terminals. */
	return width < 0 ? 1 : width;
}

int cli_cell_width(struct slice text)
{
	int width = 0;

	for (size_t n; text.n; text = slice_skip(text, n))
		width += columns(text, &n);
	return width;
}

struct slice cli_cell_cut(struct cli *cli, struct slice text, int width)
{
	struct slice rest = text;
	struct buf cut = {0};
	int used = 0;

	if (width < 1 || cli_cell_width(text) <= width)
		return text;
	while (rest.n) {
		size_t n;
		int more = columns(rest, &n);

		if (used + more > width - 1)
			break;
		used += more;
		rest = slice_skip(rest, n);
	}
	buf_append(&cut, text.p, text.n - rest.n);
	buf_char(&cut, '~');
	return arena_take(&cli->arena, &cut);
}

/* How many bytes are on a line: up to a blank where there is one. */
static size_t line_length(struct slice text, int width)
{
	size_t at = 0, blank = 0;

	for (int used = 0; at < text.n;) {
		size_t n;
		int more = columns(slice_skip(text, at), &n);

		if (used + more > width && at)
			return blank ? blank : at;
		if (text.p[at] == ' ')
			blank = at;
		used += more;
		at += n;
	}
	return at;
}

struct slice cli_cell_take_line(struct slice *rest, int width)
{
	struct slice line = slice_of(rest->p, line_length(*rest, width));

	*rest = slice_skip(*rest, line.n);
	while (rest->n && rest->p[0] == ' ')
		*rest = slice_skip(*rest, 1);
	return line;
}

const char *cli_cell_format(struct cli *cli, const char *format, ...)
{
	struct buf text = {0};
	va_list args;

	va_start(args, format);
	buf_vprintf(&text, format, args);
	va_end(args);
	return arena_take(&cli->arena, &text).p;
}

const char *cli_cell_count(struct cli *cli, double value)
{
	char digits[32];
	struct buf text = {0};

	if (!isfinite(value))
		return "-";
	snprintf(digits, sizeof digits, "%.0f", fabs(value) < 1e18 ? value : 1e18);
	size_t sign = digits[0] == '-', n = strlen(digits);

	for (size_t i = 0; i < n; i++) {
		if (i > sign && (n - i) % 3 == 0)
			buf_char(&text, ',');
		buf_char(&text, digits[i]);
	}
	return arena_take(&cli->arena, &text).p;
}

const char *cli_cell_things(struct cli *cli, double value, const char *things)
{
	int n = (int)strcspn(things, "|");

	if (value == 1)
		return cli_cell_format(cli, "1 %.*s", n, things);
	return cli_cell_format(cli, "%s %s", cli_cell_count(cli, value), things + n + 1);
}

const char *cli_cell_bytes(struct cli *cli, double value)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
	size_t unit = 0;

	if (!isfinite(value))
		return "-";
	while (fabs(value) >= 1024 && unit + 1 < sizeof units / sizeof *units) {
		value /= 1024;
		unit++;
	}
	return cli_cell_format(cli, "%.*f %s", unit ? 1 : 0, value, units[unit]);
}

const char *cli_cell_ratio(struct cli *cli, double value)
{
	return isfinite(value) ? cli_cell_format(cli, "%.1f %%", value * 100) : "-";
}

const char *cli_cell_real(struct cli *cli, double value)
{
	if (!isfinite(value))
		return "-";
	if (value == 0)
		return "0";
	if (fabs(value) >= 100)
		return cli_cell_count(cli, value);
	/* What is not 0 is not shown as 0. */
	return cli_cell_format(cli,
		fabs(value) < 0.1 ? "%.2g"
		: fabs(value) < 1 ? "%.2f"
				  : "%.1f",
		value);
}

const char *cli_cell_span(struct cli *cli, double seconds)
{
	static const struct {
		const char *name;
		int64_t seconds;
	} units[] = {{"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1}};

	if (!isfinite(seconds) || seconds < 0)
		return "-";
	if (seconds < 10)
		return cli_cell_format(cli, seconds < 1 ? "%.0fms" : "%.1fs",
			seconds < 1 ? seconds * 1000 : seconds);
	int64_t whole = seconds < 1e12 ? (int64_t)seconds : (int64_t)1e12;

	for (size_t i = 0; i < 3; i++) {
		int64_t large = whole / units[i].seconds;
		int64_t small = whole % units[i].seconds / units[i + 1].seconds;

		if (large && small)
			return cli_cell_format(cli, "%lld%s%lld%s", (long long)large, units[i].name,
				(long long)small, units[i + 1].name);
		if (large)
			return cli_cell_format(cli, "%lld%s", (long long)large, units[i].name);
	}
	return cli_cell_format(cli, "%llds", (long long)whole);
}

const char *cli_cell_text(struct cli *cli, struct json_value value, const char *path)
{
	struct slice text = cli_view_text(cli, value, path);

	return text.p && text.n ? text.p : "-";
}

const char *cli_cell_key(struct cli *cli, struct json_value value, const char *path)
{
	struct slice text = cli_view_text(cli, value, path);
	struct buf decoded = {0}, clean = {0};

	if (cli_view_is(value, "key_encoding", "base64url") && base64_decode(text, true, &decoded))
		text = arena_take(&cli->arena, &decoded);
	cli_cell_clean(text, &clean);
	buf_release(&decoded);
	return clean.n ? arena_take(&cli->arena, &clean).p : "-";
}

const char *cli_cell_count_at(struct cli *cli, struct json_value value, const char *path)
{
	return cli_cell_count(cli, cli_view_number(value, path, (double)NAN));
}

const char *cli_cell_bytes_at(struct cli *cli, struct json_value value, const char *path)
{
	return cli_cell_bytes(cli, cli_view_number(value, path, (double)NAN));
}

const char *cli_cell_ratio_at(struct cli *cli, struct json_value value, const char *path)
{
	return cli_cell_ratio(cli, cli_view_number(value, path, (double)NAN));
}

const char *cli_cell_real_at(struct cli *cli, struct json_value value, const char *path)
{
	return cli_cell_real(cli, cli_view_number(value, path, (double)NAN));
}

const char *cli_cell_span_at(struct cli *cli, struct json_value value, const char *path)
{
	return cli_cell_span(cli, cli_view_number(value, path, (double)NAN));
}

const char *cli_cell_when(struct cli *cli, struct json_value value, const char *path)
{
	struct slice text = cli_view_text(cli, value, path);
	int64_t then;

	if (!text.p || timestamp_parse(text, &then) != NULL)
		return "-";
	double seconds = (double)(clock_wall_ms() - then) / 1000;

	if (seconds < 0)
		return cli_cell_format(cli, "in %s", cli_cell_span(cli, ceil(-seconds)));
	if (seconds < 1)
		return "now";
	return cli_cell_format(cli, "%s ago", cli_cell_span(cli, floor(seconds)));
}
