/* SPDX-License-Identifier: MIT */
#include "text/json.h"

#include <math.h>
#include <string.h>

#include "../unit.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/utf8.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static enum error check_row(struct slice text, struct fault *fault)
{
	return json_check(text, &json_row_limits, fault);
}

START_TEST(valid_texts_pass)
{
	static const char *const texts[] = {
		"0",
		"-0",
		"-1.5e+10",
		"1E9",
		"123456789012345678901234567890.125",
		"1e999",
		" [ ] ",
		"{}",
		"\"\"",
		"true",
		"\tfalse\r\n",
		"null",
		"[1,[2,[3,{\"a\":[]}]]]",
		"{\"a\":1,\"A\":2,\"\":3}",
		"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD834\\uDd1e\\u0000\"",
		"\"\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf"
		"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"",
		"{\"long member name, longer than a word\":\"long text, longer than a word\"}",
	};
	struct fault fault;

	for (size_t i = 0; i < COUNT(texts); i++)
		ck_assert_msg(check_row(slice_str(texts[i]), &fault) == OK, "%s: %s", texts[i],
			fault.detail);
}
END_TEST

START_TEST(invalid_texts_are_refused)
{
	static const char *const texts[] = {
		"",
		" ",
		"[",
		"]",
		"{",
		"}",
		"[1",
		"[1,",
		"[1,]",
		"[,1]",
		"[1 2]",
		"[1]]",
		"[1}",
		"{\"a\"}",
		"{\"a\":}",
		"{\"a\":1",
		"{\"a\":1,}",
		"{,}",
		"{a:1}",
		"{1:1}",
		"{\"a\" 1}",
		"{\"a\":1 \"b\":2}",
		"{\"a\":1]",
		"01",
		"-01",
		"-",
		"+1",
		"1.",
		".5",
		"1.e1",
		"1e",
		"1e+",
		"0x1",
		"1_0",
		"1a",
		"- 1",
		"NaN",
		"Infinity",
		"tru",
		"trueX",
		"True",
		"nul",
		"nulL",
		"'a'",
		"\"",
		"\"a",
		"\"\\\"",
		"\"\\x41\"",
		"\"\\u12\"",
		"\"\\u12g4\"",
		"\"\\",
		"\"\\u",
		"\"\\uD800\"",
		"\"\\uD800\\n\"",
		"\"\\uD800x\"",
		"\"\\uD800\\uD800\"",
		"\"\\uD800\\u0041\"",
		"\"\\uDC00\"",
		"\"a\nb\"",
		"\"\t\"",
		"\"\x01\"",
		"1 2",
		"{} x",
		"[1]//",
		"/**/1",
		"\xef\xbb\xbf{}",
		"\f1",
		"\xc2\xa0"
		"1",
		"\"\x80\"",
		"\"\xc0\x80\"",
		"\"\xc1\xbf\"",
		"\"\xc2\"",
		"\"\xe0\x9f\xbf\"",
		"\"\xed\xa0\x80\"",
		"\"\xed\xbf\xbf\"",
		"\"\xf0\x8f\xbf\xbf\"",
		"\"\xf4\x90\x80\x80\"",
		"\"\xf5\x80\x80\x80\"",
		"\"\xff\"",
		"\"\xe2\x82\"",
		"\"12345678\x80\"",
		"[\"a\\\"]",
		"{\"a\":1,\"a\":2}",
		"\"\xe2\x82",
	};
	struct fault fault;

	for (size_t i = 0; i < COUNT(texts); i++) {
		ck_assert_msg(
			check_row(slice_str(texts[i]), &fault) == ERR_BAD_JSON, "%s", texts[i]);
		ck_assert(strstr(fault.detail, "line ") == fault.detail);
	}
	ck_assert_int_eq(check_row(slice_of("\"\0\"", 3), NULL), ERR_BAD_JSON);
	ck_assert_int_eq(check_row(slice_of("1\0", 2), NULL), ERR_BAD_JSON);
	ck_assert_int_eq(check_row(slice_of(NULL, 0), NULL), ERR_BAD_JSON);
}
END_TEST

START_TEST(faults_say_where_and_what_to_do)
{
	static const struct {
		const char *text, *pointer, *detail;
	} cases[] = {
		{"{\"a\": 01}", "/a", "line 1, column 7: a number must not begin with 0"},
		{"{\n \"a\": [1,\n  {\"b/c~d\": nope}]}", "/a/1/b~1c~0d",
			"line 3, column 13: no such"},
		{"[1,[2,x]]", "/1/1", "line 1, column 7: 'x' stands where a value is expected"},
		{"{\"a\":1,\"b\":{\"x\":0,\"\\u0078\":0}}", "/b/x",
			"line 1, column 19: the member \"\\u0078\" stands twice"},
		{"{\"a\":1 \"b\":2}", "/a", "line 1, column 8: '\"' stands where ',' or '}'"},
		{"{\"a\":1,}", "", "column 8: '}' stands where a member name in double quotes"},
		{"[1] 2", "", "column 5: '2' stands where the end of the text"},
		{"", "", "line 1, column 1: the text is empty"},
		{"[\n[", "/0/0", "line 2, column 2: the text ends inside a value"},
		{"\"\xff\"", "", "column 2: byte 0xFF is not valid UTF-8"},
		{"\"\\uD800\"", "", "column 2: \\uD800 is half of a surrogate pair"},
		{"\"a\nb\"", "",
			"column 3: the control byte 0x0A in a string must be written \\u000a"},
		{"\xef\xbb\xbf{}", "", "column 1: a byte order mark stands here; leave it out"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct fault fault = {0};

		ck_assert_int_eq(check_row(slice_str(cases[i].text), &fault), ERR_BAD_JSON);
		ck_assert_int_eq(fault.error, ERR_BAD_JSON);
		ck_assert_str_eq(fault.pointer, cases[i].pointer);
		ck_assert_msg(strstr(fault.detail, cases[i].detail), "%s", fault.detail);
	}
}
END_TEST

START_TEST(a_pointer_that_does_not_fit_ends_at_a_whole_token)
{
	struct buf text = {0};
	struct fault fault;

	for (int i = 0; i < 10; i++)
		buf_str(&text, "{\"a-name-of-twenty-byte\":");
	buf_str(&text, "x");
	ck_assert_int_eq(check_row(buf_slice(&text), &fault), ERR_BAD_JSON);
	ck_assert_uint_eq(strlen(fault.pointer), 5 * 22);
	buf_release(&text);
}
END_TEST

static void nest(struct buf *out, unsigned depth)
{
	buf_clear(out);
	for (unsigned i = 0; i < depth; i++)
		buf_str(out, i % 2 ? "[" : "{\"a\":");
	buf_str(out, "1");
	for (unsigned i = depth; i-- > 0;)
		buf_str(out, i % 2 ? "]" : "}");
}

static void list(struct buf *out, unsigned count, const char *format)
{
	buf_clear(out);
	buf_str(out, *format == '"' ? "{" : "[");
	for (unsigned i = 0; i < count; i++) {
		buf_str(out, i ? "," : "");
		if (*format == '"')
			buf_printf(out, "\"%u\":0", i * 7919);
		else
			buf_str(out, format);
	}
	buf_str(out, *format == '"' ? "}" : "]");
}

START_TEST(limits_hold_exactly)
{
	const struct json_limits *limits = &json_control_limits;
	struct buf text = {0};
	struct fault fault;

	nest(&text, 32);
	ck_assert_int_eq(json_check(buf_slice(&text), limits, NULL), OK);
	nest(&text, 33);
	ck_assert_int_eq(json_check(buf_slice(&text), limits, &fault), ERR_BAD_JSON);
	ck_assert(strstr(fault.detail, "more than 32 deep"));
	list(&text, 99999, "1");
	ck_assert_int_eq(json_check(buf_slice(&text), limits, NULL), OK);
	list(&text, 100000, "1");
	ck_assert_int_eq(json_check(buf_slice(&text), limits, &fault), ERR_BAD_JSON);
	ck_assert(strstr(fault.detail, "more than 100000 values"));
	list(&text, 256, "\"");
	ck_assert_int_eq(json_check(buf_slice(&text), limits, NULL), OK);
	list(&text, 257, "\"");
	ck_assert_int_eq(json_check(buf_slice(&text), limits, &fault), ERR_BAD_JSON);
	ck_assert(strstr(fault.detail, "more than 256 members"));
	ck_assert_int_eq(json_check(SLICE("\"\\u0000\""), limits, &fault), ERR_BAD_JSON);
	ck_assert_int_eq(json_check(SLICE("{\"\\u0000\":1}"), limits, &fault), ERR_BAD_JSON);
	ck_assert(strstr(fault.detail, "\\u0000 is not accepted"));
	buf_release(&text);
}
END_TEST

START_TEST(duplicates_are_found_at_every_size)
{
	struct buf text = {0};
	struct fault fault;

	for (unsigned members = 1; members < 600; members += members < 40 ? 1 : members / 8) {
		list(&text, members, "\"");
		ck_assert_int_eq(check_row(buf_slice(&text), &fault), OK);
		text.n--;
		buf_printf(&text, ",\"x\":{\"0\":1},\"\\u0030\":1}"); /* the first is named 0 */
		ck_assert_int_eq(check_row(buf_slice(&text), &fault), ERR_BAD_JSON);
		ck_assert_str_eq(fault.pointer, "/0");
		ck_assert_msg(strstr(fault.detail, "\"\\u0030\" stands twice"), "%s", fault.detail);
	}
	ck_assert_int_eq(check_row(SLICE("{\"a\\/b\":1,\"a/b\":2}"), NULL), ERR_BAD_JSON);
	ck_assert_int_eq(check_row(SLICE("{\"\\ud834\\udd1e\":1,\"\xf0\x9d\x84\x9e\":2}"), NULL),
		ERR_BAD_JSON);
	ck_assert_int_eq(check_row(SLICE("{\"a\\\\\":1,\"a\":2,\"a\\u0000\":3}"), NULL), OK);
	ck_assert_int_eq(check_row(SLICE("[{\"a\":{\"a\":1}},{\"a\":1}]"), NULL), OK);
	buf_release(&text);
}
END_TEST

/* What a harmless text of 1 MiB takes. */
static int64_t yardstick_us(void)
{
	struct buf text = {0};

	buf_str(&text, "[0");
	while (text.n < 1 << 20)
		buf_str(&text, ",\"a harmless text\"");
	buf_str(&text, "]");
	int64_t began = unit_cpu_us();

	ck_assert_int_eq(check_row(buf_slice(&text), NULL), OK);
	buf_release(&text);
	return unit_cpu_us() - began;
}

START_TEST(hostile_texts_are_quick)
{
	struct buf text = {0};
	int64_t yardstick = yardstick_us(), begin = unit_cpu_us();
	char *deep = mem_alloc(1 << 20);

	memset(deep, '[', 1 << 20);
	ck_assert_int_eq(check_row(slice_of(deep, 1 << 20), NULL), ERR_BAD_JSON);
	memset(deep, '1', 1 << 20);
	ck_assert_int_eq(check_row(slice_of(deep, 1 << 20), NULL), OK);
	memset(deep, ' ', 1 << 20);
	ck_assert_int_eq(check_row(slice_of(deep, 1 << 20), NULL), ERR_BAD_JSON);
	buf_str(&text, "[");
	for (int object = 0; object < 50; object++) {
		buf_str(&text, object ? ",{" : "{");
		for (int i = 0; i < 4096; i++)
			buf_printf(&text, "%s\"prefix-%04d-suffix\":0", i ? "," : "", i);
		buf_str(&text, "}");
	}
	buf_str(&text, "]");
	ck_assert_int_eq(check_row(buf_slice(&text), NULL), OK);
	ck_assert_work(begin, 400, yardstick);
	buf_release(&text);
	mem_free(deep);
}
END_TEST

START_TEST(a_stream_is_taken_value_by_value)
{
	struct slice text = SLICE(" {\"a\":1}\n[2] 3,4]\"x\"{}");
	static const size_t lengths[] = {8, 4, 2};
	size_t n, at = 0;

	for (size_t i = 0; i < COUNT(lengths); i++) {
		ck_assert_int_eq(json_check_prefix(slice_of(text.p + at, text.n - at),
					 &json_row_limits, true, &n, NULL),
			OK);
		ck_assert_uint_eq(n, lengths[i]);
		at += n;
	}
	ck_assert_int_eq(json_check_prefix(SLICE("12"), &json_row_limits, false, &n, NULL), OK);
	ck_assert_uint_eq(n, 2);
	ck_assert_int_eq(json_check_prefix(SLICE("12"), &json_row_limits, true, &n, NULL), OK);
	ck_assert_uint_eq(n, 0);
	ck_assert_int_eq(
		json_check_prefix(SLICE("12x"), &json_row_limits, true, &n, NULL), ERR_BAD_JSON);
	ck_assert_int_eq(
		json_check_prefix(SLICE("[1"), &json_row_limits, false, &n, NULL), ERR_BAD_JSON);
}
END_TEST

START_TEST(a_value_may_be_cut_at_every_byte)
{
	struct slice text =
		SLICE("{\"a\":[1.5e-3,true,null,\"\\u00e9\\uD834\\uDD1E\\n\xe2\x82\xac\"]"
		      ",\"b\":{\"c\":false}} ");
	size_t n;

	for (size_t cut = 0; cut < text.n - 1; cut++) {
		/* Exactly sized, so that a look behind the end is seen. */
		char *copy = mem_alloc(cut);

		memcpy(copy, text.p, cut);
		n = 1;
		ck_assert_int_eq(
			json_check_prefix(slice_of(copy, cut), &json_row_limits, true, &n, NULL),
			OK);
		ck_assert_uint_eq(n, 0);
		ck_assert_int_eq(check_row(slice_of(copy, cut), NULL), ERR_BAD_JSON);
		mem_free(copy);
	}
	ck_assert_int_eq(json_check_prefix(text, &json_row_limits, true, &n, NULL), OK);
	ck_assert_uint_eq(n, text.n - 1);
}
END_TEST

START_TEST(members_and_elements_are_walked_in_order)
{
	struct json_value root = json_root(SLICE(" { \"a\" : 1 , \"b\\\"\" : [ \"]}\" , { } ] "
						 ",\"c\":{\"d\":-2.50}, \"e\":\"\\\\\"} "));
	static const char *const names[] = {"a", "b\\\"", "c", "e"};
	static const char *const values[] = {"1", "[ \"]}\" , { } ]", "{\"d\":-2.50}", "\"\\\\\""};
	struct json_iter iter = json_iterate(root), inner;

	ck_assert_int_eq(root.type, JSON_OBJECT);
	for (size_t i = 0; i < COUNT(names); i++) {
		ck_assert(json_next(&iter));
		ck_assert(slice_is(iter.name, names[i]));
		ck_assert(slice_is(iter.value.text, values[i]));
		if (i != 1)
			continue;
		inner = json_iterate(iter.value);
		ck_assert(json_next(&inner) && slice_is(inner.value.text, "\"]}\""));
		ck_assert(json_next(&inner) && inner.value.type == JSON_OBJECT);
		ck_assert(inner.name.n == 0 && !json_next(&inner) && !json_next(&inner));
	}
	ck_assert(!json_next(&iter) && !json_next(&iter));
	iter = json_iterate(json_root(SLICE("[]")));
	ck_assert(!json_next(&iter));
	iter = json_iterate(json_root(SLICE("12")));
	ck_assert(!json_next(&iter));
}
END_TEST

START_TEST(members_are_found_by_decoded_name_and_path)
{
	static const struct {
		const char *path, *value; /* NULL: none */
	} cases[] = {
		{"id", "9007199254740993"},
		{"/id", "9007199254740993"},
		{"Id", NULL},
		{"i", NULL},
		{"a/b/1", "[7]"},
		{"/a/b/1/0", "7"},
		{"a/b/01", NULL},
		{"a/b/3", NULL},
		{"a/b/-", NULL},
		{"id/x", NULL},
		{"x~1y", "1"},
		{"x/y", NULL},
		{"t~0", "2"},
		{"t~", NULL},
		{"t~2", NULL},
		{"\xc3\xa9", "true"},
		{"/", "null"},
		{"a/b/2/", "0"},
	};
	struct json_value value, root = json_root(SLICE("{\"\\u00e9\":true,\"id\":9007199254740993,"
							"\"a\":{\"b\":[{},[7],{\"\":0}]},"
							"\"x/y\":1,\"t~\":2,\"\":null}"));

	for (size_t i = 0; i < COUNT(cases); i++) {
		bool found = json_path(root, slice_str(cases[i].path), &value);

		ck_assert_msg(found == (cases[i].value != NULL), "%s", cases[i].path);
		if (found)
			ck_assert_msg(slice_is(value.text, cases[i].value), "%s", cases[i].path);
	}
	ck_assert(json_path(root, SLICE(""), &value) && slice_equal(value.text, root.text));
	ck_assert(json_member(root, SLICE("id"), &value) && value.type == JSON_NUMBER);
	ck_assert(!json_member(root, SLICE("\\u00e9"), &value));
	ck_assert(!json_member(json_root(SLICE("[1]")), SLICE("0"), &value));
}
END_TEST

START_TEST(scalars_are_decoded_or_kept_as_spelt)
{
	static const char *const cases[][2] = {
		{"1.50e0", "1.50e0"},
		{"true", "true"},
		{"null", "null"},
		{"\"\"", ""},
		{"\"a\\\"\\\\\\/\\b\\f\\n\\r\\tb\"", "a\"\\/\b\f\n\r\tb"},
		{"\"\\u0041\\u00E9\\u20ac\\uD834\\uDD1E\"",
			"A\xc3\xa9\xe2\x82\xac\xf0\x9d\x84\x9e"},
	};
	struct buf b = {0};

	for (size_t i = 0; i < COUNT(cases); i++) {
		buf_clear(&b);
		json_scalar(json_root(slice_str(cases[i][0])), &b);
		ck_assert(slice_is(buf_slice(&b), cases[i][1]));
	}
	buf_clear(&b);
	json_decode_string(json_root(SLICE("\"x\\u0000y\"")), &b);
	ck_assert(slice_equal(buf_slice(&b), slice_of("x\0y", 3)));
	buf_release(&b);
}
END_TEST

START_TEST(quoted_text_is_valid_and_reads_back)
{
	struct buf quoted = {0}, back = {0};
	uint64_t seed = 3;

	json_quote(&quoted, slice_of("a\"\\\n\x01\0\xff\xc3\xa9\xe2\x82z", 12));
	ck_assert_str_eq(quoted.p, "\"a\\\"\\\\\\n\\u0001\\u0000\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd"
				   "\xef\xbf\xbdz\"");
	for (int i = 0; i < 20000; i++) {
		char bytes[20];
		size_t n = (size_t)i % sizeof bytes;

		for (size_t j = 0; j < n; j++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			bytes[j] = (char)(seed >> 56 & (i & 1 ? 0xff : 0x7f));
		}
		buf_clear(&quoted);
		buf_clear(&back);
		json_quote(&quoted, slice_of(bytes, n));
		ck_assert_int_eq(check_row(buf_slice(&quoted), NULL), OK);
		json_decode_string(json_root(buf_slice(&quoted)), &back);
		ck_assert(utf8_valid(slice_of(bytes, n)) ==
			  slice_equal(buf_slice(&back), slice_of(bytes, n)));
	}
	buf_release(&quoted);
	buf_release(&back);
}
END_TEST

/* A long text is quoted piece by piece: what stands where two meet is neither lost nor torn. */
START_TEST(long_texts_are_quoted_like_short_ones)
{
	static const char *const marks[][2] = {{"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
		{"\"\"\"\"", "\\\"\\\"\\\"\\\""}, {"\x1f\r\t\b", "\\u001f\\r\\t\\b"},
		{"\xff\xe2\x82\xff", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}};
	struct buf text = {0}, quoted = {0}, wanted = {0};

	for (size_t at = 4080; at < 4110; at++) {
		for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
			buf_clear(&text);
			buf_clear(&quoted);
			buf_clear(&wanted);
			buf_printf(&text, "%0*d%s%0*d", (int)at, 7, marks[i][0], 9000, 8);
			buf_printf(&wanted, "\"%0*d%s%0*d\"", (int)at, 7, marks[i][1], 9000, 8);
			json_quote(&quoted, buf_slice(&text));
			ck_assert_msg(slice_equal(buf_slice(&quoted), buf_slice(&wanted)),
				"%s at %zu", marks[i][1], at);
		}
	}
	buf_release(&text);
	buf_release(&quoted);
	buf_release(&wanted);
}
END_TEST

START_TEST(bodies_become_objects)
{
	struct fault fault;
	cJSON *body = NULL;

	ck_assert_int_eq(json_parse_object(SLICE(" {\"a\":[1,\"\\u00e9\"]} "), &body, &fault), OK);
	ck_assert_str_eq(
		cJSON_GetArrayItem(cJSON_GetObjectItem(body, "a"), 1)->valuestring, "\xc3\xa9");
	cJSON_Delete(body);
	ck_assert_int_eq(json_parse_object(SLICE("[1]"), &body, &fault), ERR_BAD_BODY);
	ck_assert_int_eq(
		json_parse_object(SLICE("{\"a\":1,\"a\":2}"), &body, &fault), ERR_BAD_JSON);
	ck_assert_int_eq(
		json_parse_object(SLICE("{\"a\":\"\\u0000\"}"), &body, &fault), ERR_BAD_JSON);
}
END_TEST

START_TEST(answers_are_exact)
{
	struct buf b = {0};
	cJSON *object = cJSON_CreateObject();

	json_add_int(object, "min", INT64_MIN);
	json_add_uint(object, "max", UINT64_MAX);
	json_add_number(object, "ratio", 0.93000001, 4);
	json_add_number(object, "whole", 20, 3);
	json_add_number(object, "none", NAN, 3);
	json_add_number(object, "inf", -INFINITY, 3);
	json_add_number(object, "tiny", -0.0001, 2);
	json_add_number(object, "hundred", 100, 0);
	json_add_slice(object, "text", SLICE("a\"b"));
	json_add_slice(object, "bytes", slice_of("\0\xff", 2));
	json_add_slice(object, "empty", slice_of(NULL, 0));
	json_add_time(object, "time", INT64_C(1795499118123));
	json_add_time(object, "epoch", 0);
	json_add_time(object, "never", -1);
	json_print(object, &b);
	ck_assert_str_eq(b.p,
		"{\"min\":-9223372036854775808,\"max\":18446744073709551615,\"ratio\":0.93,"
		"\"whole\":20,\"none\":null,\"inf\":null,\"tiny\":0,\"hundred\":100,"
		"\"text\":\"a\\\"b\",\"bytes\":\"\\u0000\xef\xbf\xbd\",\"empty\":\"\","
		"\"time\":\"2026-11-24T05:45:18.123Z\",\"epoch\":\"1970-01-01T00:00:00.000Z\","
		"\"never\":null}");
	cJSON_Delete(object);
	buf_release(&b);
}
END_TEST

START_TEST(trees_are_printed_as_cjson_prints_them)
{
	static const char *const texts[] = {"{}", "[]", "null", "true", "false", "\"a\\n\\u0001\"",
		"0", "-1", "0.1", "1e300", "2147483648", "9007199254740993", "-1.5e-9",
		"{\"a\":[1,{\"b\\\"c\":[]},[[null]],\"\"],\"d\":{},\"e\":1e999}"};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		cJSON *tree = cJSON_Parse(texts[i]);
		char *expected = cJSON_PrintUnformatted(tree);
		struct buf one = {0}, other = {0};

		ck_assert_ptr_nonnull(tree);
		json_print(tree, &one);
		json_print_yielding(tree, &other);
		ck_assert_str_eq(one.p, expected);
		ck_assert_str_eq(other.p, expected);
		buf_release(&one);
		buf_release(&other);
		cJSON_free(expected);
		cJSON_Delete(tree);
	}
}
END_TEST

TEST_SUITE("json", valid_texts_pass, invalid_texts_are_refused, faults_say_where_and_what_to_do,
	a_pointer_that_does_not_fit_ends_at_a_whole_token, limits_hold_exactly,
	duplicates_are_found_at_every_size, hostile_texts_are_quick,
	a_stream_is_taken_value_by_value, a_value_may_be_cut_at_every_byte,
	members_and_elements_are_walked_in_order, members_are_found_by_decoded_name_and_path,
	scalars_are_decoded_or_kept_as_spelt, quoted_text_is_valid_and_reads_back,
	long_texts_are_quoted_like_short_ones, bodies_become_objects, answers_are_exact,
	trees_are_printed_as_cjson_prints_them)
