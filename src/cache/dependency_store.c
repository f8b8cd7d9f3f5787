/* SPDX-License-Identifier: MIT */
/* Writing the sets of dependents; see dependency_store.h. Reading: dependency_sets.c. */
#include "cache/dependency_store.h"

#include <assert.h>

#include "base/mem.h"

/*
 * KEYS: the set, the pruner's mark; ARGV: its TTL ('' = none), the most members, whether it is
 * replaced, how many are added, those, those to be removed. Writes first and takes back, so that
 * one look is enough.
 */
static const char write_script[] =
	"local adds = tonumber(ARGV[4]) "
	"redis.call('DEL', KEYS[2]) "
	"if ARGV[3] == '1' then redis.call('DEL', KEYS[1]) end "
	"local added, removed = {}, {} "
	"for i = 5, 4 + adds do "
	"if redis.call('SADD', KEYS[1], ARGV[i]) == 1 then added[#added + 1] = ARGV[i] end end "
	"for i = 5 + adds, #ARGV do "
	"if redis.call('SREM', KEYS[1], ARGV[i]) == 1 then removed[#removed + 1] = ARGV[i] end end "
	"local size = redis.call('SCARD', KEYS[1]) "
	"if size > tonumber(ARGV[2]) then "
	"for i = 1, #added do redis.call('SREM', KEYS[1], added[i]) end "
	"for i = 1, #removed do redis.call('SADD', KEYS[1], removed[i]) end "
	"return -1 end "
	"if ARGV[1] == '' then redis.call('PERSIST', KEYS[1]) "
	"else redis.call('PEXPIRE', KEYS[1], ARGV[1]) end "
	"return size";

enum { fixed_words = 9 };

void dependency_key(const struct cache *cache, struct slice key, struct buf *out)
{
	cache_own_key(cache, "dep:", key, out);
}

void dependency_mark(const struct cache *cache, struct slice key, struct buf *out)
{
	cache_own_key(cache, "gone:", key, out);
}

/* Parks. */
static enum error run_script(struct cache *cache, const struct dependency_change *change,
	struct redis_value **ret, struct fault *fault)
{
	size_t words = fixed_words + change->add_count + change->remove_count, argc = fixed_words;
	struct slice *argv = mem_array(words, sizeof *argv);
	struct buf set = {0}, mark = {0}, ttl = {0}, adds = {0}, most = {0};

	dependency_key(cache, change->key, &set);
	dependency_mark(cache, change->key, &mark);
	if (change->ttl_ms > 0)
		buf_int(&ttl, change->ttl_ms);
	buf_uint(&most, DEPENDENCY_MAX_MEMBERS);
	buf_uint(&adds, change->add_count);
	argv[0] = SLICE("EVAL");
	argv[1] = slice_of(write_script, sizeof write_script - 1);
	argv[2] = SLICE("2");
	argv[3] = buf_slice(&set);
	argv[4] = buf_slice(&mark);
	argv[5] = buf_slice(&ttl);
	argv[6] = buf_slice(&most);
	argv[7] = change->replace ? SLICE("1") : SLICE("0");
	argv[8] = buf_slice(&adds);
	for (size_t i = 0; i < change->add_count; i++)
		argv[argc++] = change->add[i];
	for (size_t i = 0; i < change->remove_count; i++)
		argv[argc++] = change->remove[i];
	enum error error = redis_store_call(cache->store, (struct redis_call){.idempotent = true},
		buf_slice(&set), argc, argv, ret, fault);
	buf_release(&set);
	buf_release(&mark);
	buf_release(&ttl);
	buf_release(&most);
	buf_release(&adds);
	mem_free(argv);
	return error;
}

enum error dependency_no_set(const struct cache *cache, struct fault *fault)
{
	return fault_set(fault, ERR_WRONG_TYPE,
		"what holds this key's dependents in Redis is no set: delete the key %sdep:KEY",
		cache->conf->redis.own_prefix);
}

enum error dependency_write(struct cache *cache, const struct dependency_change *change,
	size_t *ret_count, struct fault *fault)
{
	struct redis_value *reply;
	enum error error;

	assert(change->ttl_ms > 0 || change->ttl_ms == -1);
	assert(change->add_count <= DEPENDENCY_MAX_NAMES);
	assert(change->remove_count <= DEPENDENCY_MAX_NAMES);
	error = run_script(cache, change, &reply, fault);
	if (error)
		return error;
	int64_t size = reply->integer;
	redis_value_free(reply);
	if (size < -1 || size > DEPENDENCY_MAX_MEMBERS)
		return fault_set(fault, ERR_REDIS_PROTOCOL,
			"Redis answered a script with something else than its result");
	if (size < 0)
		return fault_set(fault, ERR_TOO_LARGE,
			"the key would have more than %d dependents; use a tag for so many",
			DEPENDENCY_MAX_MEMBERS);
	*ret_count = (size_t)size;
	return OK;
}

enum error dependency_remove(struct cache *cache, struct slice key, bool *ret, struct fault *fault)
{
	struct redis_value *reply;
	struct buf set = {0};

	dependency_key(cache, key, &set);
	enum error error = redis_store_command(
		cache->store, buf_slice(&set), &reply, fault, SLICE("UNLINK"), buf_slice(&set));
	buf_release(&set);
	if (error)
		return error;
	*ret = reply->integer > 0;
	redis_value_free(reply);
	return OK;
}
