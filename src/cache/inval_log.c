/* SPDX-License-Identifier: MIT */
/*
 * The invalidation log; see inval_log.h.
 *
 *	1732426871123-0  o <operation>  b <by>  m <mode>  k <key> ...  p <pattern> ...  t <tag> ...
 *
 * `b` and `m` are for people (explain); an entry without `b` is of an older version, one with `b`
 * and without `m` removes.
 *
 * Special: a reader asks from its own id on, that entry included. Where the entry is missing, the
 * log was trimmed or emptied behind its back, and everything counts as stale.
 */
#include "cache/inval_log.h"

#include <stdio.h>
#include <string.h>
#include <uthash.h>

#include "base/mem.h"
#include "base/timeslice.h"
#include "text/glob.h"

enum {
	max_names = 500,       /* of one entry */
	max_bytes = 64 * 1024, /* of its names; one name may be longer */
	commands_at_once = 128,
};

static const struct slice log_length = {"10000", 5};

void inval_log_key(const struct cache *cache, struct buf *out)
{
	cache_own_key(cache, "inval", slice_of(NULL, 0), out);
}

/* Where another server may take over: the log's server, and what it answers to the read. */
#define READ_WITH_SERVER(command, from, to, count) \
	INVAL_SERVER_LUA("r") \
	"local log = redis.call('" command "', KEYS[1], " from ", " to ", 'COUNT', " count ") " \
	"local hit = #log > 0 and 1 or 0 " \
	"return {hit, 1 - hit, r, log}"

static const char last_script[] = READ_WITH_SERVER("XREVRANGE", "'+'", "'-'", "1"),
		  since_script[] = READ_WITH_SERVER("XRANGE", "ARGV[1]", "'+'", "ARGV[2]");

enum { script_server = 2, script_log = 3 };

/* The entries in a reply; *ret_server: "" = it is always the same. NULL where the reply is not one.
 */
static const struct redis_value *entries_of(
	const struct cache *cache, const struct redis_value *reply, struct slice *ret_server)
{
	*ret_server = SLICE("");
	if (reply->type != REDIS_ARRAY || !store_fails_over(cache->store))
		return reply;
	if (reply->count != script_log + 1)
		return NULL;
	*ret_server = redis_value_item(reply, script_server);
	return reply->items[script_log];
}

static void copy(struct slice text, char *ret, size_t room)
{
	snprintf(ret, room, "%.*s", (int)text.n, text.p);
}

enum error inval_log_last(struct cache *cache, struct inval_place *ret, struct fault *fault)
{
	struct redis_value *reply = NULL;
	struct buf name = {0};
	struct slice id = SLICE("0-0"), server;
	enum error error;

	inval_log_key(cache, &name);
	struct slice key = buf_slice(&name);
	if (!store_fails_over(cache->store))
		error = store_command(cache->store, key, &reply, fault, SLICE("XREVRANGE"), key,
			SLICE("+"), SLICE("-"), SLICE("COUNT"), SLICE("1"));
	else
		error = store_command(cache->store, key, &reply, fault, SLICE("EVAL"),
			slice_str(last_script), SLICE("1"), key);
	buf_release(&name);
	if (error)
		return error;
	const struct redis_value *entries = entries_of(cache, reply, &server);
	if (entries && entries->type == REDIS_ARRAY && entries->count)
		id = redis_value_item(entries->items[0], 0);
	copy(id, ret->id, sizeof ret->id);
	copy(server, ret->server, sizeof ret->server);
	redis_value_free(reply);
	return OK;
}

/* One XADD in the making: its fixed words, then field and name by turns. */
struct writer {
	const struct inval_entry *entry;
	struct redis_batch *batch;
	struct slice key;
	struct slice argv[8 + 2 * max_names]; /* a name less of each pair `b`, `m` */
	size_t argc, bytes;
};

static void begin_entry(struct writer *w)
{
	const struct slice head[] = {SLICE("XADD"), w->key, SLICE("MAXLEN"), SLICE("~"), log_length,
		SLICE("*"), SLICE("o"), slice_str(w->entry->operation_id)};

	memcpy(w->argv, head, sizeof head);
	w->argc = sizeof head / sizeof *head;
	if (w->entry->by) {
		w->argv[w->argc++] = SLICE("b");
		w->argv[w->argc++] = slice_str(w->entry->by);
	}
	if (w->entry->by && w->entry->mode) {
		w->argv[w->argc++] = SLICE("m");
		w->argv[w->argc++] = slice_str(w->entry->mode);
	}
	w->bytes = 0;
}

static void end_entry(struct writer *w)
{
	redis_batch_add(w->batch, w->argc, w->argv);
	begin_entry(w);
}

/* False where the batch is full, before the name was added. */
static bool write_name(struct writer *w, struct slice field, struct slice name)
{
	if (w->argc + 2 > sizeof w->argv / sizeof *w->argv ||
		(w->bytes && w->bytes + name.n > max_bytes))
		end_entry(w);
	if (redis_batch_count(w->batch) == commands_at_once)
		return false;
	w->argv[w->argc++] = field;
	w->argv[w->argc++] = name;
	w->bytes += name.n;
	return true;
}

static enum error send_entries(struct cache *cache, struct writer *w, struct fault *fault)
{
	enum error error = cache_run_all(cache, REDIS_COMMANDS, w->batch, fault);

	redis_batch_clear(w->batch);
	return error;
}

/* Writes all names of one list; sends whenever the batch is full. */
static enum error write_names(struct cache *cache, struct writer *w, struct slice field,
	const struct slice *names, size_t count, struct fault *fault)
{
	enum error error = OK;

	for (size_t i = 0; i < count && !error; i++) {
		if (write_name(w, field, names[i]))
			continue;
		error = send_entries(cache, w, fault);
		write_name(w, field, names[i]);
	}
	return error;
}

enum error inval_log_append(
	struct cache *cache, const struct inval_entry *entry, struct fault *fault)
{
	struct writer *w = mem_new(struct writer);
	struct buf key = {0};

	inval_log_key(cache, &key);
	w->entry = entry;
	w->key = buf_slice(&key);
	w->batch = redis_batch_new();
	begin_entry(w);
	enum error error = write_names(cache, w, SLICE("k"), entry->keys, entry->key_count, fault);
	if (!error)
		error = write_names(
			cache, w, SLICE("p"), entry->patterns, entry->pattern_count, fault);
	if (!error)
		error = write_names(cache, w, SLICE("t"), entry->tags, entry->tag_count, fault);
	if (!error) {
		end_entry(w);
		error = send_entries(cache, w, fault);
	}
	redis_batch_free(w->batch);
	mem_free(w);
	buf_release(&key);
	return error;
}

enum error inval_log_mark(struct cache *cache, struct fault *fault)
{
	/* After a write that takes no memory Redis lets a script do others (owner.c). */
	static const char script[] = "redis.call('PERSIST', KEYS[1]) "
				     "redis.call('XADD', KEYS[1], '*', 'o', ARGV[1]) "
				     "return {0, 0}";
	struct buf key = {0};

	inval_log_key(cache, &key);
	enum error error = store_command(cache->store, buf_slice(&key), NULL, fault, SLICE("EVAL"),
		slice_str(script), SLICE("1"), buf_slice(&key), slice_str(cache->instance));
	buf_release(&key);
	return error;
}

size_t inval_log_add_read(struct cache *cache, const char *id, struct redis_batch *batch)
{
	struct buf key = {0}, count = {0};

	inval_log_key(cache, &key);
	buf_uint(&count, INVAL_MAX_SINCE + 1);
	size_t index =
		store_fails_over(cache->store)
			? REDIS_ADD(batch, SLICE("EVAL"), slice_str(since_script), SLICE("1"),
				  buf_slice(&key), slice_str(id), buf_slice(&count))
			: REDIS_ADD(batch, SLICE("XRANGE"), buf_slice(&key), slice_str(id),
				  SLICE("+"), SLICE("COUNT"), buf_slice(&count));
	buf_release(&key);
	buf_release(&count);
	return index;
}

struct named {
	UT_hash_handle hh;
	size_t n;
	char name[];
};

struct inval_since {
	char last[INVAL_ID_BYTES];
	bool any;
	struct named *keys, *patterns, *tags; /* sets */
	struct timeslice timeslice;	      /* from looking at patterns */
};

static void take(struct named **set, struct slice name)
{
	struct named *named;

	HASH_FIND(hh, *set, name.p, name.n, named);
	if (named)
		return;
	named = mem_alloc(sizeof *named + name.n);
	named->n = name.n;
	memcpy(named->name, name.p, name.n);
	HASH_ADD_KEYPTR(hh, *set, named->name, named->n, named);
}

/* Moves what `from` has into `set`. */
static void take_all(struct named **set, struct named **from)
{
	struct named *named, *next, *known;

	HASH_ITER(hh, *from, named, next)
	{
		HASH_DELETE(hh, *from, named);
		HASH_FIND(hh, *set, named->name, named->n, known);
		if (known)
			mem_free(named);
		else
			HASH_ADD_KEYPTR(hh, *set, named->name, named->n, named);
	}
}

static void set_free(struct named **set)
{
	struct named *named, *next;

	HASH_ITER(hh, *set, named, next)
	{
		HASH_DELETE(hh, *set, named);
		mem_free(named);
	}
}

static void take_name(struct inval_since *since, struct slice field, struct slice name)
{
	if (slice_is(field, "p"))
		take(&since->patterns, name);
	else if (slice_is(field, "k"))
		take(&since->keys, name);
	else if (slice_is(field, "t"))
		take(&since->tags, name);
}

static bool take_entry(struct inval_since *since, const struct redis_value *entry)
{
	if (entry->type != REDIS_ARRAY || entry->count != 2 || entry->items[1]->type != REDIS_ARRAY)
		return false;
	const struct redis_value *fields = entry->items[1];
	struct slice id = redis_value_item(entry, 0);

	for (size_t i = 0; i + 1 < fields->count; i += 2)
		take_name(since, redis_value_item(fields, i), redis_value_item(fields, i + 1));
	snprintf(since->last, sizeof since->last, "%.*s", (int)id.n, id.p);
	since->any = true;
	return true;
}

struct inval_since *inval_since_parse(const struct redis_value *reply, const char *id)
{
	bool from_start = strcmp(id, "0-0") == 0;
	size_t first = from_start ? 0 : 1;

	if (!reply || reply->type != REDIS_ARRAY || reply->count > INVAL_MAX_SINCE)
		return NULL;
	if (!from_start && (reply->count == 0 || reply->items[0]->type != REDIS_ARRAY ||
				   !slice_is(redis_value_item(reply->items[0], 0), id)))
		return NULL;
	struct inval_since *since = mem_new(struct inval_since);
	snprintf(since->last, sizeof since->last, "%s", id);
	for (size_t i = first; i < reply->count; i++) {
		if (take_entry(since, reply->items[i]))
			continue;
		inval_since_free(since);
		return NULL;
	}
	return since;
}

struct inval_since *inval_log_take_reply(
	const struct cache *cache, const struct redis_value *reply, const struct inval_place *place)
{
	struct slice server;

	if (!reply)
		return NULL;
	const struct redis_value *entries = entries_of(cache, reply, &server);

	/* A place without a server is of a lease that was taken before the server was noted. */
	if (place->server[0] && !slice_is(server, place->server))
		return NULL;
	return inval_since_parse(entries, place->id);
}

struct inval_since *inval_log_since(struct cache *cache, const struct inval_place *place)
{
	struct redis_batch *batch = redis_batch_new();
	struct inval_since *since = NULL;
	struct buf key = {0};

	inval_log_key(cache, &key);
	size_t index = inval_log_add_read(cache, place->id, batch);
	if (cache_run(cache, REDIS_COMMANDS, batch, NULL) == OK)
		since = inval_log_take_reply(cache, redis_batch_reply(batch, index), place);
	redis_batch_free(batch);
	buf_release(&key);
	return since;
}

void inval_since_free(struct inval_since *since)
{
	if (!since)
		return;
	set_free(&since->keys);
	set_free(&since->patterns);
	set_free(&since->tags);
	mem_free(since);
}

bool inval_since_empty(const struct inval_since *since)
{
	return !since->any;
}

enum error inval_since_check(struct inval_since *since, struct slice key, bool *ret)
{
	const struct named *named, *at;
	enum error error = OK;

	HASH_FIND(hh, since->keys, key.p, key.n, named);
	*ret = named != NULL;
	for (at = since->patterns; at && !*ret && !error; at = at->hh.next) {
		*ret = glob_match(slice_of(at->name, at->n), key);
		error = timeslice_spend(&since->timeslice, 1);
	}
	return error;
}

bool inval_since_matches_tags(
	const struct inval_since *since, const struct slice *tags, size_t count)
{
	const struct named *named = NULL;

	for (size_t i = 0; i < count && !named; i++)
		HASH_FIND(hh, since->tags, tags[i].p, tags[i].n, named);
	return named != NULL;
}

bool inval_since_touches(const struct inval_since *since, struct slice beginning, bool tagged)
{
	struct buf prefix = {0};
	bool touches = tagged && since->tags;

	for (const struct named *at = since->keys; at && !touches; at = at->hh.next)
		touches = slice_starts(slice_of(at->name, at->n), beginning);
	for (const struct named *at = since->patterns; at && !touches; at = at->hh.next) {
		buf_clear(&prefix);
		glob_prefix(slice_of(at->name, at->n), &prefix);
		touches = slice_starts(buf_slice(&prefix), beginning) ||
			  slice_starts(beginning, buf_slice(&prefix));
	}
	buf_release(&prefix);
	return touches;
}

const char *inval_since_last(const struct inval_since *since)
{
	return since->last;
}

void inval_since_merge(struct inval_since *since, struct inval_since *more)
{
	take_all(&since->keys, &more->keys);
	take_all(&since->patterns, &more->patterns);
	take_all(&since->tags, &more->tags);
	memcpy(since->last, more->last, sizeof since->last);
	since->any = since->any || more->any;
	inval_since_free(more);
}

size_t inval_since_names(const struct inval_since *since)
{
	return HASH_COUNT(since->keys) + HASH_COUNT(since->patterns) + HASH_COUNT(since->tags);
}
