/* SPDX-License-Identifier: MIT */
#include "../unit.h"
#include "source/source.h"

static const char text[] = "{\"id\":9007199254740993,\"t\":\"a\\u00e9\\n\",\"n\":null,\"f\":false,"
			   "\"o\":{\"x/y\":{ \"z\":[1, 2]}},"
			   "\"\":\"empty\"}";

static void expect(const char *path, const char *expected)
{
	struct source_row row = {.kind = ROW_JSON};
	struct buf out = {0};

	row.json = json_root(slice_str(text));
	buf_str(&out, "before ");
	bool there = source_row_get(&row, slice_str(path), &out);
	ck_assert_msg(there == (expected != NULL), "%s", path);
	ck_assert_str_eq(out.p + 7, expected ? expected : "");
	buf_release(&out);
}

START_TEST(members_of_a_json_row_are_found)
{
	expect("id", "9007199254740993");
	expect("t", "a\xC3\xA9\n");
	expect("f", "false");
	expect("n", NULL);
	expect("missing", NULL);
	expect("o", "{\"x/y\":{ \"z\":[1, 2]}}");
	expect("o/x~1y/z", "[1, 2]");
	expect("o/x~1y/z/1", "2");
	expect("o/x~1y/z/2", NULL);
	expect("id/x", NULL);
}
END_TEST

START_TEST(a_json_row_keeps_its_bytes)
{
	struct source_row row = {.kind = ROW_JSON};
	struct buf out = {0};

	row.json = json_root(slice_str(text));
	source_row_json(&row, &out);
	ck_assert_str_eq(out.p, text);
	buf_release(&out);
}
END_TEST

START_TEST(a_csv_row_becomes_an_object_of_strings)
{
	struct slice names[] = {SLICE("a\"b"), SLICE("c")};
	struct slice cells[] = {SLICE("1"), SLICE("x\ny")};
	struct source_row row = {.kind = ROW_CSV, .names = names, .cells = cells, .count = 2};
	struct buf out = {0};

	source_row_json(&row, &out);
	ck_assert_str_eq(out.p, "{\"a\\\"b\":\"1\",\"c\":\"x\\ny\"}");
	buf_release(&out);
}
END_TEST

START_TEST(a_database_row_has_cells_of_three_types)
{
	struct slice names[] = {SLICE("t"), SLICE("n"), SLICE("j"), SLICE("z"), SLICE("s"),
		SLICE("j/a"), SLICE("0")};
	struct slice cells[] = {SLICE("x\"y"), SLICE("1.50"), SLICE("{\"b\":[1],\"c\":null}"),
		{NULL, 0}, SLICE("\"\\u00e9\""), SLICE("direct"), SLICE("null")};
	enum source_cell types[] = {
		CELL_TEXT, CELL_JSON, CELL_JSON, CELL_NULL, CELL_JSON, CELL_TEXT, CELL_JSON};
	struct source_row row = {
		.kind = ROW_COLUMNS, .names = names, .cells = cells, .types = types, .count = 7};
	static const struct {
		const char *path, *value;
	} paths[] = {{"t", "x\"y"}, {"n", "1.50"}, {"j", "{\"b\":[1],\"c\":null}"}, {"j/b", "[1]"},
		{"j/b/0", "1"}, {"j/c", NULL}, {"j/d", NULL}, {"z", NULL}, {"z/a", NULL},
		{"s", "\xC3\xA9"}, {"t/a", NULL}, {"j/a", "direct"}, {"missing", NULL},
		{"missing/a", NULL}, {"n/a", NULL}, {"0", NULL}};
	struct buf out = {0};
	struct fault fault;

	source_row_json(&row, &out);
	ck_assert_str_eq(out.p,
		"{\"t\":\"x\\\"y\",\"n\":1.50,\"j\":{\"b\":[1],\"c\":null},\"z\":null,"
		"\"s\":\"\\u00e9\",\"j/a\":\"direct\",\"0\":null}");
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		buf_clear(&out);
		buf_char(&out, '>');
		ck_assert_msg(source_row_get(&row, slice_str(paths[i].path), &out) ==
				      (paths[i].value != NULL),
			"%s", paths[i].path);
		ck_assert_str_eq(out.p + 1, paths[i].value ? paths[i].value : "");
	}
	ck_assert(!source_row_lacks(&row, SLICE("j/z"), &fault));
	ck_assert(!source_row_lacks(&row, SLICE("z"), &fault));
	ck_assert(source_row_lacks(&row, SLICE("y"), &fault));
	ck_assert_str_eq(fault.detail, "no column \"y\"; the query has: t, n, j, z, s, j/a, 0");
	buf_release(&out);
}
END_TEST

TEST_SUITE("source_row", members_of_a_json_row_are_found, a_json_row_keeps_its_bytes,
	a_csv_row_becomes_an_object_of_strings, a_database_row_has_cells_of_three_types)
