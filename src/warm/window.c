/* SPDX-License-Identifier: MIT */
/* Batches of SETs and what becomes of them; see window.h. */
#include "warm/window_internal.h"

#include "base/mem.h"
#include "cache/lease.h"
#include "cache/tag.h"

enum {
	slot_bytes = 1024 * 1024, /* a batch that has so many goes although it has few entries */
	command_grace_ms = 500,
};

static enum entry_mode entry_mode(enum conf_mode mode)
{
	switch (mode) {
	case MODE_MISSING:
		return ENTRY_MISSING;
	case MODE_REFRESH:
		return ENTRY_REFRESH;
	case MODE_REPLACE:
		break;
	}
	return ENTRY_REPLACE;
}

/* Whether one of the two begins with the other. */
static bool may_meet(struct slice a, struct slice b)
{
	return slice_starts(a, b) || slice_starts(b, a);
}

/* Whether a loader may have found that there was nothing under one of the job's keys. */
static bool may_be_absent(const struct conf *conf, const struct conf_job *job)
{
	for (size_t i = 0; i < conf->loader_count; i++) {
		const struct conf_loader *loader = &conf->loaders[i];

		if (loader->absent_ms > 0 &&
			may_meet(template_beginning(loader->key), template_beginning(job->key)))
			return true;
	}
	return false;
}

enum error window_open(const struct window_spec *spec, struct window **ret, struct fault *fault)
{
	const struct conf_job *job = spec->job;
	struct cache *cache = spec->cache;
	struct window *w = mem_new(struct window);

	w->cache = cache;
	w->tally = spec->tally;
	w->undo = spec->undo;
	w->mode = entry_mode(job->mode);
	w->command_ms = cache->conf->redis.command_timeout_ms + command_grace_ms;
	w->single = job->window < 4;
	w->absent = may_be_absent(cache->conf, job);
	/* The question is a command too, and so is what forgets. */
	size_t beside = w->absent ? 2 : 1;
	w->slot_entries = (size_t)(w->single ? job->window : job->window / 2);
	w->slot_entries = w->slot_entries > 1 + beside ? w->slot_entries - beside : 1;
	for (int i = 0; i < 2; i++) {
		w->slots[i].batch = redis_batch_new();
		w->slots[i].items = mem_array(w->slot_entries, sizeof(struct item));
	}
	w->filling = &w->slots[0];
	*ret = w;
	enum error error = trail_begin(&w->trail, cache, fault);
	/* In this order: what is invalidated and then written is known to be both. */
	return error ? error : written_begin(&w->written, cache, fault);
}

void window_close(struct window *w)
{
	if (!w)
		return;
	for (int i = 0; i < 2; i++) {
		redis_batch_free(w->slots[i].batch);
		buf_release(&w->slots[i].keys);
		buf_release(&w->slots[i].tags);
		mem_free(w->slots[i].items);
	}
	buf_release(&w->scratch);
	trail_release(&w->trail);
	written_release(&w->written);
	mem_free(w);
}

static enum error verdict(const struct window *w, struct fault *fault)
{
	if (w->stopped.error) {
		if (fault)
			*fault = w->stopped;
		return w->stopped.error;
	}
	if (fiber_cancelled())
		return fault_set(fault, ERR_CANCELLED, "the run was cancelled");
	return OK;
}

/* What is stored is not absent, also not once it has expired. */
static void forget_absent(const struct window *w, struct slot *slot)
{
	struct slice *argv = mem_array(1 + slot->count, sizeof *argv);
	size_t *ends = mem_array(slot->count, sizeof *ends);
	struct buf names = {0};

	for (size_t i = 0; i < slot->count; i++) {
		lease_failed_key(w->cache, slot_key(slot, i), &names);
		ends[i] = names.n;
	}
	argv[0] = SLICE("UNLINK");
	for (size_t i = 0, begin = 0; i < slot->count; begin = ends[i++])
		argv[1 + i] = slice_of(names.p + begin, ends[i] - begin);
	redis_batch_add(slot->batch, 1 + slot->count, argv);
	buf_release(&names);
	mem_free(argv);
	mem_free(ends);
}

enum error window_send(struct window *w, struct fault *fault)
{
	struct slot *slot = w->filling;
	struct slot *other = &w->slots[slot == w->slots];
	struct fault why;

	if (slot->count == 0)
		return verdict(w, fault);
	if (slot->lead)
		slot->exec = REDIS_ADD(slot->batch, SLICE("EXEC"));
	trail_ask(&w->trail, slot->batch, &slot->question);
	if (w->absent)
		forget_absent(w, slot);
	if (redis_node_start(redis_store_node(w->cache->store, slot_key(slot, 0)), REDIS_BULK,
		    slot->batch, &why)) {
		for (size_t i = 0; i < slot->count; i++)
			window_reject(w, &slot->items[i], &why);
		slot_clear(slot);
		return verdict(w, fault);
	}
	slot->in_flight = true;
	if (w->single) {
		window_settle(w, slot);
	} else {
		w->filling = other;
		window_settle(w, other);
	}
	return verdict(w, fault);
}

/* The commands of one entry: its tags', then its SET. Parks where a big value is compressed. */
static void add_commands(
	struct window *w, const struct window_entry *entry, struct slot *slot, struct item *item)
{
	struct entry_bytes bytes = entry_encode(w->cache,
		&(struct entry_write){
			.key = entry->key, .value = entry->value, .ttl_ms = entry->ttl_ms},
		&w->scratch);

	item->command = redis_batch_count(slot->batch);
	if (entry->tag_count)
		tag_add(w->cache, slot->batch, entry->key, bytes.px_ms, entry->tags,
			entry->tag_count);
	item->set = entry_store(slot->batch, entry->key, bytes.stored, bytes.px_ms, window_mode(w));
	for (size_t i = 0; i < entry->tag_count; i++) {
		buf_add(&slot->tags, entry->tags[i]);
		buf_char(&slot->tags, '\n');
	}
	item->tag_end = slot->tags.n;
}

enum entry_mode window_mode(const struct window *w)
{
	return w->written.lost && w->mode == ENTRY_REPLACE ? ENTRY_MISSING : w->mode;
}

/* What an entry may not do: replace what was, or may have been, written meanwhile. */
static bool must_skip(const struct window *w, const struct window_entry *entry)
{
	return written_has(&w->written, entry->key) ||
	       (w->written.lost && w->mode == ENTRY_REFRESH);
}

static void begin_slot(struct window *w, struct slot *slot)
{
	slot->since_ms = (int64_t)uv_now(loop_uv(w->cache->loop));
	slot->lead = 0;
	/* Without a list to watch, nothing is replaced. */
	if (w->written.lost)
		return;
	written_guard(&w->written, slot->batch);
	slot->lead = REDIS_ADD(slot->batch, SLICE("MULTI")) + 1;
}

enum error window_add(struct window *w, const struct window_entry *entry, struct fault *fault)
{
	struct slot *slot = w->filling;
	struct item *item = &slot->items[slot->count];

	if (must_skip(w, entry)) {
		w->tally->skipped++;
		return verdict(w, fault);
	}
	if (slot->count++ == 0)
		begin_slot(w, slot);
	add_commands(w, entry, slot, item);
	buf_add(&slot->keys, entry->key);
	item->row = entry->row;
	item->key_end = slot->keys.n;
	item->value_bytes = entry->value.n;
	if (redis_batch_count(slot->batch) - slot->lead < w->slot_entries &&
		redis_batch_bytes(slot->batch) < slot_bytes)
		return OK;
	return window_send(w, fault);
}

enum error window_flush(struct window *w, struct fault *fault)
{
	if (!w->stopped.error)
		window_send(w, NULL);
	for (int i = 0; i < 2; i++) {
		struct slot *slot = &w->slots[i];

		window_settle(w, slot);
		for (size_t j = 0; j < slot->count; j++)
			tally_reject(w->tally, slot->items[j].row, &w->stopped);
		slot_clear(slot);
	}
	return verdict(w, fault);
}

int64_t window_waiting_since(const struct window *w)
{
	return w->filling->count ? w->filling->since_ms : -1;
}
