/* SPDX-License-Identifier: MIT */
/* Batches of SETs, filled, sent and awaited; see window.h. */
#include "base/mem.h"
#include "cache/tag.h"
#include "warm/window_internal.h"

enum {
	half_bytes = 1024 * 1024, /* a batch of this size is sent even if it has few entries */
	command_grace_ms = 500,
};

static void begin_pace(struct window *w, double max_latency_ms)
{
	fiber_group_init(&w->probes, "probes of a run", w->cache->loop);
	w->pacers = redis_pacers_new(NULL, 0, max_latency_ms, &w->probes);
}

/* The pace minds each server that the run writes to. */
static void pace_by(struct window *w, const struct half *half)
{
	size_t count = store_is_one(w->cache->store) ? 1 : half->count;

	for (size_t i = 0; w->pacers && i < count; i++)
		redis_pacers_add(w->pacers, store_node(w->cache->store, window_key(half, i)));
}

/* Parks, though cancelled. */
static void end_pace(struct window *w)
{
	if (!w->pacers)
		return;
	redis_pacers_free(w->pacers);
	fiber_group_stop(&w->probes);
}

enum error window_open(const struct window_spec *spec, struct window **ret, struct fault *fault)
{
	static const enum entry_mode modes[] = {
		[MODE_MISSING] = ENTRY_SET_IF_ABSENT,
		[MODE_REFRESH] = ENTRY_SET_IF_PRESENT,
		[MODE_REPLACE] = ENTRY_SET,
		[MODE_SWAP] = ENTRY_SET,
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
	w->half_entries = (size_t)(w->single ? job->window : job->window / 2);
	w->half_entries = w->half_entries > 1 + beside ? w->half_entries - beside : 1;
	for (int i = 0; i < 2; i++) {
		w->halves[i].batch = redis_batch_new();
		w->halves[i].items = mem_array(w->half_entries, sizeof(struct item));
	}
	w->filling = &w->halves[0];
	*ret = w;
	enum error error = inval_tail_begin(&w->tail, cache, fault);
	/* In this order: a key that is invalidated and then written is known to be both. */
	return error ? error : recent_writes_reader_begin(&w->writes, cache, fault);
}

void window_close(struct window *w)
{
	if (!w)
		return;
	end_pace(w);
	for (int i = 0; i < 2; i++) {
		redis_batch_free(w->halves[i].batch);
		buf_release(&w->halves[i].keys);
		buf_release(&w->halves[i].tags);
		mem_free(w->halves[i].items);
	}
	window_group_free(w->group);
	buf_release(&w->scratch);
	inval_tail_release(&w->tail);
	recent_writes_reader_release(&w->writes);
	mem_free(w);
}

static void clear_half(struct half *half)
{
	redis_batch_clear(half->batch);
	buf_clear(&half->keys);
	buf_clear(&half->tags);
	half->count = half->lead = 0;
	half->in_flight = half->untagged = false;
}

static void take_replies(const struct half *half, struct item *item)
{
	for (size_t i = item->command; i < item->set && !item->tag_refusal; i++) {
		const struct redis_value *reply = window_reply(half, i);

		if (reply && redis_value_error(reply, NULL))
			item->tag_refusal = reply;
	}
	item->reply = window_reply(half, item->set);
}

/* The replies to a batch that was sent. Parks, though cancelled. */
static enum error await_replies(
	struct window *w, struct half *half, struct redis_batch **again, struct fault *lost)
{
	fiber_cleanup_begin(w->command_ms);
	enum error error = redis_batch_wait(half->batch, clock_deadline(w->command_ms), lost);
	window_begin_items(half);
	for (size_t i = 0; i < half->count; i++)
		take_replies(half, &half->items[i]);
	if (window_held_back(half))
		error = window_retry(w, half, again, lost);
	fiber_cleanup_end();
	return error;
}

/* Stores again what there was no memory for. Parks, though cancelled. */
static enum error store_again(
	struct window *w, struct half *half, struct redis_batch **again, struct fault *lost)
{
	struct redis_batch *last = *again;

	fiber_cleanup_begin(w->command_ms);
	enum error error = window_retry(w, half, again, lost);
	fiber_cleanup_end();
	redis_batch_free(last);
	return error;
}

/* Waits for a batch that was sent, and takes its replies. Parks, though cancelled. */
static void settle(struct window *w, struct half *half)
{
	struct redis_batch *again = NULL;
	struct fault lost = {0};

	if (!half->in_flight)
		return;
	enum error error = await_replies(w, half, &again, &lost);
	for (;;) {
		const struct redis_batch *last = again ? again : half->batch;

		if (!error)
			window_note_starving(w, half);
		else if (!lost.error)
			fault_set(&lost, error, "%s", error_title(error));
		window_judge(w, half, redis_batch_reply(last, half->question.index), error, &lost);
		if (!window_await_memory(w, half))
			break;
		error = store_again(w, half, &again, &lost);
	}
	redis_batch_free(again);
	clear_half(half);
}

void window_stop(struct window *w, const struct fault *why)
{
	if (!w->stopped.error)
		w->stopped = *why;
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
	struct half *half = w->filling;
	struct half *other = &w->halves[half == w->halves];
	struct fault why;

	if (half->count == 0) {
		settle(w, other);
		return window_verdict(w, fault);
	}
	pace_by(w, half);
	if (!store_is_one(w->cache->store)) {
		window_store_in_steps(w, half);
		clear_half(half);
		return window_verdict(w, fault);
	}
	if (half->lead)
		half->exec = REDIS_ADD(half->batch, SLICE("EXEC"));
	inval_tail_add_read(&w->tail, half->batch, &half->question);
	if (w->absent)
		window_forget_absent(w, half, half->batch);
	if (store_start(w->cache->store, REDIS_BULK, half->batch, &why)) {
		for (size_t i = 0; i < half->count; i++)
			window_reject(w, &half->items[i], &why);
		clear_half(half);
		return window_verdict(w, fault);
	}
	half->in_flight = true;
	if (w->single) {
		settle(w, half);
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

	if (!error && any && w->pacers && redis_pacers_pause(w->pacers))
		error = window_verdict(w, fault);
	return error;
}

/* Without the list of writes nothing is replaced. */
static enum entry_mode current_mode(const struct window *w)
{
	return w->writes.lost && w->mode == ENTRY_SET ? ENTRY_SET_IF_ABSENT : w->mode;
}

/* The commands of one entry: its tags' ZADDs, then its SET. Parks to compress a big value. */
static void add_commands(
	struct window *w, const struct window_entry *entry, struct half *half, struct item *item)
{
	struct entry_bytes bytes = entry_encode(w->cache,
		&(struct entry_write){
			.key = entry->key, .value = entry->value, .ttl_ms = entry->ttl_ms},
		&w->scratch);

	item->command = redis_batch_count(half->batch);
	if (entry->tag_count)
		tag_add(w->cache, half->batch, entry->key, bytes.px_ms, entry->tags,
			entry->tag_count);
	item->set =
		entry_add_set(half->batch, entry->key, bytes.stored, bytes.px_ms, current_mode(w));
	for (size_t i = 0; i < entry->tag_count; i++) {
		buf_add(&half->tags, entry->tags[i]);
		buf_char(&half->tags, '\n');
	}
	item->tag_end = half->tags.n;
}

/* Whether storing the entry would, or might, replace what another wrote. */
static bool must_skip(const struct window *w, const struct window_entry *entry)
{
	return recent_writes_reader_has(&w->writes, entry->key) ||
	       (w->writes.lost && w->mode == ENTRY_SET_IF_PRESENT);
}

static void begin_half(struct window *w, struct half *half)
{
	half->since_ms = (int64_t)uv_now(loop_uv(w->cache->loop));
	half->lead = 0;
	if (w->writes.lost || !store_is_one(w->cache->store))
		return;
	recent_writes_reader_add_guard(&w->writes, half->batch);
	half->lead = REDIS_ADD(half->batch, SLICE("MULTI")) + 1;
}

static size_t max_entries(const struct window *w)
{
	size_t page = w->pacers ? redis_pacers_page(w->pacers) : w->half_entries;

	return page < w->half_entries ? page : w->half_entries;
}

enum error window_add_now(struct window *w, const struct window_entry *entry, struct fault *fault)
{
	struct half *half = w->filling;
	struct item *item = &half->items[half->count];

	if (must_skip(w, entry)) {
		w->counts->skipped++;
		return window_verdict(w, fault);
	}
	if (half->count++ == 0)
		begin_half(w, half);
	add_commands(w, entry, half, item);
	buf_add(&half->keys, entry->key);
	item->row = entry->row;
	item->key_end = half->keys.n;
	item->value_bytes = entry->value.n;
	item->ttl_ms = entry->ttl_ms;
	item->shared = key_sample_is_shared(entry->value);
	if (redis_batch_count(half->batch) - half->lead < max_entries(w) &&
		redis_batch_bytes(half->batch) < half_bytes)
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
		struct half *half = &w->halves[i];

		settle(w, half);
		for (size_t j = 0; j < half->count; j++)
			run_counts_reject(w->counts, half->items[j].row, &w->stopped);
		clear_half(half);
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
		if (w->halves[i].in_flight)
			batch = w->halves[i].since_ms;
	return batch < 0 || (group >= 0 && group < batch) ? group : batch;
}
