/* SPDX-License-Identifier: MIT */
#include "cache/lookups.h"

#include <stdio.h>

#include "../unit.h"
#include "config.h"

static const struct lookups_row *find(struct lookups *lookups, const char *name)
{
	struct lookups_row *row = NULL;

	while ((row = lookups_next(lookups, row)))
		if (slice_is(row->name, name) && !row->rest)
			return row;
	return NULL;
}

START_TEST(lookups_are_counted_by_namespace)
{
	struct conf *conf = config_of("cache: {namespaces: [{prefix: \"p:\", ttl: 1m}]}\n");
	struct lookups *lookups = lookups_new();

	lookups_add(lookups, conf, SLICE("p:1"), 1, 0);
	lookups_add(lookups, conf, SLICE("p:2"), 0, 2);
	lookups_add(lookups, conf, SLICE("user:7"), 1, 1);
	lookups_add(lookups, conf, SLICE("alone"), 3, 0);
	ck_assert_double_eq(find(lookups, "p:")->hits, 1);
	ck_assert_double_eq(find(lookups, "p:")->misses, 2);
	ck_assert_double_eq(find(lookups, "user:*")->misses, 1);
	ck_assert_double_eq(find(lookups, "")->hits, 3);
	struct lookups *more = lookups_new();

	lookups_add(more, conf, SLICE("p:9"), 5, -2);
	lookups_add(more, conf, SLICE("new:9"), 1, 0);
	lookups_merge(more, lookups);
	ck_assert_double_eq(find(more, "p:")->hits, 6);
	ck_assert_double_eq(find(more, "p:")->misses, 0);
	ck_assert_double_eq(find(more, "new:*")->hits, 1);
	ck_assert_double_eq(find(more, "user:*")->misses, 1);
	lookups_free(more);
	lookups_fade(lookups, 0.25);
	ck_assert_double_eq(find(lookups, "p:")->misses, 0.5);
	ck_assert_ptr_nonnull(find(lookups, "user:*"));
	lookups_fade(lookups, 0.5);
	ck_assert_ptr_null(find(lookups, "p:"));
	lookups_free(lookups);
	conf_unref(conf);
}
END_TEST

START_TEST(the_rest_is_added_up)
{
	struct conf *conf = config_of("stats: {namespaces: {depth: 8}}\n");
	struct lookups *lookups = lookups_new();
	struct lookups_row *row = NULL;
	char key[32];
	size_t rows = 0;

	for (int i = 0; i < 5000; i++) {
		snprintf(key, sizeof key, "%c:%c:%c:%c:x", 'a' + i % 10, 'a' + i / 10 % 10,
			'a' + i / 100 % 10, 'a' + i / 1000);
		lookups_add(lookups, conf, slice_str(key), 1, 0);
	}
	while ((row = lookups_next(lookups, row))) {
		rows++;
		if (row->rest)
			ck_assert_double_eq(row->hits, 5000 - LOOKUPS_MAX);
	}
	ck_assert_uint_eq(rows, LOOKUPS_MAX + 1);
	lookups_free(lookups);
	conf_unref(conf);
}
END_TEST

TEST_SUITE("lookups", lookups_are_counted_by_namespace, the_rest_is_added_up)
