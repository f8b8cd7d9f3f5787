/* SPDX-License-Identifier: MIT */
/*
 * Deleting entries, and their time to live.
 *
 *	cw:inval (acknowledged) -> UNLINK
 *
 * Special: where Redis has no memory for the log, deleting comes first and makes room; then the
 * log, and the deletion once more for what an older load has stored in between.
 */
#include "base/mem.h"
#include "cache/entry_internal.h"
#include "cache/log.h"

enum { unlink_at_once = 100 };

struct deletion {
	struct cw *cw;
	const struct slice *keys;
	size_t count;
};

static void fill_unlinks(void *context, struct redis_batch *batch)
{
	const struct deletion *d = context;
	struct slice argv[1 + unlink_at_once] = {SLICE("UNLINK")};

	for (size_t at = 0; at < d->count;) {
		size_t n = 0;

		while (n < unlink_at_once && at < d->count)
			argv[1 + n++] = d->keys[at++];
		redis_batch_add(batch, 1 + n, argv);
	}
}

/* Adds to *ret_deleted. Parks. */
static enum error unlink_all(struct deletion *d, size_t *ret_deleted, struct fault *fault)
{
	struct redis_batch *batch = redis_batch_new();
	struct entry_step step = {.cw = d->cw,
		.key = d->keys[0],
		.role = d->count > ENTRY_FEW ? REDIS_BULK : REDIS_COMMANDS,
		.idempotent = true,
		.fill = fill_unlinks,
		.context = d};
	enum error error = entry_step(&step, batch, fault);

	for (size_t i = 0; !error && i < redis_batch_count(batch); i++) {
		const struct redis_value *reply = redis_batch_reply(batch, i);

		error = redis_value_error(reply, fault);
		if (!error && reply->type == REDIS_INTEGER)
			*ret_deleted += (size_t)reply->integer;
	}
	redis_batch_free(batch);
	return error;
}

static enum error write_log(const struct deletion *d, struct fault *fault)
{
	const struct inval_entry entry = {
		.operation_id = d->cw->instance, .keys = d->keys, .key_count = d->count};
	enum error error = inval_log_add(d->cw, &entry, fault);

	/* An entry too many does no harm. */
	return error == ERR_REDIS_UNKNOWN_OUTCOME ? inval_log_add(d->cw, &entry, fault) : error;
}

static enum error delete_all(struct deletion *d, size_t *ret_deleted, struct fault *fault)
{
	enum error logged = write_log(d, fault);

	if (logged && logged != ERR_REDIS_OOM)
		return logged;
	enum error error = unlink_all(d, ret_deleted, fault);
	if (error || !logged)
		return error;
	if (write_log(d, fault))
		return fault_set(fault, ERR_REDIS_OOM,
			"the keys were deleted, but Redis has no memory to log it, so that a load "
			"that began earlier may still store its value: repeat it");
	return unlink_all(d, ret_deleted, fault);
}

enum error entry_delete_many(struct cw *cw, const struct slice *keys, size_t count,
	size_t *ret_deleted, struct fault *fault)
{
	struct deletion deletion = {cw, keys, count};

	*ret_deleted = 0;
	if (count == 0)
		return OK;
	enum error error = delete_all(&deletion, ret_deleted, fault);
	cw->invalidated_keys += *ret_deleted;
	if (cw->metrics)
		metric_add(cw->metrics, METRIC_INVALIDATED_KEYS, NULL, NULL, *ret_deleted);
	return error;
}

enum error entry_ttl(struct cw *cw, struct slice key, int64_t *ret_ms, struct fault *fault)
{
	struct redis_value *reply;
	enum error error = redis_store_command(cw->store, key, &reply, fault, SLICE("PTTL"), key);

	if (error)
		return error;
	*ret_ms = entry_shown_ttl(cw->conf, key, reply->integer);
	redis_value_free(reply);
	return OK;
}

struct expiry {
	struct slice key;
	int64_t px_ms;
};

static void fill_expiry(void *context, struct redis_batch *batch)
{
	const struct expiry *expiry = context;
	struct buf px = {0};

	/* PERSIST answers 0 for a key without an expiry, too. */
	REDIS_ADD(batch, SLICE("EXISTS"), expiry->key);
	if (expiry->px_ms == -1) {
		REDIS_ADD(batch, SLICE("PERSIST"), expiry->key);
		return;
	}
	buf_int(&px, expiry->px_ms);
	REDIS_ADD(batch, SLICE("PEXPIRE"), expiry->key, buf_slice(&px));
	buf_release(&px);
}

enum error entry_expire(
	struct cw *cw, struct slice key, int64_t ttl_ms, bool *ret, struct fault *fault)
{
	struct redis_batch *batch = redis_batch_new();
	struct expiry expiry = {key, entry_px(cw->conf, key, ttl_ms)};
	struct entry_step step = {
		.cw = cw, .key = key, .idempotent = true, .fill = fill_expiry, .context = &expiry};
	enum error error = entry_step(&step, batch, fault);

	*ret = false;
	for (size_t i = 0; !error && i < 2; i++) {
		const struct redis_value *reply = redis_batch_reply(batch, i);

		error = redis_value_error(reply, fault);
		/* PEXPIRE tells it by itself; EXISTS may be too old by then. */
		if (!error && (i == 1 || expiry.px_ms == -1))
			*ret = *ret || reply->integer > 0;
	}
	redis_batch_free(batch);
	return error;
}
