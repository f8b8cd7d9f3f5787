/* SPDX-License-Identifier: MIT */
#include "../unit.h"
#include "parsing.h"

static const struct reading jsonl = {.format = FORMAT_JSONL};

START_TEST(each_line_is_a_row_in_pieces_of_any_size)
{
	expect_reading(
		&jsonl, SLICE("{\"a\":1}\n[2]\n\"\xC3\xA9\"\n"), "{\"a\":1};[2];\"\xC3\xA9\";");
	expect_reading(&jsonl, SLICE("{\"a\":\"x\"}\n{\"a\":\"last\"}"),
		"{\"a\":\"x\"};{\"a\":\"last\"};");
	expect_reading(&jsonl, SLICE(""), "");
}
END_TEST

START_TEST(blank_lines_cr_and_bom_are_ignored)
{
	expect_reading(&jsonl, SLICE("\xEF\xBB\xBF{\"a\":1}\r\n\r\n  \t\n\n{\"b\":2}\r\n"),
		"{\"a\":1};{\"b\":2};");
	expect_reading(&jsonl, SLICE("\n\n\n"), "");
	expect_reading(&jsonl, SLICE("\xEF\xBB\xBF"), "");
}
END_TEST

START_TEST(numbers_keep_their_spelling)
{
	expect_reading(&jsonl, SLICE("{\"id\":9007199254740993}\n1e999\n-0.10\n"),
		"{\"id\":9007199254740993};1e999;-0.10;");
}
END_TEST

START_TEST(a_bad_line_costs_only_itself)
{
	expect_reading(&jsonl, SLICE("{\"a\":1}\n{\"a\":\n{} {}\n{\"a\":\"\xFF\"}\n[1]\n"),
		"{\"a\":1};!!!"
		"[1];");
	expect_reading(&jsonl, SLICE("{\"a\":1,\"a\":2}\n1\n"), "!1;");
	expect_reading(&jsonl, SLICE("1\n{\"cut"), "1;!");
}
END_TEST

START_TEST(too_long_a_line_is_passed_over)
{
	const struct reading tight = {.format = FORMAT_JSONL, .max_row_bytes = 5};

	expect_reading(
		&tight, SLICE("12345\n123456\n\"789\"\n1234567890123456"), "12345;!\"789\";!");
	expect_reading(&tight, SLICE("1234567890\n"), "!");
	expect_faults(&tight, SLICE("1\n123456\n"), "row 2 has more than 5 bytes\n");
}
END_TEST

START_TEST(too_long_a_line_is_not_kept_in_memory)
{
	const struct reading how = {.format = FORMAT_JSONL, .max_row_bytes = 100000};
	struct parser *parser = parser_new(how.format, SLICE(""), how.max_row_bytes);
	static char piece[65536];
	struct source_row row;
	struct fault fault;
	int bad = 0;

	for (size_t i = 0; i < sizeof piece; i++)
		piece[i] = 'x';
	for (int i = 0; i < 200 * 16; i++) {
		enum parser_step step;

		parser_feed(parser, slice_of(piece, sizeof piece));
		while ((step = parser_next(parser, &row, &fault)) == PARSER_BAD)
			bad++;
		ck_assert_int_eq(step, PARSER_MORE);
		ck_assert_uint_le(parser->carry.cap, 200000);
	}
	ck_assert_int_eq(bad, 1);
	parser_free(parser);
}
END_TEST

START_TEST(rows_are_numbered_across_documents)
{
	struct parser *parser = parser_new(FORMAT_JSONL, SLICE(""), 100);
	struct source_row row;

	parser_feed(parser, SLICE("1\n2\n"));
	ck_assert_int_eq(parser_next(parser, &row, NULL), PARSER_ROW);
	ck_assert_int_eq(parser_next(parser, &row, NULL), PARSER_ROW);
	ck_assert_int_eq(parser_next(parser, &row, NULL), PARSER_MORE);
	parser_finish(parser);
	ck_assert_int_eq(parser_next(parser, &row, NULL), PARSER_END);
	parser_restart(parser);
	parser_feed(parser, SLICE("\xEF\xBB\xBF"
				  "3\n"));
	ck_assert_int_eq(parser_next(parser, &row, NULL), PARSER_ROW);
	ck_assert_uint_eq(row.number, 3);
	parser_free(parser);
}
END_TEST

TEST_SUITE("jsonl", each_line_is_a_row_in_pieces_of_any_size, blank_lines_cr_and_bom_are_ignored,
	numbers_keep_their_spelling, a_bad_line_costs_only_itself, too_long_a_line_is_passed_over,
	too_long_a_line_is_not_kept_in_memory, rows_are_numbered_across_documents)
