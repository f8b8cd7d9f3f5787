/* SPDX-License-Identifier: MIT */
/* The pruner's lock: a walk ends where another daemon has it now. */
#include "cache/pruner.h"

#include <string.h>

#include "../unit.h"
#include "cache/owner.h"
#include "cache/pruner_internal.h"
#include "engine.h"

/* A walk that has not looked at its lock for longer than a walk may. */
static struct prune_run overdue(char *token)
{
	return (struct prune_run){.cache = &engine.cache,
		.token = token,
		.extended_mono_ms = clock_mono_ms() - 60000};
}

static void lock_is_lost(void)
{
	char token[OWNER_TOKEN_DIGITS + 1];

	owner_token_new(token);
	struct prune_run walk = overdue(token);
	cache_own_key(&engine.cache, "prune", slice_of(NULL, 0), &walk.lock);
	engine_call("SET", "cw:prune", token, NULL);
	ck_assert_int_eq(pruner_pause(&walk, 1), OK);
	ck_assert_int_gt(engine_call("PTTL", "cw:prune", NULL, NULL), 0);
	engine_call("SET", "cw:prune", "another daemon's", NULL);
	/* Looked at a moment ago. */
	ck_assert_int_eq(pruner_pause(&walk, 1), OK);
	walk.extended_mono_ms -= 60000;
	ck_assert_int_eq(pruner_pause(&walk, 1), ERR_CONFLICT);
	ck_assert_int_eq(walk.fault.error, ERR_CONFLICT);
	ck_assert_int_eq(
		engine_call("STRLEN", "cw:prune", NULL, NULL), (int64_t)strlen("another daemon's"));
	buf_release(&walk.lock);
}

TEST_CALL(a_walk_ends_where_another_daemon_has_the_lock, engine_run("", lock_is_lost))

TEST_SUITE("pruner", a_walk_ends_where_another_daemon_has_the_lock)
