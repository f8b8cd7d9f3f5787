/* SPDX-License-Identifier: MIT */
/* All sessions of one user, by the user's index; see session.h. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "session/session_internal.h"

/* Up to so many are read on the connection for commands, more on that for bulk. */
enum { few = 64 };

/*
 * KEYS[1] the index; ARGV "session:", ref, except ('' = not given), rank to start at. One page: how
 * many ended and how many of the page stay, or -1 after the last. A session that is rotated
 * meanwhile gets a higher rank, on a later page.
 */
static const char end_script[] =
	"local ended, kept = 0, 0 "
	"local all = redis.call('ZRANGE', KEYS[1], ARGV[4], ARGV[4] + 999) "
	"for _, m in ipairs(all) do "
	"local ref = string.sub(m, 1, 16) "
	"if (ARGV[2] == '' or ref == ARGV[2]) and ref ~= ARGV[3] then "
	"ended = ended + redis.call('DEL', ARGV[1] .. m) "
	"redis.call('ZREM', KEYS[1], m) "
	"else kept = kept + 1 end end "
	"local hit = #all > 0 and 1 or 0 "
	"return {hit, 1 - hit, ended, #all > 0 and kept or -1}";

void session_add_head(struct redis_batch *batch, struct slice hash, const char *end)
{
	struct session_key key;

	/* Anything else in the index is read as a key that does not exist. */
	if (hash.n != SESSION_HASH)
		session_key_of_id(SLICE(""), &key);
	else
		session_key_of_hash(hash, &key);
	REDIS_ADD(batch, SLICE("GETRANGE"), slice_of(key.text, SESSION_KEY), SLICE("0"),
		slice_str(end));
}

/* A user's index on its way to a list. */
struct listing {
	struct cache *cache;
	struct session_owner owner;
	struct redis_value *entries; /* hash, score, ..., latest last */
	struct redis_batch *heads;
	/* The entries, latest first, as sessions or as dead ones: hash, score, ... */
	struct session *sessions;
	size_t count;
	struct slice *dead;
	size_t dead_count;
};

/* Reads the heads of the entries, one reply each. Parks. */
static enum error read_heads(struct listing *l, struct fault *fault)
{
	size_t count = l->entries->count / 2;

	for (size_t i = 0; i < count; i++)
		session_add_head(l->heads, redis_value_item(l->entries, 2 * i), l->owner.end);
	return cache_run(l->cache, count > few ? REDIS_BULK : REDIS_COMMANDS, l->heads, fault);
}

/* Over slots an entry may lead to a session of another user. */
static bool is_listed(const struct listing *l, struct slice hash, const struct redis_value *head,
	struct session_record *ret)
{
	return hash.n == SESSION_HASH && head->type == REDIS_STRING &&
	       session_record_head(head->text, ret) &&
	       (store_is_one(l->cache->store) || session_owner_has(&l->owner, head->text));
}

static enum error sort_out(struct listing *l, struct fault *fault)
{
	struct session_record record = {0};
	struct session_key key;

	for (size_t i = l->entries->count / 2; i-- > 0;) {
		const struct redis_value *head = redis_batch_reply(l->heads, i);
		struct slice hash = redis_value_item(l->entries, 2 * i);
		enum error error = redis_value_error(head, fault);

		if (error && error != ERR_WRONG_TYPE)
			return error;
		if (!is_listed(l, hash, head, &record)) {
			l->dead[2 * l->dead_count] = hash;
			l->dead[2 * l->dead_count++ + 1] = redis_value_item(l->entries, 2 * i + 1);
			continue;
		}
		session_key_of_hash(hash, &key);
		session_fill(&key, &record, &l->sessions[l->count++]);
	}
	return OK;
}

/* Parks. */
static enum error list(struct listing *l, struct slice index, struct fault *fault)
{
	enum error error = store_command(l->cache->store, index, &l->entries, fault,
		SLICE("ZRANGE"), index, SLICE("-1000"), SLICE("-1"), SLICE("WITHSCORES"));

	if (error || l->entries->count == 0)
		return error;
	error = read_heads(l, fault);
	if (error)
		return error;
	l->sessions = mem_array(l->entries->count / 2, sizeof *l->sessions);
	l->dead = mem_array(l->entries->count, sizeof *l->dead);
	error = sort_out(l, fault);
	if (!error)
		session_index_remove(l->cache, index, l->dead, l->dead_count);
	return error;
}

enum error session_list(struct sessions *sessions, struct slice user_id, struct session **ret,
	size_t *ret_count, struct fault *fault)
{
	struct listing l = {.cache = sessions->cache, .heads = redis_batch_new()};
	struct buf index = {0};

	session_index(l.cache, user_id, &index);
	session_owner_init(&l.owner, l.cache, buf_slice(&index));
	enum error error = list(&l, buf_slice(&index), fault);
	for (size_t i = 0; error && i < l.count; i++)
		session_release(&l.sessions[i]);
	*ret = error ? NULL : l.sessions;
	*ret_count = error ? 0 : l.count;
	if (error)
		mem_free(l.sessions);
	mem_free(l.dead);
	redis_value_free(l.entries);
	redis_batch_free(l.heads);
	session_owner_release(&l.owner);
	buf_release(&index);
	return error;
}

/* What is being ended over slots. */
struct ending_all {
	struct cache *cache;
	struct slice index, ref, except;
	struct session_owner owner;
	struct redis_value *entries; /* a page: hash, score, ... */
	size_t ended, removed;	     /* of the page */
};

static bool is_wanted(const struct ending_all *e, struct slice hash)
{
	struct slice ref = slice_of(hash.p, hash.n < SESSION_REF ? hash.n : SESSION_REF);

	return (!e->ref.n || slice_equal(ref, e->ref)) && !slice_equal(ref, e->except);
}

/* The sessions of a page, then their entries; also those that lead nowhere. Parks. */
static enum error end_page(struct ending_all *e, struct fault *fault)
{
	size_t n = e->entries->count, ended = 0, dead = 0;
	struct redis_batch *batch = redis_batch_new();
	struct slice *hashes = mem_array(n / 2, sizeof *hashes);
	struct slice *pairs = mem_array(n, sizeof *pairs);
	enum error error = OK;

	for (size_t i = 0; i + 1 < n; i += 2) {
		struct slice hash = redis_value_item(e->entries, i);

		if (is_wanted(e, hash) && hash.n == SESSION_HASH)
			session_owner_end(&e->owner, batch, hash);
	}
	if (redis_batch_count(batch))
		error = cache_run_all(e->cache, REDIS_BULK, batch, fault);
	for (size_t i = 0, at = 0; i + 1 < n && !error; i += 2) {
		struct slice hash = redis_value_item(e->entries, i);
		int64_t outcome = 0;

		if (!is_wanted(e, hash))
			continue;
		if (hash.n == SESSION_HASH)
			error = redis_value_number(
				redis_batch_reply(batch, at++), 2, 0, 2, &outcome, fault);
		if (outcome == 1) {
			hashes[ended++] = hash;
		} else {
			pairs[2 * dead] = hash;
			pairs[2 * dead++ + 1] = redis_value_item(e->entries, i + 1);
		}
	}
	e->ended = ended;
	e->removed = session_index_leave(e->cache, e->index, hashes, ended);
	e->removed += session_index_remove(e->cache, e->index, pairs, dead);
	redis_batch_free(batch);
	mem_free(hashes);
	mem_free(pairs);
	return error;
}

/* Parks. */
static enum error end_in_steps(struct ending_all *e, size_t *ret_ended, struct fault *fault)
{
	char first[SLICE_INT_ROOM], last[SLICE_INT_ROOM];
	bool more = true;
	enum error error = OK;

	for (size_t from = 0; more && !error;) {
		error = store_command(e->cache->store, e->index, &e->entries, fault,
			SLICE("ZRANGE"), e->index, slice_of_int(first, (int64_t)from),
			slice_of_int(last, (int64_t)from + SESSION_LIST - 1), SLICE("WITHSCORES"));
		if (error)
			break;
		more = e->entries->count > 0;
		if (more)
			error = end_page(e, fault);
		*ret_ended += more ? e->ended : 0;
		from += more ? e->entries->count / 2 - e->removed : 0;
		redis_value_free(e->entries);
		e->entries = NULL;
	}
	return error;
}

/* By scripts that access the sessions, too. Parks. */
static enum error end_at_once(struct cache *cache, struct slice index, struct slice ref,
	struct slice except, size_t *ret_ended, struct fault *fault)
{
	int64_t ended, kept = 0, from = 0;
	enum error error;
	char text[24];

	do {
		snprintf(text, sizeof text, "%lld", (long long)from);
		const struct session_script script = {.text = end_script,
			.keys = {index},
			.key_count = 1,
			.args = {SLICE(SESSION_PREFIX), ref, except, slice_str(text)},
			.arg_count = 4};
		error = session_run(cache, &script, &ended, &kept, fault);
		/* An empty page would loop endlessly. */
		if (!error && (ended < 0 || (ended == 0 && kept == 0)))
			error = fault_set(fault, ERR_REDIS_PROTOCOL,
				"Redis's reply to a script is not its result");
		if (error)
			break;
		*ret_ended += (size_t)ended;
		from += kept;
	} while (kept >= 0);
	return error;
}

enum error session_end_all(struct sessions *sessions, struct slice user_id, struct slice ref,
	struct slice except, size_t *ret_ended, struct fault *fault)
{
	struct cache *cache = sessions->cache;
	struct buf name = {0};

	*ret_ended = 0;
	session_index(cache, user_id, &name);
	struct slice index = buf_slice(&name);
	struct ending_all e = {.cache = cache, .index = index, .ref = ref, .except = except};
	enum error error;

	if (store_is_one(cache->store)) {
		error = end_at_once(cache, index, ref, except, ret_ended, fault);
	} else {
		session_owner_init(&e.owner, cache, index);
		error = end_in_steps(&e, ret_ended, fault);
		session_owner_release(&e.owner);
	}
	buf_release(&name);
	return error;
}
