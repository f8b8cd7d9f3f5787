/* SPDX-License-Identifier: MIT */
/* The headers that an HTTP source sends. */
#include <string.h>

#include "conf/reader.h"
#include "text/field.h"

static const char *set_header(struct reader *r, struct node *node, struct conf_header *ret)
{
	static const struct slice twin = {"_file", 5};
	struct slice name = node->name;
	bool from_file = name.n > twin.n && memcmp(name.p + name.n - twin.n, twin.p, twin.n) == 0;
	const char *wrong = NULL;

	if (node->kind != NODE_SCALAR || node_is_null(node))
		return "must be one text, not a list or map";
	if (from_file)
		name.n -= twin.n;
	if (name.n > 256 || !field_is_name(name))
		return "is not a header's name";
	ret->name = arena_dup(r->arena, name);
	if (from_file)
		wrong = reader_secret(
			r, slice_str(reader_resolve(r, node, node->text)), &ret->value);
	else
		ret->value = arena_dup(r->arena, node->text);
	if (!wrong && !field_is_value(slice_str(ret->value)))
		wrong = "has a value with control bytes";
	return wrong;
}

static const char *set_headers(
	struct reader *r, const struct key *key, struct node *node, void *object)
{
	struct conf_source *source = object;
	size_t i = 0;

	(void)key;
	if (node->kind != NODE_MAP)
		return "must be a map, such as {Accept: application/json}";
	source->headers = arena_alloc(r->arena, node->count * sizeof *source->headers);
	source->header_count = node->count;
	for (struct node *child = node->children; child; child = child->next, i++) {
		size_t mark = reader_enter(r, child->name);
		const char *wrong = set_header(r, child, &source->headers[i]);

		for (size_t j = 0; j < i && !wrong; j++)
			/* A faulty one before this has no name. */
			if (source->headers[j].name &&
				strcasecmp(source->headers[i].name, source->headers[j].name) == 0)
				wrong = "stands twice among the headers";
		if (wrong)
			reader_fault(r, child, wrong);
		reader_leave(r, mark);
	}
	return NULL;
}
const struct type type_headers = {"map of texts", PRINT_TEXT, set_headers};
