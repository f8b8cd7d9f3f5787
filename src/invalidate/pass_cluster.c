/* SPDX-License-Identifier: MIT */
/*
 * The scan of a pass over a cluster.
 *
 *	snapshot -> scan of the slots -> held names -> snapshot -> slots that moved, or whose server
 *	   ^                                                       was lost or replaced
 *	   `---------------- only these, three times at most --------'
 *
 * A pattern with a literal hash tag needs only that tag's slot.
 */
#include <string.h>

#include "base/mem.h"
#include "invalidate/pass_internal.h"

enum { max_retries = 3, lost_ms = 5000, look_ms = 50 };

/* Whether all keys that match lie in one slot: the literal beginning has a whole hash tag. */
static bool has_slot(const struct pattern *pattern, unsigned *ret)
{
	struct slice head = pattern->head;
	const char *open = memchr(head.p, '{', head.n);
	const char *close = open ? memchr(open, '}', (size_t)(slice_end(head) - open)) : NULL;

	if (!close || close == open + 1)
		return false;
	*ret = slot_of(head);
	return true;
}

/* True if the slots of all patterns are known. */
static bool find_slots(const struct pass *pass, struct slot_set *ret)
{
	for (size_t i = 0; i < pass->member_count; i++) {
		const struct pass_request *member = pass->members[i];

		for (size_t k = 0; member && k < member->pattern_count; k++) {
			unsigned slot;

			if (!has_slot(&member->patterns[k].pattern, &slot))
				return false;
			slot_set_add(ret, slot);
		}
	}
	return true;
}

/* Scans the wanted slots and removes what was held. Parks. */
static enum error scan_wanted(struct pass *pass, struct scan_slots *slots, struct fault *fault)
{
	struct cache *cache = pass->owner->cache;
	struct scan_handler handler = pass_page_handler;
	struct buf match = {0};

	pass_filter(pass, &match);
	handler.context = pass;
	const struct scan_spec spec = {cache, buf_slice(&match), pass_pace(pass), &handler};
	enum error error = scan_slots_run(&spec, slots, fault);

	buf_release(&match);
	return error ? error : pass_remove_held(pass, fault);
}

/*
 * The slots that are to be scanned again become the wanted ones; true if there are some. Their
 * snapshot is *snapshot. Parks.
 */
static bool look_again(struct pass *pass, struct scan_slots *slots, struct scan_snapshot **snapshot,
	enum error *ret, struct fault *fault)
{
	struct scan_snapshot *after = NULL;

	*ret = scan_snapshot_take(pass->owner->cache, &after, fault);
	if (*ret)
		return false;
	struct slot_set next = slots->unseen;

	scan_snapshot_changed(*snapshot, after, &slots->wanted, &next);
	scan_snapshot_free(*snapshot);
	*snapshot = after;
	slots->snapshot = after;
	slots->wanted = next;
	slots->all = false;
	return !slot_set_empty(&next);
}

/* Waits until the lost servers, or others in their place, answer; false if they do not. Parks. */
static bool await_servers(
	const struct pass *pass, const struct scan_snapshot *snapshot, const struct slot_set *slots)
{
	struct store *store = pass->owner->cache->store;
	/* What has been away for long will hardly come back now. */
	int64_t left = lost_ms - scan_snapshot_away_ms(snapshot);
	int64_t deadline = clock_deadline(left > look_ms ? left : look_ms);

	while (store_refresh(store, deadline) == OK && !store_serves(store, slots)) {
		if (pass_empty(pass) || clock_mono_ms() >= deadline || fiber_sleep(look_ms))
			return false;
	}
	return store_serves(store, slots);
}

/* Tells the members which servers were not scanned. */
static void skip(struct pass *pass, const struct scan_snapshot *snapshot)
{
	for (size_t i = 0; i < pass->member_count; i++)
		if (pass->members[i])
			scan_snapshot_away(snapshot, &pass->members[i]->away);
	pass_set_ends(pass, PASS_SKIPPED);
}

/* Rounds until nothing is left. Parks. */
static enum error scan_rounds(struct pass *pass, struct scan_slots *slots,
	struct scan_snapshot **snapshot, struct fault *fault)
{
	struct log *log = pass->owner->cache->log;

	for (int round = 0;; round++) {
		enum error error = scan_wanted(pass, slots, fault);
		bool lost = !slot_set_empty(&slots->unseen);

		if (error || pass_empty(pass) ||
			!look_again(pass, slots, snapshot, &error, fault)) {
			if (!error)
				pass_set_ends(pass, PASS_ALL);
			return error;
		}
		if (lost && !await_servers(pass, *snapshot, &slots->unseen)) {
			skip(pass, *snapshot);
			return fiber_cancelled() ? ERR_CANCELLED : OK;
		}
		if (round == max_retries) {
			pass_set_ends(pass, PASS_CHANGED);
			return OK;
		}
		log_debug(log, "scans slots again that %s", lost ? "had no server" : "have moved");
		for (size_t i = 0; i < pass->member_count; i++)
			if (pass->members[i])
				pass->members[i]->scans++;
		/* The servers that were lost are others, or have begun anew. */
		if (lost) {
			scan_snapshot_free(*snapshot);
			*snapshot = NULL;
			error = scan_snapshot_take(pass->owner->cache, snapshot, fault);
			if (error)
				return error;
			slots->snapshot = *snapshot;
		}
		slots->unseen = (struct slot_set){0};
	}
}

static enum error scan_once(struct pass *pass, struct fault *fault)
{
	struct scan_slots slots = {0};
	struct scan_snapshot *snapshot = NULL;
	enum error error = scan_snapshot_take(pass->owner->cache, &snapshot, fault);

	if (error)
		return error;
	slots.snapshot = snapshot;
	slots.all = !find_slots(pass, &slots.wanted);
	if (slots.all)
		memset(&slots.wanted, 0xff, sizeof slots.wanted);
	pass_begin_scan(pass, snapshot);
	log_debug(pass->owner->cache->log, "scans %lld keys of %s",
		(long long)scan_snapshot_keys(snapshot), slots.all ? "all slots" : "some slots");
	error = scan_rounds(pass, &slots, &snapshot, fault);
	for (size_t i = 0; i < pass->member_count; i++)
		if (pass->members[i])
			pass->members[i]->orphans = slots.orphans;
	scan_snapshot_free(snapshot);
	return error;
}

enum error pass_scan_cluster(struct pass *pass, struct fault *fault)
{
	struct cache *cache = pass->owner->cache;
	struct slice command = store_unlink(cache->store);
	enum error error;

	do
		error = scan_once(pass, fault);
	while (removal_try_again(cache, error, &command));
	return error;
}
