/* SPDX-License-Identifier: MIT */
/*
 * One page of a pass: which names match whom, and who removes them.
 *
 *	name -> members' patterns -> guard -> mask of slots -> one UNLINK per mask
 *	reply (how many were there) -> invalidated of every slot in the mask
 */
#include <string.h>

#include "base/mem.h"
#include "base/name_set.h"
#include "base/timeslice.h"
#include "cache/entry.h"
#include "cache/soft_purge.h"
#include "invalidate/pass_internal.h"

enum {
	names_per_command = 500,
	bytes_per_command = 256 * 1024,
};

/* The member's slots that the name matches, from bit 0. */
static uint64_t match_slots(const struct pass_request *member, struct slice name)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < member->pattern_count; i++) {
		const struct pass_pattern *pattern = &member->patterns[i];

		if (!(bits >> pattern->slot & 1) && pattern_match(&pattern->pattern, name))
			bits |= UINT64_C(1) << pattern->slot;
	}
	return bits;
}

static void count_slots(struct pass_request *member, uint64_t bits)
{
	for (size_t i = 0; bits; i++, bits >>= 1)
		member->slots[i].matched += bits & 1;
}

/*
 * Counts the name where the member wants it. Returns the slots that it is counted for; 0 where it
 * is none of his, not touchable, or one too many.
 */
static uint64_t admit(struct pass_request *member, struct slice name)
{
	uint64_t bits = match_slots(member, name);

	if (!bits)
		return 0;
	if (guard_found(&member->plan->guard, name) != GUARD_ALLOWED) {
		member->protected_skipped++;
		return 0;
	}
	/* What is removed by its exact name is counted there, and what is softened stays. */
	if ((member->mode != PASS_REMOVE || member->soft) && plan_has(member->plan, name))
		return 0;
	if (member->matched >= member->limit) {
		member->leaving = true;
		member->end = PASS_LIMIT;
		return 0;
	}
	member->matched++;
	count_slots(member, bits);
	plan_sample(member->plan, name);
	return bits;
}

/* Who wants what of one name, as slots. */
struct wishes {
	uint64_t all;	  /* of who wants it gone or stale, now or at the end */
	uint64_t hard;	  /* of those, who want it removed */
	uint64_t at_once; /* of those, who do not hold it */
};

static struct wishes ask_members(struct pass *pass, struct slice name)
{
	struct wishes w = {0};

	for (size_t i = 0; i < pass->member_count; i++) {
		struct pass_request *member = pass->members[i];
		uint64_t bits = member && !member->leaving ? admit(member, name) : 0;

		if (!bits || member->mode == PASS_COUNT)
			continue;
		bits <<= member->first_bit;
		w.all |= bits;
		w.hard |= member->soft ? 0 : bits;
		w.at_once |= member->mode == PASS_REMOVE ? bits : 0;
	}
	return w;
}

static void hold(struct pass *pass, struct slice name, uint64_t mask)
{
	for (size_t i = 0; i < pass->member_count; i++) {
		struct pass_request *member = pass->members[i];

		if (member && mask & pass_member_mask(member))
			pass_hold(member, name,
				(mask & pass_member_mask(member)) >> member->first_bit);
	}
}

/*
 * What is sent for the name: in whose name, and whether it softens. Mask 0: nothing now. One who
 * removes it does so for all; one who softens it only for those who want no more.
 */
static struct pass_note look_at(struct pass *pass, struct slice name)
{
	struct wishes w = ask_members(pass, name);
	struct pass_note note = {w.all, 0};
	int64_t stale_for_ms = 0;

	if (!w.all)
		return note;
	if (w.hard != w.all)
		stale_for_ms = entry_stale_for(pass->owner->cache->conf, name);
	if (!w.at_once)
		note.mask = 0;
	else if (stale_for_ms && !(w.at_once & w.hard))
		note = (struct pass_note){w.all & ~w.hard, stale_for_ms};
	hold(pass, name, w.all & ~note.mask);
	return note;
}

/* Every member that the command is sent for waits for one reply more, or less. */
static void count_in_flight(struct pass *pass, uint64_t mask, bool more)
{
	for (size_t i = 0; i < pass->member_count; i++) {
		struct pass_request *member = pass->members[i];

		if (!member || !(mask & pass_member_mask(member)))
			continue;
		if (more)
			member->in_flight++;
		else if (member->in_flight)
			member->in_flight--;
	}
}

/* The command under construction. */
struct removal {
	struct pass *pass;
	struct redis_batch *batch;
	struct buf *notes;
	struct slice argv[names_per_command + 1];
	size_t argc, bytes;
};

static void send_removal(struct removal *r, uint64_t mask)
{
	struct pass_note note = {mask, 0};

	if (r->argc == 1)
		return;
	redis_batch_add(r->batch, r->argc, r->argv);
	buf_append(r->notes, &note, sizeof note);
	count_in_flight(r->pass, mask, true);
	r->argc = 1;
	r->bytes = 0;
}

static void add_name(struct removal *r, struct slice name, uint64_t mask)
{
	if (r->argc > names_per_command || (r->bytes && r->bytes + name.n > bytes_per_command))
		send_removal(r, mask);
	r->argv[r->argc++] = name;
	r->bytes += name.n;
}

static void soften(struct removal *r, struct slice name, struct pass_note note)
{
	soft_purge_add(r->pass->owner->cache, r->batch, name, note.stale_for_ms);
	buf_append(r->notes, &note, sizeof note);
	count_in_flight(r->pass, note.mask, true);
}

/* One command, or a few, for each mask among the names that are removed; one for each softened. */
static void send_commands(
	struct removal *r, const struct redis_value *names, struct pass_note *notes)
{
	for (size_t i = 0; i < names->count; i++) {
		struct pass_note note = notes[i];

		if (!note.mask)
			continue;
		if (note.stale_for_ms) {
			soften(r, names->items[i]->text, note);
			continue;
		}
		for (size_t j = i; j < names->count; j++) {
			if (notes[j].mask != note.mask || notes[j].stale_for_ms)
				continue;
			add_name(r, names->items[j]->text, note.mask);
			notes[j].mask = 0;
		}
		send_removal(r, note.mask);
	}
}

void pass_release_leaving(struct pass *pass)
{
	for (size_t i = 0; i < pass->member_count; i++) {
		struct pass_request *member = pass->members[i];

		if (member && member->leaving && member->in_flight == 0)
			pass_release(member);
	}
}

static void report_progress(struct pass *pass, const struct scan_page *page)
{
	double seen = 0;

	pass->seen[page->primary] = page->seen;
	for (size_t i = 0; i < pass->primaries; i++)
		seen += pass->seen[i] / (double)pass->primaries;
	for (size_t i = 0; i < pass->member_count; i++) {
		struct pass_request *member = pass->members[i];

		if (member && member->operation)
			operation_progress(member->operation,
				member->mode == PASS_REMOVE ? OPERATION_PHASE_REMOVING
							    : OPERATION_PHASE_COUNTING,
				(uint64_t)(seen * (double)pass->keys), pass->keys);
	}
}

/* How many patterns a name is compared with. */
static size_t pattern_count(const struct pass *pass)
{
	size_t count = 1;

	for (size_t i = 0; i < pass->member_count; i++)
		count += pass->members[i] ? pass->members[i]->pattern_count : 0;
	return count;
}

static bool look_at_page(void *context, struct scan_page *page)
{
	struct pass *pass = context;
	const struct redis_value *names = page->names;
	size_t patterns = pattern_count(pass);
	struct pass_note *notes = mem_array(names->count, sizeof *notes);
	struct name_set unique = {.borrows = true};
	struct timeslice timeslice = {.since_ns = clock_mono_ns()};

	for (size_t i = 0; i < names->count; i++) {
		if (name_set_add(&unique, names->items[i]->text))
			notes[i] = look_at(pass, names->items[i]->text);
		if (timeslice_spend(&timeslice, patterns))
			break;
	}
	struct removal *r = mem_alloc(sizeof *r);
	r->pass = pass;
	r->batch = page->batch;
	r->notes = &page->notes;
	r->argv[0] = pass_queue_remove_command(pass->owner);
	r->argc = 1;
	r->bytes = 0;
	send_commands(r, names, notes);
	mem_free(r);
	mem_free(notes);
	name_set_release(&unique);
	report_progress(pass, page);
	pass_release_leaving(pass);
	return !pass_empty(pass);
}

/* So many of one command's names were there. */
static void count_removed(struct pass *pass, uint64_t mask, uint64_t removed)
{
	struct cache *cache = pass->owner->cache;

	cache->invalidated_keys += removed;
	if (cache->metrics)
		metric_add(cache->metrics, METRIC_INVALIDATED_KEYS, NULL, NULL, removed);
	for (size_t i = 0; i < pass->member_count; i++) {
		struct pass_request *member = pass->members[i];
		uint64_t bits = member ? (mask & pass_member_mask(member)) >> member->first_bit : 0;

		if (!bits)
			continue;
		member->invalidated += removed;
		for (size_t slot = 0; bits; slot++, bits >>= 1)
			member->slots[slot].invalidated += bits & 1 ? removed : 0;
	}
}

static void count_softened(struct pass *pass, uint64_t mask)
{
	for (size_t i = 0; i < pass->member_count; i++)
		if (pass->members[i] && mask & pass_member_mask(pass->members[i]))
			pass->members[i]->softened++;
}

enum error pass_take_reply(struct pass *pass, const struct redis_value *reply,
	struct pass_note note, struct fault *fault)
{
	enum error error = redis_value_error(reply, fault);
	enum soft_purge_outcome outcome;

	if (error && !note.stale_for_ms &&
		slice_starts(reply->text, SLICE("ERR unknown command")) && !pass->owner->no_unlink)
		pass->unknown_command = true;
	if (error)
		return error;
	if (!note.stale_for_ms)
		count_removed(pass, note.mask, (uint64_t)reply->integer);
	else if (soft_purge_outcome(reply, &outcome, fault) == OK && outcome == SOFT_PURGE_CHANGED)
		count_softened(pass, note.mask);
	else if (outcome == SOFT_PURGE_REMOVED)
		count_removed(pass, note.mask, 1);
	return OK;
}

static enum error take_replies(void *context, struct scan_page *page, struct fault *fault)
{
	struct pass *pass = context;
	enum error first = OK;
	struct pass_note note;

	for (size_t i = 0; i < redis_batch_count(page->batch); i++) {
		const struct redis_value *reply = redis_batch_reply(page->batch, i);

		memcpy(&note, page->notes.p + i * sizeof note, sizeof note);
		count_in_flight(pass, note.mask, false);
		if (!reply)
			continue;
		enum error error = pass_take_reply(pass, reply, note, first ? NULL : fault);
		first = first ? first : error;
	}
	pass_release_leaving(pass);
	return first;
}

const struct scan_handler pass_page_handler = {look_at_page, take_replies, NULL};
