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

START_TEST(crlf_a_bom_and_empty_lines_are_understood)
{
	expect_reading(&csv,
		SLICE("\xEF\xBB\xBF"
		      "a,b\r\n1,2\r\n\r\n\"3\",\"4\"\r\n5,6\r"),
		"{\"a\":\"1\",\"b\":\"2\"};{\"a\":\"3\",\"b\":\"4\"};{\"a\":\"5\",\"b\":\"6\"};");
	expect_reading(&csv, SLICE("\xEF\xBB\xBF\"a,b\"\n1\n"), "{\"a,b\":\"1\"};");
	expect_reading(&csv, SLICE("\n\na\n\n1\n"), "{\"a\":\"1\"};");
	expect_reading(&csv, SLICE("a,b\nx\ry,z\n"), "!{\"a\":\"y\",\"b\":\"z\"};");
}
END_TEST

START_TEST(any_line_end_ends_a_record)
{
	static const char *const ends[] = {"\n", "\r\n", "\r", "\r\r\n", "\n\r", "\n\n"};
	enum { count = sizeof ends / sizeof *ends };

	for (size_t i = 0; i < count * count; i++) {
		struct buf text = {0};

		buf_printf(&text, "a,b%s1,\"x\r\ny\"%s\"2\",%s3,4", ends[i / count],
			ends[i % count], ends[i / count]);
		expect_reading(&csv, buf_slice(&text),
			"{\"a\":\"1\",\"b\":\"x\\r\\ny\"};{\"a\":\"2\",\"b\":\"\"};{\"a\":\"3\","
			"\"b\":\"4\"};");
		buf_release(&text);
	}
}
END_TEST

START_TEST(columns_without_a_name_belong_to_no_row)
{
	expect_reading(&csv, SLICE("id,name,,\n1,a,,\n2,b\n3,c,x,\n4,d,,,,\n"),
		"{\"id\":\"1\",\"name\":\"a\"};{\"id\":\"2\",\"name\":\"b\"};{\"id\":\"3\","
		"\"name\":"
		"\"c\"};{\"id\":\"4\",\"name\":\"d\"};");
	expect_reading(&csv, SLICE(",a,,b\n0,1,2,3\n0,1,2\n"), "{\"a\":\"1\",\"b\":\"3\"};!");
	expect_reading(&csv, SLICE("a,b\n1,2,,\n1,2,3\n1\n"), "{\"a\":\"1\",\"b\":\"2\"};!!");
	expect_faults(&csv, SLICE(",,\n1,2,3\n"), "the CSV header has no column names\n");
	expect_faults(&csv, SLICE("a,b,\n1,2\n1,2,,x\n1\n"),
		"row 2 has 4 cells, the header has 3\nrow 3 has 1 cells, the header has 3\n");
}
END_TEST

START_TEST(other_delimiters_are_understood)
{
	const struct reading semicolons = {.format = FORMAT_CSV, .delimiter = ';'};
	const struct reading tabs = {.format = FORMAT_CSV, .delimiter = '\t'};

	expect_reading(&semicolons,
		SLICE("\xEF\xBB\xBF"
		      "a;b\r\n1,5;\"x;y\"\r\n"),
		"{\"a\":\"1,5\",\"b\":\"x;y\"};");
	expect_reading(&tabs, SLICE("a\tb\n1,2\t;\n"), "{\"a\":\"1,2\",\"b\":\";\"};");
	expect_reading(&semicolons, SLICE("sep=;\r\na;b\r\n1;2\r\n"), "{\"a\":\"1\",\"b\":\"2\"};");
	expect_reading(&csv, SLICE("sep=,\na\n1\n"), "{\"a\":\"1\"};");
}
END_TEST

/* Steps to the end of a document; the last step that was neither a row nor a bad one. */
static enum parser_step pass(
	struct parser *parser, const char *text, size_t *rows, struct fault *fault)
{
	struct source_row row;
	enum parser_step step;

	parser_feed(parser, slice_str(text));
	while ((step = parser_next(parser, &row, fault)) == PARSER_ROW)
		(*rows)++;
	if (step != PARSER_MORE)
		return step;
	parser_finish(parser);
	while ((step = parser_next(parser, &row, fault)) == PARSER_ROW)
		(*rows)++;
	return step;
}

START_TEST(each_document_begins_with_the_same_header)
{
	struct parser *parser = parser_new(FORMAT_CSV, SLICE(""), 1000);
	static const char *const good[] = {"id,name\n1,a\n2,b\n", "\xEF\xBB\xBFid,name\r\n3,c",
		"\"id\",name,\n4,d\n", "name,id\ne,5\n", "id,name\n", "", "\r\n"};
	struct fault fault;
	size_t rows = 0;

	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		ck_assert_int_eq(pass(parser, good[i], &rows, &fault), PARSER_END);
		parser_restart(parser);
	}
	ck_assert_uint_eq(rows, 5);
	ck_assert_int_eq(pass(parser, "3,c\n", &rows, &fault), PARSER_BROKEN);
	ck_assert_str_eq(fault.detail, "a page begins with \"3,c\" and not with the first page's "
				       "header \"id,name\": each page of "
				       "CSV must begin with it");
	parser_free(parser);
}
END_TEST

START_TEST(bad_records_cost_only_themselves)
{
	expect_reading(&csv, SLICE("a,b\n1\n1,2,3\n1,2\n"), "!!{\"a\":\"1\",\"b\":\"2\"};");
	expect_reading(&csv, SLICE("a,b\nx\"y,2\n\"x\"y,2\n\"x\" ,2\n1,2\n"),
		"!!!{\"a\":\"1\",\"b\":\"2\"};");
	expect_reading(&csv, SLICE("a\n\xFF\n1\n"), "!{\"a\":\"1\"};");
	expect_reading(&csv, SLICE("a\n1\n\"never closed\n2\n"), "{\"a\":\"1\"};!");
	expect_faults(&csv, SLICE("a,b\n1,2\n3\n"), "row 2 has 1 cells, the header has 2\n");
}
END_TEST

START_TEST(an_unusable_header_is_refused)
{
	expect_reading(&csv, SLICE("a,b,a\n1,2,3\n"), "X");
	expect_reading(&csv, SLICE("a,b\"c\n1,2\n"), "X");
	expect_reading(&csv, SLICE("\"a\n"), "X");
	expect_reading(&csv, SLICE("\xFF\n1\n"), "X");
	expect_faults(&csv, SLICE("a,a\n"), "the CSV header names the column \"a\" twice\n");
}
END_TEST

START_TEST(too_long_a_record_is_passed_over)
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
	quotes_hold_commas_line_breaks_and_quotes, crlf_a_bom_and_empty_lines_are_understood,
	any_line_end_ends_a_record, columns_without_a_name_belong_to_no_row,
	other_delimiters_are_understood, each_document_begins_with_the_same_header,
	bad_records_cost_only_themselves, an_unusable_header_is_refused,
	too_long_a_record_is_passed_over, a_cell_is_found_by_its_name)
