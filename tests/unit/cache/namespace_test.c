/* SPDX-License-Identifier: MIT */
#include "cache/namespace.h"

#include <stdio.h>
#include <string.h>

#include "../unit.h"
#include "config.h"

static const char *kind_and_name(const struct conf *conf, struct slice key)
{
	static char text[2048];
	struct buf name = {0};
	enum namespace_kind kind = namespace_of(conf, key, &name);

	snprintf(text, sizeof text, "%s %.*s", namespace_kind_name(kind), (int)name.n,
		name.p ? name.p : "");
	buf_release(&name);
	return text;
}

static void check(const struct conf *conf, const char *const (*cases)[2], size_t count)
{
	for (size_t i = 0; i < count; i++)
		ck_assert_str_eq(kind_and_name(conf, slice_str(cases[i][0])), cases[i][1]);
}

START_TEST(a_key_belongs_to_its_longest_prefix_or_to_its_form)
{
	static const char *const cases[][2] = {
		{"cw:inval", "own cw:"},
		{"product:", "configured product:"},
		{"product:42:x", "configured product:"},
		{"product:new:1", "configured product:new:"},
		{"producer:42", "detected producer:*"},
		{"user:42", "detected user:*"},
		{"user:alice", "detected user:*"},
		{"user:42:cart", "detected user:*:cart"},
		{"user:42:orders:7", "detected user:*:orders:*"},
		{"user:profile:alice", "detected user:profile:*"},
		{"a:b:c:d:e", "detected a:b:*"},
		{"1:2:3", "detected *:*:*"},
		{"1:stock", "detected *:stock"},
		{"a:", "detected a:*"},
		{":a", "detected *:a"},
		{"counter", "unmatched "},
		{"", "unmatched "},
	};
	struct conf *conf = config_of("cache: {namespaces: [{prefix: \"product:\", ttl: 1m}, "
				      "{prefix: \"product:new:\", ttl: 1m}]}\n");

	check(conf, cases, sizeof cases / sizeof *cases);
	conf_unref(conf);
}
END_TEST

START_TEST(separator_and_depth_are_those_of_the_configuration)
{
	static const char *const cases[][2] = {
		{"a/-/b/-/c/-/d", "detected a/-/*"},
		{"a/-/7/-/c/-/d", "detected a/-/*"},
		{"a:b", "unmatched "},
	};
	struct conf *conf = config_of("stats: {namespaces: {separator: \"/-/\", depth: 1}}\n");

	check(conf, cases, sizeof cases / sizeof *cases);
	conf_unref(conf);
}
END_TEST

START_TEST(ids_are_told_from_words)
{
	static const char *const ids[] = {"", "*", "0", "20261201", "2026-12-01", "10.0.0.12",
		"ns12345", "{42}", "550e8400-e29b-41d4-a716-446655440000", "deadbeef01",
		"a@example.com", "x7Gq2LmN0pRsTuVw", "\xff\xfe", "a\001",
		"a-segment-that-is-far-too-long-to-be-a-word-of-a-key-that-people-read"};
	static const char *const words[] = {"user", "v2", "db0", "deadbeef", "cart-items", "{shop}",
		"user_profile", "gr\xc3\xb6\xc3\x9fter", "top10", "2fa", "a long word with spaces"};

	for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
		ck_assert_msg(namespace_is_id(slice_str(ids[i])), "%s", ids[i]);
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		ck_assert_msg(!namespace_is_id(slice_str(words[i])), "%s", words[i]);
}
END_TEST

START_TEST(names_are_bounded_whatever_the_key)
{
	struct conf *conf = config_of("stats: {namespaces: {depth: 8}}\n");
	struct buf key = {0}, name = {0};

	for (unsigned seed = 1; seed < 400; seed++) {
		buf_clear(&key);
		for (unsigned i = 0; i < seed; i++)
			buf_append(&key, &"abc:def-g:\xff:x9:\0*"[i * seed % 18], 1);
		namespace_of(conf, buf_slice(&key), &name);
		ck_assert_uint_le(name.n, NAMESPACE_NAME_BYTES);
	}
	for (size_t n = 1; n < 70; n++) {
		buf_clear(&key);
		for (size_t i = 0; i < 20; i++) {
			for (size_t at = 0; at < n; at++)
				buf_char(&key, 'w');
			buf_char(&key, ':');
		}
		ck_assert_int_eq(namespace_of(conf, buf_slice(&key), &name), NAMESPACE_DETECTED);
		ck_assert_uint_le(name.n, NAMESPACE_NAME_BYTES);
	}
	buf_release(&key);
	buf_release(&name);
	conf_unref(conf);
}
END_TEST

START_TEST(one_segment_is_widened)
{
	struct buf wide = {0};

	ck_assert(namespace_widen(SLICE("a:b:*"), SLICE(":"), 0, &wide));
	ck_assert_str_eq(wide.p, "*:b:*");
	ck_assert(namespace_widen(SLICE("a:b:*"), SLICE(":"), 1, &wide));
	ck_assert_str_eq(wide.p, "a:*:*");
	ck_assert(!namespace_widen(SLICE("a:b:*"), SLICE(":"), 2, &wide));
	ck_assert(!namespace_widen(SLICE("a:b:*"), SLICE(":"), 3, &wide));
	buf_release(&wide);
}
END_TEST

TEST_SUITE("namespace", a_key_belongs_to_its_longest_prefix_or_to_its_form,
	separator_and_depth_are_those_of_the_configuration, ids_are_told_from_words,
	names_are_bounded_whatever_the_key, one_segment_is_widened)
