/* SPDX-License-Identifier: MIT */
/*
 * What would go with a key: the graph that the rules span from it, and the cycles in it.
 *
 *	key -> rules -> nodes[] with their edges -> depth first: an edge back into the path is a
 *cycle
 */
#include <string.h>
#include <uthash.h>

#include "base/json.h"
#include "base/mem.h"
#include "cache/dependency.h"
#include "cache/invalidate.h"

enum { max_nodes = 1000, max_cycles = 20 };

struct node {
	UT_hash_handle hh;
	char *name;
	size_t n, place;
	struct buf edges; /* uint32_t, places in nodes[] */
	size_t next_edge; /* where the depth-first search stands */
	enum { UNSEEN, ON_PATH, DONE } mark;
};

struct preview {
	const struct conf *conf;
	struct node *nodes[max_nodes];
	size_t count;
	struct node *by_name;
	bool truncated;
	size_t from; /* the node whose edges are looked for */
	cJSON *patterns, *cycles, *dependents;
};

static void add_text(cJSON *array, const char *p, size_t n)
{
	json_append_slice(array, slice_of(p, n));
}

/* The node's place; max_nodes where there is no room for it. */
static size_t node_of(struct preview *preview, struct slice name)
{
	struct node *node;

	HASH_FIND(hh, preview->by_name, name.p, name.n, node);
	if (node)
		return node->place;
	if (preview->count == max_nodes)
		return max_nodes;
	node = mem_new(struct node);
	node->name = slice_dup(name);
	node->n = name.n;
	node->place = preview->count;
	HASH_ADD_KEYPTR(hh, preview->by_name, node->name, node->n, node);
	preview->nodes[preview->count] = node;
	return preview->count++;
}

static void take_key(void *context, size_t rule, struct slice key)
{
	struct preview *preview = context;
	uint32_t to = (uint32_t)node_of(preview, key);

	(void)rule;
	if (to == max_nodes)
		preview->truncated = true;
	else
		buf_append(&preview->nodes[preview->from]->edges, &to, sizeof to);
}

static void take_pattern(void *context, size_t rule, struct slice glob)
{
	struct preview *preview = context;

	(void)rule;
	if (cJSON_GetArraySize(preview->patterns) < max_nodes)
		add_text(preview->patterns, glob.p, glob.n);
	else
		preview->truncated = true;
}

static uint32_t edge(const struct node *node, size_t i)
{
	uint32_t to;

	memcpy(&to, node->edges.p + i * sizeof to, sizeof to);
	return to;
}

/* The part of the path from `back` to its end, and `back` again. */
static void name_cycle(struct preview *preview, const uint32_t *path, size_t depth, uint32_t back)
{
	size_t i = 0;

	if (cJSON_GetArraySize(preview->cycles) == max_cycles)
		return;
	cJSON *cycle = cJSON_CreateArray();
	while (path[i] != back)
		i++;
	for (; i < depth; i++)
		add_text(cycle, preview->nodes[path[i]]->name, preview->nodes[path[i]]->n);
	add_text(cycle, preview->nodes[back]->name, preview->nodes[back]->n);
	cJSON_AddItemToArray(preview->cycles, cycle);
}

static void find_cycles(struct preview *preview)
{
	uint32_t *path = mem_array(max_nodes, sizeof *path);
	size_t depth = 1;

	path[0] = 0;
	preview->nodes[0]->mark = ON_PATH;
	while (depth) {
		struct node *node = preview->nodes[path[depth - 1]];

		if (node->next_edge * sizeof(uint32_t) == node->edges.n) {
			node->mark = DONE;
			depth--;
			continue;
		}
		uint32_t to = edge(node, node->next_edge++);
		if (preview->nodes[to]->mark == ON_PATH) {
			name_cycle(preview, path, depth, to);
		} else if (preview->nodes[to]->mark == UNSEEN) {
			preview->nodes[to]->mark = ON_PATH;
			path[depth++] = to;
		}
	}
	mem_free(path);
}

/* One rule that matches the key itself, with what it gives. */
struct rule_view {
	const struct conf *conf;
	cJSON *rules, *last;
	size_t last_rule;
};

static cJSON *rule_object(struct rule_view *view, size_t rule)
{
	if (view->last && view->last_rule == rule)
		return view->last;
	view->last = cJSON_CreateObject();
	view->last_rule = rule;
	json_add_slice(view->last, "when", template_text(view->conf->dependencies[rule].when));
	cJSON_AddArrayToObject(view->last, "invalidate");
	cJSON_AddArrayToObject(view->last, "patterns");
	cJSON_AddItemToArray(view->rules, view->last);
	return view->last;
}

static void view_key(void *context, size_t rule, struct slice key)
{
	cJSON *object = rule_object(context, rule);

	add_text(cJSON_GetObjectItemCaseSensitive(object, "invalidate"), key.p, key.n);
}

static void view_pattern(void *context, size_t rule, struct slice glob)
{
	cJSON *object = rule_object(context, rule);

	add_text(cJSON_GetObjectItemCaseSensitive(object, "patterns"), glob.p, glob.n);
}

static void explore(struct preview *preview, bool transitive)
{
	const struct dependency_visitor visitor = {take_key, take_pattern, preview};

	for (size_t i = 0; i < preview->count && (transitive || i == 0); i++) {
		preview->from = i;
		dependency_visit(preview->conf,
			slice_of(preview->nodes[i]->name, preview->nodes[i]->n), &visitor);
	}
	for (size_t i = 1; i < preview->count; i++)
		add_text(preview->dependents, preview->nodes[i]->name, preview->nodes[i]->n);
}

static void release_nodes(struct preview *preview)
{
	HASH_CLEAR(hh, preview->by_name);
	for (size_t i = 0; i < preview->count; i++) {
		buf_release(&preview->nodes[i]->edges);
		mem_free(preview->nodes[i]->name);
		mem_free(preview->nodes[i]);
	}
}

cJSON *dependency_preview(const struct conf *conf, struct slice key, bool transitive)
{
	struct preview *preview = mem_new(struct preview);
	cJSON *body = cJSON_CreateObject();
	struct rule_view view = {.conf = conf};
	const struct dependency_visitor visitor = {view_key, view_pattern, &view};

	json_add_slice(body, "key", key);
	preview->conf = conf;
	preview->dependents = cJSON_AddArrayToObject(body, "dependents");
	view.rules = cJSON_AddArrayToObject(body, "rules");
	preview->patterns = cJSON_AddArrayToObject(body, "patterns");
	dependency_visit(conf, key, &visitor);
	node_of(preview, key);
	explore(preview, transitive);
	if (transitive) {
		preview->cycles = cJSON_AddArrayToObject(body, "cycles");
		find_cycles(preview);
		cJSON_AddBoolToObject(body, "truncated", preview->truncated);
	}
	release_nodes(preview);
	mem_free(preview);
	return body;
}
