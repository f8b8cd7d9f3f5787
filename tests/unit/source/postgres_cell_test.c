/* SPDX-License-Identifier: MIT */
#include "../unit.h"
#include "source/postgres_cell.h"

enum {
	BOOL = 16,
	BYTEA = 17,
	INT8 = 20,
	TEXT = 25,
	JSON = 114,
	FLOAT8 = 701,
	TIMESTAMPTZ = 1184,
	NUMERIC = 1700,
	JSONB = 3802
};

static const struct {
	Oid type;
	const char *text, *cell;
	enum source_cell is;
} good[] = {
	{INT8, "-9223372036854775808", "-9223372036854775808", CELL_JSON},
	{NUMERIC, "0", "0", CELL_JSON},
	{NUMERIC, "0.10", "0.10", CELL_JSON},
	{NUMERIC, "NaN", "NaN", CELL_TEXT},
	{FLOAT8, "1e+20", "1e+20", CELL_JSON},
	{FLOAT8, "-1.5E-7", "-1.5E-7", CELL_JSON},
	{FLOAT8, "-Infinity", "-Infinity", CELL_TEXT},
	{BOOL, "t", "true", CELL_JSON},
	{BOOL, "f", "false", CELL_JSON},
	{TEXT, "", "", CELL_TEXT},
	{TEXT, "1", "1", CELL_TEXT},
	{99999, "{1,2}", "{1,2}", CELL_TEXT},
	{JSONB, "{\"a\": [1, 2]}", "{\"a\": [1, 2]}", CELL_JSON},
	{JSON, " \n[1 ]\n", "[1 ]", CELL_JSON},
	{TIMESTAMPTZ, "2026-12-01 05:12:58.1+00", "2026-12-01T05:12:58.1+00:00", CELL_TEXT},
	{TIMESTAMPTZ, "2026-12-01 05:12:58-03:30", "2026-12-01T05:12:58-03:30", CELL_TEXT},
	{TIMESTAMPTZ, "2026-12-01 05:12:58-11", "2026-12-01T05:12:58-11:00", CELL_TEXT},
	{1114, "2026-12-01 05:12:58", "2026-12-01T05:12:58", CELL_TEXT},
	{1114, "0044-03-15 12:00:00 BC", "0044-03-15T12:00:00 BC", CELL_TEXT},
	{TIMESTAMPTZ, "-infinity", "-infinity", CELL_TEXT},
	{BYTEA, "\\x", "", CELL_TEXT},
	{BYTEA, "\\x00ff10", "AP8Q", CELL_TEXT},
	{BYTEA, "\\x00", "AA==", CELL_TEXT},
	/* What no server sends as a number stays a text. */
	{INT8, "", "", CELL_TEXT},
	{INT8, "-", "-", CELL_TEXT},
	{INT8, "01", "01", CELL_TEXT},
	{INT8, "1.", "1.", CELL_TEXT},
	{INT8, ".5", ".5", CELL_TEXT},
	{INT8, "1e", "1e", CELL_TEXT},
	{INT8, "1 ", "1 ", CELL_TEXT},
	{INT8, "+1", "+1", CELL_TEXT},
	{INT8, "1\"", "1\"", CELL_TEXT},
};

START_TEST(values_become_cells)
{
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		enum postgres_kind kind = postgres_cell_kind(good[i].type);
		struct slice text = slice_str(good[i].text), ret;
		struct buf room = {0};
		enum source_cell is;

		buf_str(&room, "before");
		size_t most = room.n + postgres_cell_room(kind, text.n);
		buf_reserve(&room, postgres_cell_room(kind, text.n));
		const char *before = room.p;
		const char *wrong = postgres_cell_make(kind, text, &room, &ret, &is);

		ck_assert_msg(!wrong, "%s: %s", good[i].text, wrong);
		ck_assert_msg(
			slice_is(ret, good[i].cell), "%s: %.*s", good[i].text, (int)ret.n, ret.p);
		ck_assert_int_eq(is, good[i].is);
		ck_assert_ptr_eq(room.p, before);
		ck_assert_uint_le(room.n, most);
		buf_release(&room);
	}
}
END_TEST

static const struct {
	Oid type;
	const char *text, *wrong;
} bad[] = {
	{TEXT, "a\xff", "is not UTF-8: give the database an encoding"},
	{INT8, "\xff", "is not UTF-8: give the database an encoding"},
	{JSON, "{",
		"is not JSON that can be stored: it is nested too deeply, has a name twice or "
		"half a surrogate pair"},
	{JSON, "{\"a\":1,\"a\":2}",
		"is not JSON that can be stored: it is nested too deeply, has a "
		"name twice or half a surrogate pair"},
	{BYTEA, "abc", "is bytea, but not in the hex format: unset bytea_output"},
	{BYTEA, "\\x0", "is bytea, but not hexadecimal"},
	{BYTEA, "\\x0g", "is bytea, but not hexadecimal"},
};

START_TEST(what_cannot_be_one_is_told)
{
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct buf room = {0};
		struct slice ret;
		enum source_cell is;
		const char *wrong = postgres_cell_make(
			postgres_cell_kind(bad[i].type), slice_str(bad[i].text), &room, &ret, &is);

		ck_assert_ptr_nonnull(wrong);
		ck_assert_str_eq(wrong, bad[i].wrong);
		buf_release(&room);
	}
}
END_TEST

TEST_SUITE("postgres_cell", values_become_cells, what_cannot_be_one_is_told)
