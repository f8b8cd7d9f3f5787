/* SPDX-License-Identifier: MIT */
/*
 * How sessions are stored in Redis; for session*.c only.
 *
 *	{"last_seen":1732445118123,"created":1732445118123000,"ttl":1800000,"user_id":"4","data":{}}
 *	             |            ^ rest, up to the end; its head ends before ,"data"
 *	             ^ 13 digits, overwritten in place when the session is used
 *
 * The expiry is last_seen + ttl. `,"max_age":N` follows ttl if the session has one: the expiry is
 * never after created + max_age. user_id is null for a session without a user. `created` is in
 * microseconds, so that the order of a user's sessions is known. A change compares `rest`: use at
 * the same time is not a conflict. Use compares the head of it (all but the data): if ttl or user
 * have changed, the session is read again.
 *
 * Within the grace of a rotation the old key holds {"moved":"<hash of the new id>"}. Over slots it
 * holds {"ended":"<that hash>"} for a moment if there is no grace.
 */
#ifndef CW_SESSION_SESSION_INTERNAL_H
#define CW_SESSION_SESSION_INTERNAL_H

#include "base/semaphore.h"
#include "session/session.h"
#include "text/json.h"

#define SESSION_PREFIX	    "session:"
#define SESSION_ENDED_BEGIN "{\"ended\":\""
/* For scripts: the text before last_seen, and the index of the rest in Lua (from 1). */
#define SESSION_HEAD	 "{\"last_seen\":"
#define SESSION_LUA_REST "27"

enum {
	SESSION_PREFIX_BYTES = sizeof SESSION_PREFIX - 1,
	SESSION_KEY = SESSION_PREFIX_BYTES + SESSION_HASH,
	SESSION_REST_AT = 26,
	SESSION_HEAD_BYTES = 128, /* contain everything before user_id */
	SESSION_TRIES = 16,	  /* of a change that conflicts with others */
	SESSION_STORED_BYTES = SESSION_DATA_BYTES + 6 * SESSION_USER_BYTES + 256,
};

extern const struct json_limits session_limits;

struct session_key {
	char text[SESSION_KEY + 1];
};

/* Check input: ERR_BAD_BODY, ERR_BAD_JSON, ERR_TOO_LARGE. 0 ms = not given. */
enum error session_check_user(struct slice user_id, struct fault *fault);
enum error session_check_time(const char *member, int64_t ms, struct fault *fault);
enum error session_check_data(struct slice data, const char *what, struct fault *fault);

/* The id may be any bytes. */
void session_key_of_id(struct slice id, struct session_key *ret);
void session_key_of_hash(struct slice hash, struct session_key *ret);
const char *session_hash(const struct session_key *key);
void session_new_id(char ret[SESSION_ID + 1]);
/* Appends the key of the user's index. */
void session_index(const struct cache *cache, struct slice user_id, struct buf *out);

/* Slices of the stored text. */
struct session_record {
	int64_t last_seen_ms, created_us, ttl_ms;
	int64_t max_age_ms; /* 0 = unlimited */
	struct slice rest, head;
	struct json_value user_id, data; /* user_id: JSON_STRING or JSON_NULL */
};
/* Reads the numbers from the first SESSION_HEAD_BYTES. */
bool session_record_head(struct slice stored, struct session_record *ret);
/* ERR_CORRUPT_VALUE. */
enum error session_record_parse(
	struct slice stored, struct session_record *ret, struct fault *fault);
/* When it expires if it is used at now_ms. */
int64_t session_record_end(const struct session_record *record, int64_t now_ms);
/* Appends the rest; user_id is text, empty = no user; data is JSON. */
void session_record_rest(const struct session_record *record, struct slice user_id,
	struct slice data, struct buf *out);
void session_fill(
	const struct session_key *key, const struct session_record *record, struct session *ret);

/*
 * A script. Scripts reply {hits, misses, ...}, as redis/commands.h requires: *ret gets the third
 * number, *ret_more (may be NULL) the fourth.
 */
struct session_script {
	const char *text;
	struct slice keys[4];
	size_t key_count;
	struct slice args[12];
	size_t arg_count;
};
/* Parks. */
enum error session_run(struct cache *cache, const struct session_script *script, int64_t *ret,
	int64_t *ret_more, struct fault *fault);

enum { SESSIONS_TURNS = 64 };

struct sessions {
	struct cache *cache;
	struct semaphore turns[SESSIONS_TURNS]; /* of those that patch, by session */
	int64_t last_us;			/* `created` of the last new session */
};

/* A session in use. */
struct session_work {
	struct sessions *sessions;
	struct session_key asked; /* of the id that the caller has */
	struct session_key key;	  /* of the session: another one within a grace */
	struct redis_value *reply;
	struct buf blanked;	      /* the reply, if it had to be corrected */
	struct session_record record; /* slices of one of them */
	struct buf index;	      /* empty = no user */
	struct buf merged;
	int64_t now_ms;
	char now[24], px[24], expires[24], max[24], forgotten[24];
};

void session_work_end(struct session_work *w);
/*
 * Reads the session and its index's name, following rotated ids. ERR_UNKNOWN_SESSION, also after
 * max_age; ERR_CORRUPT_VALUE. Parks.
 */
enum error session_load(struct session_work *w, struct fault *fault);
bool session_moved(const struct session_work *w);
enum error session_unknown(struct fault *fault);
/* After `tries` tries. */
enum error session_conflict(int tries, struct fault *fault);
/* The time, limited to 13 digits if the clock is wrong. */
int64_t session_now(void);
/* Sets the time of use, and the script arguments that depend on it. */
void session_stamp(struct session_work *w, int64_t now_ms);
/*
 * Over slots, where a script works on one session or on one index: session_index.c. All park.
 *
 * session_index_enter() puts the session with this hash into an index, before it is stored and,
 * with `stored`, again afterwards; session_index_note() renews the entry of one that is used: OK
 * also without memory, and if the index is none. Errors of session_index_leave() and
 * session_index_tidy() are left to the next reader.
 */
enum error session_index_enter(const struct session_work *w, struct slice index, struct slice hash,
	bool stored, struct fault *fault);
enum error session_index_note(
	const struct session_work *w, struct slice index, struct slice hash, struct fault *fault);
/* Returns how many entries were removed. */
size_t session_index_leave(
	struct cache *cache, struct slice index, const struct slice *hashes, size_t count);
/* Whether all this is needed for a session of that index. */
bool session_in_steps(const struct session_work *w, struct slice index);
/* After a change that was too late: removes what it entered, if the session is not there any more.
 */
void session_index_verify(const struct session_work *w, struct slice index, struct slice hash);
/* As TIDY_INDEX. */
void session_index_tidy(const struct session_work *w, struct slice index, struct slice hash);
/*
 * Removes entries of ended sessions, given as hash and score by turns (`count` pairs), unless their
 * score has changed. Returns how many it removed. Parks.
 */
size_t session_index_remove(
	struct cache *cache, struct slice index, const struct slice *pairs, size_t count);

/* How a record names the user of an index: over slots an entry may lead to another user's session.
 */
struct session_owner {
	struct buf text;
	char end[16]; /* the last byte of a head that shows it */
};
void session_owner_init(struct session_owner *owner, const struct cache *cache, struct slice index);
void session_owner_release(struct session_owner *owner);
bool session_owner_has(const struct session_owner *owner, struct slice head);
/* Adds a script that ends a session of this user: session_run()'s number is 1 if it did. */
void session_owner_end(
	const struct session_owner *owner, struct redis_batch *batch, struct slice hash);
/* Adds the GETRANGE of a session's record up to that byte. The hash may be anything. */
void session_add_head(struct redis_batch *batch, struct slice hash, const char *end);

/* The script's key for the index; the session's key stands for "no index". */
struct slice session_index_or(const struct buf *index, const struct session_key *key);
/* With the keys and arguments of all scripts. */
struct session_script session_script_of(const struct session_work *w, const char *text);
/* Adds the arguments of scripts that store a session: ARGV 5 to 8. */
void session_script_store(
	struct session_work *w, const struct buf *rest, struct session_script *script);

/*
 * All scripts: KEYS 1 the session, 2 the user's index, or the session again if it has no user; ARGV
 * 1 now, 2 TTL in ms, 3 hash, 4 expiry. A score that differs by less than a second is left: scores
 * are only for cleaning. The index outlives its last session by one to two minutes.
 */
#define NOTE_IN_INDEX \
	"if KEYS[2] ~= KEYS[1] then " \
	"local left, score = redis.call('PTTL', KEYS[2]), false " \
	"if left == -2 then misses = misses + 1 else hits = hits + 2 " \
	"score = redis.pcall('ZSCORE', KEYS[2], ARGV[3]) end " \
	"if type(score) ~= 'table' then " \
	"if not score or math.abs(ARGV[4] - score) >= 1000 then " \
	"redis.pcall('ZADD', KEYS[2], ARGV[4], ARGV[3]) end " \
	"if left < ARGV[2] + 60000 then " \
	"redis.call('PEXPIRE', KEYS[2], string.format('%.0f', ARGV[2] + 120000)) end end end "

/*
 * Scripts that store a session: ARGV 5 its rest, 6 max_per_user, 7 "session:", 8 the score below
 * which entries are checked. ENTER_INDEX comes first: if the index cannot be written, nothing is.
 */
#define ENTER_INDEX "redis.call('ZADD', KEYS[2], ARGV[4], ARGV[3]) "
#define STORE_SESSION \
	"redis.call('SET', KEYS[1], '" SESSION_HEAD "' .. ARGV[1] .. ARGV[5], 'PX', ARGV[2]) "
/*
 * After adding to an index: removes entries of sessions that ended long ago, 100 at a time (an
 * entry whose session exists was written by a wrong clock, and stays), and ends the user's oldest
 * sessions, never this one. At most 2,000 entries are examined each time.
 */
#define TIDY_INDEX \
	"local old = redis.call('ZRANGE', KEYS[2], 0, 99, 'WITHSCORES') hits = hits + 1 " \
	"for i = 1, #old, 2 do " \
	"if tonumber(old[i + 1]) >= tonumber(ARGV[8]) then break end " \
	"if redis.call('EXISTS', ARGV[7] .. old[i]) == 1 then hits = hits + 1 " \
	"else misses = misses + 1 redis.call('ZREM', KEYS[2], old[i]) end end " \
	"local max = tonumber(ARGV[6]) hits = hits + 1 " \
	"if max > 0 and redis.call('ZCARD', KEYS[2]) > max then " \
	"local alive = {} " \
	"for _, m in ipairs(redis.call('ZRANGE', KEYS[2], 0, 1999)) do " \
	"if m ~= ARGV[3] then " \
	"local head = redis.pcall('GETRANGE', ARGV[7] .. m, 0, 127) " \
	"local created = type(head) == 'string' and string.match(head, '\"created\":(%d+)') " \
	"if created then hits = hits + 1 alive[#alive + 1] = {tonumber(created), m} " \
	"else misses = misses + 1 redis.call('ZREM', KEYS[2], m) end end end " \
	"table.sort(alive, function(a, b) " \
	"if a[1] ~= b[1] then return a[1] < b[1] end return a[2] < b[2] end) " \
	"hits = hits + 2 " \
	"for i = 1, math.min(redis.call('ZCARD', KEYS[2]) - max, #alive) do " \
	"redis.call('DEL', ARGV[7] .. alive[i][2]) " \
	"redis.call('ZREM', KEYS[2], alive[i][2]) end end "

#endif
