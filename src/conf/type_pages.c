/* SPDX-License-Identifier: MIT */
/*
 * How the pages of an HTTP source follow each other; presence alone makes a source paged.
 *
 *	{from: 1, until: empty, max: 10000}            {page} in the path counts up
 *	{next: link}                                   the header Link: <address>; rel="next"
 *	{next: /meta/next}                             the document has the next page's address
 *	{next: /meta/cursor, parameter: cursor}        ... or the value of a parameter of the query
 */
#include <string.h>

#include "conf/reader.h"

enum { usual_max = 10000, max_pages = 1000000000, max_pointer_bytes = 512 };

static bool is_whole(const struct node *node, int64_t least, int64_t *ret)
{
	return node->kind == NODE_SCALAR && slice_int64(node->text, ret) && *ret >= least &&
	       *ret <= max_pages;
}

static const char *set_next(struct reader *r, const struct node *node, struct conf_source *source)
{
	if (node->kind == NODE_SCALAR && slice_is(node->text, "link")) {
		source->pages_by = PAGES_LINK;
		return NULL;
	}
	if (node->kind != NODE_SCALAR || node->text.n < 2 || node->text.n > max_pointer_bytes ||
		node->text.p[0] != '/')
		return "has a next that is neither link nor a JSON pointer such as /meta/next";
	source->pages_by = PAGES_POINTER;
	source->pages_next = arena_slice(r->arena, node->text);
	return NULL;
}

static const char *set_parameter(
	struct reader *r, const struct node *node, struct conf_source *source)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "_.-[]";

	if (node->kind != NODE_SCALAR || node->text.n == 0 || node->text.n > 64 ||
		strspn(node->text.p, plain) < node->text.n)
		return "has a parameter that is not the name of one, such as cursor";
	source->pages_parameter = arena_dup(r->arena, node->text);
	return NULL;
}

static const char *set_member(struct reader *r, const struct node *node, struct conf_source *source)
{
	if (slice_is(node->name, "from"))
		return is_whole(node, 0, &source->page_from)
			       ? NULL
			       : "has a from that is not a whole number";
	if (slice_is(node->name, "max"))
		return is_whole(node, 1, &source->pages_max)
			       ? NULL
			       : "has a max that is not a whole number from 1 to 1000000000";
	if (slice_is(node->name, "next"))
		return set_next(r, node, source);
	if (slice_is(node->name, "parameter"))
		return set_parameter(r, node, source);
	if (!slice_is(node->name, "until"))
		return reader_say(r,
			"has %.*s: only from, until, next, parameter and max are known",
			(int)node->name.n, node->name.p);
	if (node->kind != NODE_SCALAR || !slice_is(node->text, "empty"))
		return "has an until other than empty (the first page without rows)";
	return NULL;
}

static const char *set_pages(
	struct reader *r, const struct key *key, struct node *node, void *object)
{
	struct conf_source *source = object;
	const char *wrong = NULL;

	(void)key;
	if (node->kind != NODE_MAP)
		return "must be a map, such as {from: 1, until: empty}";
	source->paged = true;
	source->pages_by = PAGES_NUMBERED;
	source->pages_parameter = NULL;
	source->page_from = 1;
	source->pages_max = usual_max;
	for (struct node *child = node->children; child && !wrong; child = child->next)
		wrong = set_member(r, child, source);
	if (!wrong && source->pages_by != PAGES_NUMBERED &&
		(node_given(node, "from") || node_given(node, "until")))
		wrong = "has next, and from or until, which belong to numbered pages";
	if (!wrong && source->pages_parameter && source->pages_by != PAGES_POINTER)
		wrong = "has a parameter, but no next that is a JSON pointer";
	return wrong;
}
const struct type type_pages = {.set = set_pages};
