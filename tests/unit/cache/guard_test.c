/* SPDX-License-Identifier: MIT */
#include "cache/guard.h"

#include <stdio.h>
#include <string.h>

#include "../unit.h"
#include "base/clock.h"
#include "config.h"

static struct conf *conf;
static struct guard guard;
static struct fault fault;

static void setup(const struct identity *who)
{
	conf = config_of("cache: {protected: [\"own:*:[ab]\", '\\*star:*']}\n");
	guard_init(&guard, conf, who);
	fault = (struct fault){0};
}

static void teardown(void)
{
	conf_unref(conf);
}

static enum error exact(const char *key)
{
	return guard_exact(&guard, slice_str(key), &fault);
}

static enum guard_verdict found(const char *key)
{
	return guard_derived(&guard, slice_str(key));
}

START_TEST(keys_have_1_to_1024_bytes)
{
	char long_key[KEY_MAX_BYTES + 1];

	memset(long_key, 'k', sizeof long_key);
	ck_assert_int_eq(guard_check_key(SLICE(""), &fault), ERR_BAD_KEY);
	ck_assert_int_eq(guard_check_key(slice_of(long_key, KEY_MAX_BYTES), &fault), OK);
	ck_assert_int_eq(
		guard_check_key(slice_of(long_key, KEY_MAX_BYTES + 1), &fault), ERR_BAD_KEY);
}
END_TEST

START_TEST(own_and_session_keys_are_refused_to_all)
{
	setup(&config_admin);
	ck_assert_int_eq(exact("cw:op:1"), ERR_KEY_RESERVED);
	ck_assert_ptr_nonnull(strstr(fault.detail, "cw:op:1"));
	ck_assert_int_eq(exact("session:x"), ERR_KEY_RESERVED);
	ck_assert_int_eq(found("cw:"), GUARD_PROTECTED);
	ck_assert_int_eq(found("session:x"), GUARD_PROTECTED);
	ck_assert_int_eq(found("cwx"), GUARD_ALLOWED);
	teardown();
}
END_TEST

START_TEST(protected_keys_need_admin_and_the_exact_name)
{
	setup(&config_reader);
	ck_assert_int_eq(exact("lock:a"), ERR_KEY_PROTECTED);
	ck_assert_int_eq(exact("laravel_queues:default"), ERR_KEY_PROTECTED);
	ck_assert_int_eq(exact("own:1:a"), ERR_KEY_PROTECTED);
	ck_assert_int_eq(exact("own:1:c"), OK);
	teardown();
	setup(&config_admin);
	ck_assert_int_eq(exact("lock:a"), OK);
	ck_assert_int_eq(found("lock:a"), GUARD_PROTECTED);
	ck_assert_int_eq(found("own:1:b"), GUARD_PROTECTED);
	ck_assert_int_eq(found("user:1"), GUARD_ALLOWED);
	teardown();
}
END_TEST

static const struct slice prefixes[] = {{"shop:", 5}, {"firm:", 5}};
static const struct identity bounded = {.name = "shop",
	.scopes = SCOPE_INVALIDATE,
	.key_prefixes = prefixes,
	.key_prefix_count = 2};

START_TEST(key_prefixes_limit_the_caller)
{
	setup(&bounded);
	ck_assert_int_eq(exact("shop:1"), OK);
	ck_assert_int_eq(exact("user:1"), ERR_KEY_OUTSIDE_PREFIXES);
	ck_assert_int_eq(found("firm:1"), GUARD_ALLOWED);
	ck_assert_int_eq(found("user:1"), GUARD_OUTSIDE);
	ck_assert_int_eq(guard_pattern(&guard, SLICE("shop:*"), &fault), OK);
	ck_assert_int_eq(guard_pattern(&guard, SLICE("sho*"), &fault), ERR_KEY_OUTSIDE_PREFIXES);
	ck_assert_int_eq(guard_pattern(&guard, SLICE("*"), &fault), ERR_KEY_OUTSIDE_PREFIXES);
	ck_assert_int_eq(
		guard_pattern(&guard, SLICE("[s]hop:*"), &fault), ERR_KEY_OUTSIDE_PREFIXES);
	teardown();
}
END_TEST

START_TEST(patterns_that_can_only_match_reserved_names_are_refused)
{
	setup(&config_admin);
	ck_assert_int_eq(guard_pattern(&guard, SLICE("cw:*"), &fault), ERR_KEY_RESERVED);
	ck_assert_int_eq(guard_pattern(&guard, SLICE("session:a*"), &fault), ERR_KEY_RESERVED);
	ck_assert_int_eq(guard_pattern(&guard, SLICE("\\cw:*"), &fault), ERR_KEY_RESERVED);
	ck_assert_int_eq(guard_pattern(&guard, SLICE("c*"), &fault), OK);
	ck_assert_int_eq(guard_pattern(&guard, SLICE("lock:*"), &fault), OK);
	teardown();
}
END_TEST

START_TEST(both_kinds_of_guard_decide_alike)
{
	static const char *const keys[] = {"own:1:a", "own:1:c", "sess:1", "sess", "horizon:x",
		"a:horizon:", "queues:", "x:queues:1", "lock:", "celeryd", "unacked", "free", "",
		"*", "*star:1", "star:1", "\\*star:1"};
	struct guard few;

	setup(&config_reader);
	guard_init_few(&few, conf, &config_reader);
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		struct slice key = slice_str(keys[i]);

		ck_assert_int_eq(guard_exact(&few, key, NULL), guard_exact(&guard, key, NULL));
		ck_assert_int_eq(guard_derived(&few, key), guard_derived(&guard, key));
	}
	ck_assert_int_eq(guard_exact(&few, SLICE("own:1:a"), NULL), ERR_KEY_PROTECTED);
	ck_assert_int_eq(guard_exact(&few, SLICE("free"), NULL), OK);
	teardown();
}
END_TEST

TEST_SUITE("key", both_kinds_of_guard_decide_alike, keys_have_1_to_1024_bytes,
	own_and_session_keys_are_refused_to_all, protected_keys_need_admin_and_the_exact_name,
	key_prefixes_limit_the_caller, patterns_that_can_only_match_reserved_names_are_refused)
