/* SPDX-License-Identifier: MIT */
/*
 * One page of a pass: which names match which members, and what is sent for them.
 *
 *	name -> members' patterns -> guard -> mask of counters -> one UNLINK per mask
 *	reply (how many were there) -> invalidated of every counter in the mask
 */
#include "base/mem.h"
#include "base/name_set.h"
#include "base/timeslice.h"
#include "cache/entry.h"
#include "invalidate/pass_internal.h"

enum { names_per_command = 500 };

/* The member's counters that the name matches, from bit 0. */
static uint64_t match_counters(const struct pass_request *member, struct slice name)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < member->pattern_count; i++) {
		const struct pass_pattern *pattern = &member->patterns[i];

		if (!(bits >> pattern->counter & 1) && pattern_match(&pattern->pattern, name))
			bits |= UINT64_C(1) << pattern->counter;
	}
	return bits;
}

static void count_matched(struct pass_request *member, uint64_t bits)
{
	for (size_t i = 0; bits; i++, bits >>= 1)
		member->counters[i].matched += bits & 1;
}

/*
 * Counts the name if it matches the member's patterns. Returns the counters that it is counted for;
 * 0: no match, protected, or over the limit.
 */
static uint64_t admit(struct pass_request *member, struct slice name)
{
	uint64_t bits = match_counters(member, name);

	if (!bits)
		return 0;
	if (guard_derived(&member->plan->guard, name) != GUARD_ALLOWED) {
		member->protected_skipped++;
		return 0;
	}
	/* What is removed by its exact name is counted there, and what is softened or changed
	 * stays.
	 */
	if ((member->mode != PASS_REMOVE || removal_leaves_keys(&member->effect)) &&
		plan_has(member->plan, name))
		return 0;
	if (member->matched >= member->limit) {
		member->leaving = true;
		member->end = PASS_LIMIT;
		return 0;
	}
	member->matched++;
	count_matched(member, bits);
	if (!removal_only_looks(&member->effect))
		plan_sample(member->plan, name);
	return bits;
}

/* What the members of the pass want to be done with one name, as counters. */
struct masks_wanted {
	uint64_t all;	  /* of members that want it removed or softened, now or at the end */
	uint64_t hard;	  /* of those, members that want it removed */
	uint64_t at_once; /* of those, members that do not hold it */
	uint64_t changed; /* of members that want its TTL changed */
	uint64_t
		changed_at_once; /* of those, members that do not hold it, and of those that look */
};

static struct masks_wanted ask_members(struct pass *pass, struct slice name)
{
	struct masks_wanted w = {0};

	for (size_t i = 0; i < pass->member_count; i++) {
		struct pass_request *member = pass->members[i];
		uint64_t bits = member && !member->leaving ? admit(member, name) : 0;

		if (!bits || member->mode == PASS_COUNT)
			continue;
		bits <<= member->first_bit;
		if (member->effect.change) {
			w.changed |= removal_only_looks(&member->effect) ? 0 : bits;
			w.changed_at_once |= member->mode == PASS_REMOVE ? bits : 0;
			continue;
		}
		w.all |= bits;
		w.hard |= member->effect.soft ? 0 : bits;
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

/* What is sent for one name. */
struct name_command {
	uint64_t mask;	      /* the counters that it is sent for; 0 = nothing is sent now */
	int64_t stale_for_ms; /* > 0: it softens the key */
	uint64_t change_mask; /* the counters for which its TTL is changed */
};

/*
 * A member that removes the key does so for all; one that softens it only for those that want no
 * more.
 */
static struct name_command look_at(struct pass *pass, struct slice name)
{
	struct masks_wanted w = ask_members(pass, name);
	struct name_command command = {.mask = w.all};
	int64_t stale_for_ms = 0;

	if (!w.all && !w.changed && !w.changed_at_once)
		return command;
	if (w.hard != w.all)
		stale_for_ms = entry_stale_for(pass->owner->cache->conf, name);
	if (!w.at_once)
		command.mask = 0;
	else if (stale_for_ms && !(w.at_once & w.hard))
		command = (struct name_command){w.all & ~w.hard, stale_for_ms, 0};
	if (command.mask && !command.stale_for_ms)
		command.mask |= w.changed;
	else
		command.change_mask = w.changed_at_once;
	hold(pass, name, (w.all | w.changed) & ~command.mask & ~command.change_mask);
	return command;
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

static void add_changes(const struct pass_request *member, const struct redis_value *names,
	const struct name_command *commands, struct removal *removal)
{
	for (size_t i = 0; i < names->count; i++) {
		uint64_t mask = commands[i].change_mask & pass_member_mask(member);

		if (mask)
			removal_change(removal, names->items[i]->text, mask, member->effect.change);
	}
}

/* One command, or a few, for each mask among the names that are removed; one for each softened. */
static void add_commands(struct pass *pass, struct scan_page *page, struct name_command *commands)
{
	const struct redis_value *names = page->names;
	struct removal *removal =
		removal_new(pass->owner->cache, page->batch, &page->notes, names_per_command);

	for (size_t i = 0; i < names->count; i++) {
		uint64_t mask = commands[i].mask;

		if (mask && commands[i].stale_for_ms) {
			removal_add(removal, names->items[i]->text, mask, commands[i].stale_for_ms);
			continue;
		}
		for (size_t j = i; mask && j < names->count; j++) {
			if (commands[j].mask != mask || commands[j].stale_for_ms)
				continue;
			removal_add(removal, names->items[j]->text, mask, 0);
			commands[j].mask = 0;
		}
	}
	for (size_t i = 0; i < pass->member_count; i++)
		if (pass->members[i] && pass->members[i]->effect.change)
			add_changes(pass->members[i], names, commands, removal);
	removal_end(removal);
	for (size_t i = 0; i < removal_count(&page->notes); i++)
		count_in_flight(pass, removal_note(&page->notes, i).mask, true);
}

void pass_release_leaving(struct pass *pass)
{
	for (size_t i = 0; i < pass->member_count; i++) {
		struct pass_request *member = pass->members[i];

		if (member && member->leaving && member->in_flight == 0)
			pass_release(member);
	}
}

static bool removes(const struct pass_request *member)
{
	return member->mode == PASS_REMOVE && !removal_only_looks(&member->effect);
}

static void report_progress(struct pass *pass, const struct scan_page *page)
{
	double seen = 0;

	/* What is scanned again, also by servers that came meanwhile, takes nothing back. */
	if (page->primary < pass->primaries && page->seen > pass->seen[page->primary])
		pass->seen[page->primary] = page->seen;
	for (size_t i = 0; i < pass->primaries; i++)
		seen += pass->seen[i] / (double)pass->primaries;
	for (size_t i = 0; i < pass->member_count; i++) {
		struct pass_request *member = pass->members[i];

		if (member && member->operation)
			operation_progress(member->operation,
				removes(member) ? OPERATION_PHASE_REMOVING
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
	struct name_command *commands = mem_array(names->count, sizeof *commands);
	struct name_set unique = {.borrows = true};
	struct timeslice timeslice = {.since_ns = clock_mono_ns()};

	for (size_t i = 0; i < names->count; i++) {
		if (name_set_add(&unique, names->items[i]->text))
			commands[i] = look_at(pass, names->items[i]->text);
		if (timeslice_spend(&timeslice, patterns))
			break;
	}
	add_commands(pass, page, commands);
	mem_free(commands);
	name_set_release(&unique);
	report_progress(pass, page);
	pass_release_leaving(pass);
	return !pass_empty(pass);
}

/* Of a look, what would be changed. */
static void sample_changed(struct plan *plan, const struct redis_value *reply)
{
	for (size_t i = 0; i < ttl_change_names(reply); i++)
		plan_sample(plan, ttl_change_name(reply, i));
}

void pass_count_removal(
	void *context, const struct removal_note *note, const struct removal_counts *counts)
{
	struct pass *pass = context;

	for (size_t i = 0; i < pass->member_count; i++) {
		struct pass_request *member = pass->members[i];
		uint64_t bits =
			member ? (note->mask & pass_member_mask(member)) >> member->first_bit : 0;

		if (!bits)
			continue;
		member->invalidated += counts->removed;
		member->instead += counts->instead;
		member->modified += counts->modified;
		if (removal_only_looks(&member->effect))
			sample_changed(member->plan, counts->reply);
		uint64_t done = removal_invalidated(&member->effect, counts);

		for (size_t counter = 0; bits; counter++, bits >>= 1)
			member->counters[counter].invalidated += bits & 1 ? done : 0;
	}
}

static enum error take_replies(void *context, struct scan_page *page, struct fault *fault)
{
	struct pass *pass = context;

	for (size_t i = 0; i < removal_count(&page->notes); i++)
		count_in_flight(pass, removal_note(&page->notes, i).mask, false);
	enum error error = removal_take(
		pass->owner->cache, page->batch, &page->notes, pass_count_removal, pass, fault);
	pass_release_leaving(pass);
	return error;
}

const struct scan_handler pass_page_handler = {look_at_page, take_replies, NULL};
