/* SPDX-License-Identifier: MIT */
#include "cache/entry.h"

#include "../unit.h"
#include "cache/soft_purge.h"
#include "config.h"
#include "engine.h"

static void modes(void)
{
	struct redis_batch *batch = redis_batch_new();
	static const enum redis_type expected[] = {
		REDIS_STATUS, REDIS_NIL, REDIS_STATUS, REDIS_STATUS, REDIS_NIL, REDIS_STATUS};

	engine_call("PING", NULL, NULL, NULL);
	entry_add_set(batch, SLICE("a"), SLICE("1\0\n"), 60000, ENTRY_SET);
	entry_add_set(batch, SLICE("a"), SLICE("2"), 60000, ENTRY_SET_IF_ABSENT);
	entry_add_set(batch, SLICE("b"), SLICE("2"), -1, ENTRY_SET_IF_ABSENT);
	entry_add_set(batch, SLICE("b"), SLICE("3"), -1, ENTRY_SET_IF_PRESENT);
	entry_add_set(batch, SLICE("c"), SLICE(""), 1, ENTRY_SET_IF_PRESENT);
	ck_assert_uint_eq(entry_add_set(batch, SLICE("c"), SLICE(""), -1, ENTRY_SET), 5);
	ck_assert_int_eq(redis_node_run(store_node(engine.cache.store, SLICE("")), REDIS_COMMANDS,
				 batch, clock_deadline(20000), NULL),
		OK);
	for (size_t i = 0; i < 6; i++)
		ck_assert_int_eq(redis_batch_reply(batch, i)->type, expected[i]);
	redis_batch_free(batch);
	ck_assert_int_eq(engine_call("STRLEN", "a", NULL, NULL), 3);
	ck_assert_int_gt(engine_call("PTTL", "a", NULL, NULL), 50000);
	ck_assert_int_eq(engine_call("PTTL", "b", NULL, NULL), -1);
}

TEST_CALL(modes_and_ttls_are_those_of_set, engine_run("", modes))

/* A value is stored for its time and stale_for; what is left of stale_for is not shown. */
START_TEST(the_ttl_that_is_shown_ends_where_the_stale_time_begins)
{
	static const struct {
		const char *key;
		int64_t pttl_ms, mark_ms, shown_ms;
	} cases[] = {{"k", -2, -2, -2}, {"k", -1, -2, -1}, {"k", 5000, -2, 5000}, {"k", 1, -2, 1},
		{"k", 0, -2, 1}, {"k", 5000, 5000, 0}, {"k", 5000, 5000 + SOFT_PURGE_SKEW_MS, 0},
		{"k", 5000, 5000 - SOFT_PURGE_SKEW_MS, 0},
		{"k", 5000, 5001 + SOFT_PURGE_SKEW_MS, 5000},
		{"k", 5000, 4999 - SOFT_PURGE_SKEW_MS, 5000}, {"k", -1, 5000, -1}, {"k", 0, 0, 0},
		{"s:k", -2, -2, -2}, {"s:k", -1, -2, -1}, {"s:k", 9000, -2, 5000},
		{"s:k", 4001, -2, 1}, {"s:k", 4000, -2, 0}, {"s:k", 3999, -2, 0}, {"s:k", 0, -2, 0},
		{"one:k", 5000, -2, 4999}, {"one:k", 1, -2, 0}, {"one:k", 2, -2, 1}};
	struct conf *conf =
		config_of("cache: {namespaces: [{prefix: \"s:\", ttl: 1m, stale_for: 4s}, "
			  "{prefix: \"one:\", ttl: 1m, stale_for: 1ms}]}\n");

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		ck_assert_msg(entry_shown_ttl(conf, slice_str(cases[i].key), cases[i].pttl_ms,
				      cases[i].mark_ms) == cases[i].shown_ms,
			"case %zu", i);
	ck_assert_int_eq(entry_px(conf, SLICE("s:k"), 1000), 5000);
	ck_assert_int_eq(entry_px(conf, SLICE("s:k"), -1), -1);
	ck_assert_int_eq(entry_px(conf, SLICE("k"), 1000), 1000);
	ck_assert_int_eq(entry_px(conf, SLICE("k"), 0), conf_ttl_ms(conf, SLICE("k")));
	conf_unref(conf);
}
END_TEST

START_TEST(the_outcome_of_a_soft_purge_is_read_from_its_reply)
{
	static const struct {
		struct redis_value reply;
		enum error error;
		enum soft_purge_outcome outcome;
	} cases[] = {{{.type = REDIS_INTEGER, .integer = 0}, OK, SOFT_PURGE_ABSENT},
		{{.type = REDIS_INTEGER, .integer = 1}, OK, SOFT_PURGE_CHANGED},
		{{.type = REDIS_INTEGER, .integer = 2}, OK, SOFT_PURGE_KEPT},
		{{.type = REDIS_INTEGER, .integer = 3}, OK, SOFT_PURGE_REMOVED},
		{{.type = REDIS_INTEGER, .integer = 4}, OK, SOFT_PURGE_ABSENT},
		{{.type = REDIS_INTEGER, .integer = -1}, OK, SOFT_PURGE_ABSENT},
		{{.type = REDIS_NIL, .integer = 1}, OK, SOFT_PURGE_ABSENT},
		{{.type = REDIS_ERROR, .text = SLICE("OOM command not allowed"), .integer = 1},
			ERR_REDIS_OOM, SOFT_PURGE_ABSENT}};
	enum soft_purge_outcome outcome;
	struct fault fault;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		outcome = SOFT_PURGE_KEPT;
		ck_assert_int_eq(
			soft_purge_outcome(&cases[i].reply, &outcome, &fault), cases[i].error);
		ck_assert_int_eq(outcome, cases[i].outcome);
	}
}
END_TEST

TEST_SUITE("entry", modes_and_ttls_are_those_of_set,
	the_ttl_that_is_shown_ends_where_the_stale_time_begins,
	the_outcome_of_a_soft_purge_is_read_from_its_reply)
