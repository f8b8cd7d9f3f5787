/* SPDX-License-Identifier: MIT */
#include "cache/entry.h"

#include "../unit.h"
#include "engine.h"

static void modes(void)
{
	struct redis_batch *batch = redis_batch_new();
	static const enum redis_type expected[] = {
		REDIS_STATUS, REDIS_NIL, REDIS_STATUS, REDIS_STATUS, REDIS_NIL, REDIS_STATUS};

	engine_call("PING", NULL, NULL, NULL);
	entry_store(batch, SLICE("a"), SLICE("1\0\n"), 60000, ENTRY_REPLACE);
	entry_store(batch, SLICE("a"), SLICE("2"), 60000, ENTRY_MISSING);
	entry_store(batch, SLICE("b"), SLICE("2"), -1, ENTRY_MISSING);
	entry_store(batch, SLICE("b"), SLICE("3"), -1, ENTRY_REFRESH);
	entry_store(batch, SLICE("c"), SLICE(""), 1, ENTRY_REFRESH);
	ck_assert_uint_eq(entry_store(batch, SLICE("c"), SLICE(""), -1, ENTRY_REPLACE), 5);
	ck_assert_int_eq(redis_node_run(redis_store_node(engine.cache.store, SLICE("")),
				 REDIS_COMMANDS, batch, clock_deadline(20000), NULL),
		OK);
	for (size_t i = 0; i < 6; i++)
		ck_assert_int_eq(redis_batch_reply(batch, i)->type, expected[i]);
	redis_batch_free(batch);
	ck_assert_int_eq(engine_call("STRLEN", "a", NULL, NULL), 3);
	ck_assert_int_gt(engine_call("PTTL", "a", NULL, NULL), 50000);
	ck_assert_int_eq(engine_call("PTTL", "b", NULL, NULL), -1);
}

TEST_CALL(modes_and_ttls_are_redis_s, engine_run("", modes))

TEST_SUITE("entry", modes_and_ttls_are_redis_s)
