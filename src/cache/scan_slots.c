/* SPDX-License-Identifier: MIT */
/*
 * Scanning a cluster by slots; see scan.h.
 *
 *	all slots   -> SCAN of each primary; if its first page shows that many names are wanted and
 *	               lie in many slots: slot by slot, because a command must not name keys of
 *	               several slots, and one for each key costs Redis more
 *	some slots  -> CLUSTER GETKEYSINSLOT of each
 *
 * Special: GETKEYSINSLOT has no cursor, so that a slot with very many keys is left to SCAN. Of a
 * slot that is being moved, first the server that has it is asked, then the one that receives it:
 * keys only go that way.
 */
#include <string.h>

#include "base/mem.h"
#include "cache/scan_internal.h"

enum {
	max_in_slot = 2000, /* a reply of so many names takes Redis about a millisecond */
	max_asked = 64,	    /* slots in a batch */
	many_percent =
		15, /* of the keys that SCAN looked at, from which asking by slot is better */
	counted_at_once = 512,
};

/* The wanted slots of a server for one phase. */
static void list_slots(const struct scan_slots *slots, const struct scan_snapshot *snapshot,
	size_t server, bool importing, struct scan_list *ret)
{
	const struct slot_claim *claim = snapshot->servers[server].claim;

	ret->count = 0;
	for (unsigned slot = 0; slot < SLOT_COUNT; slot++) {
		bool has = importing ? slot_set_has(&claim->importing, slot)
				     : snapshot->owners[slot] == server;

		if (has && slot_set_has(&slots->wanted, slot))
			ret->slots[ret->count++] = (uint16_t)slot;
	}
}

static size_t owned_count(const struct slot_claim *claim)
{
	size_t count = 0;

	for (unsigned slot = 0; slot < SLOT_COUNT; slot++)
		count += slot_set_has(&claim->owned, slot);
	return count;
}

static void begin(struct scanner *w, bool importing)
{
	const struct scan_server *server = &w->slots->snapshot->servers[w->primary];
	size_t owned = owned_count(server->claim);

	w->per_slot = owned ? (size_t)server->keys / owned + 1 : 1;
	w->by_slot = importing || !w->slots->all;
}

static void add_asking(struct redis_batch *batch, const char *what, unsigned slot, int most)
{
	char digits[SLICE_INT_ROOM], limit[SLICE_INT_ROOM];
	struct slice argv[] = {SLICE("CLUSTER"), slice_str(what), slice_of_int(digits, slot),
		slice_of_int(limit, most)};

	redis_batch_add(batch, most ? 4 : 3, argv);
}

enum error scan_slots_send(struct scanner *w)
{
	size_t most = redis_pacer_page(w->pacer) / w->per_slot + 1;

	if (most > max_asked)
		most = max_asked;
	for (w->asked = 0; w->asked < most && w->next + w->asked < w->list->count; w->asked++)
		add_asking(w->names, "GETKEYSINSLOT", w->list->slots[w->next + w->asked],
			max_in_slot + 1);
	return redis_node_start(w->node, REDIS_BULK, w->names, &w->fault);
}

/* From slots to what SCAN finds in those that are too big. */
static void turn_to_big(struct scanner *w)
{
	w->by_slot = false;
	w->first = false;
	w->only_big = true;
}

enum error scan_slots_take(struct scanner *w, bool *ret_last)
{
	for (size_t i = 0; i < w->asked; i++) {
		const struct redis_value *reply = redis_batch_reply(w->names, i);
		enum error error = redis_value_error(reply, &w->fault);

		if (error)
			return error;
		if (reply->type != REDIS_ARRAY)
			return fault_set(&w->fault, ERR_REDIS_PROTOCOL,
				"CLUSTER GETKEYSINSLOT gave no names");
		if (reply->count > max_in_slot) {
			slot_set_add(&w->big, w->list->slots[w->next + i]);
			w->any_big = true;
			continue;
		}
		for (size_t k = 0; k < reply->count; k++)
			scan_found(w, reply->items[k]);
	}
	w->next += w->asked;
	w->page.seen = (double)w->next / (double)w->list->count;
	*ret_last = w->next == w->list->count && !w->any_big;
	if (w->next == w->list->count && w->any_big)
		turn_to_big(w);
	return OK;
}

void scan_slots_filter(struct scanner *w, const struct redis_value *names)
{
	const struct slot_claim *claim = w->slots->snapshot->servers[w->primary].claim;

	for (size_t i = 0; i < names->count; i++) {
		unsigned slot = slot_of(names->items[i]->text);

		if (w->only_big ? slot_set_has(&w->big, slot)
				: slot_set_has(&claim->owned, slot) ||
					  slot_set_has(&claim->importing, slot))
			scan_found(w, names->items[i]);
		else if (!w->only_big)
			w->slots->orphans++;
	}
}

bool scan_slots_decide(struct scanner *w, const struct redis_value *names)
{
	struct slot_set met = {0};
	size_t distinct = 0;

	if (!w->first)
		return false;
	w->first = false;
	if (100 * names->count < many_percent * redis_pacer_page(w->pacer) ||
		w->per_slot > max_in_slot)
		return false;
	for (size_t i = 0; i < names->count; i++) {
		unsigned slot = slot_of(names->items[i]->text);

		distinct += !slot_set_has(&met, slot);
		slot_set_add(&met, slot);
	}
	/* Servers that keep their keys by slot name them so. */
	w->by_slot = 2 * distinct > names->count;
	return w->by_slot;
}

/* Names of slots that are not the server's. Parks. */
static enum error count_orphans(struct scanner *w, unsigned from, unsigned to)
{
	const struct slot_claim *claim = w->slots->snapshot->servers[w->primary].claim;
	struct redis_batch *batch = redis_batch_new();
	enum error error = OK;

	for (unsigned slot = from; slot < to; slot++)
		if (!slot_set_has(&claim->owned, slot) && !slot_set_has(&claim->importing, slot))
			add_asking(batch, "COUNTKEYSINSLOT", slot, 0);
	if (redis_batch_count(batch))
		error = redis_node_run(
			w->node, REDIS_BULK, batch, cache_deadline(w->spec->cache), &w->fault);
	for (size_t i = 0; i < redis_batch_count(batch) && !error; i++) {
		const struct redis_value *reply = redis_batch_reply(batch, i);

		error = redis_value_error(reply, &w->fault);
		if (!error && reply->type == REDIS_INTEGER && reply->integer > 0)
			w->slots->orphans += (uint64_t)reply->integer;
	}
	redis_batch_free(batch);
	return error;
}

enum error scan_slots_end(struct scanner *w)
{
	const struct scan_server *server = &w->slots->snapshot->servers[w->primary];
	enum error error = OK;

	/* SCAN has met them. */
	if (!w->by_slot || !w->slots->all || server->keys <= w->seen)
		return OK;
	for (unsigned from = 0; from < SLOT_COUNT && !error; from += counted_at_once)
		error = count_orphans(w, from, from + counted_at_once);
	return error;
}

/* One phase: all servers in parallel. Parks. */
static enum error run_phase(const struct scan_spec *spec, struct scan_slots *slots, bool importing,
	bool *ret_enough, struct fault *fault)
{
	const struct scan_snapshot *snapshot = slots->snapshot;
	struct scanner *scanners = mem_array(snapshot->count, sizeof *scanners);
	struct scan scan = {.enough = false};
	enum error error;

	memset(scanners, 0, snapshot->count * sizeof *scanners);
	fiber_group_init(&scan.group, "scan", spec->cache->loop);
	for (size_t i = 0; i < snapshot->count; i++) {
		struct scanner *w = &scanners[i];

		if (!snapshot->servers[i].reached)
			continue;
		w->list = mem_alloc(sizeof *w->list);
		list_slots(slots, snapshot, i, importing, w->list);
		if (!w->list->count)
			continue;
		w->spec = spec;
		w->scan = &scan;
		w->slots = slots;
		w->primary = i;
		w->node = snapshot->servers[i].node;
		begin(w, importing);
		scan_start(w);
	}
	error = scan_join(&scan);
	for (size_t i = 0; i < snapshot->count; i++) {
		mem_free(scanners[i].list);
		if (!error && scanners[i].fault.error) {
			error = scanners[i].fault.error;
			if (fault)
				*fault = scanners[i].fault;
		}
	}
	*ret_enough = scan.enough;
	mem_free(scanners);
	return error;
}

enum error scan_slots_run(
	const struct scan_spec *spec, struct scan_slots *slots, struct fault *fault)
{
	const struct scan_snapshot *snapshot = slots->snapshot;
	bool enough = false;

	for (unsigned slot = 0; slot < SLOT_COUNT; slot++)
		if (slot_set_has(&slots->wanted, slot) && snapshot->owners[slot] == SCAN_NO_SERVER)
			slot_set_add(&slots->unseen, slot);
	enum error error = run_phase(spec, slots, false, &enough, fault);

	/* What has moved since is at the servers that receive it. */
	return error || enough ? error : run_phase(spec, slots, true, &enough, fault);
}
