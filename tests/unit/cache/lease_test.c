/* SPDX-License-Identifier: MIT */
#include "cache/lease.h"

#include "../unit.h"
#include "base/mem.h"
#include "cache/log.h"
#include "engine.h"

static const struct slice key = SLICE("k:1");
static const struct slice tags[] = {SLICE("red")};

static struct lease take(void)
{
	struct lease lease;
	struct fault fault;

	ck_assert_int_eq(
		lease_take(&engine, &(struct lease_want){.key = key, .ms = 60000}, &lease, &fault),
		OK);
	return lease;
}

/* Whether what is stored under the lease stays. */
static bool store(const char *token, enum error expected)
{
	const struct entry_write write = {
		.key = key, .value = SLICE("v"), .ttl_ms = 600000, .tags = tags, .tag_count = 1};
	struct fault fault;
	bool kept;

	ck_assert_int_eq(lease_store(&engine, slice_str(token), &write, &kept, &fault), expected);
	return kept;
}

static void purge(const struct inval_entry *entry)
{
	struct fault fault;

	ck_assert_int_eq(inval_log_add(&engine, entry, &fault), OK);
}

static bool is_there(void)
{
	return engine_call("EXISTS", "k:1", NULL, NULL) == 1;
}

static void one_loads(void)
{
	struct lease mine = take(), other = take();
	struct lease_watch watch;

	ck_assert_uint_eq(strlen(mine.token), TOKEN_DIGITS);
	ck_assert_str_eq(other.token, "");
	ck_assert_int_eq(lease_watch(&engine, key, &watch, NULL), OK);
	ck_assert(watch.taken);
	ck_assert(store(mine.token, OK));
	ck_assert_int_gt(engine_call("PTTL", "k:1", NULL, NULL), LEASE_PROVISIONAL_MS);
	ck_assert_int_eq(engine_call("ZCARD", "cw:tag:red", NULL, NULL), 1);
	/* It ended with the store. */
	ck_assert_int_eq(lease_watch(&engine, key, &watch, NULL), OK);
	ck_assert(!watch.taken);
	ck_assert(!store(mine.token, ERR_LEASE_LOST));
}

START_TEST(of_all_who_miss_one_loads)
{
	engine_run("", one_loads);
}
END_TEST

static void forged(void)
{
	struct lease mine = take();

	store("", ERR_LEASE_LOST);
	store("0123456789abcdef0123456789abcdef", ERR_LEASE_LOST);
	mine.token[TOKEN_DIGITS - 1] = '\0';
	store(mine.token, ERR_LEASE_LOST);
	ck_assert(!is_there());
}

START_TEST(a_token_that_is_none_stores_nothing)
{
	engine_run("", forged);
}
END_TEST

static void invalidated_meanwhile(void)
{
	const struct slice keys[] = {SLICE("k:1")}, patterns[] = {SLICE("k:*")},
			   others[] = {SLICE("k:2"), SLICE("green")};
	const struct inval_entry stale[] = {
		{.operation_id = "o", .keys = keys, .key_count = 1},
		{.operation_id = "o", .patterns = patterns, .pattern_count = 1},
		{.operation_id = "o", .tags = tags, .tag_count = 1},
	};

	for (size_t i = 0; i < sizeof stale / sizeof *stale; i++) {
		struct lease lease = take();

		purge(&stale[i]);
		ck_assert(!store(lease.token, OK));
		ck_assert(!is_there());
	}
	/* Neither what came before the load began nor what names others. */
	struct lease lease = take();
	purge(&(struct inval_entry){.operation_id = "o",
		.keys = others,
		.key_count = 1,
		.tags = others + 1,
		.tag_count = 1});
	ck_assert(store(lease.token, OK));
	ck_assert(is_there());
}

START_TEST(what_was_invalidated_during_the_load_does_not_stay)
{
	engine_run("", invalidated_meanwhile);
}
END_TEST

static void log_is_lost(void)
{
	const struct slice keys[] = {SLICE("other")};
	purge(&(struct inval_entry){.operation_id = "o", .keys = keys, .key_count = 1});
	struct lease lease = take();

	engine_call("DEL", "cw:inval", NULL, NULL);
	ck_assert(!store(lease.token, OK));
	ck_assert(!is_there());
}

START_TEST(without_the_log_nothing_stays)
{
	engine_run("", log_is_lost);
}
END_TEST

static void others_store(void)
{
	struct lease lease = take();
	enum entry_outcome outcome;

	ck_assert_int_eq(
		entry_write(&engine, &(struct entry_write){.key = key, .value = SLICE("new")},
			&outcome, NULL),
		OK);
	store(lease.token, ERR_LEASE_LOST);
	ck_assert_int_eq(engine_call("STRLEN", "k:1", NULL, NULL), 3);
	lease = take();
	lease_release(&engine, key, SLICE("0123456789abcdef0123456789abcdef"), NULL);
	ck_assert_str_eq(take().token, "");
	lease_release(&engine, key, slice_str(lease.token), NULL);
	ck_assert_str_ne(take().token, "");
}

START_TEST(a_write_ends_it_and_only_its_holder_gives_it_back)
{
	engine_run("", others_store);
}
END_TEST

TEST_SUITE("lease", of_all_who_miss_one_loads, a_token_that_is_none_stores_nothing,
	what_was_invalidated_during_the_load_does_not_stay, without_the_log_nothing_stays,
	a_write_ends_it_and_only_its_holder_gives_it_back)
