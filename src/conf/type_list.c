/* SPDX-License-Identifier: MIT */
/* The types of lists and of named maps. Faults of elements stand at the elements' own lines. */
#include <inttypes.h>
#include <string.h>

#include "conf/reader.h"
#include "text/glob.h"
#include "text/template.h"

/* What one list is made of, and where its array and count go. */
struct list {
	const struct key *key;
	void *object;
	size_t size; /* of an element */
	/* NULL, or the end of a sentence about the element. */
	const char *(*set)(
		struct reader *r, const struct key *key, struct node *node, void *element);
};

static const char *set_each(struct reader *r, const struct list *list, struct node *node)
{
	const struct key *key = list->key;
	char *element;

	if (key->max && (int64_t)node->count > key->max)
		return reader_say(r, "must not have more than %" PRId64 " entries", key->max);
	if ((int64_t)node->count < key->min)
		return "must not be empty";
	element = arena_alloc(r->arena, node->count * list->size);
	*(char **)((char *)list->object + key->offset) = element;
	*(size_t *)((char *)list->object + key->count_offset) = node->count;
	for (struct node *child = node->children; child; child = child->next) {
		size_t index = (size_t)(element - *(char **)((char *)list->object + key->offset));
		size_t mark = node->kind == NODE_MAP ? reader_enter(r, child->name)
						     : reader_enter_element(r, index / list->size);
		const char *wrong = list->set(r, key, child, element);

		if (wrong)
			reader_fault(r, child, wrong);
		reader_leave(r, mark);
		element += list->size;
	}
	return NULL;
}

static const char *element_text(struct node *node)
{
	if (node->kind != NODE_SCALAR)
		return "must be one text, not a list or map";
	return node->text.n == 0 || node_is_null(node) ? "must not be empty" : NULL;
}

static const char *set_text_element(
	struct reader *r, const struct key *key, struct node *node, void *element)
{
	(void)r, (void)key;
	const char *wrong = element_text(node);

	*(struct slice *)element = node->text;
	return wrong;
}

static const char *set_strings(
	struct reader *r, const struct key *key, struct node *node, void *object)
{
	struct list list = {key, object, sizeof(struct slice), set_text_element};

	if (node->kind != NODE_LIST)
		return "must be a list, such as [a, b]";
	return set_each(r, &list, node);
}
const struct type type_strings = {"list of texts", PRINT_TEXT, set_strings};

static const char *set_glob_element(
	struct reader *r, const struct key *key, struct node *node, void *element)
{
	struct fault fault;
	const char *wrong = set_text_element(r, key, node, element);

	if (!wrong && glob_check(node->text, &fault) != OK)
		wrong = reader_say(r, "is not an acceptable pattern: %s", fault.detail);
	return wrong;
}

static const char *set_globs(
	struct reader *r, const struct key *key, struct node *node, void *object)
{
	struct list list = {key, object, sizeof(struct slice), set_glob_element};

	if (node->kind != NODE_LIST)
		return "must be a list of patterns, such as [\"lock:*\"]";
	return set_each(r, &list, node);
}
const struct type type_globs = {"list of patterns", PRINT_TEXT, set_globs};

static void free_template(void *p)
{
	template_free(p);
}

static const char *set_template_element(
	struct reader *r, const struct key *key, struct node *node, void *element)
{
	const char *why = NULL, *wrong = element_text(node);
	struct template *template;

	(void)key;
	if (wrong)
		return wrong;
	template = template_parse(node->text, &why);
	if (!template)
		return reader_say(r, "%s", why);
	arena_own(r->arena, template, free_template);
	*(struct template **)element = template;
	return NULL;
}

static const char *set_template(
	struct reader *r, const struct key *key, struct node *node, void *object)
{
	return set_template_element(r, key, node, (char *)object + key->offset);
}
const struct type type_template = {"template", PRINT_TEXT, set_template};

static const char *set_templates(
	struct reader *r, const struct key *key, struct node *node, void *object)
{
	struct list list = {key, object, sizeof(struct template *), set_template_element};

	if (node->kind != NODE_LIST)
		return "must be a list of templates, such as [\"user:{id}\"]";
	return set_each(r, &list, node);
}
const struct type type_templates = {"list of templates", PRINT_TEXT, set_templates};

static const char *set_entity_key(
	struct reader *r, const struct key *key, struct node *node, void *element)
{
	struct conf_entity_key *entity_key = element;

	if (node->name.n) {
		const char *wrong = reader_check_name(node->name);

		if (wrong)
			return wrong;
		entity_key->name = arena_dup(r->arena, node->name);
	}
	return set_template_element(r, key, node, &entity_key->key);
}

static const char *set_entity_keys(
	struct reader *r, const struct key *key, struct node *node, void *object)
{
	struct list list = {key, object, sizeof(struct conf_entity_key), set_entity_key};

	if (node->kind == NODE_SCALAR)
		return "must be a list or a map of templates, such as [\"user:{id}\"]";
	return set_each(r, &list, node);
}
const struct type type_entity_keys = {"templates, named or not", PRINT_TEXT, set_entity_keys};

static const char *set_scopes(
	struct reader *r, const struct key *key, struct node *node, void *object)
{
	unsigned *scopes = (unsigned *)(void *)((char *)object + key->offset);
	size_t i = 0;

	if (node->kind != NODE_LIST)
		return "must be a list of scopes, such as [read, metrics]";
	if (key->min > 0 && !node->count)
		return "must name at least one scope";
	for (struct node *child = node->children; child; child = child->next) {
		size_t mark = reader_enter_element(r, i++);
		unsigned scope = child->kind == NODE_SCALAR ? scope_parse(child->text) : 0;

		if (!scope)
			reader_fault(r, child,
				"is not a scope: read, metrics, keys, write, invalidate, flush, "
				"warm, sessions, operate, audit or admin");
		*scopes |= scope;
		reader_leave(r, mark);
	}
	return NULL;
}
const struct type type_scopes = {"list of scopes", PRINT_TEXT, set_scopes};

/* No two entries of one list may agree in the section's unique member. */
static void check_unique(struct reader *r, const struct section *section, struct node *list)
{
	for (struct node *a = list->children; a; a = a->next) {
		const struct node *x = node_find(a, section->unique);

		for (struct node *b = a->next; x && b; b = b->next) {
			const struct node *y = node_find(b, section->unique);

			if (y && slice_equal(x->text, y->text))
				reader_fault(r, y,
					reader_say(r, "has %s %.*s twice: first at %s:%u",
						section->unique, (int)y->text.n, y->text.p, x->file,
						x->line));
		}
	}
}

static const char *set_item(
	struct reader *r, const struct key *key, struct node *node, void *element)
{
	section_read(r, key->section, node, element);
	return NULL;
}

static const char *set_items(
	struct reader *r, const struct key *key, struct node *node, void *object)
{
	struct list list = {key, object, key->section->size, set_item};
	const char *wrong;

	if (node->kind != NODE_LIST)
		return "must be a list of maps";
	wrong = set_each(r, &list, node);
	if (!wrong && key->section->unique)
		check_unique(r, key->section, node);
	return wrong;
}
const struct type type_items = {"list of maps", PRINT_TEXT, set_items};

static const char *set_named_item(
	struct reader *r, const struct key *key, struct node *node, void *element)
{
	const char *wrong = reader_check_name(node->name);

	if (wrong)
		return wrong;
	*(char **)((char *)element + key->section->name_offset) = arena_dup(r->arena, node->name);
	section_read(r, key->section, node, element);
	return NULL;
}

static const char *set_named_items(
	struct reader *r, const struct key *key, struct node *node, void *object)
{
	struct list list = {key, object, key->section->size, set_named_item};

	if (node->kind != NODE_MAP)
		return "must be a map of `name: {...}`";
	return set_each(r, &list, node);
}
const struct type type_named_items = {"map of maps", PRINT_TEXT, set_named_items};
