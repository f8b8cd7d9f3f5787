/* SPDX-License-Identifier: MIT */
/*
 * Sessions: a JSON object per visitor, under an id that only the visitor has.
 *
 *	id = 256 random bits, base64url (43 characters)
 *	session:<SHA-256 of the id, hex>   STRING: our JSON envelope, PX = ttl
 *	cw:user:<user_id>:sessions         ZSET: member = that hex, score = expiry (Unix ms)
 *
 * The id itself is nowhere in Redis and in no log: `ref` (the first 16 hex digits of the hash)
 * names a session to people. A session may be of no user, and is in no index then. Index entries
 * of ended sessions are cleaned as they are read; the index lives a little longer than its last
 * session and is repaired whenever a session is used. Every step that changes something is one
 * script, so that daemons and libraries on one Redis may do it at once.
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
	struct buf user_id; /* empty = of no user */
	struct buf data;    /* a JSON object, numbers as they were spelt */
	int64_t created_wall_ms, last_seen_wall_ms, expires_wall_ms;
};
void session_release(struct session *session);

/* What a session begins with. */
struct session_new {
	struct slice user_id; /* empty = of no user */
	struct slice data;    /* a JSON object; empty = {} */
	int64_t ttl_ms;	      /* 0 = sessions.ttl */
	int64_t max_age_ms;   /* it ends that long after it began, used or not; 0 = sessions.max_age
			       */
};
/*
 * ret_id gets the id and a NUL. Where the user has more than sessions.max_per_user then, the oldest
 * of them end. ERR_BAD_BODY where user_id is not UTF-8 or is longer than SESSION_USER_BYTES, data
 * no object, a time below a second or over 10 years; ERR_BAD_JSON; ERR_TOO_LARGE where data passes
 * SESSION_DATA_BYTES. Parks.
 */
enum error session_create(struct sessions *sessions, const struct session_new *what,
	char ret_id[SESSION_ID + 1], struct session *ret, struct fault *fault);
/*
 * ERR_UNKNOWN_SESSION for any id that is not alive, well-formed or not. touch slides the expiry:
 * also where Redis has no memory left, when last_seen stays behind. Parks.
 */
enum error session_get(struct sessions *sessions, struct slice id, bool touch, struct session *ret,
	struct fault *fault);
/* What becomes of a session; what is zero stays as it is. */
struct session_change {
	bool set_user;
	struct slice user_id; /* where set_user; empty = of no user from now on */
	int64_t ttl_ms;
	struct slice patch; /* a JSON object that is merged into the data (RFC 7396) */
	int64_t grace_ms;   /* session_rotate(): how long the old id leads to the session */
};
/*
 * All of it or nothing, by read, merge, compare-and-store; SESSION_TRIES tries, then ERR_CONFLICT.
 * ERR_BAD_BODY and ERR_BAD_JSON as session_create(), ERR_TOO_LARGE where patch or data would pass
 * SESSION_DATA_BYTES. Slides the expiry. The oldest sessions of another user end as they do where
 * one is begun. Parks.
 */
enum error session_patch(struct sessions *sessions, struct slice id,
	const struct session_change *change, struct session *ret, struct fault *fault);
/* OK whether it was there or not. Parks. */
enum error session_delete(struct sessions *sessions, struct slice id, struct fault *fault);
/*
 * As session_patch(), and the session has a new id. The old one is dead at once, or after grace_ms
 * (ERR_BAD_BODY over SESSION_GRACE_MS): till then it does all that the new one does, but for this:
 * ERR_CONFLICT, so that an id that was replaced never leads to one that lasts. Parks.
 */
enum error session_rotate(struct sessions *sessions, struct slice id,
	const struct session_change *change, char ret_id[SESSION_ID + 1], struct session *ret,
	struct fault *fault);
/*
 * *ret: an array the caller releases one by one and frees; at most SESSION_LIST, those that expire
 * last first. Without data. Parks.
 */
enum error session_list(struct sessions *sessions, struct slice user_id, struct session **ret,
	size_t *ret_count, struct fault *fault);
/* Whether the text has a ref's shape. Pure. */
bool session_ref_valid(struct slice ref);
/* Ends the user's sessions: that of `ref` alone, or all but `except`; empty = not given. Parks. */
enum error session_end_all(struct sessions *sessions, struct slice user_id, struct slice ref,
	struct slice except, size_t *ret_ended, struct fault *fault);

#endif
