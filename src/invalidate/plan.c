/* SPDX-License-Identifier: MIT */
/* From selectors to exact keys and patterns; see plan.h. Dependents: plan_cascade.c.
 */
#include "invalidate/plan.h"

#include <stdio.h>

#include "base/mem.h"
#include "cache/entity.h"
#include "cache/tag.h"
#include "invalidate/plan_build.h"
#include "text/glob.h"

static const char *const kind_names[SELECTOR_KINDS] = {
	[SELECTOR_KEY] = "key",
	[SELECTOR_PATTERN] = "pattern",
	[SELECTOR_TAG] = "tag",
	[SELECTOR_ENTITY] = "entity",
	[SELECTOR_DEPENDENTS_OF] = "dependents_of",
	[SELECTOR_DEPENDENCY] = "dependency",
	[SELECTOR_STORED] = "stored_dependency",
};

const char *plan_selector_kind_name(enum selector_kind kind)
{
	return kind_names[kind];
}

/* Says which element of which list is at fault. */
static enum error blame(struct fault *fault, const char *list, size_t i, enum error error)
{
	if (fault)
		snprintf(fault->pointer, sizeof fault->pointer, "/%s/%zu", list, i);
	return error;
}

/* `value` is how the caller wrote it. */
static enum error add_named_key(struct plan *plan, enum selector_kind kind, struct slice value,
	struct slice key, struct fault *fault)
{
	enum error error = guard_check_key(key, fault);

	if (!error)
		error = guard_exact(&plan->guard, key, fault);
	if (error)
		return error;
	uint32_t selector = plan_add_selector(plan, kind, value);
	struct plan_key *at = plan_add_key(plan, key, selector);
	at->follow |= !plan->asked->no_cascade;
	return OK;
}

static enum error add_glob(struct plan *plan, struct slice glob, struct fault *fault)
{
	enum error error = guard_pattern(&plan->guard, glob, fault);

	if (error)
		return error;
	if (glob_catch_all(glob) && !scope_granted(&plan->asked->who, SCOPE_FLUSH))
		return fault_set(fault, ERR_FORBIDDEN,
			"'%.*s' matches every key; that needs a token with scope flush",
			(int)glob.n, glob.p);
	plan->catches_all |= glob_catch_all(glob);
	plan_add_pattern(plan, glob, plan_add_selector(plan, SELECTOR_PATTERN, glob));
	return OK;
}

static enum error add_named_pattern(struct plan *plan, struct slice glob, struct fault *fault)
{
	struct buf literal = {0};
	enum error error = glob_check(glob, fault);

	if (error)
		return error;
	if (glob_literal(glob, &literal))
		error = add_named_key(plan, SELECTOR_PATTERN, glob, buf_slice(&literal), fault);
	else
		error = add_glob(plan, glob, fault);
	buf_release(&literal);
	return error;
}

/* Where what an entity's templates give is added. */
struct entity_target {
	struct plan *plan;
	uint32_t selector;
};

static void take_entity_key(void *context, struct slice key)
{
	struct entity_target *target = context;
	struct plan_key *at = plan_add_derived_key(target->plan, key, target->selector);

	if (at)
		at->follow |= !target->plan->asked->no_cascade;
}

static void take_entity_pattern(void *context, struct slice glob)
{
	struct entity_target *target = context;
	struct buf literal = {0};

	if (glob_literal(glob, &literal))
		take_entity_key(context, buf_slice(&literal));
	else
		plan_add_pattern(target->plan, glob, target->selector);
	buf_release(&literal);
}

/* Whatever bytes the id has: a tag that no caller could name has no members. */
static void take_entity_tag(void *context, struct slice tag)
{
	struct entity_target *target = context;

	plan_add_tag(target->plan, tag, target->selector);
}

static enum error add_entity(
	struct plan *plan, const struct conf_entity *entity, struct slice id, struct fault *fault)
{
	struct buf value = {0};

	if (id.n == 0)
		return fault_set(fault, ERR_BAD_BODY, "an id of %s is empty", entity->name);
	if (id.n > KEY_MAX_BYTES)
		return fault_set(fault, ERR_BAD_BODY, "an id of %s has %zu bytes; at most %d",
			entity->name, id.n, KEY_MAX_BYTES);
	buf_printf(&value, "%s:", entity->name);
	buf_add(&value, id);
	struct entity_target target = {
		plan, plan_add_selector(plan, SELECTOR_ENTITY, buf_slice(&value))};
	const struct entity_visitor visitor = {
		take_entity_key, take_entity_pattern, &target, take_entity_tag};

	entity_visit(entity, id, &visitor);
	buf_release(&value);
	return OK;
}

static enum error add_entities(struct plan *plan, struct fault *fault)
{
	for (size_t i = 0; i < plan->asked->entity_count; i++) {
		const struct invalidation_ids *ids = &plan->asked->entities[i];
		char list[96];

		snprintf(list, sizeof list, "entities/%s", ids->entity->name);
		if (ids->count > INVALIDATION_MAX_IDS)
			return fault_set(fault, ERR_BAD_BODY, "%zu ids of %s; at most %d at once",
				ids->count, ids->entity->name, INVALIDATION_MAX_IDS);
		for (size_t j = 0; j < ids->count; j++) {
			enum error error = add_entity(plan, ids->entity, ids->ids[j], fault);

			if (error)
				return blame(fault, list, j, error);
		}
	}
	return OK;
}

static enum error add_tag(struct plan *plan, struct slice tag, struct fault *fault)
{
	enum error error = tag_check(tag, fault);

	if (!error)
		plan_add_tag(plan, tag, plan_add_selector(plan, SELECTOR_TAG, tag));
	return error;
}

static enum error add_dependents_of(struct plan *plan, struct slice key, struct fault *fault)
{
	const struct identity *who = plan->guard.who;
	enum error error = guard_check_key(key, fault);

	/* The key itself stays, so protection does not matter; its dependents disclose its name. */
	if (!error && !guard_inside_prefixes(who, key))
		error = fault_set(fault, ERR_KEY_OUTSIDE_PREFIXES,
			"the key is outside the key_prefixes of token '%s'", who->name);
	if (error)
		return error;
	uint32_t selector = plan_add_selector(plan, SELECTOR_DEPENDENTS_OF, key);
	struct plan_key *at = plan_add_followed_key(plan, key);
	at->follow = true;
	if (at->counted_by == PLAN_NONE)
		at->counted_by = selector;
	return OK;
}

static enum error add_all(struct plan *plan, struct fault *fault)
{
	const struct invalidation *asked = plan->asked;
	enum error error;

	for (size_t i = 0; i < asked->key_count; i++)
		if ((error = add_named_key(
			     plan, SELECTOR_KEY, asked->keys[i], asked->keys[i], fault)))
			return blame(fault, "keys", i, error);
	for (size_t i = 0; i < asked->pattern_count; i++)
		if ((error = add_named_pattern(plan, asked->patterns[i], fault)))
			return blame(fault, "patterns", i, error);
	for (size_t i = 0; i < asked->tag_count; i++)
		if ((error = add_tag(plan, asked->tags[i], fault)))
			return blame(fault, "tags", i, error);
	if ((error = add_entities(plan, fault)))
		return error;
	for (size_t i = 0; i < asked->dependents_count; i++)
		if ((error = add_dependents_of(plan, asked->dependents_of[i], fault)))
			return blame(fault, "dependents_of", i, error);
	return OK;
}

static enum error check_sizes(const struct plan *plan, struct fault *fault)
{
	const struct invalidation *asked = plan->asked;

	if (asked->key_count > INVALIDATION_MAX_KEYS)
		return fault_at(fault, ERR_BAD_BODY, "/keys", "%zu keys; at most %d at once",
			asked->key_count, INVALIDATION_MAX_KEYS);
	if (asked->dependents_count > INVALIDATION_MAX_KEYS)
		return fault_at(fault, ERR_BAD_BODY, "/dependents_of",
			"%zu keys; at most %d at once", asked->dependents_count,
			INVALIDATION_MAX_KEYS);
	if (asked->pattern_count > PLAN_MAX_PATTERNS)
		return fault_at(fault, ERR_BAD_BODY, "/patterns",
			"%zu patterns; at most %d at once", asked->pattern_count,
			PLAN_MAX_PATTERNS);
	if (asked->tag_count > PLAN_MAX_TAGS)
		return fault_at(fault, ERR_BAD_BODY, "/tags", "%zu tags; at most %d at once",
			asked->tag_count, PLAN_MAX_TAGS);
	return OK;
}

/* What the entities came to. */
static enum error check_derived(const struct plan *plan, struct fault *fault)
{
	if (plan->pattern_count > PLAN_MAX_PATTERNS)
		return fault_set(fault, ERR_BAD_BODY,
			"the entities give %zu patterns; at most %d are allowed",
			plan->pattern_count, PLAN_MAX_PATTERNS);
	if (plan->tag_count > PLAN_MAX_TAGS)
		return fault_set(fault, ERR_BAD_BODY,
			"tags and entities give more than %d tags: name fewer at once",
			PLAN_MAX_TAGS);
	return OK;
}

enum error plan_new(const struct invalidation *asked, struct plan **ret, struct fault *fault)
{
	struct plan *plan = mem_new(struct plan);

	plan->asked = asked;
	plan->rule_selectors =
		mem_array(asked->conf->dependency_count, sizeof *plan->rule_selectors);
	for (size_t i = 0; i < asked->conf->dependency_count; i++)
		plan->rule_selectors[i] = PLAN_NONE;
	guard_init(&plan->guard, asked->conf, &asked->who);
	enum error error = check_sizes(plan, fault);
	if (!error)
		error = add_all(plan, fault);
	if (!error && plan->selector_count == 0)
		error = fault_set(fault, ERR_BAD_BODY,
			"nothing is selected: give keys, patterns, tags, entities or "
			"dependents_of");
	if (!error)
		error = check_derived(plan, fault);
	if (error) {
		plan_free(plan);
		return error;
	}
	*ret = plan;
	return OK;
}
