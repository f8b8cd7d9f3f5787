/* SPDX-License-Identifier: MIT */
/*
 * Walks a section's rows over a map of the tree; see reader.h.
 *
 *	names that no row knows -> faults
 *	each row: its node, or a new one from the row's default -> type->set -> the object
 */
#include "conf/reader.h"

#include <string.h>

const char *reader_say(struct reader *r, const char *format, ...)
{
	/* The arguments may point into the sentence before. */
	struct buf text = {0};
	va_list args;

	va_start(args, format);
	buf_vprintf(&text, format, args);
	va_end(args);
	buf_release(&r->why);
	r->why = text;
	return r->why.p;
}

static void add(struct reader *r, struct faults *to, const struct node *node, const char *sentence)
{
	faults_add(to, node->file, node->line, "%s%s%s", r->path.n ? r->path.p : "",
		r->path.n ? " " : "", sentence);
}

void reader_fault(struct reader *r, const struct node *node, const char *sentence)
{
	add(r, r->faults, node, sentence);
}

void reader_warn(struct reader *r, const struct node *node, const char *sentence)
{
	add(r, r->warnings, node, sentence);
}

const char *reader_no_map(const struct node *node)
{
	return node_is_null(node) ? "is empty: give it members, or leave it out"
				  : "must be a map of `name: value`";
}

size_t reader_enter(struct reader *r, struct slice name)
{
	size_t mark = r->path.n;

	if (mark)
		buf_char(&r->path, '.');
	buf_add(&r->path, name);
	return mark;
}

size_t reader_enter_element(struct reader *r, size_t index)
{
	size_t mark = r->path.n;

	buf_printf(&r->path, "[%zu]", index);
	return mark;
}

void reader_leave(struct reader *r, size_t mark)
{
	r->path.n = mark;
	if (r->path.p)
		r->path.p[mark] = '\0';
}

const struct key *section_key(const struct section *section, const char *path)
{
	for (size_t i = 0; i < section->count; i++)
		if (strcmp(section->keys[i].path, path) == 0)
			return &section->keys[i];
	return NULL;
}

/* Puts a node for the default of `key` where it would stand. */
static struct node *add_default(struct reader *r, struct node *map, const struct key *key)
{
	struct node *node = node_default(r->arena, key->def, map);

	/* What is no map above it is a fault already. */
	return node_put(r->arena, map, key->path, node) ? node : NULL;
}

static void set_member(struct reader *r, const struct key *key, struct node *node, void *object)
{
	size_t mark = reader_enter(r, slice_str(key->path));
	const char *wrong;

	node->key = key;
	if (key->flags & KEY_LATER)
		wrong = "is not supported by this version: leave it out";
	else if (node_is_null(node))
		wrong = "has no value: give it one, or leave the key out";
	else
		wrong = key->type->set(r, key, node, object);
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
