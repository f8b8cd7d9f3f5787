/* SPDX-License-Identifier: MIT */
/* Variables become nodes of the tree, so that they are checked as other values are. */
#include "conf/environment.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "text/json.h"

#define OPENING "${env:"

static bool is_variable_name(const char *name)
{
	return *name && strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				     "0123456789_") == strlen(name);
}

static bool add_variable(
	struct reader *r, const struct node *node, const char *name, struct buf *out)
{
	const char *value = is_variable_name(name) ? getenv(name) : NULL;

	if (!is_variable_name(name))
		faults_add(r->faults, node->file, node->line,
			OPENING "%s} is not the name of a variable: use letters, digits and _",
			name);
	else if (!value)
		faults_add(r->faults, node->file, node->line,
			OPENING "%s} is not set in the environment", name);
	else if (!utf8_valid(slice_str(value)))
		faults_add(r->faults, node->file, node->line,
			"the environment variable %s is not valid UTF-8", name);
	else
		buf_str(out, value);
	return value != NULL;
}

static void fill_text(struct reader *r, struct node *node)
{
	const char *rest = node->text.p, *at, *end;
	struct buf out = {0};

	while ((at = strstr(rest, OPENING)) && (end = strchr(at, '}'))) {
		const char *start = at + strlen(OPENING);
		char *name = mem_strndup(start, (size_t)(end - start));

		buf_append(&out, rest, (size_t)(at - rest));
		add_variable(r, node, name, &out);
		mem_free(name);
		rest = end + 1;
	}
	if (at) {
		faults_add(r->faults, node->file, node->line, OPENING " has no closing }");
	} else if (rest != node->text.p) {
		buf_str(&out, rest);
		node->text = arena_slice(r->arena, buf_slice(&out));
	}
	buf_release(&out);
}

void environment_fill(struct reader *r, struct node *node)
{
	if (node->kind == NODE_SCALAR)
		fill_text(r, node);
	for (struct node *child = node->children; child; child = child->next)
		environment_fill(r, child);
}

static struct node *scalar_node(struct reader *r, const char *file, struct slice text)
{
	struct node *node = node_new(r->arena, NODE_SCALAR, file, 0);

	node->text = node->raw = arena_slice(r->arena, text);
	return node;
}

static struct node *text_node(struct reader *r, const char *file, const char *value)
{
	return scalar_node(r, file, slice_str(value));
}

/* "a,b" as a list. */
static struct node *list_node(struct reader *r, const char *file, const char *value)
{
	struct node *list = node_new(r->arena, NODE_LIST, file, 0);

	while (*value) {
		size_t n = strcspn(value, ",");

		node_append(list, scalar_node(r, file, slice_of(value, n)));
		value += n;
		value += *value == ',';
	}
	return list;
}

static struct node *seconds_node(struct reader *r, const char *file, const char *value)
{
	int64_t seconds;
	char *text;
	struct node *node;

	if (!slice_int64(slice_str(value), &seconds) || seconds < 1) {
		faults_add(r->faults, file, 0, "must be a whole number of seconds, 1 or more");
		return NULL;
	}
	text = mem_printf("%ss", value);
	node = text_node(r, file, text);
	mem_free(text);
	return node;
}

static const struct {
	const char *variable, *path;
	struct node *(*make)(struct reader *r, const char *file, const char *value);
} overrides[] = {
	{"REDIS_URL", "redis.url", text_node},
	{"REDIS_CACHE_TTL", "cache.default_ttl", seconds_node},
	{"CACHEWARDEN_LISTEN", "listen", list_node},
	{"CACHEWARDEN_LOG_LEVEL", "log.level", text_node},
};

void environment_apply(struct reader *r, struct node *root)
{
	for (size_t i = 0; i < sizeof overrides / sizeof *overrides; i++) {
		const char *value = getenv(overrides[i].variable);
		struct node *node = NULL;
		char *name;

		if (!value || !*value)
			continue;
		name = mem_printf("environment %s", overrides[i].variable);
		const char *file = arena_dup(r->arena, slice_str(name));

		mem_free(name);
		if (utf8_valid(slice_str(value)))
			node = overrides[i].make(r, file, value);
		else
			faults_add(r->faults, file, 0, "is not valid UTF-8");
		if (node)
			node_put(r->arena, root, overrides[i].path, node);
	}
}
