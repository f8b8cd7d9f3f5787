/* SPDX-License-Identifier: MIT */
/* The list of written keys in Redis, and the scripts that use it; see recent_writes_reader.h. */
#include "warm/recent_writes_reader.h"

#include <stdio.h>

#include "base/mem.h"

enum { names_at_once = 5000 };
#define NAMES_AT_ONCE_LUA "5000"

/*
 * A key of another type is replaced. The PEXPIRE of nothing lets Redis make the list without memory
 * (cache/owner.c), so that what waits for memory may replace what was not written meanwhile. ARGV
 * the epoch of a new list, its expiry in ms, whether the server is asked for, too.
 */
static const char begin_script[] =
	"local e = redis.pcall('LINDEX', KEYS[1], 0) "
	"if type(e) == 'table' then redis.call('DEL', KEYS[1]) e = false end "
	"local hit = e and 1 or 0 "
	"if not e then e = ARGV[1] redis.call('PEXPIRE', KEYS[1], ARGV[2]) "
	"redis.call('RPUSH', KEYS[1], e) end "
	"redis.call('PEXPIRE', KEYS[1], ARGV[2]) "
	"local n = redis.call('LLEN', KEYS[1]) "
	"if not ARGV[3] then return {hit + 1, 1 - hit, n, e} end " INVAL_SERVER_LUA(
		"r") "return {hit + 1, 1 - hit, n, e, r}";

/* Over slots. ARGV from where to where the names are read. */
static const char read_script[] = INVAL_SERVER_LUA(
	"r") "local e = redis.pcall('LINDEX', KEYS[1], 0) "
	     "if type(e) == 'table' or not e then return {0, 2, r, ''} end "
	     "return {2, 0, r, e, redis.call('LRANGE', KEYS[1], ARGV[1], ARGV[2])}";

/*
 * ARGV the epoch, the length that was read. If they do not hold, the list is changed and changed
 * back: for WATCH it has changed then, and EXEC does nothing.
 */
static const char guard_script[] =
	"local e, n = redis.pcall('LINDEX', KEYS[1], 0), redis.pcall('LLEN', KEYS[1]) "
	"local hit = e and 1 or 0 "
	"if e ~= ARGV[1] or n ~= tonumber(ARGV[2]) then "
	"if type(redis.pcall('RPUSH', KEYS[1], '')) == 'table' then redis.call('DEL', KEYS[1]) "
	"else redis.pcall('RPOP', KEYS[1]) end end "
	"return {2 * hit, 2 - 2 * hit}";

/*
 * KEYS the list, the entries; ARGV the epoch, the length that was read, the entries' commands. The
 * first command of an entry that fails ends the entry: its ZADDs come before its SET.
 */
static const char store_script[] =
	"local e, n = redis.pcall('LINDEX', KEYS[1], 0), redis.pcall('LLEN', KEYS[1]) "
	"local hit = e and 1 or 0 "
	"if e ~= ARGV[1] or n - ARGV[2] > " NAMES_AT_ONCE_LUA
	" then return {2 * hit, 2 - 2 * hit} end "
	"local written = {} "
	"for _, k in ipairs(redis.call('LRANGE', KEYS[1], ARGV[2], -1)) do written[k] = true end "
	"local out, at = {n > tonumber(ARGV[2]) and 3 or 2, n > tonumber(ARGV[2]) and 0 or 1}, 3 "
	"for i = 2, #KEYS do "
	"local commands, fate = tonumber(ARGV[at]), 0 "
	"local ended = written[KEYS[i]] "
	"if ended then fate = 2 end "
	"at = at + 1 "
	"for c = 1, commands do "
	"local words = tonumber(ARGV[at]) "
	"if not ended then "
	"local r = redis.pcall(unpack(ARGV, at + 1, at + words)) "
	"if type(r) == 'table' and r.err then fate, ended = r, true else fate = r and 1 or 0 end "
	"end "
	"at = at + words + 1 end "
	"out[#out + 1] = fate end "
	"return out";

static enum error strange(struct fault *fault)
{
	return fault_set(fault, ERR_REDIS_PROTOCOL,
		"Redis answered a script with something that is not its result");
}

/* One list that was begun. */
static void take_begun(struct recent_writes_reader *reader, struct recent_writes_list *list,
	const struct redis_value *reply)
{
	struct slice epoch = {0}, server = {0};

	if (reply->type == REDIS_ARRAY && reply->count >= 4)
		epoch = redis_value_item(reply, 3);
	if (reply->type == REDIS_ARRAY && reply->count == 5)
		server = redis_value_item(reply, 4);
	/* An epoch of another length: the key is not ours. */
	if (epoch.n != OWNER_TOKEN_DIGITS) {
		reader->lost = true;
		return;
	}
	snprintf(list->epoch, sizeof list->epoch, "%.*s", (int)epoch.n, epoch.p);
	snprintf(list->server, sizeof list->server, "%.*s", (int)server.n, server.p);
	list->length = reply->items[2]->integer;
}

static void fill_begin(
	const struct recent_writes_reader *reader, const char *epoch, struct redis_batch *batch)
{
	bool one = store_is_one(reader->cache->store);
	char ttl[SLICE_INT_ROOM];

	for (size_t i = 0; i < reader->list_count; i++) {
		struct slice argv[7] = {SLICE("EVAL"), slice_str(begin_script), SLICE("1"),
			buf_slice(&reader->lists[i].name), slice_str(epoch),
			slice_of_int(ttl, RECENT_WRITES_TTL_MS), SLICE("1")};

		redis_batch_add(batch, one ? 6 : 7, argv);
	}
}

enum error recent_writes_reader_begin(
	struct recent_writes_reader *reader, struct cache *cache, struct fault *fault)
{
	struct redis_batch *batch = redis_batch_new();
	char epoch[OWNER_TOKEN_DIGITS + 1];
	enum error error = OK;

	*reader = (struct recent_writes_reader){
		.cache = cache, .list_count = recent_writes_lists(cache)};
	for (size_t i = 0; i < reader->list_count; i++)
		recent_writes_key(cache, i, &reader->lists[i].name);
	owner_token_new(epoch);
	for (int i = 0; i == 0 || (i == 1 && error == ERR_REDIS_UNKNOWN_OUTCOME); i++) {
		redis_batch_clear(batch);
		fill_begin(reader, epoch, batch);
		error = cache_run_all(cache, REDIS_COMMANDS, batch, fault);
	}
	/* No memory for the list: storing the rows will report it. */
	reader->lost = error == ERR_REDIS_OOM;
	for (size_t i = 0; i < reader->list_count && !error; i++)
		take_begun(reader, &reader->lists[i], redis_batch_reply(batch, i));
	redis_batch_free(batch);
	return reader->lost ? OK : error;
}

void recent_writes_reader_release(struct recent_writes_reader *reader)
{
	for (size_t i = 0; i < reader->list_count; i++)
		buf_release(&reader->lists[i].name);
	name_set_release(&reader->names);
}

bool recent_writes_reader_has(const struct recent_writes_reader *reader, struct slice key)
{
	return reader->names.count && name_set_has(&reader->names, key);
}

void recent_writes_reader_add_guard(
	const struct recent_writes_reader *reader, struct redis_batch *batch)
{
	const struct recent_writes_list *list = &reader->lists[0];
	struct slice name = buf_slice(&list->name);
	char length[SLICE_INT_ROOM];

	REDIS_ADD(batch, SLICE("WATCH"), name);
	REDIS_ADD(batch, SLICE("EVAL"), slice_str(guard_script), SLICE("1"), name,
		slice_str(list->epoch), slice_of_int(length, list->length));
}

static void take_names(struct recent_writes_reader *reader, struct recent_writes_list *list,
	const struct redis_value *names)
{
	for (size_t i = 0; i < names->count; i++)
		name_set_add(&reader->names, redis_value_item(names, i));
	list->length += (int64_t)names->count;
	if (reader->names.count >= RECENT_WRITES_MAX)
		reader->lost = true;
}

/* One page: its epoch, then the names. Parks. */
static enum error read_page(
	struct recent_writes_reader *reader, size_t *ret_count, struct fault *fault)
{
	struct redis_batch *batch = redis_batch_new();
	struct recent_writes_list *list = &reader->lists[0];
	struct slice name = buf_slice(&list->name);
	char from[SLICE_INT_ROOM], to[SLICE_INT_ROOM];

	*ret_count = 0;
	REDIS_ADD(batch, SLICE("LRANGE"), name, SLICE("0"), SLICE("0"));
	REDIS_ADD(batch, SLICE("LRANGE"), name, slice_of_int(from, list->length),
		slice_of_int(to, list->length + names_at_once - 1));
	enum error error = cache_run(reader->cache, REDIS_BULK, batch, fault);

	for (size_t i = 0; i < 2 && !error; i++) {
		error = redis_value_error(redis_batch_reply(batch, i), fault);
		if (!error && redis_batch_reply(batch, i)->type != REDIS_ARRAY)
			error = strange(fault);
	}
	if (error == ERR_WRONG_TYPE) {
		reader->lost = true;
		error = OK;
	} else if (!error) {
		const struct redis_value *epoch = redis_batch_reply(batch, 0);
		const struct redis_value *names = redis_batch_reply(batch, 1);

		reader->lost = reader->lost || epoch->count != 1 ||
			       !slice_is(redis_value_item(epoch, 0), list->epoch);
		*ret_count = names->count;
		if (!reader->lost)
			take_names(reader, list, names);
	}
	redis_batch_free(batch);
	return error;
}

/* Whether there is more of it to be read. */
static bool take_list(struct recent_writes_reader *reader, struct recent_writes_list *list,
	const struct redis_value *reply)
{
	bool known = reply->type == REDIS_ARRAY && reply->count == 5 &&
		     slice_is(redis_value_item(reply, 2), list->server) &&
		     slice_is(redis_value_item(reply, 3), list->epoch) &&
		     reply->items[4]->type == REDIS_ARRAY;

	reader->lost = reader->lost || !known;
	if (reader->lost)
		return false;
	take_names(reader, list, reply->items[4]);
	return reply->items[4]->count == names_at_once;
}

/* A page of each list of which there is more. Parks. */
static enum error read_lists(
	struct recent_writes_reader *reader, bool more[RECENT_WRITES_LISTS], struct fault *fault)
{
	struct redis_batch *batch = redis_batch_new();
	char from[SLICE_INT_ROOM], to[SLICE_INT_ROOM];

	for (size_t i = 0; i < reader->list_count; i++) {
		const struct recent_writes_list *list = &reader->lists[i];

		if (more[i])
			REDIS_ADD(batch, SLICE("EVAL"), slice_str(read_script), SLICE("1"),
				buf_slice(&list->name), slice_of_int(from, list->length),
				slice_of_int(to, list->length + names_at_once - 1));
	}
	enum error error = cache_run_all(reader->cache, REDIS_BULK, batch, fault);
	for (size_t i = 0, at = 0; i < reader->list_count && !error; i++)
		if (more[i])
			more[i] = take_list(
				reader, &reader->lists[i], redis_batch_reply(batch, at++));
	redis_batch_free(batch);
	return error;
}

enum error recent_writes_reader_read(struct recent_writes_reader *reader, struct fault *fault)
{
	bool more[RECENT_WRITES_LISTS], any = !store_is_one(reader->cache->store);
	size_t count = any ? 0 : names_at_once;
	enum error error = OK;

	while (!error && !reader->lost && count == names_at_once)
		error = read_page(reader, &count, fault);
	for (size_t i = 0; i < reader->list_count; i++)
		more[i] = true;
	while (!error && !reader->lost && any) {
		error = read_lists(reader, more, fault);
		any = false;
		for (size_t i = 0; i < reader->list_count; i++)
			any = any || more[i];
	}
	return error;
}

size_t recent_writes_reader_add_store(const struct recent_writes_reader *reader,
	const struct recent_writes_store *store, struct redis_batch *batch)
{
	size_t argc = 0, most = 6 + store->key_count + store->word_count;
	struct slice *argv = mem_array(most, sizeof *argv);
	char keys[SLICE_INT_ROOM], length[SLICE_INT_ROOM];

	argv[argc++] = SLICE("EVAL");
	argv[argc++] = slice_str(store_script);
	argv[argc++] = slice_of_int(keys, (int64_t)store->key_count + 1);
	argv[argc++] = buf_slice(&reader->lists[0].name);
	for (size_t i = 0; i < store->key_count; i++)
		argv[argc++] = store->keys[i];
	argv[argc++] = slice_str(reader->lists[0].epoch);
	argv[argc++] = slice_of_int(length, reader->lists[0].length);
	for (size_t i = 0; i < store->word_count; i++)
		argv[argc++] = store->words[i];
	size_t index = redis_batch_add(batch, argc, argv);
	mem_free(argv);
	return index;
}

enum error recent_writes_reader_take_reply(const struct redis_value *reply,
	const struct recent_writes_store *store, struct redis_value *const **ret,
	struct fault *fault)
{
	enum error error = redis_value_error(reply, fault);

	if (error)
		return error;
	if (reply->type != REDIS_ARRAY || reply->count < 2)
		return strange(fault);
	if (reply->count == 2)
		return fault_set(fault, ERR_CONFLICT,
			"the list of written keys was replaced or has grown too much");
	if (reply->count != 2 + store->key_count)
		return strange(fault);
	*ret = reply->items + 2;
	return OK;
}
