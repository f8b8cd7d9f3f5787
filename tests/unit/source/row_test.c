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

TEST_SUITE("source_row", members_of_a_json_row_are_found, a_json_row_keeps_its_bytes,
	a_csv_row_becomes_an_object_of_strings)
