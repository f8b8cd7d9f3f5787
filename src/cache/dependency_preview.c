/* SPDX-License-Identifier: MIT */
/*
 * The dependents of a key: the graph that rules and stored sets give from it, and its cycles.
 *
 *	key -> rules, sets -> nodes[] with their edges -> depth first: an edge back into the path
 *	                                                  is a cycle
 */
#include <string.h>
#include <uthash.h>

#include "base/mem.h"
#include "base/timeslice.h"
#include "cache/dependency.h"
#include "cache/dependency_store.h"

enum {
	max_nodes = 1000,
	page_nodes = 256,
};

struct graph_node {
	UT_hash_handle hh;
	char *name;
	size_t n, place;
	struct buf edges; /* uint32_t, places in nodes[] */
	size_t next_edge; /* where the depth-first search stands */
	enum { UNSEEN, ON_PATH, DONE } mark;
};

struct preview {
	struct cache *cache; /* NULL: nothing is stored */
	const struct conf *conf;
	struct graph_node *nodes[max_nodes];
	size_t count;
	struct graph_node *by_name;
	bool truncated;
	size_t from; /* the node whose edges are looked for */
	struct dependency_view *view;
};

/* The node's place; max_nodes where there is no room for it. */
static size_t node_of(struct preview *preview, struct slice name)
{
	struct graph_node *node;

	HASH_FIND(hh, preview->by_name, name.p, name.n, node);
	if (node)
		return node->place;
	if (preview->count == max_nodes)
		return max_nodes;
	node = mem_new(struct graph_node);
	node->name = slice_dup(name);
	node->n = name.n;
	node->place = preview->count;
	HASH_ADD_KEYPTR(hh, preview->by_name, node->name, node->n, node);
	preview->nodes[preview->count] = node;
	return preview->count++;
}

static void take(void *context, struct slice key)
{
	struct preview *preview = context;
	uint32_t to = (uint32_t)node_of(preview, key);

	if (to == max_nodes)
		preview->truncated = true;
	else
		buf_append(&preview->nodes[preview->from]->edges, &to, sizeof to);
}

static void take_key(void *context, size_t rule, struct slice key)
{
	(void)rule;
	take(context, key);
}

static void take_pattern(void *context, size_t rule, struct slice glob)
{
	struct preview *preview = context;

	(void)rule;
	if (preview->view->patterns.count < max_nodes)
		name_list_add(&preview->view->patterns, glob);
	else
		preview->truncated = true;
}

static uint32_t edge(const struct graph_node *node, size_t i)
{
	uint32_t to;

	memcpy(&to, node->edges.p + i * sizeof to, sizeof to);
	return to;
}

static struct slice node_name(const struct preview *preview, size_t i)
{
	return slice_of(preview->nodes[i]->name, preview->nodes[i]->n);
}

/* The part of the path from `back` to its end, and `back` again. */
static void add_cycle(struct preview *preview, const uint32_t *path, size_t depth, uint32_t back)
{
	struct dependency_view *view = preview->view;
	size_t i = 0;

	if (view->cycle_count == DEPENDENCY_MAX_CYCLES)
		return;
	struct name_list *cycle = &view->cycles[view->cycle_count++];
	while (path[i] != back)
		i++;
	for (; i < depth; i++)
		name_list_add(cycle, node_name(preview, path[i]));
	name_list_add(cycle, node_name(preview, back));
}

static void find_cycles(struct preview *preview)
{
	uint32_t *path = mem_array(max_nodes, sizeof *path);
	size_t depth = 1;

	path[0] = 0;
	preview->nodes[0]->mark = ON_PATH;
	while (depth) {
		struct graph_node *node = preview->nodes[path[depth - 1]];

		if (node->next_edge * sizeof(uint32_t) == node->edges.n) {
			node->mark = DONE;
			depth--;
			continue;
		}
		uint32_t to = edge(node, node->next_edge++);
		if (preview->nodes[to]->mark == ON_PATH) {
			add_cycle(preview, path, depth, to);
		} else if (preview->nodes[to]->mark == UNSEEN) {
			preview->nodes[to]->mark = ON_PATH;
			path[depth++] = to;
		}
	}
	mem_free(path);
}

/* The last rule of the view, which is added where another came before. */
static struct dependency_rule *rule_of(struct dependency_view *view, size_t rule)
{
	size_t count = view->rule_count;

	if (count && view->rules[count - 1].index == rule)
		return &view->rules[count - 1];
	view->rules = mem_realloc(view->rules, (count + 1) * sizeof *view->rules);
	view->rules[count] = (struct dependency_rule){.index = rule};
	view->rule_count++;
	return &view->rules[count];
}

static void view_key(void *context, size_t rule, struct slice key)
{
	name_list_add(&rule_of(context, rule)->invalidate, key);
}

static void view_pattern(void *context, size_t rule, struct slice glob)
{
	name_list_add(&rule_of(context, rule)->patterns, glob);
}

/* Follows nodes[from, to), whose sets were read. Parks. */
static enum error follow(struct preview *preview, struct dependency_sets *sets, size_t from,
	size_t to, struct fault *fault)
{
	const struct dependency_visitor visitor = {take_key, take_pattern, preview};
	enum error error = OK;
	bool all = true;

	for (size_t i = from; i < to && !error; i++) {
		preview->from = i;
		dependency_visit(preview->conf, node_name(preview, i), &visitor);
		if (sets)
			error = dependency_sets_visit(sets, i - from, take, preview, &all, fault);
		preview->truncated |= !all;
	}
	return error;
}

/* Level by level: what the nodes bring is appended to them. Parks. */
static enum error explore(struct preview *preview, bool transitive, struct fault *fault)
{
	struct slice names[page_nodes];
	enum error error = OK;

	for (size_t from = 0, to; from < preview->count && (transitive || from == 0) && !error;
		from = to) {
		struct dependency_sets *sets = NULL;

		for (to = from; to < preview->count && to < from + page_nodes; to++)
			names[to - from] = node_name(preview, to);
		if (preview->cache)
			error = dependency_sets_read(
				preview->cache, names, to - from, &sets, fault);
		if (!error)
			error = follow(preview, sets, from, to, fault);
		dependency_sets_free(sets);
	}
	return error;
}

/* Parks. */
static enum error read_stored(
	struct cache *cache, struct slice key, struct dependency_view *view, struct fault *fault)
{
	struct dependency_stored stored = {.ttl_ms = -2};
	struct timeslice timeslice = {.since_ns = clock_mono_ns()};
	enum error error = OK;

	if (cache)
		error = dependency_read(cache, key, DEPENDENCY_MAX_MEMBERS, &stored, fault);
	if (error || stored.ttl_ms == -2) {
		redis_value_free(stored.members);
		return error;
	}
	view->stored = stored.members;
	view->stored_ttl_ms = stored.ttl_ms;
	view->stored_count = stored.members->count;
	view->stored_names = mem_array(view->stored_count, sizeof *view->stored_names);
	for (size_t i = 0; i < view->stored_count; i++)
		view->stored_names[i] = redis_value_item(stored.members, i);
	if (timeslice_sort(&timeslice, view->stored_names, view->stored_count))
		error = fault_set(fault, ERR_CANCELLED, "the request was cancelled");
	return error;
}

static struct preview *preview_new(struct cache *cache, const struct conf *conf, struct slice key,
	struct dependency_view *view)
{
	struct preview *preview = mem_new(struct preview);

	preview->cache = cache;
	preview->conf = conf;
	preview->view = view;
	node_of(preview, key);
	return preview;
}

static void preview_free(struct preview *preview)
{
	HASH_CLEAR(hh, preview->by_name);
	for (size_t i = 0; i < preview->count; i++) {
		buf_release(&preview->nodes[i]->edges);
		mem_free(preview->nodes[i]->name);
		mem_free(preview->nodes[i]);
	}
	mem_free(preview);
}

/* All nodes but the key itself. */
static void add_dependents(const struct preview *preview, struct name_list *ret)
{
	for (size_t i = 1; i < preview->count; i++)
		name_list_add(ret, node_name(preview, i));
}

enum error dependency_preview(struct cache *cache, const struct conf *conf, struct slice key,
	bool transitive, struct dependency_view *ret, struct fault *fault)
{
	const struct dependency_visitor visitor = {view_key, view_pattern, ret};

	*ret = (struct dependency_view){0};
	struct preview *preview = preview_new(cache, conf, key, ret);
	enum error error = explore(preview, transitive, fault);

	add_dependents(preview, &ret->dependents);
	dependency_visit(conf, key, &visitor);
	if (!error)
		error = read_stored(cache, key, ret, fault);
	if (transitive)
		find_cycles(preview);
	ret->truncated = preview->truncated;
	preview_free(preview);
	if (error)
		dependency_view_release(ret);
	return error;
}

void dependency_view_release(struct dependency_view *view)
{
	name_list_release(&view->dependents);
	name_list_release(&view->patterns);
	for (size_t i = 0; i < view->rule_count; i++) {
		name_list_release(&view->rules[i].invalidate);
		name_list_release(&view->rules[i].patterns);
	}
	for (size_t i = 0; i < view->cycle_count; i++)
		name_list_release(&view->cycles[i]);
	mem_free(view->rules);
	mem_free(view->stored_names);
	redis_value_free(view->stored);
	*view = (struct dependency_view){0};
}

enum error dependency_direct(struct cache *cache, const struct conf *conf, struct slice key,
	struct name_list *ret, struct fault *fault)
{
	struct dependency_view view = {0};
	struct preview *preview = preview_new(cache, conf, key, &view);
	enum error error = explore(preview, false, fault);

	if (!error)
		add_dependents(preview, ret);
	preview_free(preview);
	dependency_view_release(&view);
	return error;
}
