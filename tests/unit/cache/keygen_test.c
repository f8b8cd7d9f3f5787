/* SPDX-License-Identifier: MIT */
#include "cache/keygen.h"

#include <stdio.h>
#include <string.h>

#include "../unit.h"
#include "text/json.h"

static struct buf text, key, strings[2 * 80];
static struct keygen_part parts[80];
static size_t count;
static struct fault fault;

static void begin(void)
{
	char bytes[65536];
	FILE *file = fopen("docs/keys.json", "r");

	ck_assert_ptr_nonnull(file);
	buf_append(&text, bytes, fread(bytes, 1, sizeof bytes, file));
	fclose(file);
	ck_assert_int_eq(json_check(buf_slice(&text), &json_row_limits, &fault), OK);
}

static void clear(void)
{
	for (size_t i = 0; i < sizeof strings / sizeof *strings; i++)
		buf_release(&strings[i]);
	memset(parts, 0, sizeof parts);
	count = 0;
	buf_clear(&key);
}

static void end(void)
{
	clear();
	buf_release(&key);
	buf_release(&text);
}

static struct slice decoded(struct slice quoted, struct buf *to)
{
	json_decode_string((struct json_value){JSON_STRING, quoted}, to);
	buf_reserve(to, 1);
	return buf_slice(to);
}

static void take(const struct json_iter *it)
{
	static const int kinds[] = {[JSON_NULL] = KEYGEN_NULL,
		[JSON_FALSE] = KEYGEN_FALSE,
		[JSON_TRUE] = KEYGEN_TRUE,
		[JSON_NUMBER] = KEYGEN_INTEGER,
		[JSON_STRING] = KEYGEN_TEXT};
	struct keygen_part *part = &parts[count];

	part->kind = kinds[it->value.type];
	part->text = it->value.text;
	if (it->value.type == JSON_STRING)
		part->text = decoded(it->value.text, &strings[2 * count]);
	if (it->object) /* with the quotes around it */
		part->name =
			decoded(slice_of(it->name.p - 1, it->name.n + 2), &strings[2 * count + 1]);
	count++;
}

/* The key of one row of the vectors. */
static enum error generate(struct json_value row)
{
	struct json_value prefix, list;
	struct buf decoded_prefix = {0};

	clear();
	ck_assert(json_member(row, SLICE("prefix"), &prefix));
	json_decode_string(prefix, &decoded_prefix);
	if (json_member(row, SLICE("args"), &list))
		for (struct json_iter it = json_iterate(list); json_next(&it);)
			take(&it);
	if (json_member(row, SLICE("params"), &list))
		for (struct json_iter it = json_iterate(list); json_next(&it);)
			take(&it);
	enum error error = keygen_key(buf_slice(&decoded_prefix), parts, count, &key, &fault);
	buf_release(&decoded_prefix);
	return error;
}

static struct json_value rows(const char *name)
{
	struct json_value list;

	ck_assert(json_member(json_root(buf_slice(&text)), slice_str(name), &list));
	return list;
}

START_TEST(the_documented_examples_hold)
{
	size_t n = 0;

	begin();
	for (struct json_iter it = json_iterate(rows("vectors")); json_next(&it); n++) {
		struct json_value wanted;
		struct buf want = {0};

		ck_assert_msg(generate(it.value) == OK, "%s", fault.detail);
		ck_assert(json_member(it.value, SLICE("key"), &wanted));
		json_decode_string(wanted, &want);
		ck_assert_msg(slice_equal(buf_slice(&key), buf_slice(&want)), "%s, not %s", key.p,
			want.p);
		ck_assert_uint_le(key.n, KEYGEN_MAX_BYTES);
		buf_release(&want);
	}
	ck_assert_uint_ge(n, 20);
	end();
}
END_TEST

START_TEST(refused_parts_leave_no_output)
{
	size_t n = 0;

	begin();
	for (struct json_iter it = json_iterate(rows("refused")); json_next(&it); n++) {
		ck_assert_int_eq(generate(it.value), ERR_BAD_KEY);
		ck_assert_uint_eq(key.n, 0);
	}
	ck_assert_uint_ge(n, 5);
	end();
}
END_TEST

START_TEST(parts_that_only_c_can_express_are_checked)
{
	static const char *const bad[] = {"", "-", "+7", "007", "-0", "1 ", "0x1", "--1", "1.0"};
	struct keygen_part twice[] = {{KEYGEN_TRUE, {0}, SLICE("a")},
		{KEYGEN_NULL, {0}, SLICE("b")}, {KEYGEN_FALSE, {0}, SLICE("a")}};
	struct buf out = {0};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct keygen_part part = {KEYGEN_INTEGER, slice_str(bad[i]), {0}};

		ck_assert_msg(keygen_key(SLICE("p"), &part, 1, &out, &fault) == ERR_BAD_KEY, "%s",
			bad[i]);
	}
	ck_assert_int_eq(keygen_key(SLICE("p"), twice, 3, &out, &fault), ERR_BAD_KEY);
	ck_assert_ptr_nonnull(strstr(fault.detail, "'a' is given twice"));
	ck_assert_int_eq(keygen_key(SLICE(""), NULL, 0, &out, &fault), ERR_BAD_KEY);
	ck_assert_uint_eq(out.n, 0);
	buf_str(&out, "before ");
	ck_assert_int_eq(keygen_key(SLICE("p\0q"), twice, 2, &out, &fault), OK);
	ck_assert(slice_equal(buf_slice(&out), SLICE("before p\0q:a=true:b=null")));
	buf_release(&out);
}
END_TEST

TEST_SUITE("keygen", the_documented_examples_hold, refused_parts_leave_no_output,
	parts_that_only_c_can_express_are_checked)
