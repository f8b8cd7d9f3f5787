/* SPDX-License-Identifier: MIT */
/*
 * A user's index over slots, where it and the sessions are on several servers.
 *
 *	store:  enter the index -> the session -> enter again, with the lasting score -> tidy
 *	use:    note in the index -> the session
 *	end:    the session -> leave the index
 *
 * So every session that a caller knows has its entry. A reader that meets an entry without its
 * session removes it only if the score is still the one that it has read: the second entering
 * changes it, so that a session that was just being stored keeps its entry.
 *
 * Which of a user's sessions end because they are too many is decided by a script over the index:
 * it gives their entries a negative score, so that two at once never end more than they must. Then
 * the sessions end, then their entries. Whoever tidies next goes on with what a crash has left.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "session/session_internal.h"

enum {
	tidied = 100,	   /* the oldest entries that are looked at each time */
	max_tidied = 2000, /* the same if the user has too many sessions */
	few = 64,	   /* up to so many are read on the connection for commands */
};

/*
 * KEYS the index. ARGV the score, the hash, the session's PX, whether the score is set in any case.
 * The index's expiry is extended without memory, too.
 */
static const char enter_script[] =
	"local left, score, hits, misses = redis.call('PTTL', KEYS[1]), false, 0, 0 "
	"if left == -2 then misses = 1 else hits = 2 "
	"score = redis.call('ZSCORE', KEYS[1], ARGV[2]) end "
	"local done = 0 "
	"if not score or ARGV[4] == '1' or math.abs(ARGV[1] - score) >= 1000 then "
	"done = redis.pcall('ZADD', KEYS[1], ARGV[1], ARGV[2]) end "
	"if left < ARGV[3] + 60000 then "
	"redis.call('PEXPIRE', KEYS[1], string.format('%.0f', ARGV[3] + 120000)) end "
	"if type(done) == 'table' then return done end "
	"return {hits, misses, 1}";

/* KEYS the index; ARGV hashes, each with the score that was read. Returns how many were removed. */
static const char remove_script[] =
	"local gone, hits, misses = 0, 0, 0 "
	"for i = 1, #ARGV, 2 do "
	"local score = redis.call('ZSCORE', KEYS[1], ARGV[i]) "
	"if score then hits = hits + 1 else misses = misses + 1 end "
	"if score == ARGV[i + 1] then gone = gone + redis.call('ZREM', KEYS[1], ARGV[i]) end end "
	"return {hits, misses, gone}";

/*
 * KEYS the session; ARGV how its record names the user, how far that may be. Ends the session if it
 * is the user's: 1. 0 = there is none, 2 = another user's.
 */
static const char end_script[] =
	"local head = redis.call('GETRANGE', KEYS[1], 0, ARGV[2]) "
	"if head == '' then return {0, 1, 0} end "
	"if not string.find(head, ARGV[1], 1, true) then return {1, 0, 2} end "
	"return {1, 0, redis.call('DEL', KEYS[1])}";

/*
 * KEYS the index; ARGV how many sessions there may be, hashes, oldest first. The reply goes on with
 * the numbers of those that are to end.
 */
static const char condemn_script[] =
	"local first = redis.call('ZRANGE', KEYS[1], 0, 1999, 'WITHSCORES') "
	"local left = redis.call('ZCARD', KEYS[1]) - ARGV[1] "
	"for i = 2, #first, 2 do "
	"if tonumber(first[i]) >= 0 then break end left = left - 1 end "
	"local out = {2, 0} "
	"for i = 2, #ARGV do "
	"if left <= 0 then break end "
	"local score = redis.call('ZSCORE', KEYS[1], ARGV[i]) "
	"out[1] = out[1] + 1 "
	"if score and tonumber(score) >= 0 then "
	"redis.call('ZADD', KEYS[1], -1, ARGV[i]) "
	"left = left - 1 out[#out + 1] = i - 1 end end "
	"return out";

static enum error enter(const struct session_work *w, struct slice index, struct slice hash,
	struct slice score, struct slice always, struct fault *fault)
{
	int64_t ignored;
	const struct session_script script = {.text = enter_script,
		.keys = {index},
		.key_count = 1,
		.args = {score, hash, slice_str(w->px), always},
		.arg_count = 4};

	return session_run(w->sessions->cache, &script, &ignored, NULL, fault);
}

enum error session_index_enter(const struct session_work *w, struct slice index, struct slice hash,
	bool stored, struct fault *fault)
{
	char score[SLICE_INT_ROOM];
	int64_t expires_ms = session_record_end(&w->record, w->now_ms);

	return enter(w, index, hash, slice_of_int(score, stored ? expires_ms : expires_ms - 1),
		SLICE("1"), fault);
}

enum error session_index_note(
	const struct session_work *w, struct slice index, struct slice hash, struct fault *fault)
{
	enum error error = enter(w, index, hash, slice_str(w->expires), SLICE(""), fault);

	return error == ERR_REDIS_OOM || error == ERR_WRONG_TYPE ? OK : error;
}

size_t session_index_leave(
	struct cache *cache, struct slice index, const struct slice *hashes, size_t count)
{
	struct slice *argv = mem_array(2 + count, sizeof *argv);
	struct redis_value *reply = NULL;

	argv[0] = SLICE("ZREM");
	argv[1] = index;
	memcpy(argv + 2, hashes, count * sizeof *hashes);
	if (count)
		store_call(cache->store, (struct redis_call){.idempotent = true}, index, 2 + count,
			argv, &reply, NULL);
	size_t gone = reply ? (size_t)reply->integer : 0;
	redis_value_free(reply);
	mem_free(argv);
	return gone;
}

bool session_in_steps(const struct session_work *w, struct slice index)
{
	return index.n && !store_is_one(w->sessions->cache->store);
}

size_t session_index_remove(
	struct cache *cache, struct slice index, const struct slice *pairs, size_t count)
{
	struct slice *argv = mem_array(4 + 2 * count, sizeof *argv);
	struct redis_value *reply = NULL;
	int64_t gone = 0;

	if (count) {
		argv[0] = SLICE("EVAL");
		argv[1] = slice_str(remove_script);
		argv[2] = SLICE("1");
		argv[3] = index;
		memcpy(argv + 4, pairs, 2 * count * sizeof *pairs);
		if (store_call(cache->store, (struct redis_call){.idempotent = true}, index,
			    4 + 2 * count, argv, &reply, NULL) == OK)
			redis_value_number(reply, 2, 0, (int64_t)count, &gone, NULL);
	}
	redis_value_free(reply);
	mem_free(argv);
	return (size_t)gone;
}

/* The user whose index has that name. */
static struct slice user_of(const struct cache *cache, struct slice index)
{
	size_t before = strlen(cache->conf->redis.own_prefix) + strlen("user:");

	return slice_of(index.p + before, index.n - before - strlen(":sessions"));
}

void session_owner_init(struct session_owner *owner, const struct cache *cache, struct slice index)
{
	*owner = (struct session_owner){0};
	buf_str(&owner->text, ",\"user_id\":");
	json_quote(&owner->text, user_of(cache, index));
	buf_str(&owner->text, ",\"data\":");
	snprintf(owner->end, sizeof owner->end, "%zu", SESSION_HEAD_BYTES + owner->text.n);
}

void session_owner_release(struct session_owner *owner)
{
	buf_release(&owner->text);
}

bool session_owner_has(const struct session_owner *owner, struct slice head)
{
	return head.n && memmem(head.p, head.n, owner->text.p, owner->text.n) != NULL;
}

void session_owner_end(
	const struct session_owner *owner, struct redis_batch *batch, struct slice hash)
{
	struct session_key key;

	session_key_of_hash(hash, &key);
	REDIS_ADD(batch, SLICE("EVAL"), slice_str(end_script), SLICE("1"),
		slice_of(key.text, SESSION_KEY), buf_slice(&owner->text), slice_str(owner->end));
}

void session_index_verify(const struct session_work *w, struct slice index, struct slice hash)
{
	struct cache *cache = w->sessions->cache;
	struct redis_batch *head = redis_batch_new();
	char before[SLICE_INT_ROOM];
	int64_t expires_ms = session_record_end(&w->record, w->now_ms);
	const struct slice pairs[] = {
		hash, slice_str(w->expires), hash, slice_of_int(before, expires_ms - 1)};
	struct session_owner owner;

	session_owner_init(&owner, cache, index);
	session_add_head(head, hash, owner.end);
	if (cache_run_all(cache, REDIS_COMMANDS, head, NULL) == OK &&
		!session_owner_has(&owner, redis_batch_reply(head, 0)->text))
		session_index_remove(cache, index, pairs, 2);
	redis_batch_free(head);
	session_owner_release(&owner);
}

/* A session that is alive, for the order of their creation. */
struct alive {
	int64_t created_us;
	struct slice hash;
};

static int by_creation(const void *a, const void *b)
{
	const struct alive *left = a, *right = b;

	if (left->created_us != right->created_us)
		return left->created_us < right->created_us ? -1 : 1;
	return slice_compare(left->hash, right->hash);
}

/* What is being tidied. */
struct tidying {
	struct cache *cache;
	struct slice index, own; /* the hash of the session that was just stored */
	struct session_owner owner;
	const struct redis_value *entries; /* hash, score, ... */
	struct alive *alive;
	size_t alive_count;
	struct slice *dead; /* hash, score, ... */
	size_t dead_count;
	struct slice *condemned;
	size_t condemned_count;
};

static double score_of(const struct tidying *t, size_t i)
{
	return strtod(redis_value_item(t->entries, i + 1).p, NULL);
}

/* Whether the entry is looked at: of few all, of more only what ended long ago. */
static bool is_due(const struct tidying *t, size_t i, double forgotten)
{
	return !slice_equal(redis_value_item(t->entries, i), t->own) &&
	       (forgotten < 0 || score_of(t, i) < forgotten);
}

/* By the reply to its head. */
static void sort_entry(struct tidying *t, size_t i, const struct redis_value *head)
{
	struct slice hash = redis_value_item(t->entries, i);
	struct session_record record;

	if (head->type == REDIS_STRING && session_record_head(head->text, &record) &&
		session_owner_has(&t->owner, head->text)) {
		if (score_of(t, i) < 0)
			t->condemned[t->condemned_count++] = hash;
		else
			t->alive[t->alive_count++] = (struct alive){record.created_us, hash};
	} else if (head->type == REDIS_STRING || redis_value_error(head, NULL) == ERR_WRONG_TYPE) {
		t->dead[2 * t->dead_count] = hash;
		t->dead[2 * t->dead_count++ + 1] = redis_value_item(t->entries, i + 1);
	}
}

/* Parks. */
static enum error sort_out(struct tidying *t, double forgotten)
{
	struct redis_batch *heads = redis_batch_new();
	size_t n = t->entries->count, count;
	enum error error = OK;

	t->alive = mem_array(n / 2, sizeof *t->alive);
	t->dead = mem_array(n, sizeof *t->dead);
	t->condemned = mem_array(n / 2, sizeof *t->condemned);
	for (size_t i = 0; i + 1 < n; i += 2)
		if (is_due(t, i, forgotten))
			session_add_head(heads, redis_value_item(t->entries, i), t->owner.end);
	count = redis_batch_count(heads);
	if (count)
		error = cache_run(t->cache, count > few ? REDIS_BULK : REDIS_COMMANDS, heads, NULL);
	for (size_t i = 0, at = 0; i + 1 < n && !error; i += 2)
		if (is_due(t, i, forgotten))
			sort_entry(t, i, redis_batch_reply(heads, at++));
	redis_batch_free(heads);
	return error;
}

/* Which of the sessions that are alive are too many. Parks. */
static void condemn(struct tidying *t, size_t max)
{
	struct slice *argv = mem_array(5 + t->alive_count, sizeof *argv);
	struct redis_value *reply = NULL;
	char most[SLICE_INT_ROOM];

	qsort(t->alive, t->alive_count, sizeof *t->alive, by_creation);
	argv[0] = SLICE("EVAL");
	argv[1] = slice_str(condemn_script);
	argv[2] = SLICE("1");
	argv[3] = t->index;
	argv[4] = slice_of_int(most, (int64_t)max);
	for (size_t i = 0; i < t->alive_count; i++)
		argv[5 + i] = t->alive[i].hash;
	enum error error = store_call(t->cache->store, (struct redis_call){0}, t->index,
		5 + t->alive_count, argv, &reply, NULL);
	for (size_t i = 2; !error && i < reply->count; i++) {
		int64_t number = 0;

		if (redis_value_number(reply, i, 1, (int64_t)t->alive_count, &number, NULL) == OK)
			t->condemned[t->condemned_count++] = t->alive[number - 1].hash;
	}
	redis_value_free(reply);
	mem_free(argv);
}

/* Parks. */
static void end_condemned(struct tidying *t)
{
	struct redis_batch *batch = redis_batch_new();
	size_t ended = 0;

	for (size_t i = 0; i < t->condemned_count; i++)
		session_owner_end(&t->owner, batch, t->condemned[i]);
	if (t->condemned_count)
		cache_run(t->cache, REDIS_COMMANDS, batch, NULL);
	for (size_t i = 0; i < t->condemned_count; i++) {
		const struct redis_value *reply = redis_batch_reply(batch, i);

		if (reply && reply->type == REDIS_ARRAY)
			t->condemned[ended++] = t->condemned[i];
	}
	session_index_leave(t->cache, t->index, t->condemned, ended);
	redis_batch_free(batch);
}

/* The oldest entries, and how many there are. Parks. */
static enum error read_entries(
	struct tidying *t, size_t most, struct redis_value **ret, size_t *ret_count)
{
	struct redis_batch *batch = redis_batch_new();
	char last[SLICE_INT_ROOM];

	*ret = NULL;
	REDIS_ADD(batch, SLICE("ZRANGE"), t->index, SLICE("0"),
		slice_of_int(last, (int64_t)most - 1), SLICE("WITHSCORES"));
	REDIS_ADD(batch, SLICE("ZCARD"), t->index);
	enum error error = cache_run_all(t->cache, REDIS_COMMANDS, batch, NULL);
	if (!error) {
		*ret = redis_batch_take(batch, 0);
		*ret_count = (size_t)redis_batch_reply(batch, 1)->integer;
	}
	redis_batch_free(batch);
	return error;
}

void session_index_tidy(const struct session_work *w, struct slice index, struct slice hash)
{
	struct tidying t = {.cache = w->sessions->cache, .index = index, .own = hash};
	size_t max = (size_t)t.cache->conf->sessions.max_per_user, count = 0;
	struct redis_value *entries;

	session_owner_init(&t.owner, t.cache, index);
	enum error error = read_entries(&t, tidied, &entries, &count);
	bool many = !error && max && count > max;

	if (many) {
		redis_value_free(entries);
		error = read_entries(&t, max_tidied, &entries, &count);
	}
	t.entries = entries;
	if (!error)
		error = sort_out(&t, many ? -1 : strtod(w->forgotten, NULL));
	if (!error) {
		session_index_remove(t.cache, index, t.dead, t.dead_count);
		if (many)
			condemn(&t, max);
		end_condemned(&t);
	}
	mem_free(t.alive);
	mem_free(t.dead);
	mem_free(t.condemned);
	redis_value_free(entries);
	session_owner_release(&t.owner);
}
