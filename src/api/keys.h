/* SPDX-License-Identifier: MIT */
/* What the routes of keys share: names, TTLs, tags and the value's bytes as they are sent. */
#ifndef CW_API_KEYS_H
#define CW_API_KEYS_H

#include "api/app.h"
#include "cache/entry.h"
#include "cache/guard.h"
#include "text/json.h"
#include "text/quantity.h"

enum { KEYS_MAX_TTL_S = TTL_MAX_MS / 1000 };

/*
 * The route's {key}, decoded as ?key_encoding says and judged for the caller. *ret lies in the
 * request, or in `scratch`. ERR_BAD_KEY, ERR_BAD_PARAMETER, ERR_KEY_RESERVED, _PROTECTED,
 * _OUTSIDE_PREFIXES.
 */
enum error keys_name(
	struct request *request, struct buf *scratch, struct slice *ret, struct fault *fault);
/* The same without the judgement of who may touch it: ERR_BAD_KEY, ERR_BAD_PARAMETER. */
enum error keys_decoded(
	struct request *request, struct buf *scratch, struct slice *ret, struct fault *fault);
/* Whether names in query, body and answer are base64url instead of text. */
enum error keys_encoded(struct request *request, bool *ret, struct fault *fault);
/* Seconds as they are given -> milliseconds; ERR_BAD_PARAMETER naming ttl. */
enum error keys_ttl_text(struct slice text, int64_t *ret_ms, struct fault *fault);
/* The same of a body's member at `pointer`: ERR_BAD_BODY. */
enum error keys_ttl_member(
	struct json_value value, const char *pointer, int64_t *ret_ms, struct fault *fault);
/* Appends a key as a JSON string: as text, or as base64url where `encoded`. */
void keys_quote(struct slice key, bool encoded, struct buf *out);
/* Appends the members "key" and "key_encoding"; a key that is not UTF-8 is always encoded. */
void keys_write_name(struct slice key, bool encoded, struct buf *out);
/* ?cursor= of a list that goes on by SCAN; "0" where it is left out. ERR_BAD_PARAMETER. */
enum error keys_cursor(struct request *request, struct slice *ret, struct fault *fault);
struct keys_scan {
	struct slice cursor;
	struct slice match; /* p NULL = all keys */
	int64_t count;
	enum redis_role role;
};
/* One SCAN; *ret is [cursor, [names]]. Parks. */
enum error keys_scan(struct cache *cache, const struct keys_scan *scan, struct redis_value **ret,
	struct fault *fault);
/* Room for values in the answer of this request, which outlives it. */
struct entry_room keys_room(struct request *request);
/* What is shown for a TTL of entry.h: -2, -1, 0 or whole seconds, begun ones counted. */
int64_t keys_ttl_seconds(int64_t ttl_ms);

#endif
