/* SPDX-License-Identifier: MIT */
/*
 * The one loop that reads lists and maps of entries, and the types whose entries are texts,
 * templates, scopes or sections. Faults of entries stand at the entries' own lines.
 */
#include <inttypes.h>
#include <string.h>

#include "conf/reader.h"
#include "text/glob.h"
#include "text/template.h"

static const char *check_shape(
	struct reader *r, const struct key *key, const struct list *list, const struct node *node)
{
	if (node->kind == NODE_SCALAR || (node->kind == NODE_LIST && list->shape == MAP_ONLY) ||
		(node->kind == NODE_MAP && list->shape == LIST_ONLY))
		return list->expected;
	if ((int64_t)node->count < key->min)
		return "must not be empty";
	if (key->max && (int64_t)node->count > key->max)
		return reader_say(r, "must not have more than %" PRId64 " entries", key->max);
	return NULL;
}

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

static const char *read_list(
	struct reader *r, const struct key *key, struct node *node, void *object)
{
	const struct list *list = key->type->list;
	size_t size = key->section ? key->section->size : list->size;
	const char *wrong = check_shape(r, key, list, node);
	char *element = object, *first = object;
	size_t index = 0;

	if (wrong)
		return wrong;
	if (size) {
		element = first = arena_alloc(r->arena, (node->count + 1) * size);
		*(char **)((char *)object + key->offset) = first;
		*(size_t *)((char *)object + key->count_offset) = node->count;
	}
	for (struct node *child = node->children; child; child = child->next, element += size) {
		size_t mark = node->kind == NODE_MAP ? reader_enter(r, child->name)
						     : reader_enter_element(r, index++);

		wrong = list->set(r, key, child, element);
		for (const char *other = first; !wrong && list->same && other < element;
			other += size)
			if (list->same(other, element))
				wrong = "is given twice";
		if (wrong)
			reader_fault(r, child, wrong);
		reader_leave(r, mark);
	}
	if (key->section && key->section->unique)
		check_unique(r, key->section, node);
	return NULL;
}

const char *type_set(struct reader *r, const struct key *key, struct node *node, void *object)
{
	return key->type->list ? read_list(r, key, node, object)
			       : key->type->set(r, key, node, object);
}

static const char *element_text(const struct node *node)
{
	if (node->kind != NODE_SCALAR)
		return "must be one text, not a list or map";
	return node->text.n == 0 || node_is_null(node) ? "must not be empty" : NULL;
}

const char *type_set_text(struct reader *r, const struct key *key, struct node *node, void *element)
{
	(void)r, (void)key;
	*(struct slice *)element = node->text;
	return element_text(node);
}
static const struct list texts = {
	.expected = "must be a list, such as [a, b]",
	.size = sizeof(struct slice),
	.set = type_set_text,
};
const struct type type_strings = {.list = &texts};

static const char *set_glob(
	struct reader *r, const struct key *key, struct node *node, void *element)
{
	struct fault fault;
	const char *wrong = type_set_text(r, key, node, element);

	if (!wrong && glob_check(node->text, &fault) != OK)
		wrong = reader_say(r, "is not an acceptable pattern: %s", fault.detail);
	return wrong;
}
static const struct list globs = {
	.expected = "must be a list of patterns, such as [\"lock:*\"]",
	.size = sizeof(struct slice),
	.set = set_glob,
};
const struct type type_globs = {.list = &globs};

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
const struct type type_template = {.set = set_template};
static const struct list templates = {
	.expected = "must be a list of templates, such as [\"user:{id}\"]",
	.size = sizeof(struct template *),
	.set = set_template_element,
};
const struct type type_templates = {.list = &templates};

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
static const struct list entity_keys = {
	.shape = LIST_OR_MAP,
	.expected = "must be a list or a map of templates, such as [\"user:{id}\"]",
	.size = sizeof(struct conf_entity_key),
	.set = set_entity_key,
};
const struct type type_entity_keys = {.list = &entity_keys};

static const char *set_scope(
	struct reader *r, const struct key *key, struct node *node, void *object)
{
	unsigned scope = node->kind == NODE_SCALAR ? scope_parse(node->text) : 0;
	struct buf known = {0};

	*(unsigned *)(void *)((char *)object + key->offset) |= scope;
	if (scope)
		return NULL;
	scopes_print(~0u, &known);
	reader_say(r, "must be one of: %s", known.p);
	buf_release(&known);
	return r->why.p;
}
static const struct list scopes = {
	.expected = "must be a list of scopes, such as [read, metrics]",
	.set = set_scope,
};
const struct type type_scopes = {.list = &scopes};

static const char *set_item(
	struct reader *r, const struct key *key, struct node *node, void *element)
{
	section_read(r, key->section, node, element);
	return NULL;
}
static const struct list items = {
	.expected = "must be a list of maps",
	.set = set_item,
};
const struct type type_items = {.list = &items};

static const char *set_named_item(
	struct reader *r, const struct key *key, struct node *node, void *element)
{
	const char *wrong = reader_check_name(node->name);

	if (wrong)
		return wrong;
	*(char **)((char *)element + key->section->name_offset) = arena_dup(r->arena, node->name);
	return set_item(r, key, node, element);
}
static const struct list named_items = {
	.shape = MAP_ONLY,
	.expected = "must be a map of `name: {...}`",
	.set = set_named_item,
};
const struct type type_named_items = {.list = &named_items};
