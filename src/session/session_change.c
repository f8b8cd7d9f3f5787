/* SPDX-License-Identifier: MIT */
/*
 * Changing a session: its data, user, ttl, and id; see session.h.
 *
 *	load -> merge -> one script: if unchanged, add to the new index, store, end or
 *	                 redirect the old id, remove from the old index
 */
#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "session/session_internal.h"
#include "text/json_merge.h"

/*
 * KEYS 1 and 2 the new session and index, 3 and 4 the old ones; ARGV 9 the rest that was read, 10
 * the old hash, 11 the grace in ms. 0 = the session has ended, 2 = it has changed. A new id is
 * random: if its key exists, this script stored it before, and the reply was lost.
 */
static const char change_script[] =
	"local hits, misses, v = 1, 0, redis.call('GET', KEYS[3]) "
	"local rest, moves = v and string.sub(v, " SESSION_LUA_REST "), KEYS[1] ~= KEYS[3] "
	"if not v then hits, misses = 0, 1 end "
	"if rest ~= ARGV[9] and moves then "
	"if redis.call('EXISTS', KEYS[1]) == 1 then return {hits + 1, misses, 1} end "
	"return {hits, misses + 1, v and 2 or 0} end "
	"if rest ~= ARGV[9] and rest ~= ARGV[5] then return {hits, misses, v and 2 or 0} end "
	"local enters = KEYS[2] ~= KEYS[1] and KEYS[2] ~= KEYS[4] "
	"if enters then " ENTER_INDEX "end " STORE_SESSION
	"if moves and ARGV[11] == '0' then redis.call('DEL', KEYS[3]) "
	"elseif moves then "
	"redis.call('SET', KEYS[3], '{\"moved\":\"' .. ARGV[3] .. '\"}', 'PX', ARGV[11]) end "
	"if KEYS[4] ~= KEYS[3] and (moves or KEYS[4] ~= KEYS[2]) then "
	"redis.pcall('ZREM', KEYS[4], ARGV[10]) end " NOTE_IN_INDEX "if enters then " TIDY_INDEX
	"end return {hits, misses, 1}";

/*
 * Over slots, after the session was stored under its new id. KEYS the old session; ARGV the rest
 * that was read, what is there from now on, its PX. 0 and 2 as above.
 */
static const char redirect_script[] =
	"local v = redis.call('GET', KEYS[1]) "
	"if not v then return {0, 1, 0} end "
	"if v == ARGV[2] then return {1, 0, 1} end "
	"if string.sub(v, " SESSION_LUA_REST ") ~= ARGV[1] then return {1, 0, 2} end "
	"redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) return {1, 0, 1}";

enum {
	provisional_ms = 30000, /* of a session whose old id is not redirected yet */
	ended_ms = 5000,
};

/* A change in progress. */
struct session_changing {
	struct session_work w;
	const struct session_change *change;
	struct session_key to; /* of the new id, with `moves` */
	bool moves;
	struct buf user_id;
};

static enum error merge(struct session_changing *c, struct fault *fault)
{
	struct session_work *w = &c->w;
	struct slice before = w->record.data.text;

	buf_clear(&w->merged);
	if (!c->change->patch.n) {
		buf_add(&w->merged, before);
		return OK;
	}
	enum error error = json_merge(before, c->change->patch, &session_limits, &w->merged, fault);
	/* A change that makes it smaller is allowed: it may have been stored under a higher limit.
	 */
	if (!error && w->merged.n > SESSION_DATA_BYTES && w->merged.n >= before.n)
		return fault_at(fault, ERR_TOO_LARGE, "/data",
			"the session's data would have %zu bytes; at most %d are kept", w->merged.n,
			SESSION_DATA_BYTES);
	return error;
}

/* Changes the record, but for its data. */
static void apply(struct session_changing *c)
{
	buf_clear(&c->user_id);
	if (c->change->set_user)
		buf_add(&c->user_id, c->change->user_id);
	else if (c->w.record.user_id.type == JSON_STRING)
		json_decode_string(c->w.record.user_id, &c->user_id);
	if (c->change->ttl_ms)
		c->w.record.ttl_ms = c->change->ttl_ms;
}

/* Redirects the old id, or ends it. *ret as that of the script. Parks. */
static enum error redirect(struct session_changing *c, int64_t *ret, struct fault *fault)
{
	int64_t grace_ms = c->change->grace_ms;
	char px[SLICE_INT_ROOM];
	struct buf text = {0};

	buf_printf(&text, "%s%s\"}", grace_ms ? "{\"moved\":\"" : SESSION_ENDED_BEGIN,
		session_hash(&c->to));
	const struct session_script script = {.text = redirect_script,
		.keys = {slice_of(c->w.key.text, SESSION_KEY)},
		.key_count = 1,
		.args = {c->w.record.rest, buf_slice(&text),
			slice_of_int(px, grace_ms ? grace_ms : ended_ms)},
		.arg_count = 3};
	enum error error = session_run(c->w.sessions->cache, &script, ret, NULL, fault);
	buf_release(&text);
	return error;
}

/*
 * The session under its new id, for a while; the old id; then the session for its whole time. If it
 * is not known whether the old id was redirected, both stay as they are: the new session ends by
 * itself, or is used through the old id. Parks.
 */
static enum error move_in_steps(struct session_changing *c, const struct session_script *script,
	int64_t *ret, struct fault *fault)
{
	struct store *store = c->w.sessions->cache->store;
	struct slice from = slice_of(c->w.key.text, SESSION_KEY), to = script->keys[0];
	struct slice px = script->args[1], rest = script->args[4];
	char provisional[SLICE_INT_ROOM];
	struct buf text = {0};

	buf_str(&text, SESSION_HEAD);
	buf_add(&text, script->args[0]);
	buf_add(&text, rest);
	enum error error = store_command(store, to, NULL, fault, SLICE("SET"), to, buf_slice(&text),
		SLICE("PX"), slice_of_int(provisional, provisional_ms));
	buf_release(&text);
	if (!error)
		error = redirect(c, ret, fault);
	if (!error && *ret != 1)
		store_command(store, to, NULL, NULL, SLICE("DEL"), to);
	if (error || *ret != 1)
		return error;
	if (!c->change->grace_ms)
		store_command(store, from, NULL, NULL, SLICE("DEL"), from);
	return store_command(store, to, NULL, fault, SLICE("PEXPIRE"), to, px);
}

/* *ret as that of the script. Parks. */
static enum error change_in_steps(struct session_changing *c, struct session_script *script,
	struct slice index, int64_t *ret, struct fault *fault)
{
	struct session_work *w = &c->w;
	struct cache *cache = w->sessions->cache;
	struct slice before = buf_slice(&w->index);
	struct slice hash = script->args[2], old = script->args[9];
	bool other = !slice_equal(index, before), enters = index.n && (c->moves || other);
	enum error error = OK;

	for (size_t i = 1; i < script->key_count; i++)
		script->keys[i] = script->keys[0];
	if (enters)
		error = session_index_enter(w, index, hash, false, fault);
	else if (index.n)
		error = session_index_note(w, index, hash, fault);
	if (!error)
		error = c->moves ? move_in_steps(c, script, ret, fault)
				 : session_run(cache, script, ret, NULL, fault);
	if (index.n && !error && *ret != 1 && c->moves)
		session_index_leave(cache, index, &hash, 1);
	else if (index.n && !error && *ret != 1)
		session_index_verify(w, index, hash);
	if (error || *ret != 1)
		return error;
	if (enters)
		error = session_index_enter(w, index, hash, true, fault);
	if (before.n && (c->moves || other))
		session_index_leave(cache, before, &old, 1);
	if (enters && other)
		session_index_tidy(w, index, hash);
	return error;
}

/* *ret: the result of the script. Parks. */
static enum error save_changed(struct session_changing *c, int64_t *ret, struct fault *fault)
{
	struct session_work *w = &c->w;
	const struct session_key *to = c->moves ? &c->to : &w->key;
	struct buf index = {0}, rest = {0};
	char grace[24];

	session_record_rest(&w->record, buf_slice(&c->user_id), buf_slice(&w->merged), &rest);
	if (c->user_id.n)
		session_index(w->sessions->cache, buf_slice(&c->user_id), &index);
	session_stamp(w, session_now());
	snprintf(grace, sizeof grace, "%lld", (long long)c->change->grace_ms);
	struct session_script script = session_script_of(w, change_script);
	script.keys[2] = script.keys[0];
	script.keys[3] = script.keys[1];
	script.keys[0] = slice_of(to->text, SESSION_KEY);
	script.keys[1] = session_index_or(&index, to);
	script.key_count = 4;
	script.args[2] = slice_of(session_hash(to), SESSION_HASH);
	session_script_store(w, &rest, &script);
	script.args[script.arg_count++] = w->record.rest;
	script.args[script.arg_count++] = slice_of(session_hash(&w->key), SESSION_HASH);
	script.args[script.arg_count++] = slice_str(grace);
	bool steps = c->moves || index.n || w->index.n;
	enum error error = steps && !store_is_one(w->sessions->cache->store)
				   ? change_in_steps(c, &script, buf_slice(&index), ret, fault)
				   : session_run(w->sessions->cache, &script, ret, NULL, fault);
	buf_release(&index);
	buf_release(&rest);
	return error;
}

/* After a change by another daemon: a random pause before the next try. Parks. */
static void back_off(int attempt)
{
	uint8_t random;

	crypto_random(&random, sizeof random);
	fiber_sleep(1 + random % (attempt < 5 ? 1 << attempt : 32));
}

/* Parks. */
static enum error try_once(struct session_changing *c, int64_t *ret, struct fault *fault)
{
	enum error error = session_load(&c->w, fault);

	if (!error && c->moves && session_moved(&c->w))
		return fault_set(fault, ERR_CONFLICT,
			"this id was replaced by an earlier rotation, whose answer has the new "
			"one; it can still be used for a short time, but not for another rotation");
	if (!error)
		error = merge(c, fault);
	if (error)
		return error;
	apply(c);
	return save_changed(c, ret, fault);
}

static enum error try_change(struct session_changing *c, struct fault *fault)
{
	int64_t outcome;

	for (int i = 0; i < SESSION_TRIES; i++) {
		enum error error = try_once(c, &outcome, fault);

		if (error)
			return error;
		if (outcome == 0)
			return session_unknown(fault);
		if (outcome == 1)
			return OK;
		log_debug(c->w.sessions->cache->log, "session: another change came first, try %d",
			i + 1);
		back_off(i);
	}
	return session_conflict(SESSION_TRIES, fault);
}

static enum error check_change(const struct session_change *change, struct fault *fault)
{
	enum error error = session_check_user(change->user_id, fault);

	if (!error)
		error = session_check_time("/ttl", change->ttl_ms, fault);
	if (!error && (change->grace_ms < 0 || change->grace_ms > SESSION_GRACE_MS))
		error = fault_at(fault, ERR_BAD_BODY, "/grace",
			"/grace must be from 0 to %d seconds", SESSION_GRACE_MS / 1000);
	if (!error && change->patch.n)
		error = session_check_data(change->patch, "the patch", fault);
	return error;
}

/* Parks. */
static enum error take_turn(struct session_changing *c, struct fault *fault)
{
	struct cache *cache = c->w.sessions->cache;
	/* One after the other in this process: with many changes at once some would starve. */
	struct semaphore *turns =
		&c->w.sessions->turns[(unsigned char)session_hash(&c->w.asked)[0] % SESSIONS_TURNS];

	enum error error = semaphore_acquire(turns, 1, cache_deadline(cache));

	if (error == ERR_TIMEOUT)
		return fault_set(fault, ERR_OVERLOADED,
			"too many changes of this session are waiting; try again");
	if (error)
		return fault_set(fault, error, "the change waited for others of this session");
	error = try_change(c, fault);
	semaphore_release(turns, 1);
	return error;
}

/* Parks. */
static enum error change_session(
	struct session_changing *c, struct slice id, struct session *ret, struct fault *fault)
{
	struct session_work *w = &c->w;
	enum error error = check_change(c->change, fault);

	*ret = (struct session){0};
	session_key_of_id(id, &w->asked);
	if (!error)
		error = take_turn(c, fault);
	if (!error) {
		w->record.last_seen_ms = w->now_ms;
		w->record.user_id = (struct json_value){0};
		w->record.data.text = buf_slice(&w->merged);
		session_fill(c->moves ? &c->to : &w->key, &w->record, ret);
		buf_add(&ret->user_id, buf_slice(&c->user_id));
	}
	session_work_end(w);
	buf_release(&c->user_id);
	return error;
}

enum error session_patch(struct sessions *sessions, struct slice id,
	const struct session_change *change, struct session *ret, struct fault *fault)
{
	struct session_changing c = {.w.sessions = sessions, .change = change};

	return change_session(&c, id, ret, fault);
}

enum error session_rotate(struct sessions *sessions, struct slice id,
	const struct session_change *change, char ret_id[SESSION_ID + 1], struct session *ret,
	struct fault *fault)
{
	struct session_changing c = {.w.sessions = sessions, .change = change, .moves = true};

	session_new_id(ret_id);
	session_key_of_id(slice_of(ret_id, SESSION_ID), &c.to);
	return change_session(&c, id, ret, fault);
}
