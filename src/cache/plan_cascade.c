/* SPDX-License-Identifier: MIT */
/*
 * Follows the dependency rules from every key of a plan, breadth first: keys[] is its own queue,
 * because what a rule brings is appended to it.
 */
#include "base/fiber.h"
#include "base/glob.h"
#include "cache/dependency.h"
#include "cache/plan_build.h"

enum { keys_between_yields = 64 };

struct step {
	struct plan *plan;
	uint32_t root; /* of the key that is followed */
};

/* The selector that what rule `rule` brings counts for. */
static uint32_t selector_of(struct step *step, size_t rule)
{
	struct plan *plan = step->plan;
	const struct conf *conf = plan->asked->conf;

	if (step->root)
		return step->root - 1;
	if (!plan->rule_selectors[rule])
		plan->rule_selectors[rule] =
			1 + plan_add_selector(plan, SELECTOR_DEPENDENCY,
				    template_text(conf->dependencies[rule].when));
	return plan->rule_selectors[rule] - 1;
}

static void take_key(void *context, size_t rule, struct slice key)
{
	struct step *step = context;
	struct plan *plan = step->plan;
	size_t before = plan->key_count;

	if (plan->dependents == PLAN_MAX_DEPENDENTS && !plan_has(plan, key))
		plan->too_many_dependents = true;
	if (plan->too_many_dependents)
		return;
	struct plan_key *at = plan_add_found_key(plan, key, selector_of(step, rule));
	if (!at || plan->key_count == before)
		return;
	at->follow = true;
	at->root = step->root;
	plan->dependents++;
}

static void take_pattern(void *context, size_t rule, struct slice glob)
{
	struct step *step = context;
	struct buf literal = {0};

	if (glob_literal(glob, &literal))
		take_key(context, rule, buf_slice(&literal));
	else if (step->plan->pattern_count < PLAN_MAX_PATTERNS)
		plan_add_pattern(step->plan, glob, selector_of(step, rule));
	else
		step->plan->too_many_dependents = true;
	buf_release(&literal);
}

enum error plan_cascade(struct plan *plan)
{
	for (size_t i = 0; i < plan->key_count && !plan->too_many_dependents; i++) {
		struct step step = {plan, plan->keys[i].root};
		const struct dependency_visitor visitor = {take_key, take_pattern, &step};

		if (plan->keys[i].follow)
			dependency_visit(plan->asked->conf, plan->keys[i].name, &visitor);
		if (i % keys_between_yields == 0 && fiber_current() && fiber_yield() != OK)
			return ERR_CANCELLED;
	}
	return OK;
}
