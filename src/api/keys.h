/* SPDX-License-Identifier: MIT */
/* What the routes of keys share: names, TTLs, lists. */
#ifndef CW_API_KEYS_H
#define CW_API_KEYS_H

#include "api/app.h"
#include "cache/entry.h"
#include "cache/guard.h"
#include "text/json.h"
#include "text/quantity.h"

enum { KEYS_MAX_TTL_S = TTL_MAX_MS / 1000 };

/*
 * The route's {key}, decoded by ?key_encoding, if the caller may touch it. *ret is the request's.
 * ERR_BAD_KEY, ERR_BAD_PARAMETER, ERR_KEY_RESERVED, _PROTECTED, _OUTSIDE_PREFIXES.
 */
enum error keys_name(struct request *request, struct slice *ret, struct fault *fault);
/* The same for any caller: ERR_BAD_KEY, ERR_BAD_PARAMETER. */
enum error keys_decoded(struct request *request, struct slice *ret, struct fault *fault);
/* Whether names in query, body and answer are base64url, not text. */
enum error keys_encoded(struct request *request, bool *ret, struct fault *fault);
/* ?ttl in seconds -> milliseconds; ERR_BAD_PARAMETER. */
enum error keys_ttl_text(struct slice text, int64_t *ret_ms, struct fault *fault);
/* The same for the body's member at `pointer`: ERR_BAD_BODY. */
enum error keys_ttl_member(
	struct json_value value, const char *pointer, int64_t *ret_ms, struct fault *fault);
/* Appends a key as a JSON string: as text, or as base64url where `encoded`. */
void keys_quote(struct slice key, bool encoded, struct buf *out);
/* Appends the members "key" and "key_encoding"; a key that is not UTF-8 is always encoded. */
void keys_write_name(struct slice key, bool encoded, struct buf *out);
/* The same members of an object. */
void keys_add_name(cJSON *object, struct slice key);
/* ?cursor= of a list that uses SCAN; "0" if it is absent. ERR_BAD_PARAMETER. */
enum error keys_cursor(struct request *request, struct slice *ret, struct fault *fault);
struct keys_scan {
	struct slice cursor;
	struct slice match; /* p NULL = all keys */
	int64_t count;
	enum redis_priority priority;
};
/*
 * One SCAN; item 1 of *ret, which the caller frees, is the names. `next` gets the cursor of the
 * next step, or is empty after the last. In a cluster a cursor is for the primaries that there
 * were: ERR_BAD_PARAMETER. Parks.
 */
enum error keys_scan(struct cache *cache, const struct keys_scan *scan, struct redis_value **ret,
	struct buf *next, struct fault *fault);
/* Accounts for values in the answer of this request; the request must outlive it. */
struct entry_room keys_room(struct request *request);
/* A TTL of entry.h in seconds, rounded up; -2, -1 and 0 stay. */
int64_t keys_ttl_seconds(int64_t ttl_ms);

#endif
