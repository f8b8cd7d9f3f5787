/* SPDX-License-Identifier: MIT */
/* Keys and stored form of sessions, and running their scripts; see session_internal.h. */
#include "session/session_internal.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/crypto.h"
#include "base/hex.h"

const struct json_limits session_limits = {32, 100000, 4096, true};

void session_key_of_hash(struct slice hash, struct session_key *ret)
{
	assert(hash.n == SESSION_HASH);
	memcpy(ret->text, SESSION_PREFIX, SESSION_PREFIX_BYTES);
	memcpy(ret->text + SESSION_PREFIX_BYTES, hash.p, SESSION_HASH);
	ret->text[SESSION_KEY] = '\0';
}

void session_key_of_id(struct slice id, struct session_key *ret)
{
	uint8_t digest[SHA256_BYTES];
	struct buf hex = {0};

	crypto_sha256(id, digest);
	hex_encode(digest, sizeof digest, &hex);
	session_key_of_hash(buf_slice(&hex), ret);
	buf_release(&hex);
}

const char *session_hash(const struct session_key *key)
{
	return key->text + SESSION_PREFIX_BYTES;
}

bool session_ref_valid(struct slice ref)
{
	for (size_t i = 0; i < ref.n; i++)
		if (!(ref.p[i] >= '0' && ref.p[i] <= '9') && !(ref.p[i] >= 'a' && ref.p[i] <= 'f'))
			return false;
	return ref.n == SESSION_REF;
}

void session_new_id(char ret[SESSION_ID + 1])
{
	uint8_t random[32];
	struct buf text = {0};

	crypto_random(random, sizeof random);
	base64_encode(slice_of((const char *)random, sizeof random), true, &text);
	assert(text.n == SESSION_ID);
	memcpy(ret, text.p, SESSION_ID + 1);
	buf_release(&text);
}

void session_index(const struct cache *cache, struct slice user_id, struct buf *out)
{
	cache_own_key(cache, "user:", user_id, out);
	buf_str(out, ":sessions");
}

/* Reads `name` and the digits after it. */
static bool take_number(struct slice *at, struct slice name, int64_t *ret)
{
	size_t n = name.n;

	if (!slice_starts(*at, name))
		return false;
	while (n < at->n && at->p[n] >= '0' && at->p[n] <= '9')
		n++;
	bool ok = slice_int64(slice_of(at->p + name.n, n - name.n), ret);
	*at = slice_skip(*at, n);
	return ok;
}

/* 13 bytes: blanks or zeros (written by a wrong clock), then digits; see session_work.c. */
static bool take_last_seen(struct slice *at, int64_t *ret)
{
	size_t from = sizeof SESSION_HEAD - 1;

	if (!slice_starts(*at, SLICE(SESSION_HEAD)) || at->n < SESSION_REST_AT)
		return false;
	while (from < SESSION_REST_AT - 1 && (at->p[from] == ' ' || at->p[from] == '0'))
		from++;
	bool ok = slice_int64(slice_of(at->p + from, SESSION_REST_AT - from), ret) && *ret >= 0;
	*at = slice_skip(*at, SESSION_REST_AT);
	return ok;
}

static bool is_time_to_live(int64_t ms)
{
	return ms > 0 && ms <= TTL_MAX_MS;
}

bool session_record_head(struct slice stored, struct session_record *ret)
{
	static const struct slice max_age = SLICE(",\"max_age\":");
	struct slice at = stored;

	ret->max_age_ms = 0;
	return take_last_seen(&at, &ret->last_seen_ms) &&
	       take_number(&at, SLICE(",\"created\":"), &ret->created_us) &&
	       take_number(&at, SLICE(",\"ttl\":"), &ret->ttl_ms) && is_time_to_live(ret->ttl_ms) &&
	       (!slice_starts(at, max_age) || (take_number(&at, max_age, &ret->max_age_ms) &&
						      is_time_to_live(ret->max_age_ms))) &&
	       slice_starts(at, SLICE(",\"user_id\":"));
}

int64_t session_record_end(const struct session_record *record, int64_t now_ms)
{
	int64_t begun_ms = record->created_us / 1000, ttl_ms = record->ttl_ms;

	if (!record->max_age_ms)
		return now_ms + ttl_ms;
	/* Never more than max_age from now, even if the clock was set back. */
	if (begun_ms > now_ms)
		begun_ms = now_ms;
	int64_t last_ms = begun_ms + record->max_age_ms;

	return last_ms < now_ms + ttl_ms ? last_ms : now_ms + ttl_ms;
}

enum error session_record_parse(
	struct slice stored, struct session_record *ret, struct fault *fault)
{
	/* The envelope adds one level. */
	struct json_limits limits = session_limits;

	limits.depth++;
	limits.nodes += 8;
	if (json_check(stored, &limits, NULL) || !session_record_head(stored, ret) ||
		!json_member(json_root(stored), SLICE("user_id"), &ret->user_id) ||
		!json_member(json_root(stored), SLICE("data"), &ret->data) ||
		(ret->user_id.type != JSON_STRING && ret->user_id.type != JSON_NULL) ||
		ret->data.type != JSON_OBJECT)
		return fault_set(fault, ERR_CORRUPT_VALUE,
			"what is stored as this session was not written by cachewarden");
	const char *user_end = ret->user_id.text.p + ret->user_id.text.n;

	ret->rest = slice_skip(stored, SESSION_REST_AT);
	ret->head = slice_of(ret->rest.p, (size_t)(user_end - ret->rest.p));
	return OK;
}

void session_record_rest(const struct session_record *record, struct slice user_id,
	struct slice data, struct buf *out)
{
	buf_printf(out, ",\"created\":%lld,\"ttl\":%lld", (long long)record->created_us,
		(long long)record->ttl_ms);
	if (record->max_age_ms)
		buf_printf(out, ",\"max_age\":%lld", (long long)record->max_age_ms);
	buf_str(out, ",\"user_id\":");
	if (user_id.n)
		json_quote(out, user_id);
	else
		buf_str(out, "null");
	buf_str(out, ",\"data\":");
	buf_add(out, data);
	buf_char(out, '}');
}

void session_fill(
	const struct session_key *key, const struct session_record *record, struct session *ret)
{
	memcpy(ret->ref, session_hash(key), SESSION_REF);
	ret->ref[SESSION_REF] = '\0';
	ret->created_wall_ms = record->created_us / 1000;
	ret->last_seen_wall_ms = record->last_seen_ms;
	ret->expires_wall_ms = session_record_end(record, record->last_seen_ms);
	buf_clear(&ret->user_id);
	buf_clear(&ret->data);
	if (record->user_id.type == JSON_STRING)
		json_decode_string(record->user_id, &ret->user_id);
	buf_add(&ret->data, record->data.text);
}

void session_release(struct session *session)
{
	buf_release(&session->user_id);
	buf_release(&session->data);
	*session = (struct session){0};
}

/* No script examines more sessions. */
enum { max_in_reply = 2000 };

enum error session_run(struct cache *cache, const struct session_script *script, int64_t *ret,
	int64_t *ret_more, struct fault *fault)
{
	struct slice argv[3 + 4 + 12] = {SLICE("EVAL"), slice_str(script->text)};
	char count[2] = {(char)('0' + script->key_count), '\0'};
	struct redis_value *reply = NULL;
	size_t argc = 3;

	argv[2] = slice_str(count);
	for (size_t i = 0; i < script->key_count; i++)
		argv[argc++] = script->keys[i];
	for (size_t i = 0; i < script->arg_count; i++)
		argv[argc++] = script->args[i];
	/* All scripts may be repeated: they recognise what they have done before. */
	enum error error = store_call(cache->store, (struct redis_call){.idempotent = true},
		script->keys[0], argc, argv, &reply, fault);
	if (error)
		return error;
	error = redis_value_number(reply, 2, -1, max_in_reply, ret, fault);
	if (!error && ret_more)
		error = redis_value_number(reply, 3, -1, max_in_reply, ret_more, fault);
	redis_value_free(reply);
	return error;
}
