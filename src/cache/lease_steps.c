/* SPDX-License-Identifier: MIT */
/*
 * Storing under a lease where its value and the invalidation log are on different servers, so that
 * no script sees both:
 *
 *	ZADD tags, the note for warm runs: acknowledged
 *	script: token still there? SET key value PX 5000
 *	       read the log from the lease's id on: nothing that names key or tags?
 *	       yes: script: token still there? PEXPIRE key <full>, DEL lease
 *	       no (a match, the id trimmed, no answer): UNLINK key, DEL lease
 *
 * Tags and note come first, because their servers are others, too. A holder that dies in between
 * leaves a value that ends by itself after 5 s. A read in between gets a value that an invalidation
 * has named already.
 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "cache/entry_internal.h"
#include "cache/lease_internal.h"
#include "cache/recent_writes.h"
#include "cache/soft_purge.h"
#include "cache/tag.h"

/*
 * KEYS the lease, the value, its mark of a soft purge, the note of a failed load. Stores for a
 * while, if the lease is ours.
 */
static const char store_script[] =
	"local v = redis.call('GET', KEYS[1]) "
	"if not v or string.sub(v, 1, #ARGV[1]) ~= ARGV[1] then return 0 end "
	"redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3]) redis.call('DEL', KEYS[3], KEYS[4]) "
	"return 1";

/*
 * Gives what was stored its time ('' = no expiry), or takes it away ('0'), and ends the lease. A
 * value with more time than ours has is another client's, which knows nothing of leases. Answers
 * with its lookups, then whether it did.
 */
static const char settle_script[] =
	"local v = redis.call('GET', KEYS[1]) "
	"if not v then return {0, 1, 0} end "
	"if string.sub(v, 1, #ARGV[1]) ~= ARGV[1] then return {1, 0, 0} end "
	"redis.call('DEL', KEYS[1]) "
	"local t = redis.call('PTTL', KEYS[2]) "
	"local hit = t ~= -2 and 1 or 0 "
	"if t < 0 or t > tonumber(ARGV[3]) then return {1 + hit, 1 - hit, 0} end "
	"if ARGV[2] == '0' then redis.call('UNLINK', KEYS[2]) "
	"elseif ARGV[2] == '' then redis.call('PERSIST', KEYS[2]) "
	"else redis.call('PEXPIRE', KEYS[2], ARGV[2]) end "
	"return {2, 0, 1}";

/* A store on its way. */
struct stepwise_store {
	struct cache *cache;
	struct slice token;
	const struct entry_write *write;
	struct buf lease; /* its key */
	int64_t px_ms;
	char provisional[24]; /* milliseconds */
	struct inval_place since;
};

/* The log's id behind the token in a lease's value. */
static bool read_since(struct stepwise_store *s, const struct redis_value *value)
{
	struct lease_record record;

	if (value->type != REDIS_STRING || !lease_record(value->text, &record) ||
		!slice_starts(value->text, s->token))
		return false;
	s->since = record.since;
	return true;
}

/* Tags and note. Parks. */
static enum error announce(const struct stepwise_store *s, struct fault *fault)
{
	const struct entry_write *write = s->write;
	struct redis_batch *batch = redis_batch_new();

	recent_writes_add(s->cache, batch, &write->key, 1);
	tag_add(s->cache, batch, write->key, s->px_ms, write->tags, write->tag_count);
	enum error error = cache_run(s->cache, REDIS_COMMANDS, batch, fault);
	for (size_t i = 0; i < redis_batch_count(batch) && !error; i++) {
		error = redis_value_error(redis_batch_reply(batch, i), fault);
		/* The list is another program's key: no run uses it. */
		if (i == 0 && error == ERR_WRONG_TYPE)
			error = OK;
	}
	redis_batch_free(batch);
	return error;
}

/* The value for a few seconds, and where the log is to be read from. Parks. */
static enum error store_for_a_while(
	struct stepwise_store *s, struct slice stored, struct fault *fault)
{
	struct redis_batch *batch = redis_batch_new();
	struct slice lease = buf_slice(&s->lease), key = s->write->key;
	struct buf mark = {0}, failed = {0};

	soft_purge_key(s->cache, key, &mark);
	lease_failed_key(s->cache, key, &failed);
	size_t get = REDIS_ADD(batch, SLICE("GET"), lease);
	size_t set = REDIS_ADD(batch, SLICE("EVAL"), slice_str(store_script), SLICE("4"), lease,
		key, buf_slice(&mark), buf_slice(&failed), s->token, stored,
		slice_str(s->provisional));
	enum error error = cache_run_all(s->cache, REDIS_COMMANDS, batch, fault);
	if (!error && (!read_since(s, redis_batch_reply(batch, get)) ||
			      redis_batch_reply(batch, set)->integer != 1))
		error = lease_lost(fault);
	redis_batch_free(batch);
	buf_release(&mark);
	buf_release(&failed);
	return error;
}

/* Parks. */
static enum error begin(struct stepwise_store *s, struct fault *fault)
{
	struct buf scratch = {0};
	struct entry_bytes bytes = entry_encode(s->cache, s->write, &scratch);

	s->px_ms = bytes.px_ms;
	bool shorter = s->px_ms >= 0 && s->px_ms < LEASE_PROVISIONAL_MS;
	snprintf(s->provisional, sizeof s->provisional, "%lld",
		(long long)(shorter ? s->px_ms : LEASE_PROVISIONAL_MS));
	enum error error = announce(s, fault);
	if (!error)
		error = store_for_a_while(s, bytes.stored, fault);
	buf_release(&scratch);
	return error;
}

/* Whether an invalidation has named the value since its load began. What is not known counts.
 * Parks. */
static bool is_stale(const struct stepwise_store *s)
{
	const struct entry_write *write = s->write;
	struct inval_since *since = inval_log_since(s->cache, &s->since);
	bool named, stale = !since || inval_since_check(since, write->key, &named) || named ||
			    inval_since_matches_tags(since, write->tags, write->tag_count);

	inval_since_free(since);
	return stale;
}

/* Parks. */
static enum error settle(
	const struct stepwise_store *s, bool keep, bool *ret_kept, struct fault *fault)
{
	struct slice lease = buf_slice(&s->lease), key = s->write->key;
	struct redis_value *reply = NULL;
	struct buf time = {0};

	if (!keep)
		buf_char(&time, '0');
	else if (s->px_ms >= 0)
		buf_int(&time, s->px_ms);
	buf_reserve(&time, 1);
	enum error error = store_command(s->cache->store, key, &reply, fault, SLICE("EVAL"),
		slice_str(settle_script), SLICE("2"), lease, key, s->token, buf_slice(&time),
		slice_str(s->provisional));
	*ret_kept = keep && !error && reply->type == REDIS_ARRAY && reply->count == 3 &&
		    reply->items[2]->integer == 1;
	redis_value_free(reply);
	buf_release(&time);
	return error;
}

enum error lease_store_in_steps(struct cache *cache, struct slice token,
	const struct entry_write *write, bool *ret_kept, struct fault *fault)
{
	struct stepwise_store s = {.cache = cache, .token = token, .write = write};

	*ret_kept = false;
	lease_key(cache, write->key, &s.lease);
	enum error error = begin(&s, fault);
	if (!error)
		error = settle(&s, !is_stale(&s), ret_kept, fault);
	else if (error == ERR_WRONG_TYPE)
		/* The set of a tag is none: nothing could invalidate the value by that tag. */
		settle(&s, false, ret_kept, NULL);
	buf_release(&s.lease);
	return error;
}
