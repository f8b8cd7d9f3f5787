/* SPDX-License-Identifier: MIT */
/*
 * One session: begun, used, moved to a new id, ended; see session.h. Patches have session_patch.c.
 *
 *	load: GETRANGE (no write) -> judge -> one script that writes
 */
#include "cache/session_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

enum {
	min_ttl_ms = 1000,
	/* Index entries past their time by this are dead on any clock. */
	forgotten_ms = 24 * 3600 * 1000,
};

/*
 * ARGV 5 rest, 6 max_per_user, 7 "session:", 8 the score of what is forgotten. The index comes
 * first: where it cannot be written nothing is. Of a user with more sessions than are looked at,
 * each create ends as many as it sees.
 */
static const char create_script[] =
	"local hits, misses, ended = 0, 0, 0 "
	"redis.call('ZADD', KEYS[2], ARGV[4], ARGV[3]) "
	"redis.call('SET', KEYS[1], '" SESSION_HEAD "' .. ARGV[1] .. ARGV[5], 'PX', ARGV[2]) "
	"redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', '(' .. ARGV[8]) " NOTE_IN_INDEX
	"local max = tonumber(ARGV[6]) "
	"if max == 0 then return {hits, misses, 0} end "
	"hits = hits + 1 "
	"if redis.call('ZCARD', KEYS[2]) <= max then return {hits, misses, 0} end "
	"local alive = {} "
	"for _, m in ipairs(redis.call('ZRANGE', KEYS[2], 0, 1999)) do "
	"if m ~= ARGV[3] then "
	"local head = redis.pcall('GETRANGE', ARGV[7] .. m, 0, 127) "
	"local created = type(head) == 'string' and string.match(head, '\"created\":(%d+)') "
	"if created then hits = hits + 1 alive[#alive + 1] = {tonumber(created), m} "
	"else misses = misses + 1 redis.call('ZREM', KEYS[2], m) end end end "
	"table.sort(alive, function(a, b) "
	"if a[1] ~= b[1] then return a[1] < b[1] end return a[2] < b[2] end) "
	"hits = hits + 2 "
	"for i = 1, math.min(redis.call('ZCARD', KEYS[2]) - max, #alive) do "
	"ended = ended + redis.call('DEL', ARGV[7] .. alive[i][2]) "
	"redis.call('ZREM', KEYS[2], alive[i][2]) end "
	"return {hits, misses, ended}";

/* Where memory is short the expiry slides all the same. */
static const char touch_script[] =
	"local hits, misses = 1, 0 "
	"if redis.call('EXISTS', KEYS[1]) == 0 then return {0, 1, 0} end "
	"redis.pcall('SETRANGE', KEYS[1], 13, ARGV[1]) "
	"redis.call('PEXPIRE', KEYS[1], ARGV[2]) " NOTE_IN_INDEX "return {hits, misses, 1}";

/* KEYS[3] the new session; ARGV 5 the old one's hash. What it holds is moved as it is now. */
static const char rotate_script[] =
	"local hits, misses, v = 1, 0, redis.call('GET', KEYS[1]) "
	"if not v then local moved = redis.call('EXISTS', KEYS[3]) "
	"return {moved, 2 - moved, moved} end "
	"redis.call('SET', KEYS[3], '" SESSION_HEAD "' .. ARGV[1] .. "
	"string.sub(v, " SESSION_LUA_REST "), 'PX', ARGV[2]) "
	"redis.call('DEL', KEYS[1]) "
	"redis.pcall('ZREM', KEYS[2], ARGV[5]) " NOTE_IN_INDEX "return {hits, misses, 1}";

static enum error check_create(
	struct slice user_id, struct slice data, int64_t ttl_ms, struct fault *fault)
{
	if (user_id.n == 0 || user_id.n > SESSION_USER_BYTES || !utf8_valid(user_id))
		return fault_at(fault, ERR_BAD_BODY, "/user_id",
			"/user_id must be UTF-8 of 1 to %d bytes", SESSION_USER_BYTES);
	if (ttl_ms < min_ttl_ms || ttl_ms > TTL_MAX_MS)
		return fault_at(fault, ERR_BAD_BODY, "/ttl",
			"/ttl must be from 1 second to 10 years (%lld seconds)",
			(long long)(TTL_MAX_MS / 1000));
	if (data.n > SESSION_DATA_BYTES)
		return fault_at(fault, ERR_TOO_LARGE, "/data",
			"the session's data has %zu bytes; at most %d are taken: keep big things "
			"under keys of their own",
			data.n, SESSION_DATA_BYTES);
	enum error error = json_check(data, &session_limits, fault);

	if (!error && json_root(data).type != JSON_OBJECT)
		return fault_at(fault, ERR_BAD_BODY, "/data", "/data must be an object");
	return error;
}

/* Microseconds; each is later than the one before. */
static int64_t begun_at(struct cw *cw, int64_t now_ms)
{
	int64_t now = now_ms * 1000;

	cw->last_session_us = now > cw->last_session_us ? now : cw->last_session_us + 1;
	return cw->last_session_us;
}

/* Parks. */
static enum error store_new(
	struct session_work *w, struct slice user_id, struct slice data, struct fault *fault)
{
	struct buf rest = {0};
	char max[24], forgotten[24];
	int64_t ended;

	/* One look at the clock, so that it was begun when it was last seen. */
	session_stamp(w);
	w->record.created_us = begun_at(w->cw, w->now_ms);
	session_record_rest(&w->record, user_id, data, &rest);
	session_index(w->cw, user_id, &w->index);
	int64_t forgotten_at = w->now_ms - forgotten_ms;
	snprintf(max, sizeof max, "%lld", (long long)w->cw->conf->sessions.max_per_user);
	snprintf(forgotten, sizeof forgotten, "%lld", (long long)forgotten_at);
	struct session_script script = session_script_of(w, create_script);
	script.args[script.arg_count++] = buf_slice(&rest);
	script.args[script.arg_count++] = slice_str(max);
	script.args[script.arg_count++] = SLICE(SESSION_PREFIX);
	script.args[script.arg_count++] = slice_str(forgotten);
	enum error error = session_run(w->cw, &script, &ended, NULL, fault);
	buf_release(&rest);
	return error;
}

enum error session_create(struct cw *cw, struct slice user_id, struct slice data, int64_t ttl_ms,
	char ret_id[SESSION_ID + 1], struct session *ret, struct fault *fault)
{
	struct session_work w = {.cw = cw};

	*ret = (struct session){0};
	if (ttl_ms == 0)
		ttl_ms = cw->conf->sessions.ttl_ms;
	if (data.n == 0)
		data = SLICE("{}");
	enum error error = check_create(user_id, data, ttl_ms, fault);
	if (error)
		return error;
	data = json_root(data).text;
	session_new_id(ret_id);
	session_key_of_id(slice_of(ret_id, SESSION_ID), &w.key);
	w.record = (struct session_record){.ttl_ms = ttl_ms, .data = {JSON_OBJECT, data}};
	error = store_new(&w, user_id, data, fault);
	if (!error) {
		w.record.last_seen_ms = w.now_ms;
		session_fill(&w.key, &w.record, ret);
		buf_add(&ret->user_id, user_id);
	}
	session_work_end(&w);
	return error;
}

/* Parks. */
static enum error touch_now(struct session_work *w, struct fault *fault)
{
	int64_t alive;

	session_stamp(w);
	struct session_script script = session_script_of(w, touch_script);
	enum error error = session_run(w->cw, &script, &alive, NULL, fault);
	if (!error && !alive)
		error = session_unknown(fault);
	w->record.last_seen_ms = w->now_ms;
	return error;
}

enum error session_get(
	struct cw *cw, struct slice id, bool touch, struct session *ret, struct fault *fault)
{
	struct session_work w = {.cw = cw};

	*ret = (struct session){0};
	session_key_of_id(id, &w.key);
	enum error error = session_load(&w, fault);
	if (!error && touch)
		error = touch_now(&w, fault);
	if (!error)
		session_fill(&w.key, &w.record, ret);
	session_work_end(&w);
	return error;
}

enum error session_rotate(struct cw *cw, struct slice id, char ret_id[SESSION_ID + 1],
	struct session *ret, struct fault *fault)
{
	struct session_work w = {.cw = cw};
	struct session_key fresh;
	int64_t moved = 0;

	*ret = (struct session){0};
	session_key_of_id(id, &w.key);
	enum error error = session_load(&w, fault);
	if (error)
		goto out;
	session_new_id(ret_id);
	session_key_of_id(slice_of(ret_id, SESSION_ID), &fresh);
	session_stamp(&w);
	struct session_script script = session_script_of(&w, rotate_script);
	script.keys[script.key_count++] = slice_of(fresh.text, SESSION_KEY);
	script.args[2] = slice_of(session_hash(&fresh), SESSION_HASH);
	script.args[script.arg_count++] = slice_of(session_hash(&w.key), SESSION_HASH);
	error = session_run(cw, &script, &moved, NULL, fault);
	if (!error && !moved)
		error = session_unknown(fault);
	w.record.last_seen_ms = w.now_ms;
	if (!error)
		session_fill(&fresh, &w.record, ret);
out:
	session_work_end(&w);
	return error;
}

enum error session_delete(struct cw *cw, struct slice id, struct fault *fault)
{
	struct session_work w = {.cw = cw};
	struct slice key = slice_of(w.key.text, SESSION_KEY);

	session_key_of_id(id, &w.key);
	enum error error = session_load(&w, fault);
	bool indexed = error == OK;
	if (error == ERR_UNKNOWN_SESSION)
		error = OK;
	else if (!error || error == ERR_CORRUPT_VALUE)
		error = redis_store_command(cw->store, key, NULL, fault, SLICE("DEL"), key);
	/* What stays in the index is cleaned as it is read. */
	if (!error && indexed)
		redis_store_command(cw->store, key, NULL, NULL, SLICE("ZREM"), buf_slice(&w.index),
			slice_of(session_hash(&w.key), SESSION_HASH));
	session_work_end(&w);
	return error;
}
