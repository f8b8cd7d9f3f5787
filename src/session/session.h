/* SPDX-License-Identifier: MIT */
/*
 * Sessions: a JSON object for each visitor, under a secret id.
 *
 *	id = 256 random bits, base64url (43 characters)
 *	session:<SHA-256 of the id, hex>   STRING: our JSON envelope, PX = ttl
 *	cw:user:<user_id>:sessions         ZSET: member = that hex, score = expiry (Unix ms)
 *
 * Neither Redis nor the log holds the id: `ref` (the first 16 hex digits of the hash) identifies a
 * session for people. A session without a user is in no index. Index entries of ended sessions are
 * removed when they are read; the index lives a little longer than its last session and is repaired
 * whenever a session is used. Every change is one script, so that several daemons and libraries can
 * use one Redis.
 */
#ifndef CW_SESSION_SESSION_H
#define CW_SESSION_SESSION_H

#include "cache/cache.h"
#include "text/quantity.h"

enum { SESSION_ID = 43, SESSION_REF = 16, SESSION_HASH = 64, SESSION_DATA_BYTES = 64 * 1024 };
enum { SESSION_USER_BYTES = 512, SESSION_LIST = 1000, SESSION_GRACE_MS = 60 * 1000 };

struct sessions;

/* `cache` is borrowed. */
struct sessions *sessions_new(struct cache *cache);
void sessions_free(struct sessions *sessions); /* may be NULL */

struct session {
	char ref[SESSION_REF + 1];
	struct buf user_id; /* empty = no user */
	struct buf data;    /* a JSON object; numbers are never reformatted */
	int64_t created_wall_ms, last_seen_wall_ms, expires_wall_ms;
};
void session_release(struct session *session);

/* A new session. */
struct session_new {
	struct slice user_id; /* empty = no user */
	struct slice data;    /* a JSON object; empty = {} */
	int64_t ttl_ms;	      /* 0 = sessions.ttl */
	int64_t max_age_ms;   /* it ends so long after its creation; 0 = sessions.max_age */
};
/*
 * ret_id gets the id and a NUL. If the user then has more than sessions.max_per_user, the oldest
 * end. ERR_BAD_BODY if user_id is not UTF-8 or is longer than SESSION_USER_BYTES, if data is not an
 * object, or a time below a second or over 10 years; ERR_BAD_JSON; ERR_TOO_LARGE if data is longer
 * than SESSION_DATA_BYTES. Parks.
 */
enum error session_create(struct sessions *sessions, const struct session_new *what,
	char ret_id[SESSION_ID + 1], struct session *ret, struct fault *fault);
/*
 * ERR_UNKNOWN_SESSION for an id without a session, well-formed or not. `touch` extends the expiry,
 * even if Redis is out of memory; last_seen is not updated then. Parks.
 */
enum error session_get(struct sessions *sessions, struct slice id, bool touch, struct session *ret,
	struct fault *fault);
/* A change of a session; zero members change nothing. */
struct session_change {
	bool set_user;
	struct slice user_id; /* with set_user; empty = no user */
	int64_t ttl_ms;
	struct slice patch; /* a JSON object that is merged into the data (RFC 7396) */
	int64_t grace_ms;   /* session_rotate(): how long the old id stays valid */
};
/*
 * Atomic: read, merge, compare and store; ERR_CONFLICT after SESSION_TRIES tries. ERR_BAD_BODY and
 * ERR_BAD_JSON as session_create(), ERR_TOO_LARGE if patch or data would be longer than
 * SESSION_DATA_BYTES. Extends the expiry. If the user changes, the oldest sessions of the new user
 * may end, as in session_create(). Parks.
 */
enum error session_patch(struct sessions *sessions, struct slice id,
	const struct session_change *change, struct session *ret, struct fault *fault);
/* OK whether the session existed or not. Parks. */
enum error session_delete(struct sessions *sessions, struct slice id, struct fault *fault);
/*
 * As session_patch(), and the session gets a new id. The old one ends at once, or after grace_ms
 * (ERR_BAD_BODY over SESSION_GRACE_MS). Until then it can be used as the new one, but not for
 * another rotation (ERR_CONFLICT): a replaced id must not give access to a lasting one. Parks.
 */
enum error session_rotate(struct sessions *sessions, struct slice id,
	const struct session_change *change, char ret_id[SESSION_ID + 1], struct session *ret,
	struct fault *fault);
/*
 * *ret: an array of at most SESSION_LIST sessions without data, latest expiry first; the caller
 * releases each and frees the array. Parks.
 */
enum error session_list(struct sessions *sessions, struct slice user_id, struct session **ret,
	size_t *ret_count, struct fault *fault);
/* Whether the text has the form of a ref. */
bool session_ref_valid(struct slice ref);
/* Ends the user's sessions: only `ref`, or all but `except`; empty = not given. Parks. */
enum error session_end_all(struct sessions *sessions, struct slice user_id, struct slice ref,
	struct slice except, size_t *ret_ended, struct fault *fault);

#endif
