/* SPDX-License-Identifier: MIT */
/*
 * Sessions: a JSON object for each visitor, under an id that only the visitor knows. Redis stores a
 * hash of the id; `ref`, the first digits of the hash, identifies a session in lists and logs.
 */
#ifndef CACHEWARDEN_SESSION_H
#define CACHEWARDEN_SESSION_H

#include <cachewarden/handle.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The id that the visitor keeps, for example in a cookie. Never log it. A plain value. */
struct cw_session_id {
	char text[44];
};

/* A session that was read; cw_session_release() frees it. Times are Unix milliseconds. */
struct cw_session {
	char ref[17];
	char *user_id; /* NULL = the session has no user */
	char *data;    /* a JSON object, numbers as they were spelt; NULL in lists */
	size_t data_size;
	int64_t created_ms, last_seen_ms, expires_ms;
};

/* May be NULL or zeroed. */
CW_API void cw_session_release(struct cw_session *session);

/* A new session. */
struct cw_session_new {
	struct cw_bytes user_id; /* sessions can be listed by it; empty = no user */
	struct cw_bytes data;	 /* a JSON object; empty = {} */
	int64_t ttl;		 /* seconds until it expires unused; 0 = sessions.ttl */
	int64_t max_age;	 /* seconds until it expires, used or not; 0 = sessions.max_age */
};

/* Creates a session. The user's oldest sessions beyond sessions.max_per_user end. */
CW_API enum cw_status cw_session_create(struct cw_cache *cache, const struct cw_session_new *what,
	struct cw_session_id *ret, struct cw_error *error);
/* Reads a session and renews its expiry. CW_NOT_FOUND: there is no session with this id. */
CW_API enum cw_status cw_session_get(
	struct cw_cache *cache, const char *id, struct cw_session *ret, struct cw_error *error);
/* Reads a session without renewing its expiry. */
CW_API enum cw_status cw_session_peek(
	struct cw_cache *cache, const char *id, struct cw_session *ret, struct cw_error *error);
/*
 * Merges a JSON object into the data (RFC 7396: null removes a member). Concurrent patches are all
 * applied. `ret` may be NULL. CW_CONFLICT: changed by others during each of 16 tries.
 */
CW_API enum cw_status cw_session_patch(struct cw_cache *cache, const char *id,
	struct cw_bytes patch, struct cw_session *ret, struct cw_error *error);
/* A change of a session; members that are zero change nothing. */
struct cw_session_change {
	bool set_user;
	struct cw_bytes user_id; /* if set_user: the new user; empty = no user */
	int64_t ttl;		 /* seconds */
	struct cw_bytes patch;	 /* merged into the data, as by cw_session_patch() */
	int64_t grace;		 /* seconds, at most 60; for cw_session_rotate_with() only */
};

/* Makes the whole change or none. `ret` may be NULL. CW_CONFLICT as cw_session_patch(). */
CW_API enum cw_status cw_session_change(struct cw_cache *cache, const char *id,
	const struct cw_session_change *what, struct cw_session *ret, struct cw_error *error);
/* CW_OK even if there is no such session. */
CW_API enum cw_status cw_session_delete(
	struct cw_cache *cache, const char *id, struct cw_error *error);
/*
 * Gives the session a new id, as after a login; the old one is invalid at once. `ret` may be the
 * struct that `id` points into.
 */
CW_API enum cw_status cw_session_rotate(
	struct cw_cache *cache, const char *id, struct cw_session_id *ret, struct cw_error *error);
/*
 * The same with a change, for example of the user. For `grace` seconds the old id still reads the
 * session, so that requests under way do not fail; rotating the old id again is CW_CONFLICT.
 */
CW_API enum cw_status cw_session_rotate_with(struct cw_cache *cache, const char *id,
	const struct cw_session_change *what, struct cw_session_id *ret, struct cw_error *error);

/* The sessions of a user, at most 1,000, without data. */
struct cw_session_list {
	struct cw_session *items;
	size_t count;
};

/* Free `ret` with cw_session_list_release(), which accepts NULL. */
CW_API enum cw_status cw_session_list(struct cw_cache *cache, struct cw_bytes user_id,
	struct cw_session_list *ret, struct cw_error *error);
CW_API void cw_session_list_release(struct cw_session_list *list);

/*
 * Which sessions of a user end: the one with `ref`, or all except `except`, or all if both are
 * NULL. A text that is not a ref, such as "", is CW_BAD_ARGUMENT, and nothing ends.
 */
struct cw_session_end {
	const char *ref, *except;
};

/* Ends sessions. `which` may be NULL: all. *ret_ended (may be NULL): how many ended. */
CW_API enum cw_status cw_session_end(struct cw_cache *cache, struct cw_bytes user_id,
	const struct cw_session_end *which, size_t *ret_ended, struct cw_error *error);

#ifdef __cplusplus
}
#endif

#endif
