/* SPDX-License-Identifier: MIT */
/* A plan's arrays, and the index that keeps each name in them once. */
#include "invalidate/plan_build.h"

#include <uthash.h>

#include "base/mem.h"

enum index_kind { INDEX_KEY, INDEX_SKIPPED, INDEX_SELECTOR, INDEX_TAG };

/* Where a name is: a key, a derived key that may not be touched, a selector's value, a tag. */
struct plan_index {
	UT_hash_handle hh;
	uint32_t at;
	size_t n;
	char id[]; /* the digit of what it is, for selectors that of the kind; then the name */
};

static void index_id(struct buf *id, enum index_kind what, unsigned kind, struct slice name)
{
	buf_char(id, (char)('0' + what));
	buf_char(id, (char)('0' + kind));
	buf_add(id, name);
}

static struct plan_index *look_up(
	const struct plan *plan, enum index_kind what, unsigned kind, struct slice name)
{
	struct plan_index *found;
	struct buf id = {0};

	index_id(&id, what, kind, name);
	HASH_FIND(hh, plan->index, id.p, id.n, found);
	buf_release(&id);
	return found;
}

static void remember(
	struct plan *plan, enum index_kind what, unsigned kind, struct slice name, uint32_t at)
{
	struct buf id = {0};

	index_id(&id, what, kind, name);
	struct plan_index *entry = mem_alloc(sizeof *entry + id.n);
	entry->at = at;
	entry->n = id.n;
	memcpy(entry->id, id.p, id.n);
	HASH_ADD_KEYPTR(hh, plan->index, entry->id, entry->n, entry);
	buf_release(&id);
}

uint32_t plan_add_selector(struct plan *plan, enum selector_kind kind, struct slice value)
{
	struct plan_index *found = look_up(plan, INDEX_SELECTOR, kind, value);
	uint32_t at = (uint32_t)plan->selector_count;

	if (found)
		return found->at;
	plan->selectors = mem_grow(plan->selectors, at, sizeof *plan->selectors);
	plan->selectors[at] =
		(struct plan_selector){.kind = kind, .value = arena_slice(&plan->texts, value)};
	plan->selector_count++;
	remember(plan, INDEX_SELECTOR, kind, value, at);
	return at;
}

/* The key's place in keys[], new or not. */
static struct plan_key *place_key(struct plan *plan, struct slice key)
{
	struct plan_index *found = look_up(plan, INDEX_KEY, 0, key);
	uint32_t at = (uint32_t)plan->key_count;

	if (found)
		return &plan->keys[found->at];
	plan->keys = mem_grow(plan->keys, at, sizeof *plan->keys);
	plan->keys[at] = (struct plan_key){.name = arena_slice(&plan->texts, key),
		.claims = PLAN_NONE,
		.counted_by = PLAN_NONE};
	plan->key_count++;
	remember(plan, INDEX_KEY, 0, key, at);
	return &plan->keys[at];
}

static void claim(struct plan *plan, uint32_t *claims, uint32_t selector)
{
	for (uint32_t at = *claims; at != PLAN_NONE; at = plan->claims[at].next)
		if (plan->claims[at].selector == selector)
			return;
	plan->claims = mem_grow(plan->claims, plan->claim_count, sizeof *plan->claims);
	plan->claims[plan->claim_count] = (struct plan_claim){selector, *claims};
	*claims = (uint32_t)plan->claim_count++;
}

struct plan_key *plan_add_key(struct plan *plan, struct slice key, uint32_t selector)
{
	struct plan_key *at = place_key(plan, key);

	claim(plan, &at->claims, selector);
	return at;
}

struct plan_key *plan_add_derived_key(struct plan *plan, struct slice key, uint32_t selector)
{
	if (look_up(plan, INDEX_SKIPPED, 0, key))
		return NULL;
	/* An exact name that the caller gave may be one that a rule alone could not touch. */
	struct plan_index *named = look_up(plan, INDEX_KEY, 0, key);
	bool touch = named && plan_key_is_claimed(&plan->keys[named->at]);

	if (!touch && (key.n == 0 || guard_derived(&plan->guard, key) != GUARD_ALLOWED)) {
		plan->protected_skipped++;
		remember(plan, INDEX_SKIPPED, 0, key, 0);
		return NULL;
	}
	return plan_add_key(plan, key, selector);
}

struct plan_key *plan_add_followed_key(struct plan *plan, struct slice key)
{
	return place_key(plan, key);
}

void plan_add_pattern(struct plan *plan, struct slice glob, uint32_t selector)
{
	/* One too many is enough for the caller to refuse. */
	if (plan->pattern_count > PLAN_MAX_PATTERNS)
		return;
	for (size_t i = 0; i < plan->pattern_count; i++)
		if (plan->patterns[i].selector == selector &&
			slice_equal(plan->patterns[i].glob, glob))
			return;
	plan->patterns = mem_grow(plan->patterns, plan->pattern_count, sizeof *plan->patterns);
	plan->patterns[plan->pattern_count++] =
		(struct plan_pattern){arena_slice(&plan->texts, glob), selector};
	plan->selectors[selector].scanned = true;
}

void plan_add_tag(struct plan *plan, struct slice tag, uint32_t selector)
{
	struct plan_index *found = look_up(plan, INDEX_TAG, 0, tag);
	uint32_t at = found ? found->at : (uint32_t)plan->tag_count;

	/* One too many is enough for the caller to refuse. */
	if (plan->tag_count > PLAN_MAX_TAGS)
		return;
	if (!found) {
		plan->tags = mem_grow(plan->tags, at, sizeof *plan->tags);
		plan->tags[at] = (struct plan_tag){arena_slice(&plan->texts, tag), PLAN_NONE};
		plan->tag_count++;
		remember(plan, INDEX_TAG, 0, tag, at);
	}
	claim(plan, &plan->tags[at].claims, selector);
	plan->selectors[selector].tagged = true;
}

bool plan_has(const struct plan *plan, struct slice key)
{
	if (plan->key_count == 0)
		return false;
	struct plan_index *found = look_up(plan, INDEX_KEY, 0, key);

	return found && plan_key_is_claimed(&plan->keys[found->at]);
}

void plan_count(struct plan *plan, const struct plan_key *key, bool removed)
{
	for (uint32_t at = key->claims; at != PLAN_NONE; at = plan->claims[at].next) {
		struct plan_selector *selector = &plan->selectors[plan->claims[at].selector];

		if (removed)
			selector->invalidated++;
		else
			selector->matched++;
	}
}

void plan_count_tag(
	struct plan *plan, const struct plan_tag *tag, uint64_t matched, uint64_t invalidated)
{
	for (uint32_t at = tag->claims; at != PLAN_NONE; at = plan->claims[at].next) {
		struct plan_selector *selector = &plan->selectors[plan->claims[at].selector];

		selector->matched += matched;
		selector->invalidated += invalidated;
	}
}

void plan_uncount_tag(struct plan *plan, const struct plan_tag *tag, uint64_t matched)
{
	for (uint32_t at = tag->claims; at != PLAN_NONE; at = plan->claims[at].next)
		plan->selectors[plan->claims[at].selector].matched -= matched;
}

void plan_sample(struct plan *plan, struct slice name)
{
	if (plan->sample_count == INVALIDATION_SAMPLE)
		return;
	if (name.n > KEY_MAX_BYTES)
		name.n = KEY_MAX_BYTES;
	for (size_t i = 0; i < plan->sample_count; i++)
		if (slice_equal(plan->sample[i], name))
			return;
	plan->sample[plan->sample_count++] = arena_slice(&plan->texts, name);
}

static void free_index(struct plan *plan)
{
	struct plan_index *entry, *next;

	HASH_ITER(hh, plan->index, entry, next)
	{
		HASH_DELETE(hh, plan->index, entry);
		mem_free(entry);
	}
}

void plan_free(struct plan *plan)
{
	if (!plan)
		return;
	free_index(plan);
	arena_release(&plan->texts);
	mem_free(plan->tags);
	mem_free(plan->selectors);
	mem_free(plan->claims);
	mem_free(plan->keys);
	mem_free(plan->patterns);
	mem_free(plan->rule_selectors);
	mem_free(plan);
}
