/* SPDX-License-Identifier: MIT */
/* The tree of a document: building it and finding nodes; see document.h. */
#include <assert.h>
#include <string.h>

#include "conf/document.h"

struct node *node_new(struct arena *arena, enum node_kind kind, const char *file, unsigned line)
{
	struct node *node = arena_alloc(arena, sizeof *node);

	node->kind = kind;
	node->file = file;
	node->line = line;
	return node;
}

struct node *node_default(struct arena *arena, const char *text, const struct node *map)
{
	struct faults none = {0};
	struct node *node;

	if (strpbrk(text, "[{\"")) {
		node = document_parse(arena, slice_str(text), map->file, &none);
	} else {
		/* A shortcut for one plain word, which most defaults are. */
		node = node_new(arena, NODE_SCALAR, map->file, map->line);
		node->text = node->raw = slice_str(text);
		node->plain = true;
	}
	assert(node && !none.count);
	node->line = map->line;
	node->is_default = true;
	return node;
}

void node_append(struct node *parent, struct node *child)
{
	child->next = NULL;
	if (parent->last)
		parent->last->next = child;
	else
		parent->children = child;
	parent->last = child;
	parent->count++;
}

struct node *node_member(const struct node *map, struct slice name)
{
	if (!map || map->kind != NODE_MAP)
		return NULL;
	for (struct node *child = map->children; child; child = child->next)
		if (slice_equal(child->name, name))
			return child;
	return NULL;
}

struct node *node_find(struct node *map, const char *path)
{
	while (map) {
		const char *dot = strchr(path, '.');

		if (!dot)
			return node_member(map, slice_str(path));
		map = node_member(map, slice_of(path, (size_t)(dot - path)));
		path = dot + 1;
	}
	return NULL;
}

struct node *node_given(struct node *map, const char *path)
{
	struct node *node = node_find(map, path);

	return node && !node->is_default ? node : NULL;
}

/* Puts `node` where `old` is among the children. */
static void replace_child(struct node *parent, const struct node *old, struct node *node)
{
	struct node **at = &parent->children;

	while (*at != old)
		at = &(*at)->next;
	node->next = old->next;
	*at = node;
	if (parent->last == old)
		parent->last = node;
}

void node_drop(struct node *map, struct slice name)
{
	struct node **at = &map->children, *before = NULL;

	while (*at && !slice_equal((*at)->name, name)) {
		before = *at;
		at = &before->next;
	}
	if (!*at)
		return;
	if (map->last == *at)
		map->last = before;
	*at = (*at)->next;
	map->count--;
}

bool node_put(struct arena *arena, struct node *map, const char *path, struct node *node)
{
	const char *dot;
	struct node *old;

	while ((dot = strchr(path, '.'))) {
		struct slice name = slice_of(path, (size_t)(dot - path));
		struct node *inner = node_member(map, name);

		if (!inner) {
			inner = node_new(arena, NODE_MAP, map->file, map->line);
			/* Names end with a NUL, as those of documents do. */
			inner->name = arena_slice(arena, name);
			inner->is_default = node->is_default;
			node_append(map, inner);
		}
		if (inner->kind != NODE_MAP)
			return false;
		map = inner;
		path = dot + 1;
	}
	node->name = slice_str(path);
	old = node_member(map, node->name);
	if (old)
		replace_child(map, old, node);
	else
		node_append(map, node);
	return true;
}

bool node_equal(const struct node *a, const struct node *b)
{
	if (!a || !b)
		return a == b;
	if (a->kind != b->kind || a->count != b->count || !slice_equal(a->text, b->text))
		return false;
	const struct node *y = b->children;

	for (const struct node *x = a->children; x; x = x->next, y = y->next) {
		if (!slice_equal(x->name, y->name) || !node_equal(x, y))
			return false;
	}
	return true;
}

bool node_is_null(const struct node *node)
{
	return node->kind == NODE_SCALAR && node->plain &&
	       (node->text.n == 0 || slice_is(node->text, "~") || slice_is(node->text, "null"));
}
