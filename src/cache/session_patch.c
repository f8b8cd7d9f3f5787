/* SPDX-License-Identifier: MIT */
/* Patching a session: read, merge, store if nobody else has patched it meanwhile; see session.h. */
#include <string.h>

#include "base/crypto.h"
#include "base/json_merge.h"
#include "cache/session_internal.h"

enum { patch_tries = 16 };

/* ARGV 5 the rest that was read, 6 the new one. 2 = it is another now. */
static const char patch_script[] =
	"local hits, misses, v = 1, 0, redis.call('GET', KEYS[1]) "
	"if not v then return {0, 1, 0} end "
	"local rest = string.sub(v, " SESSION_LUA_REST ") "
	"if rest ~= ARGV[5] and rest ~= ARGV[6] then return {1, 0, 2} end "
	"redis.call('SET', KEYS[1], '" SESSION_HEAD
	"' .. ARGV[1] .. ARGV[6], 'PX', ARGV[2]) " NOTE_IN_INDEX "return {hits, misses, 1}";

static enum error merge(struct session_work *w, struct slice patch, struct fault *fault)
{
	struct slice before = w->record.data.text;

	buf_clear(&w->merged);
	enum error error = json_merge(before, patch, &session_limits, &w->merged, fault);
	/* What shrinks may go on, whatever the limit was when it was stored. */
	if (!error && w->merged.n > SESSION_DATA_BYTES && w->merged.n >= before.n)
		return fault_at(fault, ERR_TOO_LARGE, "/data",
			"the session's data would have %zu bytes; at most %d are kept", w->merged.n,
			SESSION_DATA_BYTES);
	return error;
}

/* *ret: 0 the session is gone, 1 stored, 2 somebody else's patch came first. Parks. */
static enum error store_patched(struct session_work *w, int64_t *ret, struct fault *fault)
{
	struct buf user_id = {0}, rest = {0};

	json_decode_string(w->record.user_id, &user_id);
	session_record_rest(&w->record, buf_slice(&user_id), buf_slice(&w->merged), &rest);
	session_stamp(w);
	struct session_script script = session_script_of(w, patch_script);
	script.args[script.arg_count++] = w->record.rest;
	script.args[script.arg_count++] = buf_slice(&rest);
	enum error error = session_run(w->cw, &script, ret, NULL, fault);
	buf_release(&user_id);
	buf_release(&rest);
	return error;
}

/* Another daemon's patch came first: a little later it may not. Parks. */
static void step_back(int attempt)
{
	uint8_t random;

	crypto_random(&random, sizeof random);
	fiber_sleep(1 + random % (attempt < 5 ? 1 << attempt : 32));
}

static enum error try_patch(struct session_work *w, struct slice patch, struct fault *fault)
{
	int64_t outcome;

	for (int i = 0; i < patch_tries; i++) {
		enum error error = session_load(w, fault);

		if (!error)
			error = merge(w, patch, fault);
		if (!error)
			error = store_patched(w, &outcome, fault);
		if (error)
			return error;
		if (outcome == 0)
			return session_unknown(fault);
		if (outcome == 1)
			return OK;
		log_debug(w->cw->log, "session: another daemon's patch came first, try %d", i + 1);
		step_back(i);
	}
	return fault_set(fault, ERR_CONFLICT,
		"others changed this session %d times while it was being patched; nothing was "
		"changed, so try again",
		patch_tries);
}

static enum error check_patch(struct slice patch, struct fault *fault)
{
	if (patch.n > SESSION_DATA_BYTES)
		return fault_at(fault, ERR_TOO_LARGE, "/data",
			"the patch has %zu bytes; at most %d are taken", patch.n,
			SESSION_DATA_BYTES);
	enum error error = json_check(patch, &session_limits, fault);

	if (!error && json_root(patch).type != JSON_OBJECT)
		return fault_at(fault, ERR_BAD_BODY, "/data", "/data must be an object");
	return error;
}

enum error session_patch(struct cw *cw, struct slice id, struct slice patch, struct session *ret,
	struct fault *fault)
{
	struct session_work w = {.cw = cw};
	enum error error = check_patch(patch, fault);

	*ret = (struct session){0};
	if (error)
		return error;
	session_key_of_id(id, &w.key);
	/* In this process one after the other: else many who patch one session starve some. */
	struct turns *turns =
		&cw->session_turns[(unsigned char)session_hash(&w.key)[0] % CW_SESSION_TURNS];
	if (turns_take(turns, 1, cw_deadline(cw)))
		return fault_set(fault, ERR_OVERLOADED,
			"too many patches of this session are waiting; try again");
	error = try_patch(&w, patch, fault);
	turns_done(turns, 1);
	if (!error) {
		w.record.last_seen_ms = w.now_ms;
		w.record.data.text = buf_slice(&w.merged);
		session_fill(&w.key, &w.record, ret);
	}
	session_work_end(&w);
	return error;
}
