/* SPDX-License-Identifier: MIT */
/*
 * Batches of SETs and what becomes of them; see window.h.
 *
 *	replies           -> stored, skipped or rejected
 *	the log's answer  -> stale keys are removed; without an answer all keys of the batch are,
 *			     by warm/undo if Redis is away
 */
#include "warm/window_internal.h"

#include <string.h>

#include "base/mem.h"
#include "cache/tag.h"

enum {
	slot_bytes = 1024 * 1024, /* a batch of this size is sent even if it has few entries */
	command_grace_ms = 500,
	probe_ms = 1000,
	tries = 3,
	retry_ms = 300,
};

/* Of several primaries the first one is measured. */
static void begin_pace(struct window *w, double max_latency_ms)
{
	struct redis_node *const *nodes;

	fiber_group_init(&w->probes, "probes of a run", w->cache->loop);
	store_primaries(w->cache->store, &nodes);
	w->pacer = redis_pacer_new(nodes[0], max_latency_ms, &w->probes);
}

/* Parks, though cancelled. */
static void end_pace(struct window *w)
{
	if (!w->pacer)
		return;
	redis_pacer_free(w->pacer);
	bool cleanup = fiber_cleanup_enter(probe_ms);
	while (w->probes.count)
		if (fiber_group_join(&w->probes, DEADLINE_NONE))
			fiber_yield();
	if (cleanup)
		fiber_cleanup_end();
}

enum error window_open(const struct window_spec *spec, struct window **ret, struct fault *fault)
{
	static const enum entry_mode modes[] = {
		[MODE_MISSING] = ENTRY_MISSING,
		[MODE_REFRESH] = ENTRY_REFRESH,
		[MODE_REPLACE] = ENTRY_REPLACE,
		[MODE_SWAP] = ENTRY_REPLACE,
	};
	const struct conf_job *job = spec->job;
	struct cache *cache = spec->cache;
	struct window *w = mem_new(struct window);

	w->cache = cache;
	w->counts = spec->counts;
	w->undo = spec->undo;
	w->deadline = spec->deadline;
	w->sample = spec->sample;
	w->group = window_group_new(job, spec->swap);
	w->mode = modes[job->mode];
	w->command_ms = cache->conf->redis.command_timeout_ms + command_grace_ms;
	w->single = job->window < 4 || job->max_latency_ms > 0 || !store_is_one(cache->store);
	if (job->max_latency_ms > 0)
		begin_pace(w, (double)job->max_latency_ms);
	w->absent = window_may_be_absent(cache->conf, job);
	/* The read of the log is a command too, and so is the UNLINK of absence notes. */
	size_t beside = w->absent ? 2 : 1;
	w->slot_entries = (size_t)(w->single ? job->window : job->window / 2);
	w->slot_entries = w->slot_entries > 1 + beside ? w->slot_entries - beside : 1;
	for (int i = 0; i < 2; i++) {
		w->slots[i].batch = redis_batch_new();
		w->slots[i].items = mem_array(w->slot_entries, sizeof(struct item));
	}
	w->filling = &w->slots[0];
	*ret = w;
	enum error error = inval_tail_begin(&w->tail, cache, fault);
	/* In this order: a key that is invalidated and then written is known to be both. */
	return error ? error : write_set_begin(&w->writes, cache, fault);
}

void window_close(struct window *w)
{
	if (!w)
		return;
	end_pace(w);
	for (int i = 0; i < 2; i++) {
		redis_batch_free(w->slots[i].batch);
		buf_release(&w->slots[i].keys);
		buf_release(&w->slots[i].tags);
		mem_free(w->slots[i].items);
	}
	window_group_free(w->group);
	buf_release(&w->scratch);
	inval_tail_release(&w->tail);
	write_set_release(&w->writes);
	mem_free(w);
}

static const struct fault lost_log = {.error = ERR_INCOMPLETE,
	.detail = "the invalidation log was trimmed or emptied meanwhile; what was stored since "
		  "may be stale and was removed"};

static void clear_slot(struct slot *slot)
{
	redis_batch_clear(slot->batch);
	buf_clear(&slot->keys);
	buf_clear(&slot->tags);
	slot->count = slot->lead = 0;
	slot->in_flight = slot->untagged = false;
}

struct slice window_key(const struct slot *slot, size_t i)
{
	size_t begin = i ? slot->items[i - 1].key_end : 0;

	return slice_of(slot->keys.p + begin, slot->items[i].key_end - begin);
}

static size_t get_tags(const struct slot *slot, size_t i, struct slice ret[ROW_MAX_TAGS])
{
	const char *at = slot->tags.p + (i ? slot->items[i - 1].tag_end : 0);
	const char *end = slot->tags.p + slot->items[i].tag_end;
	size_t count = 0;

	while (slot->tags.n && at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));

		ret[count++] = slice_of(at, (size_t)(newline - at));
		at = newline + 1;
	}
	return count;
}

void window_stop(struct window *w, const struct fault *why)
{
	if (!w->stopped.error)
		w->stopped = *why;
}

void window_reject(struct window *w, struct item *item, const struct fault *why)
{
	struct fault own = *why;

	/* Only ZADD minds a key's type. */
	if (own.error == ERR_WRONG_TYPE)
		fault_set(&own, ERR_WRONG_TYPE,
			"a tag's set in Redis is not a sorted set: delete the key %stag:NAME of "
			"that tag",
			w->cache->conf->redis.own_prefix);
	run_counts_reject(w->counts, item->row, &own);
	window_stop(w, &own);
}

void window_give_up(
	struct window *w, const struct slice *keys, size_t count, const struct fault *why)
{
	window_stop(w, why);
	undo_add(w->undo, keys, count);
}

/* Whether the guard has kept an answered batch from being stored. */
static bool held_back(const struct slot *slot)
{
	const struct redis_value *exec =
		slot->lead ? redis_batch_reply(slot->batch, slot->exec) : NULL;

	return exec && exec->type == REDIS_NIL;
}

/* The refusal of a command when it was queued says more than EXEC's reply. */
static const struct redis_value *why_aborted(const struct slot *slot)
{
	for (size_t i = 0; i < slot->exec; i++) {
		const struct redis_value *reply = redis_batch_reply(slot->batch, i);

		if (reply && reply->type == REDIS_ERROR)
			return reply;
	}
	return redis_batch_reply(slot->batch, slot->exec);
}

/* The reply to a command of an item, inside EXEC's or not; NULL = none. */
static const struct redis_value *get_reply(const struct slot *slot, size_t command)
{
	const struct redis_value *exec;

	if (!slot->lead)
		return redis_batch_reply(slot->batch, command);
	exec = redis_batch_reply(slot->batch, slot->exec);
	if (exec && exec->type == REDIS_ARRAY && command - slot->lead < exec->count)
		return exec->items[command - slot->lead];
	return exec && exec->type == REDIS_ERROR ? why_aborted(slot) : exec;
}

/* Whether one of the item's ZADDs was refused; fills `why`. */
static bool tag_refused(const struct slot *slot, const struct item *item, struct fault *why)
{
	enum error error = OK;

	/* A script ends an entry at its first refused command. */
	if (held_back(slot))
		return OK;
	for (size_t i = item->command; i < item->set && !error; i++) {
		const struct redis_value *reply = get_reply(slot, i);

		error = reply ? redis_value_error(reply, why) : OK;
	}
	return error;
}

/* Not stored because of its mode, or because another wrote its key. */
static bool left_alone(const struct item *item)
{
	const struct redis_value *reply = item->reply;

	return item->written ||
	       (reply && (reply->type == REDIS_NIL || (reply->type == REDIS_INTEGER &&
							      reply->integer != WRITE_SET_STORED)));
}

/* An entry without a reply may have been stored or not. */
void window_count(struct window *w, struct slot *slot, struct item *item, const struct fault *lost)
{
	const struct redis_value *reply = item->reply;
	struct fault fault;

	item->fate = NOT_STORED;
	item->untagged = false;
	if (left_alone(item)) {
		w->counts->skipped++;
	} else if (!reply) {
		item->fate = UNKNOWN;
		window_reject(w, item, lost);
	} else if (redis_value_error(reply, &fault)) {
		window_reject(w, item, &fault);
	} else if (tag_refused(slot, item, &fault)) {
		item->fate = UNKNOWN;
		item->untagged = slot->untagged = true;
		window_reject(w, item, &fault);
	} else {
		item->fate = STORED;
		w->counts->stored++;
		w->counts->bytes += item->value_bytes;
		if (w->sample)
			key_sample_add(w->sample, window_key(slot, (size_t)(item - slot->items)),
				item->ttl_ms, item->shared);
	}
}

/* Reads the log again, alone, if the reply was lost with the connection. Parks. */
static bool ask_again(struct window *w, struct slot *slot)
{
	bool heard = false;

	for (int i = 0; i < tries && !heard; i++) {
		struct redis_batch *batch = redis_batch_new();

		if (i)
			fiber_sleep(retry_ms);
		inval_tail_ask(&w->tail, batch, &slot->question);
		if (store_run(w->cache->store, REDIS_BULK, batch, clock_deadline(w->command_ms),
			    NULL) == OK)
			heard = inval_tail_hear(&w->tail, &slot->question,
				redis_batch_reply(batch, slot->question.index));
		redis_batch_free(batch);
	}
	return heard;
}

/* Parks. */
static enum error take_back(
	struct window *w, const struct slice *keys, size_t count, struct fault *fault)
{
	enum error error = entry_take_back(w->cache, keys, count, fault);

	for (int i = 1; error && i < tries; i++) {
		fiber_sleep(retry_ms);
		error = entry_take_back(w->cache, keys, count, fault);
	}
	return error;
}

/* Whether it must be removed: it is or may be stale, or a tag purge would not find it. Parks. */
static bool must_remove(const struct window *w, const struct slot *slot, size_t i, bool heard)
{
	const struct item *item = &slot->items[i];
	struct slice tags[ROW_MAX_TAGS];

	if (item->fate == NOT_STORED)
		return false;
	return !heard || item->untagged ||
	       inval_tail_matches(&w->tail, window_key(slot, i), tags, get_tags(slot, i, tags));
}

/* Removes stale keys of an answered batch: all of them if the log was not read. Parks. */
static void remove_stale(struct window *w, struct slot *slot, bool heard)
{
	struct slice *keys = mem_array(slot->count, sizeof *keys);
	size_t count = 0;
	struct fault fault;

	for (size_t i = 0; i < slot->count; i++) {
		struct item *item = &slot->items[i];

		if (!must_remove(w, slot, i, heard))
			continue;
		keys[count++] = window_key(slot, i);
		if (item->fate == STORED) {
			w->counts->stored--;
			w->counts->bytes -= item->value_bytes;
			w->counts->invalidated++;
		}
		item->fate = NOT_STORED;
	}
	if (take_back(w, keys, count, &fault))
		window_give_up(w, keys, count, &fault);
	mem_free(keys);
}

void window_judge(struct window *w, struct slot *slot, const struct redis_value *log,
	enum error error, const struct fault *lost)
{
	for (size_t i = 0; i < slot->count; i++)
		if (!slot->items[i].refused && !slot->items[i].counted)
			window_count(w, slot, &slot->items[i], lost);
	bool heard = inval_tail_hear(&w->tail, &slot->question, log);

	if (heard && !slot->untagged && inval_tail_empty(&w->tail))
		return;
	fiber_cleanup_begin(w->command_ms);
	if (!heard && error)
		heard = ask_again(w, slot);
	remove_stale(w, slot, heard);
	fiber_cleanup_end();
	if (!heard)
		window_stop(w, &lost_log);
}

/* Waits for a batch that was sent, and takes its replies. Parks, though cancelled. */
static void settle(struct window *w, struct slot *slot)
{
	struct redis_batch *again = NULL;
	struct fault lost = {0};

	if (!slot->in_flight)
		return;
	fiber_cleanup_begin(w->command_ms);
	enum error error = redis_batch_wait(slot->batch, clock_deadline(w->command_ms), &lost);
	fiber_cleanup_end();
	for (size_t i = 0; i < slot->count; i++) {
		slot->items[i].reply = get_reply(slot, slot->items[i].set);
		slot->items[i].written = slot->items[i].refused = slot->items[i].counted = false;
	}
	if (held_back(slot)) {
		fiber_cleanup_begin(w->command_ms);
		error = window_retry(w, slot, &again, &lost);
		fiber_cleanup_end();
	}
	error = window_await_memory(w, slot, &again, error, &lost);
	if (error && !lost.error)
		fault_set(&lost, error, "%s", error_title(error));
	window_judge(w, slot, redis_batch_reply(again ? again : slot->batch, slot->question.index),
		error, &lost);
	redis_batch_free(again);
	clear_slot(slot);
}

enum error window_verdict(const struct window *w, struct fault *fault)
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

static enum error send_unpaced(struct window *w, struct fault *fault)
{
	struct slot *slot = w->filling;
	struct slot *other = &w->slots[slot == w->slots];
	struct fault why;

	if (slot->count == 0) {
		settle(w, other);
		return window_verdict(w, fault);
	}
	if (!store_is_one(w->cache->store)) {
		window_store_in_steps(w, slot);
		clear_slot(slot);
		return window_verdict(w, fault);
	}
	if (slot->lead)
		slot->exec = REDIS_ADD(slot->batch, SLICE("EXEC"));
	inval_tail_ask(&w->tail, slot->batch, &slot->question);
	if (w->absent)
		window_forget_absent(w, slot, slot->batch);
	if (store_start(w->cache->store, REDIS_BULK, slot->batch, &why)) {
		for (size_t i = 0; i < slot->count; i++)
			window_reject(w, &slot->items[i], &why);
		clear_slot(slot);
		return window_verdict(w, fault);
	}
	slot->in_flight = true;
	if (w->single) {
		settle(w, slot);
	} else {
		w->filling = other;
		settle(w, other);
	}
	return window_verdict(w, fault);
}

static enum error send_batch(struct window *w, struct fault *fault)
{
	bool any = w->filling->count > 0;
	enum error error = send_unpaced(w, fault);

	if (!error && any && w->pacer && redis_pacer_pause(w->pacer))
		error = window_verdict(w, fault);
	return error;
}

/* Without the list of writes nothing is replaced. */
static enum entry_mode current_mode(const struct window *w)
{
	return w->writes.lost && w->mode == ENTRY_REPLACE ? ENTRY_MISSING : w->mode;
}

/* The commands of one entry: its tags' ZADDs, then its SET. Parks to compress a big value. */
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
	item->set =
		entry_store(slot->batch, entry->key, bytes.stored, bytes.px_ms, current_mode(w));
	for (size_t i = 0; i < entry->tag_count; i++) {
		buf_add(&slot->tags, entry->tags[i]);
		buf_char(&slot->tags, '\n');
	}
	item->tag_end = slot->tags.n;
}

/* Whether storing the entry would, or might, replace what another wrote. */
static bool must_skip(const struct window *w, const struct window_entry *entry)
{
	return write_set_has(&w->writes, entry->key) ||
	       (w->writes.lost && w->mode == ENTRY_REFRESH);
}

static void begin_slot(struct window *w, struct slot *slot)
{
	slot->since_ms = (int64_t)uv_now(loop_uv(w->cache->loop));
	slot->lead = 0;
	if (w->writes.lost || !store_is_one(w->cache->store))
		return;
	write_set_guard(&w->writes, slot->batch);
	slot->lead = REDIS_ADD(slot->batch, SLICE("MULTI")) + 1;
}

static size_t most_entries(const struct window *w)
{
	size_t page = w->pacer ? redis_pacer_page(w->pacer) : w->slot_entries;

	return page < w->slot_entries ? page : w->slot_entries;
}

enum error window_add_now(struct window *w, const struct window_entry *entry, struct fault *fault)
{
	struct slot *slot = w->filling;
	struct item *item = &slot->items[slot->count];

	if (must_skip(w, entry)) {
		w->counts->skipped++;
		return window_verdict(w, fault);
	}
	if (slot->count++ == 0)
		begin_slot(w, slot);
	add_commands(w, entry, slot, item);
	buf_add(&slot->keys, entry->key);
	item->row = entry->row;
	item->key_end = slot->keys.n;
	item->value_bytes = entry->value.n;
	item->ttl_ms = entry->ttl_ms;
	item->shared = key_sample_is_shared(entry->value);
	if (redis_batch_count(slot->batch) - slot->lead < most_entries(w) &&
		redis_batch_bytes(slot->batch) < slot_bytes)
		return OK;
	return send_batch(w, fault);
}

enum error window_add(struct window *w, const struct window_entry *entry, struct fault *fault)
{
	if (!w->group)
		return window_add_now(w, entry, fault);
	window_group_add(w->group, entry, (int64_t)uv_now(loop_uv(w->cache->loop)));
	return window_group_full(w->group) ? window_group_pass_on(w->group, w, fault) : OK;
}

enum error window_send(struct window *w, struct fault *fault)
{
	if (w->group && window_group_since(w->group) >= 0 &&
		window_group_pass_on(w->group, w, fault))
		return window_verdict(w, fault);
	return send_batch(w, fault);
}

enum error window_flush(struct window *w, struct fault *fault)
{
	if (!w->stopped.error)
		window_send(w, NULL);
	if (w->group)
		window_group_reject(w->group, w);
	for (int i = 0; i < 2; i++) {
		struct slot *slot = &w->slots[i];

		settle(w, slot);
		for (size_t j = 0; j < slot->count; j++)
			run_counts_reject(w->counts, slot->items[j].row, &w->stopped);
		clear_slot(slot);
	}
	return window_verdict(w, fault);
}

bool window_starves(const struct window *w)
{
	return w->starves;
}

int64_t window_waiting_since(const struct window *w)
{
	int64_t group = w->group ? window_group_since(w->group) : -1;
	int64_t batch = w->filling->count ? w->filling->since_ms : -1;

	for (int i = 0; i < 2 && batch < 0; i++)
		if (w->slots[i].in_flight)
			batch = w->slots[i].since_ms;
	return batch < 0 || (group >= 0 && group < batch) ? group : batch;
}
