/* SPDX-License-Identifier: MIT */
/*
 * Reads a map of the tree into a struct by a section's rows; see reader.h.
 *
 *	names that no row has -> faults, with the name that was probably meant
 *	each row: its node, or a new one from the row's default -> type_set() -> the object
 */
#include <string.h>

#include "base/min.h"
#include "conf/reader.h"
#include "text/edits.h"

enum { max_name = 64 };

/* The part of `path` at the level below `prefix` ("" or "redis."); empty if it is not below it. */
static struct slice part_below(const char *path, struct slice prefix)
{
	struct slice rest = slice_str(path);
	const char *dot;

	if (!slice_starts(rest, prefix))
		return slice_of("", 0);
	rest = slice_skip(rest, prefix.n);
	dot = memchr(rest.p, '.', rest.n);
	return dot ? slice_of(rest.p, (size_t)(dot - rest.p)) : rest;
}

static struct slice nearest(
	const struct section *section, struct slice prefix, struct slice unknown)
{
	size_t best = min_size(3, unknown.n / 3 + 1);
	struct slice name = slice_of("", 0);

	for (size_t i = 0; i < section->count; i++) {
		struct slice part = part_below(section->keys[i].path, prefix);
		size_t d = part.n ? edits_between(part, unknown) : EDITS_MAX;

		if (d < best || (d == best && !name.n)) {
			best = d;
			name = part;
		}
	}
	return name;
}

/* `path` is the node's, within the section. */
static void unknown_name(
	struct reader *r, const struct section *section, struct slice path, const struct node *node)
{
	struct slice prefix = slice_of(path.p, path.n - node->name.n);
	struct slice guess = nearest(section, prefix, node->name);
	size_t mark = reader_enter(r, path);

	reader_fault(r, node,
		guess.n ? reader_say(r, "is not a known key: did you mean %.*s?", (int)guess.n,
				  guess.p)
			: "is not a known key: docs/config.md lists them");
	reader_leave(r, mark);
}

/* Whether there is a row below the prefix. */
static bool leads_on(const struct section *section, struct slice prefix)
{
	for (size_t i = 0; i < section->count; i++)
		if (part_below(section->keys[i].path, prefix).n)
			return true;
	return false;
}

static void check_level(
	struct reader *r, const struct section *section, struct buf *prefix, struct node *map);

/* `path` is the node's, within the section; it is extended for the nodes below. */
static void check_node(
	struct reader *r, const struct section *section, struct buf *path, struct node *node)
{
	/* A dot in a name would look like two levels. */
	bool dotted = memchr(node->name.p, '.', node->name.n) != NULL;
	size_t mark;

	if (!dotted && section_key(section, path->p))
		return;
	buf_char(path, '.');
	if (dotted || !leads_on(section, buf_slice(path))) {
		unknown_name(r, section, slice_of(path->p, path->n - 1), node);
	} else if (node->kind != NODE_MAP) {
		mark = reader_enter(r, slice_of(path->p, path->n - 1));
		reader_fault(r, node, reader_no_map(node));
		reader_leave(r, mark);
	} else {
		check_level(r, section, path, node);
	}
}

static void check_level(
	struct reader *r, const struct section *section, struct buf *prefix, struct node *map)
{
	for (struct node *node = map->children; node; node = node->next) {
		size_t mark = prefix->n;

		buf_add(prefix, node->name);
		check_node(r, section, prefix, node);
		prefix->n = mark;
		prefix->p[mark] = '\0';
	}
}

void section_check_names(struct reader *r, const struct section *section, struct node *node)
{
	struct buf prefix = {0};

	buf_reserve(&prefix, max_name);
	check_level(r, section, &prefix, node);
	buf_release(&prefix);
}

const struct key *section_key(const struct section *section, const char *path)
{
	for (size_t i = 0; i < section->count; i++)
		if (strcmp(section->keys[i].path, path) == 0)
			return &section->keys[i];
	return NULL;
}

/* Adds a node for the default of `key` to the tree. */
static struct node *add_default(struct reader *r, struct node *map, const struct key *key)
{
	struct node *node = node_default(r->arena, key->def, map);

	/* If something above it is not a map, that is a fault already. */
	return node_put(r->arena, map, key->path, node) ? node : NULL;
}

static void set_member(struct reader *r, const struct key *key, struct node *node, void *object)
{
	size_t mark = reader_enter(r, slice_str(key->path));
	const char *wrong;

	node->key = key;
	if (key->flags & KEY_LATER)
		wrong = "is not supported by this version: remove it";
	else if (node_is_null(node))
		wrong = "has no value: set one, or remove the key";
	else
		wrong = type_set(r, key, node, object);
	if (wrong)
		reader_fault(r, node, wrong);
	reader_leave(r, mark);
}

static void missing_member(struct reader *r, const struct key *key, const struct node *map)
{
	size_t mark = reader_enter(r, slice_str(key->path));

	reader_fault(r, map, reader_say(r, "is missing: %s", key->help));
	reader_leave(r, mark);
}

void section_read(struct reader *r, const struct section *section, struct node *node, void *object)
{
	unsigned faults = r->faults->count;

	if (node->kind != NODE_MAP) {
		reader_fault(r, node, reader_no_map(node));
		return;
	}
	section_check_names(r, section, node);
	for (size_t i = 0; i < section->count; i++) {
		const struct key *key = &section->keys[i];
		struct node *member = node_find(node, key->path);

		if (!member && key->def && !(key->flags & KEY_LATER))
			member = add_default(r, node, key);
		if (member)
			set_member(r, key, member, object);
		else if (key->flags & KEY_REQUIRED)
			missing_member(r, key, node);
	}
	if (section->finish && r->faults->count == faults) {
		const char *wrong = section->finish(r, node, object);

		if (wrong)
			reader_fault(r, node, wrong);
	}
}

void section_overlay(
	struct reader *r, const struct section *section, struct node *node, void *object)
{
	section_check_names(r, section, node);
	for (size_t i = 0; i < section->count; i++) {
		struct node *member = node_find(node, section->keys[i].path);

		if (member)
			set_member(r, &section->keys[i], member, object);
	}
}
