/* SPDX-License-Identifier: MIT */
#include "../unit.h"
#include "parsing.h"

static const struct reading csv = {.format = FORMAT_CSV};

START_TEST(records_take_their_names_from_the_header)
{
	expect_reading(&csv, SLICE("code,rate\nEUR,1.0\nUSD,1.1"),
		"{\"code\":\"EUR\",\"rate\":\"1.0\"};{\"code\":\"USD\",\"rate\":\"1.1\"};");
	expect_reading(&csv, SLICE("a,b\n,\n"), "{\"a\":\"\",\"b\":\"\"};");
	expect_reading(&csv, SLICE("a\n1\n2\n"), "{\"a\":\"1\"};{\"a\":\"2\"};");
	expect_reading(&csv, SLICE("a,b\n"), "");
	expect_reading(&csv, SLICE(""), "");
}
END_TEST

START_TEST(quotes_hold_commas_line_breaks_and_quotes)
{
	expect_reading(&csv, SLICE("a,b\n\"x,y\",\"1\n2\r\n3\"\n"),
		"{\"a\":\"x,y\",\"b\":\"1\\n2\\r\\n3\"};");
	expect_reading(&csv, SLICE("a,b\n\"\",\"say \"\"hi\"\"\"\n\"\"\"\",z"),
		"{\"a\":\"\",\"b\":\"say \\\"hi\\\"\"};{\"a\":\"\\\"\",\"b\":\"z\"};");
	expect_reading(&csv, SLICE("\"a\nb\",\"\"\"c\"\"\"\n1,2\n"),
		"{\"a\\nb\":\"1\",\"\\\"c\\\"\":\"2\"};");
}
END_TEST

START_TEST(crlf_bom_and_empty_lines)
{
	expect_reading(&csv,
		SLICE("\xEF\xBB\xBF"
		      "a,b\r\n1,2\r\n\r\n\"3\",\"4\"\r\n5,6\r"),
		"{\"a\":\"1\",\"b\":\"2\"};{\"a\":\"3\",\"b\":\"4\"};{\"a\":\"5\",\"b\":\"6\"};");
	expect_reading(&csv, SLICE("\xEF\xBB\xBF\"a,b\"\n1\n"), "{\"a,b\":\"1\"};");
	expect_reading(&csv, SLICE("\n\na\n\n1\n"), "{\"a\":\"1\"};");
	expect_reading(&csv, SLICE("a,b\nx\ry,z\n"), "{\"a\":\"x\\ry\",\"b\":\"z\"};");
}
END_TEST

START_TEST(bad_records_cost_only_themselves)
{
	expect_reading(&csv, SLICE("a,b\n1\n1,2,3\n1,2\n"), "!!{\"a\":\"1\",\"b\":\"2\"};");
	expect_reading(&csv, SLICE("a,b\nx\"y,2\n\"x\"y,2\n\"x\"\ry,1\n\"x\" ,2\n1,2\n"),
		"!!!!{\"a\":\"1\",\"b\":\"2\"};");
	expect_reading(&csv, SLICE("a\n\xFF\n1\n"), "!{\"a\":\"1\"};");
	expect_reading(&csv, SLICE("a\n1\n\"never closed\n2\n"), "{\"a\":\"1\"};!");
	expect_faults(&csv, SLICE("a,b\n1,2\n3\n"), "row 2 has 1 cells, the header has 2\n");
}
END_TEST

START_TEST(a_header_must_be_sound)
{
	expect_reading(&csv, SLICE("a,b,a\n1,2,3\n"), "X");
	expect_reading(&csv, SLICE("a,b\"c\n1,2\n"), "X");
	expect_reading(&csv, SLICE("\"a\n"), "X");
	expect_reading(&csv, SLICE("\xFF\n1\n"), "X");
	expect_faults(&csv, SLICE("a,a\n"), "the CSV header names a column twice\n");
}
END_TEST

START_TEST(a_record_too_long_is_passed_over)
{
	const struct reading tight = {.format = FORMAT_CSV, .max_row_bytes = 6};

	expect_reading(&tight, SLICE("a\n123456\n1234567\n\"1\n3\n\n\"\"7\"\nx\n123456789"),
		"{\"a\":\"123456\"};!!{\"a\":\"x\"};!");
	expect_reading(&tight, SLICE("abcdefg\n1\n"), "X");
}
END_TEST

START_TEST(a_cell_is_found_by_its_name)
{
	struct slice names[] = {SLICE("a"), SLICE("b/c")};
	struct slice cells[] = {SLICE("1"), SLICE("")};
	struct source_row row = {.kind = ROW_CSV, .names = names, .cells = cells, .count = 2};
	struct buf out = {0};

	ck_assert(source_row_get(&row, SLICE("a"), &out));
	ck_assert_str_eq(out.p, "1");
	ck_assert(source_row_get(&row, SLICE("b/c"), &out));
	ck_assert(!source_row_get(&row, SLICE("b"), &out));
	ck_assert_str_eq(out.p, "1");
	buf_release(&out);
}
END_TEST

TEST_SUITE("csv", records_take_their_names_from_the_header,
	quotes_hold_commas_line_breaks_and_quotes, crlf_bom_and_empty_lines,
	bad_records_cost_only_themselves, a_header_must_be_sound, a_record_too_long_is_passed_over,
	a_cell_is_found_by_its_name)
