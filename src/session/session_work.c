/* SPDX-License-Identifier: MIT */
/* Reading a session, and the arguments of its scripts; see session_internal.h. */
#include <stdio.h>
#include <string.h>

#include "session/session_internal.h"

#define MOVED_BEGIN "{\"moved\":\""
#define MOVED_END   "\"}"

enum {
	max_hops = 16,
	/* Index entries that expired so long ago are checked. */
	forgotten_ms = 24 * 3600 * 1000,
};

/* The range of 13 digits: a clock outside of it is wrong. */
static const int64_t first_ms = 1000000000000, last_ms = 9999999999999;

void session_work_end(struct session_work *w)
{
	redis_value_free(w->reply);
	buf_release(&w->blanked);
	buf_release(&w->index);
	buf_release(&w->merged);
}

enum error session_unknown(struct fault *fault)
{
	return fault_set(fault, ERR_UNKNOWN_SESSION,
		"there is no session with this id: it has expired, was ended, or never existed; "
		"start a new one");
}

enum error session_conflict(int tries, struct fault *fault)
{
	return fault_set(fault, ERR_CONFLICT,
		"other requests changed this session %d times meanwhile; this one changed nothing: "
		"try again",
		tries);
}

bool session_moved(const struct session_work *w)
{
	return memcmp(&w->asked, &w->key, sizeof w->key) != 0;
}

/* Whether the stored text redirects to the key of a new id. */
static bool follow(struct slice stored, struct session_key *key)
{
	struct slice hash = slice_skip(stored, sizeof MOVED_BEGIN - 1);

	if (!slice_starts(stored, SLICE(MOVED_BEGIN)) ||
		hash.n != SESSION_HASH + sizeof MOVED_END - 1)
		return false;
	session_key_of_hash(slice_of(hash.p, SESSION_HASH), key);
	return true;
}

/* *ret: the stored text, never empty. Parks. */
static enum error read_stored(struct session_work *w, struct slice *ret, struct fault *fault)
{
	struct slice key = slice_of(w->key.text, SESSION_KEY);
	char end[16];

	redis_value_free(w->reply);
	w->reply = NULL;
	snprintf(end, sizeof end, "%d", SESSION_STORED_BYTES);
	enum error error = store_command(w->sessions->cache->store, key, &w->reply, fault,
		SLICE("GETRANGE"), key, SLICE("0"), slice_str(end));
	if (!error && (w->reply->type != REDIS_STRING || w->reply->text.n == 0))
		error = session_unknown(fault);
	if (!error)
		*ret = w->reply->text;
	return error;
}

/* Older versions wrote leading zeros to last_seen under a wrong clock: not valid in JSON. */
static struct slice blank_zeros(struct session_work *w, struct slice stored)
{
	size_t at = sizeof SESSION_HEAD - 1;

	if (stored.n < SESSION_REST_AT || stored.p[at] != '0')
		return stored;
	buf_clear(&w->blanked);
	buf_add(&w->blanked, stored);
	for (; at < SESSION_REST_AT - 1 && w->blanked.p[at] == '0'; at++)
		w->blanked.p[at] = ' ';
	return buf_slice(&w->blanked);
}

enum error session_load(struct session_work *w, struct fault *fault)
{
	struct buf user_id = {0};
	struct slice stored;
	int hops = 0;

	w->key = w->asked;
	enum error error = read_stored(w, &stored, fault);
	while (!error && follow(stored, &w->key))
		error = hops++ == max_hops ? session_unknown(fault)
					   : read_stored(w, &stored, fault);
	if (!error && slice_starts(stored, SLICE(SESSION_ENDED_BEGIN)))
		error = session_unknown(fault);
	if (error)
		return error;
	error = session_record_parse(blank_zeros(w, stored), &w->record, fault);
	if (error)
		return error;
	/* Redis expires it, too. If this clock is wrong, the session can be read once it is right.
	 */
	int64_t now_ms = clock_wall_ms();

	if (session_record_end(&w->record, now_ms) <= now_ms)
		return session_unknown(fault);
	buf_clear(&w->index);
	if (w->record.user_id.type == JSON_STRING) {
		json_decode_string(w->record.user_id, &user_id);
		session_index(w->sessions->cache, buf_slice(&user_id), &w->index);
	}
	buf_release(&user_id);
	return OK;
}

int64_t session_now(void)
{
	int64_t now_ms = clock_wall_ms();

	return now_ms < first_ms ? first_ms : now_ms > last_ms ? last_ms : now_ms;
}

void session_stamp(struct session_work *w, int64_t now_ms)
{
	w->now_ms = now_ms;
	int64_t expires_ms = session_record_end(&w->record, w->now_ms);
	int64_t px = expires_ms - w->now_ms;
	int64_t forgotten = w->now_ms - forgotten_ms;

	snprintf(w->now, sizeof w->now, "%013lld", (long long)w->now_ms);
	snprintf(w->px, sizeof w->px, "%lld", (long long)(px > 0 ? px : 1));
	snprintf(w->expires, sizeof w->expires, "%lld", (long long)expires_ms);
	snprintf(w->max, sizeof w->max, "%lld",
		(long long)w->sessions->cache->conf->sessions.max_per_user);
	snprintf(w->forgotten, sizeof w->forgotten, "%lld", (long long)forgotten);
}

struct slice session_index_or(const struct buf *index, const struct session_key *key)
{
	return index->n ? buf_slice(index) : slice_of(key->text, SESSION_KEY);
}

struct session_script session_script_of(const struct session_work *w, const char *text)
{
	return (struct session_script){.text = text,
		.keys = {slice_of(w->key.text, SESSION_KEY), session_index_or(&w->index, &w->key)},
		.key_count = 2,
		.args = {slice_str(w->now), slice_str(w->px),
			slice_of(session_hash(&w->key), SESSION_HASH), slice_str(w->expires)},
		.arg_count = 4};
}

void session_script_store(
	struct session_work *w, const struct buf *rest, struct session_script *script)
{
	script->args[script->arg_count++] = buf_slice(rest);
	script->args[script->arg_count++] = slice_str(w->max);
	script->args[script->arg_count++] = SLICE(SESSION_PREFIX);
	script->args[script->arg_count++] = slice_str(w->forgotten);
}
