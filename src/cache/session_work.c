/* SPDX-License-Identifier: MIT */
/* What every use of a session begins with; see session_internal.h. */
#include <stdio.h>

#include "cache/session_internal.h"

void session_work_end(struct session_work *w)
{
	redis_value_free(w->reply);
	buf_release(&w->index);
	buf_release(&w->merged);
}

enum error session_unknown(struct fault *fault)
{
	return fault_set(fault, ERR_UNKNOWN_SESSION,
		"there is no session of this id: it has expired, was ended, or never was; begin a "
		"new one");
}

enum error session_load(struct session_work *w, struct fault *fault)
{
	struct slice key = slice_of(w->key.text, SESSION_KEY);
	struct buf user_id = {0};
	char end[16];

	redis_value_free(w->reply);
	w->reply = NULL;
	snprintf(end, sizeof end, "%d", SESSION_STORED_BYTES);
	enum error error = redis_store_command(w->cw->store, key, &w->reply, fault,
		SLICE("GETRANGE"), key, SLICE("0"), slice_str(end));
	if (error)
		return error;
	if (w->reply->type != REDIS_STRING || w->reply->text.n == 0)
		return session_unknown(fault);
	error = session_record_parse(w->reply->text, &w->record, fault);
	if (error)
		return error;
	json_decode_string(w->record.user_id, &user_id);
	buf_clear(&w->index);
	session_index(w->cw, buf_slice(&user_id), &w->index);
	buf_release(&user_id);
	return OK;
}

void session_stamp(struct session_work *w)
{
	w->now_ms = clock_wall_ms();
	int64_t expires_ms = w->now_ms + w->record.ttl_ms;

	snprintf(w->now, sizeof w->now, "%013lld", (long long)w->now_ms);
	snprintf(w->ttl, sizeof w->ttl, "%lld", (long long)w->record.ttl_ms);
	snprintf(w->expires, sizeof w->expires, "%lld", (long long)expires_ms);
}

struct session_script session_script_of(const struct session_work *w, const char *text)
{
	return (struct session_script){.text = text,
		.keys = {slice_of(w->key.text, SESSION_KEY), buf_slice(&w->index)},
		.key_count = 2,
		.args = {slice_str(w->now), slice_str(w->ttl),
			slice_of(session_hash(&w->key), SESSION_HASH), slice_str(w->expires)},
		.arg_count = 4};
}
