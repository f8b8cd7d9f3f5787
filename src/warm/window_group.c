/* SPDX-License-Identifier: MIT */
/*
 * Entries that are gathered before they come into a batch.
 *
 *	entry, entry, ... -> mode swap: their keys are marked       -> window_add_now() for each
 *			  -> refresh_below: their PTTLs are asked for -> for each that has less left
 *
 * What is gathered is a copy: the row's bytes are used again for the next row.
 */
#include "base/mem.h"
#include "cache/soft_purge.h"
#include "warm/window_internal.h"

enum { group_entries = 128, group_bytes = 256 * 1024, memory_ms = 250 };

/* Ends of its parts in the group's bytes; each begins where the one before ends. */
struct gathered {
	size_t key_end, value_end, tag_ends[ROW_MAX_TAGS];
	size_t tag_count;
	int64_t ttl_ms;
	uint64_t row;
};

struct group {
	const struct swap *swap; /* or */
	int64_t refresh_below_ms;
	struct buf bytes;
	size_t count, passed; /* the first ones were passed on */
	int64_t since_ms;
	struct gathered entries[group_entries];
};

struct group *window_group_new(const struct conf_job *job, const struct swap *swap)
{
	if (!swap && job->refresh_below_ms == 0)
		return NULL;
	struct group *group = mem_new(struct group);

	group->swap = swap;
	group->refresh_below_ms = job->refresh_below_ms;
	return group;
}

void window_group_free(struct group *group)
{
	if (!group)
		return;
	buf_release(&group->bytes);
	mem_free(group);
}

void window_group_add(struct group *group, const struct window_entry *entry, int64_t now_ms)
{
	struct gathered *at = &group->entries[group->count];

	if (group->count++ == 0)
		group->since_ms = now_ms;
	*at = (struct gathered){
		.tag_count = entry->tag_count, .ttl_ms = entry->ttl_ms, .row = entry->row};
	buf_add(&group->bytes, entry->key);
	at->key_end = group->bytes.n;
	buf_add(&group->bytes, entry->value);
	at->value_end = group->bytes.n;
	for (size_t i = 0; i < entry->tag_count; i++) {
		buf_add(&group->bytes, entry->tags[i]);
		at->tag_ends[i] = group->bytes.n;
	}
}

bool window_group_full(const struct group *group)
{
	return group->count == group_entries || group->bytes.n >= group_bytes;
}

int64_t window_group_since(const struct group *group)
{
	return group->count ? group->since_ms : -1;
}

static void clear(struct group *group)
{
	group->count = group->passed = 0;
	buf_clear(&group->bytes);
}

/* Entry i as it came; `tags` are its tags. */
static struct window_entry entry_at(
	const struct group *group, size_t i, struct slice tags[ROW_MAX_TAGS])
{
	const struct gathered *at = &group->entries[i];
	const char *bytes = group->bytes.p;
	size_t begin = 0;

	if (i) {
		const struct gathered *last = at - 1;

		begin = last->tag_count ? last->tag_ends[last->tag_count - 1] : last->value_end;
	}
	for (size_t t = 0, from = at->value_end; t < at->tag_count; from = at->tag_ends[t++])
		tags[t] = slice_of(bytes + from, at->tag_ends[t] - from);
	return (struct window_entry){.key = slice_of(bytes + begin, at->key_end - begin),
		.value = slice_of(bytes + at->key_end, at->value_end - at->key_end),
		.ttl_ms = at->ttl_ms,
		.tags = tags,
		.tag_count = at->tag_count,
		.row = at->row};
}

static void fill(const struct group *group, struct redis_batch *batch)
{
	struct slice tags[ROW_MAX_TAGS], keys[group_entries];

	redis_batch_clear(batch);
	for (size_t i = group->passed; i < group->count; i++) {
		keys[i] = entry_at(group, i, tags).key;
		if (!group->swap)
			REDIS_ADD(batch, SLICE("PTTL"), keys[i]);
	}
	if (group->swap)
		swap_mark(group->swap, batch, &keys[group->passed], group->count - group->passed);
}

/* Without memory it is tried again, within the deadline. Parks. */
static enum error run(
	const struct group *group, struct window *w, struct redis_batch *batch, struct fault *fault)
{
	enum error error;

	for (;;) {
		fill(group, batch);
		error = cache_run_all(w->cache, REDIS_BULK, batch, fault);
		w->starves = error == ERR_REDIS_OOM && clock_mono_ms() < w->deadline;
		if (!w->starves || fiber_sleep(memory_ms))
			break;
	}
	w->starves = false;
	return error;
}

/* Whether the key is there, and has less left than it should have. */
static bool is_due(const struct group *group, const struct window *w, struct slice key,
	const struct redis_value *reply)
{
	int64_t ttl_ms = entry_shown_ttl(w->cache->conf, key, reply->integer, -2);

	return ttl_ms >= 0 && ttl_ms < group->refresh_below_ms;
}

enum error window_group_pass_on(struct group *group, struct window *w, struct fault *fault)
{
	struct redis_batch *batch = redis_batch_new();
	struct slice tags[ROW_MAX_TAGS];
	struct fault why = {0};
	enum error error = run(group, w, batch, &why);

	if (error && !fiber_cancelled())
		window_stop(w, &why);
	for (size_t i = 0; group->passed < group->count && !error; i++) {
		const struct window_entry entry = entry_at(group, group->passed++, tags);

		if (group->swap || is_due(group, w, entry.key, redis_batch_reply(batch, i)))
			error = window_add_now(w, &entry, NULL);
		else
			w->counts->skipped++;
	}
	redis_batch_free(batch);
	if (!error)
		clear(group);
	return window_verdict(w, fault);
}

void window_group_reject(struct group *group, struct window *w)
{
	static const struct fault cancelled = {
		.error = ERR_CANCELLED, .detail = "the run was cancelled"};
	const struct fault *why = w->stopped.error ? &w->stopped : &cancelled;

	for (size_t i = group->passed; i < group->count; i++)
		run_counts_reject(w->counts, group->entries[i].row, why);
	clear(group);
}
