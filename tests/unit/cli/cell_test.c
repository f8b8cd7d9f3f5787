/* SPDX-License-Identifier: MIT */
#include "cli/cell.h"

#include <locale.h>
#include <math.h>

#include "base/clock.h"

#include "../unit.h"

static struct cli cli;

static const char *clean(struct slice text)
{
	struct buf out = {0};

	cli_cell_clean(text, &out);
	return arena_take(&cli.arena, &out).p;
}

START_TEST(what_a_terminal_would_act_on_is_shown_as_text)
{
	static const struct {
		struct slice text;
		const char *shown;
	} cases[] = {
		{SLICE("plain \xc3\xa9 \xe2\x82\xac"), "plain \xc3\xa9 \xe2\x82\xac"},
		{SLICE("a\x1b[31mb"), "a\\x1b[31mb"},
		{SLICE("a\nb\tc\0d\x7f"), "a\\x0ab\\x09c\\x00d\\x7f"},
		{SLICE("\xc2\x9b\x80\xff\xc3"), "\\u009b\\x80\\xff\\xc3"},
		{SLICE("\xe2\x80\xaegnp\xe2\x80\xa8\xef\xbb\xbf"), "\\u202egnp\\u2028\\ufeff"},
		{SLICE(""), ""},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		ck_assert_str_eq(clean(cases[i].text), cases[i].shown);
	arena_release(&cli.arena);
}
END_TEST

START_TEST(texts_are_cut_by_columns_not_bytes)
{
	ck_assert_ptr_nonnull(setlocale(LC_CTYPE, "C.UTF-8"));
	ck_assert_int_eq(cli_cell_width(SLICE("abc")), 3);
	ck_assert_int_eq(cli_cell_width(SLICE("\xe6\x97\xa5\xe6\x9c\xac")), 4);
	ck_assert_int_eq(cli_cell_width(SLICE("e\xcc\x81")), 1);
	ck_assert_str_eq(cli_cell_cut(&cli, SLICE("abcdef"), 6).p, "abcdef");
	ck_assert_str_eq(cli_cell_cut(&cli, SLICE("abcdef"), 4).p, "abc~");
	ck_assert_str_eq(
		cli_cell_cut(&cli, SLICE("\xe6\x97\xa5\xe6\x9c\xac"), 3).p, "\xe6\x97\xa5~");
	ck_assert_str_eq(cli_cell_cut(&cli, SLICE("abc"), 1).p, "~");
	arena_release(&cli.arena);
}
END_TEST

START_TEST(figures_are_short_and_unknown_ones_are_a_dash)
{
	double none = (double)NAN;

	ck_assert_str_eq(cli_cell_count(&cli, 1234567), "1,234,567");
	ck_assert_str_eq(cli_cell_count(&cli, -1234), "-1,234");
	ck_assert_str_eq(cli_cell_count(&cli, 999), "999");
	ck_assert_str_eq(cli_cell_bytes(&cli, 1023), "1023 B");
	ck_assert_str_eq(cli_cell_bytes(&cli, 1536), "1.5 KiB");
	ck_assert_str_eq(cli_cell_bytes(&cli, 1e30), "888178419700125.2 PiB");
	ck_assert_str_eq(cli_cell_ratio(&cli, 0.9312), "93.1 %");
	ck_assert_str_eq(cli_cell_real(&cli, 0.125), "0.12");
	ck_assert_str_eq(cli_cell_real(&cli, 0.0), "0");
	ck_assert_str_eq(cli_cell_real(&cli, 0.000512), "0.00051");
	ck_assert_str_eq(cli_cell_real(&cli, 12.34), "12.3");
	ck_assert_str_eq(cli_cell_real(&cli, 1234.5), "1,234");
	ck_assert_str_eq(cli_cell_span(&cli, 0.25), "250ms");
	ck_assert_str_eq(cli_cell_span(&cli, 59), "59s");
	ck_assert_str_eq(cli_cell_span(&cli, 3600 + 62), "1h1m");
	ck_assert_str_eq(cli_cell_span(&cli, 3 * 86400 + 59), "3d");
	ck_assert_str_eq(cli_cell_count(&cli, none), "-");
	ck_assert_str_eq(cli_cell_bytes(&cli, none), "-");
	ck_assert_str_eq(cli_cell_ratio(&cli, none), "-");
	ck_assert_str_eq(cli_cell_real(&cli, none), "-");
	ck_assert_str_eq(cli_cell_span(&cli, -1), "-");
	arena_release(&cli.arena);
}
END_TEST

START_TEST(times_are_told_from_now)
{
	struct json_value at = json_root(
		SLICE("{\"t\":\"2026-01-01T00:01:00.000Z\",\"bad\":\"soon\",\"none\":null}"));
	struct clock_fake fake = {.wall_ms = INT64_C(1767225600000)};

	clock_use_fake(&fake);
	ck_assert_str_eq(cli_cell_when(&cli, at, "t"), "in 1m");
	fake.wall_ms += 60 * 1000;
	ck_assert_str_eq(cli_cell_when(&cli, at, "t"), "now");
	fake.wall_ms += 90 * 1000;
	ck_assert_str_eq(cli_cell_when(&cli, at, "t"), "1m30s ago");
	ck_assert_str_eq(cli_cell_when(&cli, at, "bad"), "-");
	ck_assert_str_eq(cli_cell_when(&cli, at, "none"), "-");
	ck_assert_str_eq(cli_cell_when(&cli, at, "absent"), "-");
	clock_use_fake(NULL);
	arena_release(&cli.arena);
}
END_TEST

TEST_SUITE("cli_cell", what_a_terminal_would_act_on_is_shown_as_text,
	texts_are_cut_by_columns_not_bytes, figures_are_short_and_unknown_ones_are_a_dash,
	times_are_told_from_now)
