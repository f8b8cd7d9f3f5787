/* SPDX-License-Identifier: MIT */
/* Tagging keys; see tag.h. */
#include "cache/tag.h"

#include "base/mem.h"

enum { space = 0x20, delete = 0x7f };

enum error tag_check(struct slice tag, struct fault *fault)
{
	if (tag.n == 0)
		return fault_set(fault, ERR_BAD_BODY, "a tag is empty");
	if (tag.n > TAG_MAX_BYTES)
		return fault_set(fault, ERR_BAD_BODY, "a tag has %zu bytes; at most %d are taken",
			tag.n, TAG_MAX_BYTES);
	for (size_t i = 0; i < tag.n; i++) {
		unsigned char c = (unsigned char)tag.p[i];

		if (c <= space || c == delete || c == ',')
			return fault_set(fault, ERR_BAD_BODY,
				"a tag holds a space, a comma or a control byte, which part tags "
				"in headers");
	}
	return OK;
}

void tag_key(const struct cw *cw, struct slice tag, struct buf *out)
{
	cw_own_key(cw, "tag:", tag, out);
}

size_t tag_add(struct cw *cw, struct redis_batch *batch, struct slice key, int64_t px_ms,
	const struct slice *tags, size_t count)
{
	struct buf set = {0}, score = {0};

	if (px_ms < 0)
		buf_str(&score, "+inf");
	else
		buf_int(&score, clock_wall_ms() + px_ms);
	for (size_t i = 0; i < count; i++) {
		buf_clear(&set);
		tag_key(cw, tags[i], &set);
		REDIS_ADD(batch, SLICE("ZADD"), buf_slice(&set), buf_slice(&score), key);
	}
	buf_release(&set);
	buf_release(&score);
	return count;
}

/* One PTTL for each key, answered. Parks. */
static enum error ask_ttls(struct cw *cw, const struct slice *keys, size_t count,
	struct redis_batch *batch, struct fault *fault)
{
	for (size_t i = 0; i < count; i++)
		REDIS_ADD(batch, SLICE("PTTL"), keys[i]);
	enum error error = redis_node_run(redis_store_node(cw->store, keys[0]), REDIS_COMMANDS,
		batch, cw_deadline(cw), fault);
	for (size_t i = 0; i < count && !error; i++)
		error = redis_value_error(redis_batch_reply(batch, i), fault);
	return error;
}

enum error tag_existing(struct cw *cw, const struct slice *tags, size_t tag_count,
	const struct slice *keys, size_t key_count, size_t *ret_tagged, struct fault *fault)
{
	struct redis_batch *ttls = redis_batch_new(), *batch = redis_batch_new();
	enum error error = OK;

	*ret_tagged = 0;
	if (key_count)
		error = ask_ttls(cw, keys, key_count, ttls, fault);
	for (size_t i = 0; i < key_count && !error; i++) {
		int64_t pttl_ms = redis_batch_reply(ttls, i)->integer;

		if (pttl_ms == -2)
			continue;
		tag_add(cw, batch, keys[i], pttl_ms, tags, tag_count);
		++*ret_tagged;
	}
	if (!error && redis_batch_count(batch))
		error = redis_node_run(redis_store_node(cw->store, keys[0]), REDIS_COMMANDS, batch,
			cw_deadline(cw), fault);
	for (size_t i = 0; i < redis_batch_count(batch) && !error; i++)
		error = redis_value_error(redis_batch_reply(batch, i), fault);
	redis_batch_free(ttls);
	redis_batch_free(batch);
	return error;
}
