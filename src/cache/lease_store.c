/* SPDX-License-Identifier: MIT */
/*
 * Storing under a lease where its value and the invalidation log are on one server; see lease.h.
 *
 *	script: token still there? The log ends where it was read up to?
 *	        yes: ZADD tags, SET, DEL lease
 *	        it has grown by a few entries, none of which has a pattern: the script judges them
 *	        else they are the reply -> judged here -> the script again, with their last id
 *
 * What is judged and what is stored is one step for all others, so no read ever finds a value that
 * an invalidation has named before. Usually that is one round trip.
 */
#include <stdio.h>

#include "base/mem.h"
#include "cache/lease_internal.h"
#include "cache/recent_writes.h"
#include "cache/soft_purge.h"
#include "cache/tag.h"

enum {
	/* Each time the log has grown by entries that the script does not judge. */
	tries = 8,
	fixed_keys = 5,
	fixed_args = 6,
};

enum store_outcome { LOST = 0, STORED = 1, GROWN = 2, STALE = 3 };

/*
 * KEYS the lease, the value, its mark of a soft purge, the note of a failed load, the log, the sets
 * of the tags. ARGV the token, the id that the log was read up to ('' = that of the lease), the
 * value, its PX ('' = none), the score of the tags, how much of the log may be read, the tags.
 * If the lease was taken from another server, which may have known more, the value is stale.
 * Answers with its lookups, then the outcome; GROWN with the id and the log from there on.
 */
static const char script[] =
	"local v = redis.call('GET', KEYS[1]) "
	"if not v then return {0, 1, 0} end "
	"local read = ARGV[2] == '' and string.match(v, '^%x+ ([%d-]+)') or ARGV[2] "
	"if string.sub(v, 1, #ARGV[1]) ~= ARGV[1] or read == '' then return {1, 0, 0} end "
	"local server = string.match(v, '^%x+ [%d-]+ (%x+)') "
	"if server then "
	"local r = redis.pcall('INFO', 'replication') "
	"if type(r) ~= 'string' or not string.find(r, 'master_replid:' .. server, 1, true) then "
	"redis.call('DEL', KEYS[1]) return {1, 0, 3} end "
	"end "
	"local last = redis.call('XREVRANGE', KEYS[5], '+', '-', 'COUNT', 1) "
	"local hits, misses = 1 + #last, 1 - #last "
	"if (last[1] and last[1][1] or '0-0') ~= read then "
	"local log = redis.call('XRANGE', KEYS[5], read, '+', 'COUNT', ARGV[6]) "
	"if #log > 0 then hits = hits + 1 else misses = misses + 1 end "
	"local first, names = read == '0-0' and 1 or 2, {k = {[KEYS[2]] = true}, t = {}} "
	"local known = #log > 0 and #log - first < 8 and (first == 1 or log[1][1] == read) "
	"for i = 7, #ARGV do names.t[ARGV[i]] = true end "
	"for i = first, known and #log or 0 do "
	"local f = log[i][2] "
	"for j = 1, #f, 2 do "
	"if f[j] == 'p' then known = false "
	"elseif names[f[j]] and names[f[j]][f[j + 1]] then "
	"redis.call('DEL', KEYS[1]) return {hits, misses, 3} end "
	"end end "
	"if not known then return {hits, misses, 2, read, log} end "
	"end "
	"for i = 6, #KEYS do "
	"local r = redis.pcall('ZADD', KEYS[i], ARGV[5], KEYS[2]) "
	"if type(r) == 'table' and r.err then return r end "
	"end "
	"local r "
	"if ARGV[4] == '' then r = redis.pcall('SET', KEYS[2], ARGV[3]) "
	"else r = redis.pcall('SET', KEYS[2], ARGV[3], 'PX', ARGV[4]) end "
	"if r.err then return r end "
	"redis.call('DEL', KEYS[1], KEYS[3], KEYS[4]) "
	"return {hits, misses, 1}";

/* A store on its way: the script's words, and what they stand in. */
struct scripted_store {
	struct cache *cache;
	const struct entry_write *write;
	struct redis_batch *batch;
	struct buf *names; /* of the keys, where they are not the caller's */
	struct buf px, score, scratch;
	char key_count[SLICE_INT_ROOM], most[SLICE_INT_ROOM];
	struct slice *words;
	size_t count, read_at; /* the word that says up to where the log was read */
	char read[INVAL_ID_BYTES];
};

static void add(struct scripted_store *s, struct slice word)
{
	s->words[s->count++] = word;
}

static void add_keys(struct scripted_store *s)
{
	const struct entry_write *write = s->write;
	struct buf *name = s->names;

	add(s, slice_of_int(s->key_count, (int64_t)(fixed_keys + write->tag_count)));
	lease_key(s->cache, write->key, name);
	add(s, buf_slice(name++));
	add(s, write->key);
	soft_purge_key(s->cache, write->key, name);
	add(s, buf_slice(name++));
	lease_failed_key(s->cache, write->key, name);
	add(s, buf_slice(name++));
	inval_log_key(s->cache, name);
	add(s, buf_slice(name++));
	for (size_t i = 0; i < write->tag_count; i++) {
		tag_key(s->cache, write->tags[i], name);
		add(s, buf_slice(name++));
	}
}

/* Parks where a big value is compressed. */
static void begin(struct scripted_store *s, struct slice token)
{
	const struct entry_write *write = s->write;
	struct entry_bytes bytes = entry_encode(s->cache, write, &s->scratch);

	s->batch = redis_batch_new();
	s->names = mem_array(fixed_keys + write->tag_count, sizeof *s->names);
	s->words = mem_array(3 + fixed_keys + fixed_args + 2 * write->tag_count, sizeof *s->words);
	add(s, SLICE("EVAL"));
	add(s, slice_str(script));
	add_keys(s);
	add(s, token);
	s->read_at = s->count;
	add(s, SLICE(""));
	add(s, bytes.stored);
	buf_reserve(&s->px, 1);
	if (bytes.px_ms >= 0)
		buf_int(&s->px, bytes.px_ms);
	add(s, buf_slice(&s->px));
	tag_score(bytes.px_ms, &s->score);
	add(s, buf_slice(&s->score));
	add(s, slice_of_int(s->most, INVAL_MAX_SINCE + 1));
	for (size_t i = 0; i < write->tag_count; i++)
		add(s, write->tags[i]);
}

static void release(struct scripted_store *s)
{
	for (size_t i = 0; i < fixed_keys + s->write->tag_count; i++)
		buf_release(&s->names[i]);
	redis_batch_free(s->batch);
	mem_free(s->names);
	mem_free(s->words);
	buf_release(&s->px);
	buf_release(&s->score);
	buf_release(&s->scratch);
}

/* The script once. *ret is its reply, of the batch. Parks. */
static enum error run(struct scripted_store *s, const struct redis_value **ret, struct fault *fault)
{
	redis_batch_clear(s->batch);
	recent_writes_add(s->cache, s->batch, &s->write->key, 1);
	size_t index = redis_batch_add(s->batch, s->count, s->words);
	enum error error = cache_run_all(s->cache, REDIS_COMMANDS, s->batch, fault);

	*ret = error ? NULL : redis_batch_reply(s->batch, index);
	if (!error && ((*ret)->type != REDIS_ARRAY || (*ret)->count < 3))
		error = fault_set(fault, ERR_REDIS_PROTOCOL,
			"Redis answered a script with something else than its result");
	return error;
}

/*
 * The log has grown: whether what came names neither the key nor a tag. What is not known counts as
 * naming it. Parks.
 */
static bool may_go_on(struct scripted_store *s, const struct redis_value *reply)
{
	const struct entry_write *write = s->write;

	if (reply->count != 5)
		return false;
	snprintf(s->read, sizeof s->read, "%.*s", (int)redis_value_item(reply, 3).n,
		redis_value_item(reply, 3).p);
	struct inval_since *since = inval_since_parse(reply->items[4], s->read);
	bool named, fresh = since && !inval_since_check(since, write->key, &named) && !named &&
			    !inval_since_matches_tags(since, write->tags, write->tag_count);

	if (fresh) {
		snprintf(s->read, sizeof s->read, "%s", inval_since_last(since));
		s->words[s->read_at] = slice_str(s->read);
	}
	inval_since_free(since);
	return fresh;
}

/* Parks. */
static enum error store(struct scripted_store *s, enum store_outcome *ret, struct fault *fault)
{
	const struct redis_value *reply;
	enum error error = OK;

	*ret = GROWN;
	for (int i = 0; i < tries && !error && *ret == GROWN; i++) {
		error = run(s, &reply, fault);
		if (!error)
			*ret = (enum store_outcome)reply->items[2]->integer;
		if (!error && *ret == GROWN && !may_go_on(s, reply))
			break;
	}
	return error;
}

enum error lease_store_at_once(struct cache *cache, struct slice token,
	const struct entry_write *write, bool *ret_kept, struct fault *fault)
{
	struct scripted_store s = {.cache = cache, .write = write};
	enum store_outcome outcome;

	begin(&s, token);
	enum error error = store(&s, &outcome, fault);
	*ret_kept = !error && outcome == STORED;
	if (!error && outcome == LOST)
		error = lease_lost(fault);
	/* The set of a tag is none: nothing could invalidate the value by that tag. */
	if (error == ERR_WRONG_TYPE || (!error && outcome == GROWN))
		lease_release(cache, write->key, token, NULL);
	release(&s);
	return error;
}
