/* SPDX-License-Identifier: MIT */
/*
 * Follows dependents from every key of a plan, breadth first: keys[] is its own queue, because what
 * the rules and the stored sets bring is appended to it.
 *
 *	keys[] ... | page of up to 256 | ...  --one round trip--> their stored sets
 *	     ^------- what rules and sets bring ------'
 */
#include "base/fiber.h"
#include "base/mem.h"
#include "cache/dependency.h"
#include "cache/dependency_store.h"
#include "invalidate/plan_build.h"
#include "text/glob.h"

enum { page_keys = 256, keys_between_yields = 64 };

struct followed {
	struct plan *plan;
	uint32_t counted_by; /* of the key that is followed */
};

/* The selector that what rule `rule` brings counts for. */
static uint32_t selector_of_rule(struct followed *from, size_t rule)
{
	struct plan *plan = from->plan;
	const struct conf *conf = plan->asked->conf;

	if (from->counted_by != PLAN_NONE)
		return from->counted_by;
	if (plan->rule_selectors[rule] == PLAN_NONE)
		plan->rule_selectors[rule] = plan_add_selector(
			plan, SELECTOR_DEPENDENCY, template_text(conf->dependencies[rule].when));
	return plan->rule_selectors[rule];
}

static uint32_t selector_of_stored(struct followed *from)
{
	struct plan *plan = from->plan;

	if (from->counted_by != PLAN_NONE)
		return from->counted_by;
	return plan_add_selector(plan, SELECTOR_STORED, SLICE("*"));
}

/* Whether there is room for a key more than there is. */
static bool may_add(struct plan *plan, struct slice key)
{
	if (plan->dependents == PLAN_MAX_DEPENDENTS && !plan_has(plan, key))
		plan->too_many_dependents = true;
	return !plan->too_many_dependents;
}

static void add(struct followed *from, struct slice key, uint32_t selector)
{
	struct plan *plan = from->plan;
	size_t before = plan->key_count;
	struct plan_key *at = plan_add_derived_key(plan, key, selector);

	if (!at || plan->key_count == before)
		return;
	at->follow = true;
	at->counted_by = from->counted_by;
	plan->dependents++;
}

static void take_key(void *context, size_t rule, struct slice key)
{
	struct followed *from = context;

	if (may_add(from->plan, key))
		add(from, key, selector_of_rule(from, rule));
}

static void take_pattern(void *context, size_t rule, struct slice glob)
{
	struct followed *from = context;
	struct buf literal = {0};

	if (glob_literal(glob, &literal))
		take_key(context, rule, buf_slice(&literal));
	else if (from->plan->pattern_count < PLAN_MAX_PATTERNS)
		plan_add_pattern(from->plan, glob, selector_of_rule(from, rule));
	else
		from->plan->too_many_dependents = true;
	buf_release(&literal);
}

static void take_stored(void *context, struct slice key)
{
	struct followed *from = context;

	if (may_add(from->plan, key))
		add(from, key, selector_of_stored(from));
}

/* keys[from, to): those that are followed, and what is stored for them. */
struct page {
	struct plan *plan;
	size_t from, to;
	struct slice names[page_keys];
	size_t places[page_keys]; /* in keys[] */
	size_t count;
	struct dependency_sets *sets; /* NULL = none are looked at */
};

static void collect(struct page *page)
{
	const struct plan *plan = page->plan;

	page->count = 0;
	for (page->to = page->from; page->to < plan->key_count && page->count < page_keys;
		page->to++) {
		if (!plan->keys[page->to].follow)
			continue;
		page->names[page->count] = plan->keys[page->to].name;
		page->places[page->count++] = page->to;
	}
}

/* Parks where the set is large. */
static enum error follow_stored(
	struct page *page, size_t i, struct followed *from, struct fault *fault)
{
	bool all = true;
	enum error error;

	if (!page->sets || page->plan->too_many_dependents)
		return OK;
	error = dependency_sets_visit(page->sets, i, take_stored, from, &all, fault);
	if (error == ERR_WRONG_TYPE) {
		page->plan->unreadable_dependents = true;
		return OK;
	}
	if (!all)
		page->plan->too_many_dependents = true;
	return error;
}

/* Parks now and then where it runs in a fiber. */
static enum error follow(struct page *page, struct fault *fault)
{
	struct plan *plan = page->plan;
	enum error error = OK;

	for (size_t i = 0; i < page->count && !error && !plan->too_many_dependents; i++) {
		const struct plan_key *key = &plan->keys[page->places[i]];
		struct followed from = {plan, key->counted_by};
		const struct dependency_visitor visitor = {take_key, take_pattern, &from};

		dependency_visit(plan->asked->conf, page->names[i], &visitor);
		error = follow_stored(page, i, &from, fault);
		if (!error && i % keys_between_yields == 0 && fiber_current())
			error = fiber_yield();
	}
	return error;
}

enum error plan_cascade(struct plan *plan, struct cache *cache, struct fault *fault)
{
	struct page *page = mem_new(struct page);
	enum error error = OK;

	page->plan = plan;
	for (; !error && page->from < plan->key_count && !plan->too_many_dependents;
		page->from = page->to) {
		collect(page);
		if (cache && page->count)
			error = dependency_sets_read(
				cache, page->names, page->count, &page->sets, fault);
		if (!error)
			error = follow(page, fault);
		dependency_sets_free(page->sets);
		page->sets = NULL;
	}
	mem_free(page);
	return error;
}
