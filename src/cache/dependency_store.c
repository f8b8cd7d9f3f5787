/* SPDX-License-Identifier: MIT */
/*
 * Writing and reading the sets of dependents; see dependency_store.h.
 *
 * Special: SRANDMEMBER with a count is the one command that returns a small set whole and a bounded
 * part of a large one. A first read asks for few members of each set, so that a pipeline of many is
 * bounded; a set that has more is read again by itself.
 */
#include "cache/dependency_store.h"

#include <assert.h>

#include "base/mem.h"
#include "base/timeslice.h"

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
	struct buf set = {0};

	if (store_is_one(cache->store)) {
		cache_own_key(cache, "gone:", key, out);
		return;
	}
	dependency_key(cache, key, &set);
	cache_own_beside(cache, "gone:", buf_slice(&set), out);
	buf_release(&set);
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
	enum error error = store_call(cache->store, (struct redis_call){.idempotent = true},
		buf_slice(&set), argc, argv, ret, fault);
	buf_release(&set);
	buf_release(&mark);
	buf_release(&ttl);
	buf_release(&most);
	buf_release(&adds);
	mem_free(argv);
	return error;
}

static enum error dependency_no_set(const struct cache *cache, struct fault *fault)
{
	return fault_set(fault, ERR_WRONG_TYPE,
		"the key %sdep:KEY, which should hold this key's dependents, is not a set: delete "
		"it",
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
	enum error error = store_command(
		cache->store, buf_slice(&set), &reply, fault, SLICE("UNLINK"), buf_slice(&set));
	buf_release(&set);
	if (error)
		return error;
	*ret = reply->integer > 0;
	redis_value_free(reply);
	return OK;
}

enum {
	first_look = 64,
	few_keys = 64,
	rest_bytes = 256, /* of a name, which is hashed in about a microsecond */
};

struct dependency_sets {
	struct cache *cache;
	const struct slice *keys;
	struct redis_batch *batch;
};

static void ask(const struct cache *cache, struct redis_batch *batch, struct slice key, size_t most)
{
	struct buf set = {0}, count = {0};

	dependency_key(cache, key, &set);
	buf_uint(&count, most);
	REDIS_ADD(batch, SLICE("SRANDMEMBER"), buf_slice(&set), buf_slice(&count));
	buf_release(&set);
	buf_release(&count);
}

/* Whether the reply has names. */
static enum error check(
	const struct cache *cache, const struct redis_value *reply, struct fault *fault)
{
	enum error error = redis_value_error(reply, fault);

	if (error == ERR_WRONG_TYPE)
		return dependency_no_set(cache, fault);
	if (!error && reply->type != REDIS_ARRAY)
		error = fault_set(
			fault, ERR_REDIS_PROTOCOL, "SRANDMEMBER was answered with something else");
	return error;
}

enum error dependency_read(struct cache *cache, struct slice key, size_t most,
	struct dependency_stored *ret, struct fault *fault)
{
	struct redis_batch *batch = redis_batch_new();
	struct buf set = {0};

	*ret = (struct dependency_stored){.ttl_ms = -2};
	ask(cache, batch, key, most);
	dependency_key(cache, key, &set);
	size_t pttl = REDIS_ADD(batch, SLICE("PTTL"), buf_slice(&set));
	enum error error = cache_run(cache, REDIS_COMMANDS, batch, fault);
	if (!error)
		error = check(cache, redis_batch_reply(batch, 0), fault);
	if (!error)
		error = redis_value_error(redis_batch_reply(batch, pttl), fault);
	if (!error) {
		ret->ttl_ms = redis_batch_reply(batch, pttl)->integer;
		ret->members = redis_batch_take(batch, 0);
	}
	buf_release(&set);
	redis_batch_free(batch);
	return error;
}

enum error dependency_sets_read(struct cache *cache, const struct slice *keys, size_t count,
	struct dependency_sets **ret, struct fault *fault)
{
	struct dependency_sets *sets = mem_new(struct dependency_sets);
	enum redis_priority priority = count <= few_keys ? REDIS_COMMANDS : REDIS_BULK;

	sets->cache = cache;
	sets->keys = keys;
	sets->batch = redis_batch_new();
	*ret = sets;
	for (size_t i = 0; i < count; i++)
		ask(cache, sets->batch, keys[i], first_look + 1);
	if (count == 0)
		return OK;
	return cache_run(cache, priority, sets->batch, fault);
}

void dependency_sets_free(struct dependency_sets *sets)
{
	if (!sets)
		return;
	redis_batch_free(sets->batch);
	mem_free(sets);
}

/* Parks where there are many. */
static enum error give(const struct redis_value *members, dependency_take *take, void *context,
	struct fault *fault)
{
	struct timeslice timeslice = {.since_ns = clock_mono_ns()};
	enum error error = OK;

	for (size_t i = 0; i < members->count && i < DEPENDENCY_MAX_MEMBERS && !error; i++) {
		struct slice name = redis_value_item(members, i);

		take(context, name);
		error = timeslice_spend(&timeslice, 1 + name.n / rest_bytes);
	}
	return error ? fault_set(fault, error, "the request was cancelled") : OK;
}

enum error dependency_sets_visit(struct dependency_sets *sets, size_t i, dependency_take *take,
	void *context, bool *ret_all, struct fault *fault)
{
	const struct redis_value *first = redis_batch_reply(sets->batch, i);
	struct dependency_stored stored;
	enum error error = check(sets->cache, first, fault);

	*ret_all = true;
	if (error)
		return error;
	if (first->count <= first_look)
		return give(first, take, context, fault);
	error = dependency_read(
		sets->cache, sets->keys[i], DEPENDENCY_MAX_MEMBERS + 1, &stored, fault);
	if (error)
		return error;
	*ret_all = stored.members->count <= DEPENDENCY_MAX_MEMBERS;
	error = give(stored.members, take, context, fault);
	redis_value_free(stored.members);
	return error;
}
