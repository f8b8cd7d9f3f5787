/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "../unit.h"
#include "parsing.h"

static const struct reading root = {.format = FORMAT_JSON};
static const struct reading items = {.format = FORMAT_JSON, .rows = "/items"};

START_TEST(elements_of_the_root_are_rows)
{
	expect_reading(&root, SLICE("[]"), "");
	expect_reading(&root, SLICE(" [ {\"a\" : [1,{}]} , 12.50,\"x\\\"]\",null ] \n"),
		"{\"a\" : [1,{}]};12.50;\"x\\\"]\";null;");
	expect_reading(
		&root, SLICE("\xEF\xBB\xBF[true,9007199254740993]"), "true;9007199254740993;");
}
END_TEST

START_TEST(elements_at_a_pointer_are_rows)
{
	const struct reading deep = {.format = FORMAT_JSON, .rows = "/a/1/x~1y"};
	const struct reading escaped = {.format = FORMAT_JSON, .rows = "/caf\xC3\xA9~0"};

	expect_reading(&items,
		SLICE("{\"meta\":{\"items\":[0,\"]}\"]},\"n\":-1.5e3,\"items\":[{\"id\":1},{\"id\":"
		      "2}],"
		      "\"next\":null}"),
		"{\"id\":1};{\"id\":2};");
	expect_reading(&deep,
		SLICE("{\"a\":[{\"x/y\":[9]}, {\"z\":{}, \"x/y\" : [1,2] , \"q\":[3]}, 7]}"),
		"1;2;");
	expect_reading(&escaped, SLICE("{\"caf\\u00e9~\":[1]}"), "1;");
	expect_reading(&items, SLICE("{\"items\":[1],\"items\":[2]}"), "1;");
	expect_reading(&items, SLICE("{\"items\":[]}"), "");
	char slashes[41] = "";
	struct buf nested = {0};
	memset(slashes, '/', 40);
	for (int i = 0; i < 40; i++)
		buf_str(&nested, "{\"\":");
	buf_str(&nested, "[1]");
	for (int i = 0; i < 40; i++)
		buf_char(&nested, '}');
	expect_reading(&(struct reading){.format = FORMAT_JSON, .rows = slashes},
		buf_slice(&nested), "1;");
	buf_release(&nested);
}
END_TEST

START_TEST(a_bad_element_costs_only_itself)
{
	expect_reading(
		&root, SLICE("[1,nope,{\"a\" 1},{\"a\":1,\"a\":2},\"\xFF\",01,2]"), "1;!!!!!2;");
}
END_TEST

START_TEST(too_long_an_element_is_passed_over)
{
	const struct reading tight = {.format = FORMAT_JSON, .max_row_bytes = 5};

	expect_reading(&tight,
		SLICE("[12345,123456,[1,2],[1,\"]\"],{\"a\":[\"\\\"}]\"]} ,\"123\"]"),
		"12345;![1,2];!!\"123\";");
	/* Too long first, and no JSON behind that. */
	expect_reading(&tight, SLICE("[[12345}]"), "!X");
	expect_reading(&tight, SLICE("[1,123456\"a\"]"), "1;!X");
	expect_reading(&tight, SLICE("[[123}]"), "X");
	expect_reading(&tight, SLICE("[[1234}]"), "X");
}
END_TEST

START_TEST(documents_without_the_rows_are_refused)
{
	expect_reading(&root, SLICE("{\"a\":1}"), "X");
	expect_reading(&root, SLICE("12 "), "X");
	expect_reading(&items, SLICE("[1]"), "X");
	expect_reading(&items, SLICE("{\"items\":{}}"), "X");
	expect_reading(&items, SLICE("{\"items\":false}"), "X");
	expect_reading(&items, SLICE("{\"items\":\"\"}"), "X");
	expect_reading(&items, SLICE("\"\""), "X");
	expect_faults(&items, SLICE("{\"items\":{}}"),
		"there is no array of rows at \"/items\": the value there is not an array\n");
}
END_TEST

START_TEST(null_nothing_and_a_missing_member_are_no_rows)
{
	static const char *const root_texts[] = {
		"", " \n", "\xEF\xBB\xBF", "null", " null\r\n", "[]"};
	static const char *const item_texts[] = {"", "null", "{}", "[]", "{\"a\":1}",
		"{\"items\":null}", "{\"a\":[null],\"items\" : null , \"b\":null}",
		"{\"a\":{\"items\":[1]}}", "\xEF\xBB\xBFnull"};
	static const char *const broken[] = {"nul", "nulL", "nullnull", "{\"items\":nul}",
		"{\"items\":nulls}", "{\"items\":null", "{\"items\":null]", "\xEF\xBB",
		"{\"items\":n ull}", "{\"a\":1"};
	const struct reading deep = {.format = FORMAT_JSON, .rows = "/data/items"};

	for (size_t i = 0; i < sizeof root_texts / sizeof *root_texts; i++)
		expect_reading(&root, slice_str(root_texts[i]), "");
	for (size_t i = 0; i < sizeof item_texts / sizeof *item_texts; i++)
		expect_reading(&items, slice_str(item_texts[i]), "");
	expect_reading(&deep, SLICE("{\"data\":null,\"x\":1}"), "");
	expect_reading(&deep, SLICE("{\"data\":{\"items\":null}}"), "");
	expect_reading(&deep, SLICE("{\"data\":[]}"), "");
	expect_reading(&deep, SLICE("{\"data\":7}"), "X");
	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
		expect_reading(&items, slice_str(broken[i]), "X");
}
END_TEST

START_TEST(broken_documents_are_refused)
{
	static const char *const texts[] = {"[", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "[1]]",
		"[1] x", "[[1}", "[{]", "[1\"a\"]", "[\"a", "{\"items\":[1]", "{\"items\":[1],}",
		"{\"items\":[1] \"a\":2}", "{\"items\" [1]}", "{items:[1]}", "{\"items\":[1]]",
		"{\"a\":[}],\"items\":[]}", "{\"a\":,\"items\":[]}", "\xEF\xBB[1]", "]", "nul"};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		const struct reading *how = strchr(texts[i], 't') ? &items : &root;

		for (size_t piece = 1; piece <= strlen(texts[i]) + 1; piece++) {
			struct buf out = {0};

			read_text(how, slice_str(texts[i]), piece, &out, NULL);
			ck_assert_msg(out.n && out.p[out.n - 1] == 'X', "%s in %zu: %s", texts[i],
				piece, out.p ? out.p : "");
			buf_release(&out);
		}
	}
}
END_TEST

START_TEST(mismatched_brackets_are_refused)
{
	expect_reading(&root, SLICE("[1,[2},3]"), "1;X");
	expect_reading(&items, SLICE("{\"a\":[1},\"items\":[2]}"), "X");
}
END_TEST

START_TEST(several_documents_are_read_in_turn)
{
	struct parser *parser = parser_new(FORMAT_JSON, SLICE("/a/1"), 5);
	struct source_row row;

	for (uint64_t i = 1; i <= 3; i++) {
		parser_feed(parser, SLICE("{\"a\":[0,[7,12345678],\"\\\"\"]}"));
		ck_assert_int_eq(parser_next(parser, &row, NULL), PARSER_ROW);
		ck_assert_uint_eq(row.number, 2 * i - 1);
		ck_assert_int_eq(parser_next(parser, &row, NULL), PARSER_BAD);
		ck_assert_int_eq(parser_next(parser, &row, NULL), PARSER_MORE);
		parser_finish(parser);
		ck_assert_int_eq(parser_next(parser, &row, NULL), PARSER_END);
		parser_restart(parser);
	}
	parser_free(parser);
}
END_TEST

START_TEST(each_document_may_begin_with_a_byte_order_mark)
{
	struct parser *parser = parser_new(FORMAT_JSON, SLICE("/items"), 100);
	static const char *const documents[] = {
		"\xEF\xBB\xBF{\"items\":[1]}", "\xEF\xBB\xBF{\"items\":[1]}", "{\"items\":[1]}"};
	struct source_row row;

	for (size_t i = 0; i < 3; i++) {
		parser_feed(parser, slice_str(documents[i]));
		ck_assert_int_eq(parser_next(parser, &row, NULL), PARSER_ROW);
		ck_assert_int_eq(parser_next(parser, &row, NULL), PARSER_MORE);
		parser_finish(parser);
		ck_assert_int_eq(parser_next(parser, &row, NULL), PARSER_END);
		parser_restart(parser);
	}
	/* A broken one is one on each page. */
	parser_feed(parser, SLICE("\xEF\xBB{\"items\":[1]}"));
	ck_assert_int_eq(parser_next(parser, &row, NULL), PARSER_BROKEN);
	parser_free(parser);
}
END_TEST

/* Rows at /data/items; the next page at `pointer`; fed in pieces of every length. */
static void expect_next(const char *pointer, const char *text, const char *expected)
{
	for (size_t piece = 1; piece <= strlen(text); piece++) {
		struct parser *parser = parser_new(FORMAT_JSON, SLICE("/data/items"), 1000);
		struct slice left = slice_str(text);
		struct source_row row;
		struct fault fault;
		enum parser_step step;

		parser_want_next(parser, slice_str(pointer));
		while ((step = parser_next(parser, &row, &fault)) == PARSER_MORE ||
			step == PARSER_ROW) {
			size_t n = left.n < piece ? left.n : piece;

			if (step == PARSER_ROW)
				continue;
			if (n)
				parser_feed(parser, slice_of(left.p, n));
			else
				parser_finish(parser);
			left = slice_skip(left, n);
		}
		if (step == PARSER_END)
			ck_assert_msg(slice_is(buf_slice(&parser->next_page), expected), "%s: %s",
				text, parser->next_page.p);
		else
			ck_assert_msg(strstr(fault.detail, expected), "%s: %s", text, fault.detail);
		parser_free(parser);
	}
}

START_TEST(a_document_names_its_next_page)
{
	static const char beside[] = "{\"data\":{\"next\":\"a\\u002fb\",\"items\":[{\"next\":1}]}}";

	expect_next("/data/next", beside, "a/b");
	expect_next("/data/next", "{\"data\":{\"items\":[1], \"next\" : 17 },\"next\":2}", "17");
	expect_next("/next", "{\"data\":{\"items\":[1],\"next\":3},\"next\":\"x\"}", "x");
	expect_next("/next", "{\"n\\u0065xt\":\"x\",\"data\":{\"items\":[]}}", "x");
	expect_next("/links/1/href", "{\"links\":[0,{\"href\":\"y\"}],\"data\":null}", "y");
	expect_next("/links/1/href", "{\"links\":[0],\"data\":{\"items\":[1]}}", "");
	expect_next("/next", "{\"next\":null,\"data\":{\"items\":[1]}}", "");
	expect_next("/next", "{\"next\":false,\"data\":{\"items\":[1]}}", "");
	expect_next("/next", "{\"next\":\"\",\"data\":{\"items\":[1]}}", "");
	expect_next("/next", "{\"data\":{\"items\":[1]}}", "");
	expect_next("/next", "{\"next\":\"a\",\"next\":null,\"data\":{\"items\":[1]}}", "");
	expect_next("/next", "", "");
	expect_next("/data/items/0", "{\"data\":{\"items\":[\"a\"]}}", "");
	expect_next("/next", "{\"next\":{},\"data\":{\"items\":[1]}}",
		"the value at \"/next\", where the next page should be, is neither a text nor a "
		"number");
	expect_next(
		"/next", "{\"next\":true,\"data\":{\"items\":[1]}}", "neither a text nor a number");
	expect_next("/next", "{\"next\":\"\\x\",\"data\":{\"items\":[1]}}",
		"the JSON document has an invalid value at \"/next\"");
}
END_TEST

START_TEST(the_value_around_the_next_page_is_bounded)
{
	struct parser *parser = parser_new(FORMAT_JSON, SLICE("/items"), 1000);
	struct source_row row;
	struct fault fault;
	struct buf text = {0};

	parser_want_next(parser, SLICE("/meta/next"));
	buf_str(&text, "{\"meta\":{\"next\":\"x\",\"more\":\"");
	for (int i = 0; i < 65536; i++)
		buf_char(&text, 'x');
	buf_str(&text, "\"},\"items\":[]}");
	parser_feed(parser, buf_slice(&text));
	ck_assert_int_eq(parser_next(parser, &row, &fault), PARSER_BROKEN);
	ck_assert_ptr_nonnull(strstr(fault.detail, "has too large a value around its next page"));
	parser_free(parser);
	buf_release(&text);
}
END_TEST

START_TEST(depth_is_bounded)
{
	const struct reading long_rows = {.format = FORMAT_JSON, .max_row_bytes = 1000000};
	struct buf text = {0}, out = {0};

	buf_str(&text, "[1,");
	for (int i = 0; i < 100000; i++)
		buf_char(&text, '[');
	read_text(&long_rows, buf_slice(&text), 4096, &out, NULL);
	ck_assert_str_eq(out.p, "1;X");
	buf_release(&text);
	buf_release(&out);
}
END_TEST

TEST_SUITE("json_array", elements_of_the_root_are_rows, elements_at_a_pointer_are_rows,
	a_bad_element_costs_only_itself, too_long_an_element_is_passed_over,
	documents_without_the_rows_are_refused, broken_documents_are_refused,
	null_nothing_and_a_missing_member_are_no_rows, mismatched_brackets_are_refused,
	a_document_names_its_next_page, the_value_around_the_next_page_is_bounded,
	several_documents_are_read_in_turn, each_document_may_begin_with_a_byte_order_mark,
	depth_is_bounded)
