/* SPDX-License-Identifier: MIT */
/*
 * One set of dependents: removed when neither its key nor any dependent exists at two checks.
 *
 *	look 1: neither the key nor any dependent exists -> cw:gone:<key> = Redis's time
 *	look 2, prune_every later: still so, and the mark is old enough -> set and mark are removed
 *	a write in between takes the mark away, and so does a look that finds something
 *
 * Special: looking, marking and removing are one script, so that nothing comes in between. Sets
 * that are too large for one, and those without expiry, are left alone.
 */
#include "cache/dependency_store.h"
#include "cache/pruner_internal.h"

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
	"if left then redis.call('DEL', KEYS[3]) return {hits, misses, 0} end "
	"local t = redis.call('TIME') "
	"local now = t[1] * 1000 + math.floor(t[2] / 1000) "
	"local mark = redis.call('GET', KEYS[3]) "
	"if not is(mark) then "
	"redis.call('SET', KEYS[3], string.format('%.0f', now), 'PX', ARGV[2]) "
	"return {hits, misses, 1} end "
	"if now - tonumber(mark) < tonumber(ARGV[1]) then return {hits, misses, 1} end "
	"redis.call('UNLINK', KEYS[1], KEYS[3]) return {hits, misses, 2}";

enum {
	most_members = 1000,
	mark_lives_ms =
		10 * 60 * 1000, /* longer than from one walk to the next, whatever that is */
	cost_members = 10,	/* what one script counts for in the budget */
};

enum error prune_dependency(struct prune_run *walk, struct slice key, struct slice name)
{
	struct cache *cache = walk->cache;
	struct buf mark = {0}, age = {0}, lives = {0}, most = {0};

	/* An empty name is not one of ours. */
	if (name.n == 0)
		return OK;
	dependency_mark(cache, name, &mark);
	buf_int(&age, cache->conf->prune_every_ms);
	buf_int(&lives, 10 * cache->conf->prune_every_ms + mark_lives_ms);
	buf_int(&most, most_members);
	enum error error = redis_store_call(cache->store,
		(struct redis_call){.role = REDIS_BULK, .idempotent = true}, key, 9,
		(struct slice[]){SLICE("EVAL"), slice_of(script, sizeof script - 1), SLICE("3"),
			key, name, buf_slice(&mark), buf_slice(&age), buf_slice(&lives),
			buf_slice(&most)},
		NULL, &walk->fault);
	/* A key of another type is left to its owner. */
	if (error == ERR_WRONG_TYPE || error == ERR_REDIS_ERROR || error == ERR_REDIS_OOM)
		error = OK;
	buf_release(&mark);
	buf_release(&age);
	buf_release(&lives);
	buf_release(&most);
	return error ? error : pruner_pause(walk, cost_members);
}
