/* SPDX-License-Identifier: MIT */
/*
 * Creating, using and ending one session; see session.h. Changes: session_change.c.
 *
 *	load: GETRANGE (no write) -> check -> one script that writes
 */
#include "base/mem.h"
#include "session/session_internal.h"

#include "base/utf8.h"

enum { min_ttl_ms = 1000 };

static const char create_script[] =
	"local hits, misses = 0, 0 "
	"if KEYS[2] ~= KEYS[1] then " ENTER_INDEX "end " STORE_SESSION NOTE_IN_INDEX
	"if KEYS[2] ~= KEYS[1] then " TIDY_INDEX "end "
	"return {hits, misses, 0}";

/* ARGV 5 the head that was read; 2 = it has changed. The expiry is extended without memory, too. */
static const char touch_script[] =
	"local hits, misses, head = 1, 0, redis.call('GETRANGE', KEYS[1], 26, 25 + #ARGV[5]) "
	"if head == '' then return {0, 1, 0} end "
	"if head ~= ARGV[5] then return {1, 0, 2} end "
	"redis.pcall('SETRANGE', KEYS[1], 13, ARGV[1]) "
	"redis.call('PEXPIRE', KEYS[1], ARGV[2]) " NOTE_IN_INDEX "return {hits, misses, 1}";

/* ARGV 5 as above. The index entry is removed last, as in all scripts. */
static const char delete_script[] =
	"local head = redis.call('GETRANGE', KEYS[1], 26, 25 + #ARGV[5]) "
	"if head == '' then return {0, 1, 0} end "
	"if head ~= ARGV[5] then return {1, 0, 2} end "
	"redis.call('DEL', KEYS[1]) "
	"if KEYS[2] ~= KEYS[1] then redis.pcall('ZREM', KEYS[2], ARGV[3]) end "
	"return {1, 0, 1}";

enum error session_check_user(struct slice user_id, struct fault *fault)
{
	if (user_id.n <= SESSION_USER_BYTES && utf8_valid(user_id))
		return OK;
	return fault_at(fault, ERR_BAD_BODY, "/user_id", "/user_id must be UTF-8 of 1 to %d bytes",
		SESSION_USER_BYTES);
}

enum error session_check_time(const char *member, int64_t ms, struct fault *fault)
{
	if (ms == 0 || (ms >= min_ttl_ms && ms <= TTL_MAX_MS))
		return OK;
	return fault_at(fault, ERR_BAD_BODY, member,
		"%s must be from 1 second to 10 years (%lld seconds)", member,
		(long long)(TTL_MAX_MS / 1000));
}

enum error session_check_data(struct slice data, const char *what, struct fault *fault)
{
	if (data.n > SESSION_DATA_BYTES)
		return fault_at(fault, ERR_TOO_LARGE, "/data",
			"%s has %zu bytes; at most %d are allowed: store large values under keys "
			"of their own",
			what, data.n, SESSION_DATA_BYTES);
	enum error error = json_check(data, &session_limits, fault);

	if (!error && json_root(data).type != JSON_OBJECT)
		return fault_at(fault, ERR_BAD_BODY, "/data", "/data must be an object");
	return error;
}

static enum error check_create(const struct session_new *what, struct fault *fault)
{
	enum error error = session_check_user(what->user_id, fault);

	if (!error)
		error = session_check_time("/ttl", what->ttl_ms, fault);
	if (!error)
		error = session_check_time("/max_age", what->max_age_ms, fault);
	if (!error && what->data.n)
		error = session_check_data(what->data, "the session's data", fault);
	return error;
}

struct sessions *sessions_new(struct cache *cache)
{
	struct sessions *sessions = mem_new(struct sessions);

	sessions->cache = cache;
	return sessions;
}

void sessions_free(struct sessions *sessions)
{
	mem_free(sessions);
}

/* Microseconds, strictly increasing. */
static int64_t created_us(struct sessions *sessions, int64_t now_ms)
{
	int64_t now = now_ms * 1000;

	sessions->last_us = now > sessions->last_us ? now : sessions->last_us + 1;
	return sessions->last_us;
}

/* Over slots. Parks. */
static enum error create_in_steps(
	struct session_work *w, struct session_script *script, struct fault *fault)
{
	struct slice index = buf_slice(&w->index), hash = script->args[2];
	int64_t ignored;
	enum error error = session_index_enter(w, index, hash, false, fault);

	script->keys[1] = script->keys[0];
	if (!error)
		error = session_run(w->sessions->cache, script, &ignored, NULL, fault);
	if (!error)
		error = session_index_enter(w, index, hash, true, fault);
	if (!error)
		session_index_tidy(w, index, hash);
	return error;
}

/* Parks. */
static enum error save_new(struct session_work *w, struct slice user_id, struct fault *fault)
{
	struct buf rest = {0};
	/* One reading of the clock, so that created and last_seen are equal. */
	int64_t ignored, now_ms = session_now();

	w->record.created_us = created_us(w->sessions, now_ms);
	session_stamp(w, now_ms);
	session_record_rest(&w->record, user_id, w->record.data.text, &rest);
	if (user_id.n)
		session_index(w->sessions->cache, user_id, &w->index);
	struct session_script script = session_script_of(w, create_script);
	session_script_store(w, &rest, &script);
	enum error error =
		session_in_steps(w, buf_slice(&w->index))
			? create_in_steps(w, &script, fault)
			: session_run(w->sessions->cache, &script, &ignored, NULL, fault);
	buf_release(&rest);
	return error;
}

static int64_t or_default(int64_t ms, int64_t otherwise_ms)
{
	return ms ? ms : otherwise_ms;
}

enum error session_create(struct sessions *sessions, const struct session_new *what,
	char ret_id[SESSION_ID + 1], struct session *ret, struct fault *fault)
{
	struct session_work w = {.sessions = sessions};

	*ret = (struct session){0};
	enum error error = check_create(what, fault);
	if (error)
		return error;
	session_new_id(ret_id);
	session_key_of_id(slice_of(ret_id, SESSION_ID), &w.key);
	w.record = (struct session_record){
		.ttl_ms = or_default(what->ttl_ms, sessions->cache->conf->sessions.ttl_ms),
		.max_age_ms =
			or_default(what->max_age_ms, sessions->cache->conf->sessions.max_age_ms),
		.data = json_root(what->data.n ? what->data : SLICE("{}"))};
	error = save_new(&w, what->user_id, fault);
	if (!error) {
		w.record.last_seen_ms = w.now_ms;
		session_fill(&w.key, &w.record, ret);
		buf_add(&ret->user_id, what->user_id);
	}
	session_work_end(&w);
	return error;
}

/* What is done to a session that was read. */
enum use { TOUCH, END };

/*
 * One script that compares the head. Over slots the index is renewed first: a session must not live
 * longer than its entry, so that *ret is 3, and nothing was done, if that is not possible now.
 * Parks.
 */
static enum error run_once(struct session_work *w, enum use use, int64_t *ret, struct fault *fault)
{
	struct session_script script =
		session_script_of(w, use == TOUCH ? touch_script : delete_script);
	struct slice index = buf_slice(&w->index), hash = script.args[2];
	bool steps = session_in_steps(w, index);

	script.args[script.arg_count++] = w->record.head;
	if (steps)
		script.keys[1] = script.keys[0];
	if (steps && use == TOUCH && session_index_note(w, index, hash, NULL)) {
		*ret = 3;
		return OK;
	}
	enum error error = session_run(w->sessions->cache, &script, ret, NULL, fault);
	if (!error && steps && use == TOUCH && *ret != 1)
		session_index_verify(w, index, hash);
	if (!error && steps && use == END && *ret == 1)
		session_index_leave(w->sessions->cache, index, &hash, 1);
	return error;
}

/*
 * Reads the session and runs the script; again if ttl, user or id of the session have changed since
 * it was read. *ret_done is false where the session was left as it is. Parks.
 */
static enum error load_and_run(
	struct session_work *w, enum use use, bool *ret_done, struct fault *fault)
{
	int64_t outcome;

	for (int i = 0; i < SESSION_TRIES; i++) {
		enum error error = session_load(w, fault);

		if (error)
			return error;
		session_stamp(w, session_now());
		error = run_once(w, use, &outcome, fault);
		if (error)
			return error;
		if (outcome == 0)
			return session_unknown(fault);
		*ret_done = outcome == 1;
		if (outcome != 2)
			return OK;
	}
	return session_conflict(SESSION_TRIES, fault);
}

enum error session_get(struct sessions *sessions, struct slice id, bool touch, struct session *ret,
	struct fault *fault)
{
	struct session_work w = {.sessions = sessions};

	*ret = (struct session){0};
	session_key_of_id(id, &w.asked);
	bool touched = false;
	enum error error =
		touch ? load_and_run(&w, TOUCH, &touched, fault) : session_load(&w, fault);
	if (!error && touched)
		w.record.last_seen_ms = w.now_ms;
	if (!error)
		session_fill(&w.key, &w.record, ret);
	session_work_end(&w);
	return error;
}

enum error session_delete(struct sessions *sessions, struct slice id, struct fault *fault)
{
	struct session_work w = {.sessions = sessions};

	session_key_of_id(id, &w.asked);
	bool ended;
	enum error error = load_and_run(&w, END, &ended, fault);
	struct slice key = slice_of(w.key.text, SESSION_KEY);
	if (error == ERR_UNKNOWN_SESSION)
		error = OK;
	else if (error == ERR_CORRUPT_VALUE)
		error = store_command(sessions->cache->store, key, NULL, fault, SLICE("DEL"), key);
	session_work_end(&w);
	return error;
}
