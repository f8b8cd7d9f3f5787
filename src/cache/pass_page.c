/* SPDX-License-Identifier: MIT */
/*
 * One page of a pass: which names match whom, and who removes them.
 *
 *	name -> members' patterns -> guard -> mask of slots -> one UNLINK per mask
 *	reply (how many were there) -> invalidated of every slot in the mask
 */
#include <string.h>

#include "base/mem.h"
#include "cache/page_names.h"
#include "cache/pass_internal.h"

enum {
	names_per_command = 500,
	bytes_per_command = 256 * 1024,
	names_between_looks = 32,
};
static const int64_t longest_look_ns = 1500000;

/* What is kept of each command until its reply comes. */
struct note {
	uint64_t mask;
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
	if (key_guard_found(&member->plan->guard, name) != KEY_TOUCH) {
		member->protected_skipped++;
		return 0;
	}
	/* What is removed by its exact name is counted there. */
	if (member->mode != PASS_REMOVE && plan_has(member->plan, name))
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

/* The slots of all members in whose name it is removed; 0 where nobody removes it. */
static uint64_t look_at(struct pass *pass, struct slice name)
{
	uint64_t mask = 0, removing = 0;

	for (size_t i = 0; i < pass->member_count; i++) {
		struct pass_request *member = pass->members[i];
		uint64_t bits = member && !member->leaving ? admit(member, name) : 0;

		if (!bits || member->mode == PASS_COUNT)
			continue;
		mask |= bits << member->first_bit;
		if (member->mode == PASS_REMOVE)
			removing |= bits;
	}
	if (removing || !mask)
		return mask;
	for (size_t i = 0; i < pass->member_count; i++) {
		struct pass_request *member = pass->members[i];

		if (member && mask & pass_member_mask(member))
			pass_hold(member, name,
				(mask & pass_member_mask(member)) >> member->first_bit);
	}
	return 0;
}

/* Every member that the command removes for waits for one reply more, or less. */
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
	struct note note = {mask};

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

/* One command, or a few, for each mask among the page's names. */
static void remove_names(struct removal *r, const struct redis_value *names, uint64_t *masks)
{
	for (size_t i = 0; i < names->count; i++) {
		uint64_t mask = masks[i];

		if (!mask)
			continue;
		for (size_t j = i; j < names->count; j++) {
			if (masks[j] != mask)
				continue;
			add_name(r, names->items[j]->text, mask);
			masks[j] = 0;
		}
		send_removal(r, mask);
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

static void report_progress(struct pass *pass, const struct walk_page *page)
{
	double seen = 0;

	pass->seen[page->primary] = page->seen;
	for (size_t i = 0; i < pass->primaries; i++)
		seen += pass->seen[i] / (double)pass->primaries;
	for (size_t i = 0; i < pass->member_count; i++) {
		struct pass_request *member = pass->members[i];

		if (member && member->operation)
			operation_progress(member->operation,
				member->mode == PASS_REMOVE ? "removing" : "counting",
				(uint64_t)(seen * (double)pass->keys), pass->keys);
	}
}

static bool look_at_page(void *context, struct walk_page *page)
{
	struct pass *pass = context;
	const struct redis_value *names = page->names;
	uint64_t *masks = mem_array(names->count, sizeof *masks);
	struct page_names *unique = page_names_new(names->count);
	int64_t began = clock_mono_ns();

	for (size_t i = 0; i < names->count; i++) {
		if (page_names_add(unique, names->items[i]->text))
			masks[i] = look_at(pass, names->items[i]->text);
		if (i % names_between_looks || clock_mono_ns() - began < longest_look_ns)
			continue;
		if (fiber_yield() != OK)
			break;
		began = clock_mono_ns();
	}
	struct removal *r = mem_alloc(sizeof *r);
	r->pass = pass;
	r->batch = page->batch;
	r->notes = &page->notes;
	r->argv[0] = passes_remove_command(pass->owner);
	r->argc = 1;
	r->bytes = 0;
	remove_names(r, names, masks);
	mem_free(r);
	mem_free(masks);
	page_names_free(unique);
	report_progress(pass, page);
	pass_release_leaving(pass);
	return !pass_empty(pass);
}

/* So many of one command's names were there. */
static void count_removed(struct pass *pass, uint64_t mask, uint64_t removed)
{
	struct cw *cw = pass->owner->cw;

	cw->invalidated_keys += removed;
	if (cw->metrics)
		metric_add(cw->metrics, METRIC_INVALIDATED_KEYS, NULL, NULL, removed);
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

enum error pass_take_removal(
	struct pass *pass, const struct redis_value *reply, uint64_t mask, struct fault *fault)
{
	enum error error = redis_value_error(reply, fault);

	if (error && slice_starts(reply->text, SLICE("ERR unknown command")) &&
		!pass->owner->no_unlink)
		pass->unknown_command = true;
	if (!error)
		count_removed(pass, mask, (uint64_t)reply->integer);
	return error;
}

static enum error take_replies(void *context, struct walk_page *page, struct fault *fault)
{
	struct pass *pass = context;
	enum error first = OK;
	struct note note;

	for (size_t i = 0; i < redis_batch_count(page->batch); i++) {
		memcpy(&note, page->notes.p + i * sizeof note, sizeof note);
		count_in_flight(pass, note.mask, false);
		enum error error = pass_take_removal(
			pass, redis_batch_reply(page->batch, i), note.mask, first ? NULL : fault);
		first = first ? first : error;
	}
	pass_release_leaving(pass);
	return first;
}

const struct walk_handler pass_page_handler = {look_at_page, take_replies, NULL};
