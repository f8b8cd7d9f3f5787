/* SPDX-License-Identifier: MIT */
/*
 * How sessions lie in Redis; for cache/session*.c.
 *
 *	{"last_seen":1732445118123,"created":1732445118123000,"ttl":1800000,"user_id":"42","data":{}}
 *	             |            ^ rest
 *	             ^ 13 digits, written over in place when the session is used
 *
 * The expiry is last_seen + ttl. `created` is in microseconds, so that the oldest of a user's
 * sessions is told apart from the next. `rest` is what a patch compares: to be used at the same
 * time is no conflict.
 */
#ifndef CW_CACHE_SESSION_INTERNAL_H
#define CW_CACHE_SESSION_INTERNAL_H

#include "base/json.h"
#include "cache/session.h"

#define SESSION_PREFIX "session:"
/* For scripts: the text before last_seen, and where its rest begins, counted as Lua does. */
#define SESSION_HEAD	 "{\"last_seen\":"
#define SESSION_LUA_REST "27"

enum {
	SESSION_PREFIX_BYTES = sizeof SESSION_PREFIX - 1,
	SESSION_KEY = SESSION_PREFIX_BYTES + SESSION_HASH,
	SESSION_REST_AT = 26,
	SESSION_HEAD_BYTES = 128, /* hold all before user_id */
	SESSION_STORED_BYTES = SESSION_DATA_BYTES + 6 * SESSION_USER_BYTES + 256,
};

extern const struct json_limits session_limits;

struct session_key {
	char text[SESSION_KEY + 1];
};

/* Of any bytes that somebody calls an id. */
void session_key_of_id(struct slice id, struct session_key *ret);
void session_key_of_hash(struct slice hash, struct session_key *ret);
const char *session_hash(const struct session_key *key);
void session_new_id(char ret[SESSION_ID + 1]);
/* Appends the key of the user's index. */
void session_index(const struct cw *cw, struct slice user_id, struct buf *out);

/* Views into what is stored. */
struct session_record {
	int64_t last_seen_ms, created_us, ttl_ms;
	struct slice rest;
	struct json_value user_id, data;
};
/* Of the first SESSION_HEAD_BYTES: the numbers. */
bool session_record_head(struct slice stored, struct session_record *ret);
/* ERR_CORRUPT_VALUE. */
enum error session_record_parse(
	struct slice stored, struct session_record *ret, struct fault *fault);
/* Appends the rest; user_id is text, data JSON. */
void session_record_rest(const struct session_record *record, struct slice user_id,
	struct slice data, struct buf *out);
void session_fill(
	const struct session_key *key, const struct session_record *record, struct session *ret);

/*
 * One of our scripts. They answer {hits, misses, ...}, as redis/lookup.h wants it: *ret gets the
 * third number, *ret_more the fourth (0 where there is none; may be NULL).
 */
struct session_script {
	const char *text;
	struct slice keys[3];
	size_t key_count;
	struct slice args[8];
	size_t arg_count;
};
/* Parks. */
enum error session_run(struct cw *cw, const struct session_script *script, int64_t *ret,
	int64_t *ret_more, struct fault *fault);

/* A session at work. */
struct session_work {
	struct cw *cw;
	struct session_key key;
	struct redis_value *reply;
	struct session_record record; /* views into the reply */
	struct buf index, merged;
	int64_t now_ms;
	char now[24], ttl[24], expires[24];
};

void session_work_end(struct session_work *w);
/* The session as it is now, and whose it is. ERR_UNKNOWN_SESSION, ERR_CORRUPT_VALUE. Parks. */
enum error session_load(struct session_work *w, struct fault *fault);
enum error session_unknown(struct fault *fault);
/* The time is now: what all scripts are told, and what the caller is. */
void session_stamp(struct session_work *w);
/* With the keys and arguments that all have. */
struct session_script session_script_of(const struct session_work *w, const char *text);

/*
 * All scripts: KEYS the session, the user's index; ARGV now, ttl, hash, expiry. A score that lags
 * by less than a second is left, since scores are for housekeeping. The index outlives its last
 * session by a minute or two.
 */
#define NOTE_IN_INDEX \
	"local left, score = redis.call('PTTL', KEYS[2]), false " \
	"if left == -2 then misses = misses + 1 else hits = hits + 2 " \
	"score = redis.pcall('ZSCORE', KEYS[2], ARGV[3]) end " \
	"if type(score) ~= 'table' then " \
	"if not score or ARGV[4] - score >= 1000 then " \
	"redis.pcall('ZADD', KEYS[2], ARGV[4], ARGV[3]) end " \
	"if left < ARGV[2] + 60000 then " \
	"redis.call('PEXPIRE', KEYS[2], string.format('%.0f', ARGV[2] + 120000)) end end "

#endif
