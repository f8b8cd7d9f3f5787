/* SPDX-License-Identifier: MIT */
/*
 * Sessions: a JSON object for each visitor, under an id that only the visitor has. Redis holds a
 * hash of the id; `ref`, its beginning, names a session to people and in logs.
 */
#ifndef CACHEWARDEN_SESSION_H
#define CACHEWARDEN_SESSION_H

#include <cachewarden/handle.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the visitor keeps, e.g. in a cookie. Never log it. A plain value, with a NUL. */
struct cw_session_id {
	char text[44];
};

/* A session that came out; cw_session_release() gives it back. Times are Unix milliseconds. */
struct cw_session {
	char ref[17];
	char *user_id; /* NULL: the session is of no user */
	char *data;    /* a JSON object as text, numbers as they were spelt; NULL in lists */
	size_t data_size;
	int64_t created_ms, last_seen_ms, expires_ms;
};

/* NULL, and a zeroed one, are welcome. */
CW_API void cw_session_release(struct cw_session *session);

/* What a session begins with. */
struct cw_session_new {
	struct cw_bytes user_id; /* text, by which sessions can be listed; empty = of no user */
	struct cw_bytes data;	 /* a JSON object; empty = {} */
	int64_t ttl;		 /* seconds unused; 0 = sessions.ttl of the configuration */
	int64_t max_age;	 /* seconds at most, used or not; 0 = sessions.max_age */
};

/* Where the user has more than sessions.max_per_user then, the oldest of them end. */
CW_API enum cw_status cw_session_create(struct cw_cache *cache, const struct cw_session_new *what,
	struct cw_session_id *ret, struct cw_error *error);
/* Slides the expiry. CW_NOT_FOUND where the id is of no session that is alive. */
CW_API enum cw_status cw_session_get(
	struct cw_cache *cache, const char *id, struct cw_session *ret, struct cw_error *error);
/* The same, leaving the expiry alone. */
CW_API enum cw_status cw_session_peek(
	struct cw_cache *cache, const char *id, struct cw_session *ret, struct cw_error *error);
/*
 * Merges a JSON object into the data (RFC 7396: null removes a member), whoever else does so at the
 * same time. `ret` may be NULL. CW_CONFLICT after 16 tries.
 */
CW_API enum cw_status cw_session_patch(struct cw_cache *cache, const char *id,
	struct cw_bytes patch, struct cw_session *ret, struct cw_error *error);
/* What becomes of a session; what is zero stays as it is. */
struct cw_session_change {
	bool set_user;
	struct cw_bytes user_id; /* where set_user; empty = of no user from now on */
	int64_t ttl;		 /* seconds */
	struct cw_bytes patch;	 /* merged into the data, as by cw_session_patch() */
	int64_t grace;		 /* seconds, at most 60; of cw_session_rotate_with() alone */
};

/* All of it or nothing. `ret` may be NULL. CW_CONFLICT after 16 tries. */
CW_API enum cw_status cw_session_change(struct cw_cache *cache, const char *id,
	const struct cw_session_change *what, struct cw_session *ret, struct cw_error *error);
/* CW_OK whether it was there or not. */
CW_API enum cw_status cw_session_delete(
	struct cw_cache *cache, const char *id, struct cw_error *error);
/*
 * A new id for the same session, as after a login; the old one is dead at once. `ret` may be where
 * `id` lies.
 */
CW_API enum cw_status cw_session_rotate(
	struct cw_cache *cache, const char *id, struct cw_session_id *ret, struct cw_error *error);
/*
 * The same with a change, e.g. of the user at a login. With `grace` the old id leads to the session
 * that long, so that requests under way do not fail; to rotate that one again is CW_CONFLICT.
 */
CW_API enum cw_status cw_session_rotate_with(struct cw_cache *cache, const char *id,
	const struct cw_session_change *what, struct cw_session_id *ret, struct cw_error *error);

/* A user's sessions, at most 1,000, without data. */
struct cw_session_list {
	struct cw_session *items;
	size_t count;
};

CW_API enum cw_status cw_session_list(struct cw_cache *cache, struct cw_bytes user_id,
	struct cw_session_list *ret, struct cw_error *error);
CW_API void cw_session_list_release(struct cw_session_list *list);

/*
 * Which of a user's sessions end: that of `ref` alone, or all but `except`; NULL = not given. What
 * is given and is no ref, such as "", is CW_BAD_ARGUMENT, and nothing ends.
 */
struct cw_session_end {
	const char *ref, *except;
};

/* *ret_ended may be NULL. */
CW_API enum cw_status cw_session_end(struct cw_cache *cache, struct cw_bytes user_id,
	const struct cw_session_end *which, size_t *ret_ended, struct cw_error *error);

#ifdef __cplusplus
}
#endif

#endif
