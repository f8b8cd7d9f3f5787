/* SPDX-License-Identifier: MIT */
#include "text/template.h"

#include <string.h>

#include "../unit.h"
#include "base/clock.h"
#include "base/mem.h"

static struct template *parsed(const char *text)
{
	const char *why;
	struct template *t = template_parse(slice_str(text), &why);

	ck_assert_msg(t != NULL, "'%s' %s", text, why);
	ck_assert(why == NULL);
	return t;
}

static bool look_up(void *context, struct slice name, struct buf *out)
{
	(void)context;
	if (slice_is(name, "id"))
		buf_str(out, "4*2");
	else if (slice_is(name, "a/b"))
		buf_str(out, "x y\xc3\xa9");
	else if (!slice_is(name, "empty"))
		return false;
	return true;
}

static void fills(const char *text, enum template_escape escape, const char *wanted)
{
	struct template *t = parsed(text);
	struct buf out = {0};
	struct fault fault;

	buf_str(&out, "<");
	ck_assert_int_eq(template_fill(t, escape, look_up, NULL, &out, &fault), OK);
	ck_assert_str_eq(out.p + 1, wanted);
	buf_release(&out);
	template_free(t);
}

START_TEST(values_are_filled_in)
{
	fills("user:profile:{id}", TEMPLATE_LITERAL, "user:profile:4*2");
	fills("{id}{id}:{a/b}", TEMPLATE_LITERAL, "4*24*2:x y\xc3\xa9");
	fills("{{{id}}}", TEMPLATE_LITERAL, "{4*2}");
	fills("{{id}}", TEMPLATE_LITERAL, "{id}");
	fills("{{\"a\":{id}}}", TEMPLATE_LITERAL, "{\"a\":4*2}");
	fills("u:{id}:*", TEMPLATE_GLOB, "u:4\\*2:*");
	fills("/u/{a/b}?q=*", TEMPLATE_PATH, "/u/x%20y%C3%A9?q=*");
	fills("", TEMPLATE_LITERAL, "");
	fills("<{empty}>{id}", TEMPLATE_TEXT, "<>4*2");
}
END_TEST

START_TEST(a_missing_value_is_named_and_the_output_restored)
{
	static const char *const texts[] = {"k:{id}:{none}", "k:{id}:{empty}"};

	for (int escape = TEMPLATE_LITERAL; escape <= TEMPLATE_PATH; escape++) {
		for (int i = 0; i < (escape == TEMPLATE_TEXT ? 1 : 2); i++) {
			struct template *t = parsed(texts[i]);
			struct buf out = {0};
			struct fault fault = {0};

			buf_str(&out, "before");
			ck_assert_int_eq(template_fill(t, (enum template_escape)escape, look_up,
						 NULL, &out, &fault),
				ERR_SOURCE_ROW);
			ck_assert(slice_is(buf_slice(&out), "before"));
			ck_assert(strstr(fault.detail, i ? "'empty'" : "'none'"));
			ck_assert(strstr(fault.detail, texts[i]));
			buf_release(&out);
			template_free(t);
		}
	}
}
END_TEST

START_TEST(one_value_fills_every_name)
{
	struct template *t = parsed("user:{id}:{id}*");
	struct buf out = {0};

	template_fill_one(t, TEMPLATE_GLOB, SLICE("*"), &out);
	ck_assert_str_eq(out.p, "user:\\*:\\**");
	buf_clear(&out);
	template_fill_one(t, TEMPLATE_LITERAL, slice_of("a\0b", 3), &out);
	ck_assert(slice_equal(buf_slice(&out), slice_of("user:a\0b:a\0b*", 13)));
	buf_release(&out);
	template_free(t);
}
END_TEST

START_TEST(names_come_in_order_of_first_use)
{
	struct template *t = parsed("{b}:{a/b}:{b}");

	ck_assert_uint_eq(template_names(t), 2);
	ck_assert(slice_is(template_name(t, 0), "b"));
	ck_assert(slice_is(template_name(t, 1), "a/b"));
	ck_assert(slice_is(template_text(t), "{b}:{a/b}:{b}"));
	template_free(t);
	template_free(NULL);
}
END_TEST

START_TEST(wrong_texts_are_refused_with_the_reason)
{
	static const char *const cases[][2] = {
		{"a}", "lone '}'"},
		{"}", "lone '}'"},
		{"{a}}", "lone '}'"},
		{"{", "lone '{'"},
		{"a:{id", "lone '{'"},
		{"{a{b}", "lone '{'"},
		{"{a{{b}", "lone '{'"},
		{"a:{}", "without a name"},
	};
	struct buf many = {0};
	const char *why;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		why = NULL;
		ck_assert(template_parse(slice_str(cases[i][0]), &why) == NULL);
		ck_assert_msg(
			why && strstr(why, cases[i][1]), "'%s' %s", cases[i][0], why ? why : "");
	}
	for (int i = 0; i <= TEMPLATE_MAX_NAMES; i++)
		buf_str(&many, "{a}");
	ck_assert(template_parse(buf_slice(&many), &why) == NULL);
	ck_assert(strstr(why, "more than 64 names"));
	many.n -= 3;
	template_free(parsed((many.p[many.n] = '\0', many.p)));
	buf_release(&many);
}
END_TEST

START_TEST(whole_keys_match)
{
	static const struct {
		const char *template, *text, *first; /* NULL: no match */
	} cases[] = {
		{"user:profile:{id}", "user:profile:42", "42"},
		{"user:profile:{id}", "user:profile:", NULL},
		{"user:profile:{id}", "user:profile:4:2", NULL},
		{"user:profile:{id}", "xuser:profile:4", NULL},
		{"u:{id}:x", "u:1:x", "1"},
		{"u:{id}:x", "u:1:xx", NULL},
		{"u:{id}-x", "u:1-x-x", "1-x"},
		{"{a}-{b}", "1-2-3", "1"},
		{"{a}{b}c", "xyzc", "x"},
		{"{a}:{a}", "12:12", "12"},
		{"{a}:{a}", "12:13", NULL},
		{"{a}{a}", "abab", "ab"},
		{"{a}-{b}-{a}", "x-y-z-x-y", "x-y"},
		{"{a}{b}{a}", "xyzxy", "xy"},
		{"plain", "plain", ""},
		{"plain", "plai", NULL},
		{"", "", ""},
		{"", "x", NULL},
		{"{{{a}}}", "{7}", "7"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct template *t = parsed(cases[i].template);
		struct slice captures[TEMPLATE_MAX_NAMES] = {{0}};
		bool matches = template_match(t, slice_str(cases[i].text), captures);

		ck_assert_msg(matches == (cases[i].first != NULL), "%s on %s", cases[i].template,
			cases[i].text);
		if (matches && template_names(t))
			ck_assert_msg(slice_is(captures[0], cases[i].first), "%s on %s: '%.*s'",
				cases[i].template, cases[i].text, (int)captures[0].n,
				captures[0].p);
		template_free(t);
	}
}
END_TEST

/* The reference tries every capture of every name. */
static bool plain_match(const char *t, struct slice text, struct slice captures[26])
{
	struct slice *capture;

	if (*t == '\0')
		return text.n == 0;
	if (*t != '{')
		return text.n && text.p[0] == *t &&
		       plain_match(t + 1, slice_of(text.p + 1, text.n - 1), captures);
	capture = &captures[t[1] - 'a'];
	if (capture->p)
		return slice_starts(text, *capture) &&
		       plain_match(
			       t + 3, slice_of(text.p + capture->n, text.n - capture->n), captures);
	for (size_t n = 1; n <= text.n && text.p[n - 1] != ':'; n++) {
		*capture = slice_of(text.p, n);
		if (plain_match(t + 3, slice_of(text.p + n, text.n - n), captures))
			return true;
	}
	*capture = slice_of(NULL, 0);
	return false;
}

START_TEST(random_templates_agree_with_the_plain_reference)
{
	static const char *const pieces[] = {"{a}", "{b}", "{c}", "{d}", "x", "y", ":", "xy"};
	uint64_t seed = 11;
	size_t matched = 0;

	for (int i = 0; i < 200000; i++) {
		char text[10];
		struct buf b = {0};
		struct slice captures[TEMPLATE_MAX_NAMES], plain[26] = {{0}};
		size_t n;

		for (int piece = 0; piece < 5; piece++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			buf_str(&b, pieces[seed >> 40 & 7]);
		}
		n = seed >> 50 & 7;
		for (size_t j = 0; j < n; j++)
			text[j] = "xyx:"[seed >> (30 - 2 * j) & 3];
		struct template *t = parsed(b.p);
		bool wanted = plain_match(b.p, slice_of(text, n), plain);

		matched += wanted;
		ck_assert_msg(template_match(t, slice_of(text, n), captures) == wanted,
			"%s on %.*s: %d wanted", b.p, (int)n, text, wanted);
		for (size_t j = 0; wanted && j < template_names(t); j++)
			ck_assert(slice_equal(captures[j], plain[template_name(t, j).p[0] - 'a']));
		template_free(t);
		buf_release(&b);
	}
	ck_assert_uint_gt(matched, 1000);
}
END_TEST

/* {a} and {b} have the values; a letter other than these has none. */
static bool lookup_two(void *context, struct slice name, struct buf *out)
{
	const char *const *values = context;

	if (name.p[0] != 'a' && name.p[0] != 'b')
		return false;
	buf_str(out, values[name.p[0] - 'a']);
	return true;
}

START_TEST(an_ambiguous_text_is_detected_by_the_name_at_fault)
{
	static const struct {
		const char *template, *a, *b, *at; /* NULL: it tells */
	} cases[] = {
		{"k:{a}:{b}", "x", "y:z", NULL},
		{"k:{a}:{b}", "x:y", "z", "a"},
		{"k:{b}:{a}", "x:y", "z", NULL},
		{"k:{a}--{b}", "x-", "y", "a"},
		{"k:{a}--{b}", "x-y", "-", NULL},
		{"k:{a}:end", "x:end:y", "", NULL},
		{"k:{a}:{b}:end", "x", "y:end:end", NULL},
		{"k:{a}", "::", "", NULL},
		{"{a}{b}", "x", "y", "a"},
		{"k", "", "", NULL},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct template *t = parsed(cases[i].template);
		const char *values[] = {cases[i].a, cases[i].b};
		struct slice at = {0};
		bool tells = template_tells(t, lookup_two, values, &at);

		ck_assert_msg(tells == !cases[i].at, "%zu", i);
		ck_assert(tells || slice_is(at, cases[i].at));
		template_free(t);
	}
}
END_TEST

START_TEST(hostile_texts_are_quick)
{
	static const char *const templates[] = {"{a}-{b}-{c}-{d}-{e}-{f}x", "{a}{b}{c}{d}{e}{f}:x",
		"{a}-{b}-{c}-{d}-{e}-{a}x", "{a}{b}{c}{a}{b}{c}y"};
	char text[1024];
	int64_t begin = clock_mono_ms();

	memset(text, '-', sizeof text);
	for (size_t i = 0; i < sizeof templates / sizeof *templates; i++) {
		struct template *t = parsed(templates[i]);
		struct slice captures[TEMPLATE_MAX_NAMES];

		ck_assert(!template_match(t, slice_of(text, sizeof text), captures));
		template_free(t);
	}
	ck_assert_int_lt(clock_mono_ms() - begin, 1000);
}
END_TEST

TEST_SUITE("template", values_are_filled_in, a_missing_value_is_named_and_the_output_restored,
	one_value_fills_every_name, names_come_in_order_of_first_use,
	wrong_texts_are_refused_with_the_reason, whole_keys_match,
	random_templates_agree_with_the_plain_reference,
	an_ambiguous_text_is_detected_by_the_name_at_fault, hostile_texts_are_quick)
