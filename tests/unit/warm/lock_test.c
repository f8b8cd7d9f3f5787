/* SPDX-License-Identifier: MIT */
/* The run lock and the receipts on a real redis-server. */
#include "warm/lock.h"

#include <stdlib.h>
#include <string.h>

#include "../unit.h"
#include "world.h"

static struct daemon d;

static void exclusive(void)
{
	struct lock *lock, *other;
	char holder[LOCK_OPERATION];

	daemon_begin(&d, "    []");
	ck_assert_int_eq(lock_take(&d.engine.cache, SLICE("j"), &lock, holder, NULL), OK);
	ck_assert_ptr_nonnull(lock);
	ck_assert_int_eq(lock_take(&d.engine.cache, SLICE("j"), &other, holder, NULL), OK);
	ck_assert_ptr_null(other);
	ck_assert_str_eq(holder, "");
	lock_keep(lock, "op1");
	fiber_sleep(50);
	ck_assert_int_eq(lock_take(&d.engine.cache, SLICE("j"), &other, holder, NULL), OK);
	ck_assert_ptr_null(other);
	ck_assert_str_eq(holder, "op1");
	lock_release(lock);
	ck_assert_int_eq(lock_take(&d.engine.cache, SLICE("j"), &other, holder, NULL), OK);
	ck_assert_ptr_nonnull(other);
	lock_release(other);
	ck_assert_str_eq(redis(&d, "EXISTS cw:run:j"), "0");
	daemon_end(&d);
}

TEST_CALL(one_has_the_lock_and_names_its_operation, world_run(exclusive, NULL, NULL))

static void renewed(void)
{
	struct lock *lock;
	char holder[LOCK_OPERATION];

	daemon_begin(&d, "    []");
	lock_take(&d.engine.cache, SLICE("j"), &lock, holder, NULL);
	lock_keep(lock, "op1");
	fiber_sleep(50);
	redis(&d, "FLUSHALL");
	fiber_sleep(LOCK_RENEW_MS + 200);
	ck_assert_ptr_nonnull(strstr(redis(&d, "GET cw:run:j"), ":op1"));
	ck_assert_int_gt(atoi(redis(&d, "PTTL cw:run:j")), LOCK_TTL_MS - LOCK_RENEW_MS);
	ck_assert(!lock_lost(lock));
	lock_release(lock);
	daemon_end(&d);
}

TEST_CALL(it_is_renewed_and_outlives_a_flush, world_run(renewed, NULL, NULL))

static void taken(void)
{
	struct lock *lock;
	char holder[LOCK_OPERATION];

	daemon_begin(&d, "    []");
	lock_take(&d.engine.cache, SLICE("j"), &lock, holder, NULL);
	redis(&d, "SET cw:run:j somebody");
	lock_keep(lock, "op1");
	fiber_sleep(100);
	ck_assert(lock_lost(lock));
	lock_release(lock);
	ck_assert_str_eq(redis(&d, "GET cw:run:j"), "somebody");
	daemon_end(&d);
}

TEST_CALL(another_owner_is_noticed_and_left_alone, world_run(taken, NULL, NULL))

static void receipts(void)
{
	struct lock_receipt mine = {SLICE("j"), 1764000000000, 60000, ""}, other = mine;
	bool won;

	daemon_begin(&d, "    []");
	owner_token_new(mine.token);
	owner_token_new(other.token);
	ck_assert_int_eq(lock_receipt_take(&d.engine.cache, &mine, &won, NULL), OK);
	ck_assert(won);
	ck_assert_int_eq(lock_receipt_take(&d.engine.cache, &other, &won, NULL), OK);
	ck_assert(!won);
	ck_assert_int_eq(lock_receipt_take(&d.engine.cache, &mine, &won, NULL), OK);
	ck_assert(won);
	ck_assert_str_eq(redis(&d, "KEYS cw:fire:*"), "cw:fire:j:2025-11-24T16:00:00.000Z");
	other.nominal_wall_ms++;
	ck_assert_int_eq(lock_receipt_take(&d.engine.cache, &other, &won, NULL), OK);
	ck_assert(won);
	daemon_end(&d);
}

TEST_CALL(a_receipt_is_given_once_and_again_to_its_owner, world_run(receipts, NULL, NULL))

TEST_SUITE("warm_lock", one_has_the_lock_and_names_its_operation,
	it_is_renewed_and_outlives_a_flush, another_owner_is_noticed_and_left_alone,
	a_receipt_is_given_once_and_again_to_its_owner)
