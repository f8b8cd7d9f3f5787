/* SPDX-License-Identifier: MIT */
/* What all of entries' files use: TTLs with stale_for, encoding, the one SET; see entry.h. */
#include "cache/entry.h"

#include <assert.h>

#include "cache/codec.h"
#include "cache/entry_internal.h"
#include "cache/soft_purge.h"

int64_t entry_stale_for(const struct conf *conf, struct slice key)
{
	const struct conf_namespace *namespace = conf_namespace(conf, key);

	return namespace ? namespace->stale_for_ms : 0;
}

int64_t entry_shown_ttl(
	const struct conf *conf, struct slice key, int64_t pttl_ms, int64_t mark_pttl_ms)
{
	if (pttl_ms < 0)
		return pttl_ms;
	if (soft_purge_marked(pttl_ms, mark_pttl_ms))
		return 0;
	int64_t stale_for = entry_stale_for(conf, key);

	/* Without stale_for nothing is ever stale, though it may have less than 1 ms left. */
	if (stale_for == 0)
		return pttl_ms > 0 ? pttl_ms : 1;
	return pttl_ms > stale_for ? pttl_ms - stale_for : 0;
}

int64_t entry_px(const struct conf *conf, struct slice key, int64_t ttl_ms)
{
	if (ttl_ms == -1)
		return -1;
	assert(ttl_ms >= 0);
	return (ttl_ms ? ttl_ms : conf_ttl_ms(conf, key)) + entry_stale_for(conf, key);
}

struct entry_bytes entry_encode(
	struct cache *cache, const struct entry_write *write, struct buf *scratch)
{
	const struct conf_namespace *namespace = conf_namespace(cache->conf, write->key);
	int64_t above = namespace ? namespace->compress_above : 0;
	struct entry_bytes bytes = {
		.stored = write->value, .px_ms = entry_px(cache->conf, write->key, write->ttl_ms)};

	entry_note_size(cache, write->value.n, "stored");
	buf_clear(scratch);
	if (((above > 0 && (int64_t)write->value.n > above) || codec_is_compressed(write->value)) &&
		codec_compress(cache->loop, write->value, scratch))
		bytes.stored = buf_slice(scratch);
	return bytes;
}

size_t entry_add_set(struct redis_batch *batch, struct slice key, struct slice value,
	int64_t ttl_ms, enum entry_mode mode)
{
	struct slice argv[6] = {SLICE("SET"), key, value};
	char digits[SLICE_INT_ROOM];
	size_t argc = 3;

	assert(ttl_ms > 0 || ttl_ms == -1);
	if (ttl_ms > 0) {
		argv[argc++] = SLICE("PX");
		argv[argc++] = slice_of_int(digits, ttl_ms);
	}
	if (mode == ENTRY_SET_IF_ABSENT)
		argv[argc++] = SLICE("NX");
	else if (mode == ENTRY_SET_IF_PRESENT)
		argv[argc++] = SLICE("XX");
	return redis_batch_add(batch, argc, argv);
}

enum error entry_value(struct cache *cache, const struct entry *entry, struct buf *scratch,
	struct slice *ret, struct fault *fault)
{
	*ret = entry->stored;
	if (!codec_is_compressed(entry->stored))
		return OK;
	buf_clear(scratch);
	enum error error = codec_decompress(
		cache->loop, entry->stored, cache->conf->max_value_bytes, scratch, fault);

	*ret = buf_slice(scratch);
	return error;
}

void entry_release(struct entry *entry)
{
	redis_value_free(entry->reply);
	*entry = (struct entry){0};
}

enum error entry_step(const struct entry_step *step, struct redis_batch *batch, struct fault *fault)
{
	struct store *store = step->cache->store;
	int64_t deadline = cache_deadline(step->cache);

	step->fill(step->context, batch);
	if (redis_batch_count(batch) == 0)
		return OK;
	enum error error = store_run(store, step->priority, batch, deadline, fault);
	if (error != ERR_REDIS_UNKNOWN_OUTCOME || !step->idempotent || clock_mono_ms() >= deadline)
		return error;
	redis_batch_clear(batch);
	step->fill(step->context, batch);
	return store_run(store, step->priority, batch, deadline, fault);
}

void entry_note_size(struct cache *cache, size_t bytes, const char *what)
{
	if (cache->metrics && (int64_t)bytes > cache->conf->warn_value_bytes)
		metric_add(cache->metrics, METRIC_BIG_VALUES, what, NULL, 1);
}
