/* SPDX-License-Identifier: MIT */
/* Taking and giving back a lease; see lease.h. */
#include "cache/lease.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "cache/entry_internal.h"
#include "cache/lease_internal.h"

enum { cleanup_ms = 2000 };

/*
 * Takes a lease over that can store nothing any more, and what it may have stored for a while (ARGV
 * the most that is left of such a value; -1 = nothing is stored for a while).
 */
static const char take_over_script[] =
	"if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end "
	"local t = redis.call('PTTL', KEYS[2]) "
	"if t >= 0 and t <= tonumber(ARGV[4]) then redis.call('UNLINK', KEYS[2]) end "
	"redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) return 1";

void lease_key(const struct cache *cache, struct slice key, struct buf *out)
{
	cache_own_beside(cache, "lease:", key, out);
}

void lease_failed_key(const struct cache *cache, struct slice key, struct buf *out)
{
	cache_own_beside(cache, "failed:", key, out);
}

/* Whether its load can store nothing any more. What is not known counts as invalidated. Parks. */
static bool is_over(struct cache *cache, struct slice key, const struct lease_record *record)
{
	struct inval_since *since = inval_log_since(cache, &record->since);
	bool named, over = !since || inval_since_check(since, key, &named) || named ||
			   inval_since_matches_tags(since, record->tags, record->tag_count);

	inval_since_free(since);
	return over;
}

/* A lease on its way. */
struct lease_taking {
	struct cache *cache;
	const struct lease_want *want;
	struct buf name, value;
	struct inval_place last;
};

/* Another has it: whether it is over, and ours now. Parks. */
static enum error take_over(const struct lease_taking *t, const struct redis_value *holder,
	bool *ret, struct fault *fault)
{
	struct slice key = t->want->key;
	int64_t provisional_ms = store_is_one(t->cache->store) ? -1 : LEASE_PROVISIONAL_MS;
	char ms[SLICE_INT_ROOM], provisional[SLICE_INT_ROOM];
	struct redis_value *reply = NULL;
	struct lease_record record;

	*ret = false;
	/* The log has not grown since that one was taken: nothing can have ended it. */
	if (!lease_record(holder->text, &record) ||
		(strcmp(record.since.id, t->last.id) == 0 &&
			strcmp(record.since.server, t->last.server) == 0) ||
		!is_over(t->cache, key, &record))
		return OK;
	enum error error = store_command(t->cache->store, buf_slice(&t->name), &reply, fault,
		SLICE("EVAL"), slice_str(take_over_script), SLICE("2"), buf_slice(&t->name), key,
		holder->text, buf_slice(&t->value), slice_of_int(ms, t->want->ms),
		slice_of_int(provisional, provisional_ms));
	*ret = !error && reply->type == REDIS_INTEGER && reply->integer == 1;
	redis_value_free(reply);
	return error;
}

/* Parks. */
static enum error claim(const struct lease_taking *t, struct lease *ret, struct fault *fault)
{
	struct redis_value *holder = NULL;
	bool mine = false;
	enum error error =
		owner_claim(t->cache, buf_slice(&t->name), t->value.p, t->want->ms, &holder, fault);

	if (!error)
		mine = owner_is(holder, ret->token);
	if (!error && !mine && holder->type == REDIS_STRING)
		error = take_over(t, holder, &mine, fault);
	if (!error && !mine && holder->type == REDIS_STRING && holder->text.n >= OWNER_TOKEN_DIGITS)
		snprintf(ret->holder, sizeof ret->holder, "%s", holder->text.p);
	/* It may have been set although no answer came. */
	if (error)
		lease_release(t->cache, t->want->key, slice_str(ret->token), NULL);
	if (!mine)
		ret->token[0] = '\0';
	log_debug(t->cache->log, "lease of \"%.*s\": %s", LOG_KEY(t->want->key),
		error	? error_code(error)
		: !mine ? "another load holds it"
		: owner_is(holder, ret->token)
			? "taken"
			: "taken over from a load that an invalidation has ended");
	redis_value_free(holder);
	return error;
}

enum error lease_take(
	struct cache *cache, const struct lease_want *want, struct lease *ret, struct fault *fault)
{
	struct lease_taking t = {.cache = cache, .want = want};

	*ret = (struct lease){0};
	/* One that could not be used or ended would only keep others waiting. */
	enum error error = store_allow(cache->store, FEATURE_LEASES, fault);

	/* The id comes first: what is invalidated from here on is seen when the value is stored. */
	if (!error)
		error = inval_log_last(cache, &t.last, fault);
	if (error)
		return error;
	owner_token_new(ret->token);
	buf_printf(&t.value, "%s %s", ret->token, t.last.id);
	if (t.last.server[0])
		buf_printf(&t.value, " %s", t.last.server);
	for (size_t i = 0; i < want->tag_count; i++) {
		buf_char(&t.value, '\n');
		buf_add(&t.value, want->tags[i]);
	}
	lease_key(cache, want->key, &t.name);
	error = claim(&t, ret, fault);
	buf_release(&t.name);
	buf_release(&t.value);
	return error;
}

enum error lease_release(
	struct cache *cache, struct slice key, struct slice token, struct fault *fault)
{
	bool cleanup = fiber_cleanup_enter(cleanup_ms);
	struct buf name = {0};

	lease_key(cache, key, &name);
	enum error error = owner_release(cache, buf_slice(&name), token, fault);
	log_debug(cache->log, "lease of \"%.*s\": %s", LOG_KEY(key),
		error ? error_code(error) : "given back");
	buf_release(&name);
	if (cleanup)
		fiber_cleanup_end();
	return error;
}

enum error lease_lost(struct fault *fault)
{
	return fault_set(fault, ERR_LEASE_LOST,
		"the lease has ended (its time has passed, or the key was written or invalidated), "
		"or was never granted, so nothing was stored: read the key again, and load within "
		"the time that was asked for");
}

enum error lease_store(struct cache *cache, struct slice token, const struct entry_write *write,
	bool *ret_kept, struct fault *fault)
{
	enum error error = entry_check_size(cache, write, fault);

	*ret_kept = false;
	/* The scripts compare the beginning of the lease with it. */
	if (!error && token.n != OWNER_TOKEN_DIGITS)
		error = lease_lost(fault);
	if (error)
		return error;
	if (store_is_one(cache->store))
		error = lease_store_at_once(cache, token, write, ret_kept, fault);
	else
		error = lease_store_in_steps(cache, token, write, ret_kept, fault);
	cache->sets += *ret_kept;
	log_debug(cache->log, "lease of \"%.*s\": %s", LOG_KEY(write->key),
		error == ERR_LEASE_LOST ? "lost, nothing was stored"
		: error			? error_code(error)
		: *ret_kept		? "stored"
					: "not kept: an invalidation or a write came in between");
	return error;
}
