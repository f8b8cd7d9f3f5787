/* SPDX-License-Identifier: MIT */
#include "watch/namespace_table.h"

#include <stdio.h>

#include "../cache/config.h"
#include "../unit.h"
#include "base/mem.h"

static struct conf *conf;
static struct namespace_table *table;

static void begin(const char *yaml)
{
	conf = config_of(yaml);
	table = namespace_table_new();
	namespace_table_begin(table, conf);
}

static void end(void)
{
	namespace_table_free(table);
	conf_unref(conf);
}

static void add(const char *key, int64_t bytes)
{
	namespace_table_add(
		table, conf, &(struct namespace_look){slice_str(key), bytes, -1, -1, -1});
}

static const struct namespace_sums *sums_of(enum namespace_kind kind, const char *name)
{
	const struct namespace_row *row = namespace_table_find(table, conf, kind, slice_str(name));

	return row ? &row->sums : NULL;
}

static uint64_t keys_of(const char *name)
{
	const struct namespace_sums *sums = sums_of(NAMESPACE_DETECTED, name);

	return sums ? sums->keys : 0;
}

START_TEST(keys_are_added_up_by_namespace)
{
	begin("cache: {namespaces: [{prefix: \"p:\", ttl: 1m}, {prefix: \"q:\", ttl: 1m}]}\n");
	add("p:1", 10);
	add("p:x", 30);
	add("user:1", -1);
	add("user:2", 5);
	add("cw:x", 7);
	add("lonely", 2000000);
	ck_assert_uint_eq(sums_of(NAMESPACE_CONFIGURED, "p:")->keys, 2);
	ck_assert_double_eq(sums_of(NAMESPACE_CONFIGURED, "p:")->bytes, 40);
	ck_assert_double_eq(sums_of(NAMESPACE_CONFIGURED, "p:")->squares, 1000);
	ck_assert_uint_eq(sums_of(NAMESPACE_CONFIGURED, "q:")->keys, 0);
	ck_assert_uint_eq(keys_of("user:*"), 2);
	ck_assert_uint_eq(sums_of(NAMESPACE_DETECTED, "user:*")->measured, 1);
	ck_assert_uint_eq(sums_of(NAMESPACE_OWN, "cw:")->keys, 1);
	ck_assert_uint_eq(table->unmatched.keys, 1);
	ck_assert_uint_eq(table->all.keys, 6);
	ck_assert_uint_eq(table->all.measured, 5);
	ck_assert_uint_eq(table->big, 1);
	ck_assert_str_eq(table->biggest.items[0].key.p, "lonely");
	ck_assert_str_eq(table->unmatched_names.items[0].key.p, "lonely");
	ck_assert_uint_eq(table->biggest.count, 4);
	end();
}
END_TEST

START_TEST(lifetimes_and_idle_times_have_classes)
{
	static const struct {
		int64_t ttl_ms;
		enum namespace_ttl class;
	} cases[] = {{-1, TTL_NONE}, {0, TTL_MINUTE}, {60000, TTL_MINUTE}, {60001, TTL_HOUR},
		{3600000, TTL_HOUR}, {3600001, TTL_DAY}, {86400000, TTL_DAY}, {86400001, TTL_WEEK},
		{604800000, TTL_WEEK}, {604800001, TTL_LONGER}, {INT64_C(1) << 53, TTL_LONGER}};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		begin("");
		namespace_table_add(table, conf,
			&(struct namespace_look){SLICE("a:1"), 1, cases[i].ttl_ms, -1, -1});
		ck_assert_uint_eq(table->all.ttl[cases[i].class], 1);
		end();
	}
	begin("");
	namespace_table_add(table, conf, &(struct namespace_look){SLICE("a:1"), 1, -2, 3599, -1});
	namespace_table_add(table, conf, &(struct namespace_look){SLICE("a:1"), 1, -2, 3600, -1});
	namespace_table_add(table, conf, &(struct namespace_look){SLICE("a:1"), 1, -2, -1, 9});
	for (size_t i = 0; i < TTL_CLASSES; i++)
		ck_assert_uint_eq(table->all.ttl[i], 0);
	ck_assert_uint_eq(table->all.idle, 1);
	ck_assert_uint_eq(table->all.idle_known, 2);
	ck_assert_int_eq(table->hot.items[0].figure, 9);
	end();
}
END_TEST

START_TEST(the_lists_keep_the_highest_once)
{
	char key[16];

	begin("");
	for (int i = 0; i < 200; i++) {
		int n = i * 37 % 100;

		snprintf(key, sizeof key, "a:%d", n);
		add(key, n);
	}
	ck_assert_uint_eq(table->biggest.count, NAMESPACE_TABLE_TOP);
	for (int i = 0; i < NAMESPACE_TABLE_TOP; i++)
		ck_assert_int_eq(table->biggest.items[i].figure, 99 - i);
	end();
}
END_TEST

START_TEST(a_segment_with_many_values_is_merged_when_rows_are_short)
{
	char key[64];

	begin("");
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 5000; i++) {
			add("orders:1", 1);
			snprintf(key, sizeof key, "tenant-%c%c%c:users:%d", 'a' + i % 20,
				'a' + i / 20 % 20, 'a' + i / 400, i);
			add(key, 1);
			snprintf(key, sizeof key, "tenant-%c%c%c:carts:%d", 'a' + i % 20,
				'a' + i / 20 % 20, 'a' + i / 400, i);
			add(key, 1);
		}
	ck_assert_uint_eq(keys_of("orders:*"), 10000);
	ck_assert_uint_eq(keys_of("*:users:*"), 10000);
	ck_assert_uint_eq(keys_of("*:carts:*"), 10000);
	ck_assert_uint_eq(keys_of("tenant-aaa:users:*"), 10000); /* is part of it */
	ck_assert_uint_eq(table->overflow.keys, 0);
	ck_assert_uint_eq(table->count, 3);
	end();
}
END_TEST

/* Nothing to merge: no segment has many values, but there are 100,000 namespaces. */
START_TEST(what_finds_no_row_is_added_up)
{
	char key[64];
	uint64_t sum = 0;

	begin("stats: {namespaces: {depth: 8}}\n");
	for (unsigned i = 0; i < 100000; i++) {
		snprintf(key, sizeof key, "%c:%c:%c:%c:%c:x", 'a' + i % 10, 'a' + i / 10 % 10,
			'a' + i / 100 % 10, 'a' + i / 1000 % 10, 'a' + i / 10000 % 10);
		add(key, 3);
	}
	ck_assert_uint_le(table->count, NAMESPACE_TABLE_MAX);
	for (size_t i = 0; i < table->count; i++)
		sum += table->rows[i].sums.keys;
	ck_assert_uint_eq(sum + table->overflow.keys, 100000);
	ck_assert_uint_gt(table->overflow.keys, 90000);
	ck_assert_uint_eq(keys_of("a:a:a:a:a:*"), 1);
	end();
}
END_TEST

START_TEST(namespaces_that_are_known_have_a_row)
{
	char name[32];

	begin("");
	add("a:1", 7);
	namespace_table_know(table, conf, NAMESPACE_DETECTED, SLICE("a:*"));
	namespace_table_know(table, conf, NAMESPACE_DETECTED, SLICE("b:*"));
	namespace_table_know(table, conf, NAMESPACE_UNMATCHED, SLICE(""));
	ck_assert_uint_eq(table->count, 2);
	ck_assert_uint_eq(keys_of("a:*"), 1);
	ck_assert_ptr_nonnull(sums_of(NAMESPACE_DETECTED, "b:*"));
	for (int i = 0; i < 2 * NAMESPACE_TABLE_MAX; i++) {
		snprintf(name, sizeof name, "n%d:*", i);
		namespace_table_know(table, conf, NAMESPACE_DETECTED, slice_str(name));
	}
	ck_assert_uint_eq(table->count, NAMESPACE_TABLE_MAX);
	end();
}
END_TEST

START_TEST(rows_are_ranked_by_keys_or_bytes)
{
	struct namespace_rank *ranks;

	begin("");
	add("a:1", 100);
	add("b:1", 1);
	add("b:2", 1);
	add("c:1", 1);
	ck_assert_uint_eq(namespace_table_ranks(table, false, &ranks), 3);
	ck_assert(slice_is(ranks[0].row->name, "b:*") && slice_is(ranks[1].row->name, "a:*") &&
		  slice_is(ranks[2].row->name, "c:*"));
	mem_free(ranks);
	ck_assert_uint_eq(namespace_table_ranks(table, true, &ranks), 3);
	ck_assert(slice_is(ranks[0].row->name, "a:*") && slice_is(ranks[1].row->name, "b:*"));
	mem_free(ranks);
	end();
}
END_TEST

TEST_SUITE("namespace_table", keys_are_added_up_by_namespace, lifetimes_and_idle_times_have_classes,
	the_lists_keep_the_highest_once, a_segment_with_many_values_is_merged_when_rows_are_short,
	what_finds_no_row_is_added_up, namespaces_that_are_known_have_a_row,
	rows_are_ranked_by_keys_or_bytes)
