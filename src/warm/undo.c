/* SPDX-License-Identifier: MIT */
/* A list of names, and a fiber while it is not empty; see undo.h. */
#include "warm/undo.h"

#include <string.h>

#include "base/mem.h"
#include "cache/entry.h"
#include "warm/undo_file.h"

enum {
	max_bytes = 4 * 1024 * 1024,
	names_at_once = 500,
	retry_ms = 1000,
	stop_ms = 1000,
};

struct undo {
	struct cache *cache;
	struct log *log;
	struct fiber_group group;
	struct fiber_cond emptied;
	struct buf names; /* size_t length and bytes of each */
	size_t count, removed;
	struct undo_file *file; /* NULL = none is kept */
	bool unkept;		/* some of the names are not in the file */
	bool stopped;
};

static void work(void *argument);

/* Reads the list of an earlier process. */
static void take_over(struct undo *undo)
{
	undo_file_read(undo->file, &undo->names);
	struct slice names = buf_slice(&undo->names), name;

	while (undo_file_next(&names, &name))
		undo->count++;
	if (undo->count == 0)
		return;
	log_info(undo->log, "keys of interrupted warm runs that are still to be removed: %zu",
		undo->count);
	fiber_spawn(&undo->group, "undo", work, undo);
}

struct undo *undo_new(struct cache *cache, struct log *log)
{
	struct undo *undo = mem_new(struct undo);

	undo->cache = cache;
	undo->log = log;
	fiber_group_init(&undo->group, "undo", cache->loop);
	undo->file = undo_file_new(cache->conf->redis.url_redacted, log);
	if (undo->file)
		take_over(undo);
	return undo;
}

static void tell_lost(const struct undo *undo, size_t count)
{
	if (count)
		log_warning(undo->log,
			"keys of interrupted warm runs that stay for their TTL: %zu; they may be "
			"stale: invalidate them",
			count);
}

static void tell_left(const struct undo *undo, size_t count)
{
	if (!undo->file || undo->unkept)
		tell_lost(undo, count);
	else if (count)
		log_info(undo->log,
			"keys of interrupted warm runs that the next start removes: %zu", count);
}

void undo_stop(struct undo *undo)
{
	undo->stopped = true;
	fiber_group_cancel(&undo->group);
	fiber_group_join(&undo->group, clock_deadline(stop_ms));
	tell_left(undo, undo->count);
}

void undo_free(struct undo *undo)
{
	if (!undo)
		return;
	buf_release(&undo->names);
	undo_file_free(undo->file);
	mem_free(undo);
}

/* Fills `keys` with views of the first names; *ret_bytes: what they take in `names`. */
static size_t first_names(struct slice names, struct slice *keys, size_t *ret_bytes)
{
	struct slice rest = names;
	size_t count = 0;

	while (count < names_at_once && undo_file_next(&rest, &keys[count]))
		count++;
	*ret_bytes = names.n - rest.n;
	return count;
}

/* Parks. */
static enum error remove_some(struct undo *undo)
{
	struct slice *keys = mem_array(names_at_once, sizeof *keys);
	struct buf names = {0}; /* a copy, because undo_add() may move the list meanwhile */
	size_t bytes, count;

	first_names(buf_slice(&undo->names), keys, &bytes);
	buf_append(&names, undo->names.p, bytes);
	count = first_names(buf_slice(&names), keys, &bytes);
	enum error error = entry_take_back(undo->cache, keys, count, NULL);
	buf_release(&names);
	mem_free(keys);
	if (error)
		return error;
	buf_consume(&undo->names, bytes);
	undo->count -= count;
	undo->removed += count;
	return OK;
}

static void work(void *argument)
{
	struct undo *undo = argument;
	enum error error = OK;

	while (undo->count && error != ERR_CANCELLED) {
		error = cache_await_redis(undo->cache, NULL, NULL);
		if (error)
			continue;
		error = remove_some(undo);
		if (error && error != ERR_CANCELLED)
			error = fiber_sleep(retry_ms);
	}
	if (!undo->count && undo->file) {
		undo_file_remove(undo->file);
		undo->unkept = false;
	}
	if (undo->removed)
		log_info(undo->log, "keys of interrupted warm runs that were removed: %zu",
			undo->removed);
	undo->removed = 0;
	fiber_cond_broadcast(&undo->emptied);
}

void undo_add(struct undo *undo, const struct slice *keys, size_t count)
{
	size_t before = undo->names.n, taken = 0;
	bool idle = undo->count == 0;

	while (taken < count && undo->names.n < max_bytes) {
		buf_append(&undo->names, &keys[taken].n, sizeof keys[taken].n);
		buf_add(&undo->names, keys[taken++]);
	}
	undo->count += taken;
	if (taken && undo->file &&
		!undo_file_add(undo->file, slice_skip(buf_slice(&undo->names), before)))
		undo->unkept = true;
	tell_lost(undo, count - taken);
	if (undo->stopped)
		tell_left(undo, taken);
	else if (idle && taken)
		fiber_spawn(&undo->group, "undo", work, undo);
}

enum error undo_wait(struct undo *undo, int64_t deadline)
{
	enum error error = OK;

	while (undo->count && !error)
		error = fiber_cond_wait(&undo->emptied, "the undo list to be empty", deadline);
	return error;
}
