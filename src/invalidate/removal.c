/* SPDX-License-Identifier: MIT */
/* Commands that remove or soften keys, and what their replies say; see removal.h. */
#include "invalidate/removal.h"

#include <string.h>

#include "base/mem.h"
#include "cache/entry.h"
#include "cache/key_watch.h"
#include "cache/soft_purge.h"

enum { bytes_per_command = 256 * 1024 };

struct removal {
	struct cache *cache;
	struct redis_batch *batch;
	struct buf *notes;
	size_t most;
	uint32_t next; /* the number of the next name */
	/* The command under construction. */
	struct removal_note note;
	struct ttl_change *change; /* NULL = it removes */
	size_t bytes;
	struct slice argv[];
};

struct removal *removal_new(
	struct cache *cache, struct redis_batch *batch, struct buf *notes, size_t most)
{
	struct removal *r = mem_alloc(sizeof *r + (1 + most) * sizeof *r->argv);

	r->cache = cache;
	r->batch = batch;
	r->notes = notes;
	r->most = most;
	r->next = 0;
	r->bytes = 0;
	r->note = (struct removal_note){0};
	r->change = NULL;
	r->argv[0] = store_unlink(cache->store);
	return r;
}

static void end_command(struct removal *r)
{
	if (r->note.count == 0)
		return;
	if (r->change)
		ttl_change_add(r->cache, r->batch, &r->argv[1], r->note.count, r->change);
	else
		redis_batch_add(r->batch, 1 + r->note.count, r->argv);
	buf_append(r->notes, &r->note, sizeof r->note);
	r->note.count = 0;
}

/* A command for many names: begins the next one if the name does not fit to the last. */
static void add_name(struct removal *r, struct slice name, uint64_t mask, struct ttl_change *change)
{
	bool one = change && !store_is_one(r->cache->store);
	size_t most = !change ? r->most : one ? 1 : TTL_CHANGE_MAX;

	if (r->note.count == (most < r->most ? most : r->most) ||
		r->bytes + name.n > bytes_per_command || mask != r->note.mask ||
		change != r->change)
		end_command(r);
	if (r->note.count == 0) {
		r->note = (struct removal_note){.mask = mask,
			.first = r->next,
			.kind = change ? REMOVAL_CHANGE : REMOVAL_UNLINK};
		r->change = change;
		r->bytes = 0;
	}
	r->next++;
	r->bytes += name.n;
	r->argv[++r->note.count] = name;
}

void removal_change(struct removal *r, struct slice name, uint64_t mask, struct ttl_change *change)
{
	if (change->spread)
		key_watches_see(r->cache->watches, name);
	add_name(r, name, mask, change);
}

void removal_add(struct removal *r, struct slice name, uint64_t mask, int64_t stale_for_ms)
{
	key_watches_see(r->cache->watches, name);
	if (!stale_for_ms) {
		add_name(r, name, mask, NULL);
		return;
	}
	end_command(r);
	const struct removal_note note = {mask, r->next++, 1, REMOVAL_SOFT};

	soft_purge_add(r->cache, r->batch, name, stale_for_ms);
	buf_append(r->notes, &note, sizeof note);
}

void removal_add_effect(
	struct removal *r, struct slice name, uint64_t mask, const struct removal_effect *effect)
{
	if (effect->change)
		removal_change(r, name, mask, effect->change);
	else
		removal_add(
			r, name, mask, effect->soft ? entry_stale_for(r->cache->conf, name) : 0);
}

void removal_end(struct removal *r)
{
	end_command(r);
	mem_free(r);
}

size_t removal_count(const struct buf *notes)
{
	return notes->n / sizeof(struct removal_note);
}

struct removal_note removal_note(const struct buf *notes, size_t i)
{
	struct removal_note note;

	memcpy(&note, notes->p + i * sizeof note, sizeof note);
	return note;
}

static enum error read_reply(const struct removal_note *note, const struct redis_value *reply,
	struct removal_counts *ret, struct fault *fault)
{
	enum soft_purge_outcome outcome;
	enum error error = redis_value_error(reply, fault);

	*ret = (struct removal_counts){0};
	if (error)
		return error;
	switch (note->kind) {
	case REMOVAL_CHANGE:
		return ttl_change_counts(reply, note->count, &ret->matched, &ret->modified, fault);
	case REMOVAL_SOFT:
		error = soft_purge_outcome(reply, &outcome, fault);
		ret->matched = outcome != SOFT_PURGE_ABSENT;
		ret->removed = ret->instead = outcome == SOFT_PURGE_REMOVED;
		ret->modified = outcome == SOFT_PURGE_CHANGED;
		return error;
	case REMOVAL_UNLINK:
		ret->matched = ret->removed = (uint64_t)reply->integer;
	}
	return OK;
}

enum error removal_take(struct cache *cache, const struct redis_batch *batch,
	const struct buf *notes, removal_done *done, void *context, struct fault *fault)
{
	enum error first = OK;

	for (size_t i = 0; i < removal_count(notes); i++) {
		const struct removal_note note = removal_note(notes, i);
		const struct redis_value *reply = redis_batch_reply(batch, i);
		struct removal_counts counts;

		if (!reply)
			continue;
		enum error error = read_reply(&note, reply, &counts, first ? NULL : fault);
		first = first ? first : error;
		cache_count_removed(cache, counts.removed);
		counts.reply = reply;
		if (!error)
			done(context, &note, &counts);
	}
	return first;
}

uint64_t removal_invalidated(
	const struct removal_effect *effect, const struct removal_counts *counts)
{
	bool expires = effect->change && !effect->change->spread;

	return counts->removed + (expires ? counts->modified : 0);
}

bool removal_try_again(const struct cache *cache, enum error error, struct slice *command)
{
	struct slice now = store_unlink(cache->store);
	bool refused = error && slice_is(now, "DEL") && !slice_equal(now, *command);

	*command = now;
	if (refused)
		log_debug(cache->log, "Redis refuses UNLINK: DEL is sent instead");
	return refused;
}
