/* SPDX-License-Identifier: MIT */
/*
 * One set of dependents: removed when neither its key nor any dependent exists at two checks.
 *
 *	look 1: neither the key nor any dependent exists -> cw:gone:<key> = Redis's time
 *	look 2, prune_every later: still so, and the mark is old enough -> set and mark are removed
 *	a write in between takes the mark away, and so does a look that finds something
 *
 * Special: looking, marking and removing are one script, so that nothing comes in between. Over
 * slots the look comes first; what is written to the set after it takes the mark away. Sets that
 * are too large for one script, and those without expiry, are left alone.
 */
#include "base/mem.h"
#include "cache/dependency_store.h"
#include "cache/pruner_internal.h"

/* With the time a mark must have, and how long it lives. 1 = marked, 2 = removed. */
#define MARK_OR_REMOVE(set, mark_key, age, lives) \
	"local t = redis.call('TIME') " \
	"local now = t[1] * 1000 + math.floor(t[2] / 1000) " \
	"local mark = redis.call('GET', " mark_key ") " \
	"if mark then hits = hits + 1 else misses = misses + 1 end " \
	"if not mark then " \
	"redis.call('SET', " mark_key ", string.format('%.0f', now), 'PX', " lives ") " \
	"return {hits, misses, 1} end " \
	"if now - tonumber(mark) < tonumber(" age ") then return {hits, misses, 1} end " \
	"redis.call('UNLINK', " set ", " mark_key ") return {hits, misses, 2}"

/*
 * KEYS: the set, its key, the mark. ARGV: how old the mark must be, how long it lives, the most
 * members. Answers its lookups' hits and misses; 1 = marked, 2 = removed, 0 = left alone.
 */
static const char script[] =
	"local hits, misses = 0, 0 "
	"local function is(found) "
	"if found then hits = hits + 1 else misses = misses + 1 end return found end "
	"local function there(key) return is(redis.call('EXISTS', key) == 1) end "
	"local size = redis.call('SCARD', KEYS[1]) "
	"if not is(size > 0) or size > tonumber(ARGV[3]) then return {hits, misses, 0} end "
	"hits = hits + 1 "
	"if redis.call('PTTL', KEYS[1]) < 0 then return {hits, misses, 0} end "
	"local left = there(KEYS[2]) "
	"if not left then "
	"local members = redis.call('SMEMBERS', KEYS[1]) hits = hits + 1 "
	"for i = 1, #members do left = left or there(members[i]) end end "
	"if left then redis.call('DEL', KEYS[3]) return {hits, misses, 0} end " MARK_OR_REMOVE(
		"KEYS[1]", "KEYS[3]", "ARGV[1]", "ARGV[2]");

/* KEYS: the set, the mark. ARGV: how old the mark must be, how long it lives. */
static const char settle_script[] =
	"local hits, misses = 0, 0 " MARK_OR_REMOVE("KEYS[1]", "KEYS[2]", "ARGV[1]", "ARGV[2]");

enum {
	max_members = 1000,
	mark_lives_ms =
		10 * 60 * 1000, /* longer than from one walk to the next, whatever that is */
	cost_members = 10,	/* what one script counts for in the budget */
};

/* One set at work. */
struct looked {
	struct prune_run *walk;
	struct slice key, name; /* of the set, and what it is about */
	struct slice mark, age, lives;
};

/* Parks. */
static enum error look_at_once(const struct looked *l)
{
	char most[SLICE_INT_ROOM];
	struct slice argv[] = {SLICE("EVAL"), slice_of(script, sizeof script - 1), SLICE("3"),
		l->key, l->name, l->mark, l->age, l->lives, slice_of_int(most, max_members)};

	return store_call(l->walk->cache->store,
		(struct redis_call){.priority = REDIS_BULK, .idempotent = true}, l->key,
		sizeof argv / sizeof *argv, argv, NULL, &l->walk->fault);
}

/* The members of a set that may be removed; *ret NULL = it may not. Parks. */
static enum error read_members(const struct looked *l, struct redis_value **ret)
{
	struct redis_batch *batch = redis_batch_new();

	*ret = NULL;
	REDIS_ADD(batch, SLICE("SCARD"), l->key);
	REDIS_ADD(batch, SLICE("PTTL"), l->key);
	enum error error = cache_run_all(l->walk->cache, REDIS_BULK, batch, &l->walk->fault);
	int64_t size = error ? 0 : redis_batch_reply(batch, 0)->integer;
	bool ends = !error && redis_batch_reply(batch, 1)->integer >= 0;

	redis_batch_free(batch);
	if (error || size == 0 || size > max_members || !ends)
		return error;
	return store_command(
		l->walk->cache->store, l->key, ret, &l->walk->fault, SLICE("SMEMBERS"), l->key);
}

/* Whether the key or one of the members exists. Parks. */
static enum error is_anything_left(
	const struct looked *l, const struct redis_value *members, bool *ret)
{
	struct slice *argv = mem_array(2 + members->count, sizeof *argv);
	struct redis_value *reply = NULL;

	argv[0] = SLICE("EXISTS");
	argv[1] = l->name;
	for (size_t i = 0; i < members->count; i++)
		argv[2 + i] = redis_value_item(members, i);
	enum error error = store_call(l->walk->cache->store,
		(struct redis_call){.priority = REDIS_BULK, .idempotent = true}, l->name,
		2 + members->count, argv, &reply, &l->walk->fault);
	*ret = !error && reply->integer > 0;
	redis_value_free(reply);
	mem_free(argv);
	return error;
}

/* Parks. */
static enum error look_in_steps(const struct looked *l)
{
	struct store *store = l->walk->cache->store;
	struct redis_value *members;
	bool left;
	enum error error = read_members(l, &members);

	if (error || !members)
		return error;
	error = is_anything_left(l, members, &left);
	redis_value_free(members);
	if (error)
		return error;
	if (left)
		return store_command(store, l->mark, NULL, &l->walk->fault, SLICE("DEL"), l->mark);
	return store_command(store, l->key, NULL, &l->walk->fault, SLICE("EVAL"),
		slice_of(settle_script, sizeof settle_script - 1), SLICE("2"), l->key, l->mark,
		l->age, l->lives);
}

enum error prune_dependency(struct prune_run *walk, struct slice key, struct slice name)
{
	struct cache *cache = walk->cache;
	char age[SLICE_INT_ROOM], lives[SLICE_INT_ROOM];
	struct buf mark = {0};
	struct looked l = {.walk = walk,
		.key = key,
		.name = name,
		.age = slice_of_int(age, cache->conf->prune_every_ms),
		.lives = slice_of_int(lives, 10 * cache->conf->prune_every_ms + mark_lives_ms)};

	/* An empty name is not one of ours. */
	if (name.n == 0)
		return OK;
	dependency_mark(cache, name, &mark);
	l.mark = buf_slice(&mark);
	enum error error = store_is_one(cache->store) ? look_at_once(&l) : look_in_steps(&l);
	/* A key of another type is left to its owner. */
	if (error == ERR_WRONG_TYPE || error == ERR_REDIS_ERROR || error == ERR_REDIS_OOM)
		error = OK;
	buf_release(&mark);
	return error ? error : pruner_pause(walk, cost_members);
}
