/* SPDX-License-Identifier: MIT */
/* Matches and fills dependency rules; see dependency.h. */
#include "cache/dependency.h"

#include "base/mem.h"

enum { few_names = 16 };

/* What the names of a rule's `when` stand for. */
struct captured {
	const struct template *when;
	const struct slice *values;
};

static bool look_up(void *context, struct slice name, struct buf *out)
{
	const struct captured *captured = context;

	for (size_t i = 0; i < template_names(captured->when); i++) {
		if (!slice_equal(template_name(captured->when, i), name))
			continue;
		buf_add(out, captured->values[i]);
		return true;
	}
	return false;
}

/* A name that `when` does not have is refused when the configuration is read. */
static void fill_all(size_t rule_index, const struct conf_dependency *rule,
	struct captured *captured, const struct dependency_visitor *visitor)
{
	struct buf name = {0};

	for (size_t i = 0; i < rule->invalidate_count; i++) {
		buf_clear(&name);
		if (template_fill(rule->invalidate[i], TEMPLATE_LITERAL, look_up, captured, &name,
			    NULL) == OK)
			visitor->key(visitor->context, rule_index, buf_slice(&name));
	}
	for (size_t i = 0; i < rule->pattern_count; i++) {
		buf_clear(&name);
		if (template_fill(
			    rule->patterns[i], TEMPLATE_GLOB, look_up, captured, &name, NULL) == OK)
			visitor->pattern(visitor->context, rule_index, buf_slice(&name));
	}
	buf_release(&name);
}

void dependency_visit(
	const struct conf *conf, struct slice key, const struct dependency_visitor *visitor)
{
	struct slice few[few_names], *values, *many = NULL;

	for (size_t i = 0; i < conf->dependency_count; i++) {
		const struct conf_dependency *rule = &conf->dependencies[i];
		size_t names = template_names(rule->when);

		values = few;
		if (names > few_names)
			values = many = mem_array(names, sizeof *many);
		if (template_match(rule->when, key, values))
			fill_all(i, rule, &(struct captured){rule->when, values}, visitor);
		mem_free(many);
		many = NULL;
	}
}
