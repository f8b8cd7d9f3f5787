/* SPDX-License-Identifier: MIT */
/*
 * What would go with a key: the graph that rules and stored sets span from it, and the cycles in
 * it.
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
#include "text/json.h"

enum {
	max_nodes = 1000,
	max_cycles = 20,
	page_nodes = 256,
	rest_bytes = 256, /* of a name, copied in about a microsecond */
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
	cJSON *patterns, *cycles, *dependents;
};

static void add_text(cJSON *array, const char *p, size_t n)
{
	json_append_slice(array, slice_of(p, n));
}

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
	if (cJSON_GetArraySize(preview->patterns) < max_nodes)
		add_text(preview->patterns, glob.p, glob.n);
	else
		preview->truncated = true;
}

static uint32_t edge(const struct graph_node *node, size_t i)
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
		struct graph_node *node = preview->nodes[path[depth - 1]];

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

static struct slice node_name(const struct preview *preview, size_t i)
{
	return slice_of(preview->nodes[i]->name, preview->nodes[i]->n);
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

/* What is stored for the key itself, in order. Parks where that is much. */
static enum error write_stored(const struct dependency_stored *stored, cJSON *body)
{
	if (stored->ttl_ms == -2) {
		cJSON_AddNullToObject(body, "stored");
		return OK;
	}
	struct timeslice timeslice = {.since_ns = clock_mono_ns()};
	size_t count = stored->members->count;
	struct slice *sorted = mem_array(count, sizeof *sorted);
	cJSON *object = cJSON_AddObjectToObject(body, "stored");
	cJSON *names = cJSON_AddArrayToObject(object, "dependents");

	for (size_t i = 0; i < count; i++)
		sorted[i] = redis_value_item(stored->members, i);
	enum error error = timeslice_sort(&timeslice, sorted, count);
	for (size_t i = 0; i < count && !error; i++) {
		json_append_slice(names, sorted[i]);
		error = timeslice_spend(&timeslice, 1 + sorted[i].n / rest_bytes);
	}
	json_add_int(object, "ttl", stored->ttl_ms < 0 ? -1 : (stored->ttl_ms + 999) / 1000);
	mem_free(sorted);
	return error;
}

static void write_rules(struct preview *preview, struct slice key, cJSON *body)
{
	struct rule_view view = {.conf = preview->conf};
	const struct dependency_visitor visitor = {view_key, view_pattern, &view};

	view.rules = cJSON_AddArrayToObject(body, "rules");
	dependency_visit(preview->conf, key, &visitor);
}

static struct preview *preview_new(struct cache *cache, const struct conf *conf, struct slice key)
{
	struct preview *preview = mem_new(struct preview);

	preview->cache = cache;
	preview->conf = conf;
	preview->dependents = cJSON_CreateArray();
	preview->patterns = cJSON_CreateArray();
	node_of(preview, key);
	return preview;
}

/* The lists that were taken are NULL. */
static void preview_free(struct preview *preview)
{
	cJSON_Delete(preview->dependents);
	cJSON_Delete(preview->patterns);
	HASH_CLEAR(hh, preview->by_name);
	for (size_t i = 0; i < preview->count; i++) {
		buf_release(&preview->nodes[i]->edges);
		mem_free(preview->nodes[i]->name);
		mem_free(preview->nodes[i]);
	}
	mem_free(preview);
}

/* Names what there is beside the key itself. */
static cJSON *take_dependents(struct preview *preview)
{
	cJSON *names = preview->dependents;

	for (size_t i = 1; i < preview->count; i++)
		json_append_slice(names, node_name(preview, i));
	preview->dependents = NULL;
	return names;
}

/* Parks. */
static enum error add_stored(
	struct cache *cache, struct slice key, cJSON *body, struct fault *fault)
{
	struct dependency_stored stored = {.ttl_ms = -2};
	enum error error = OK;

	if (cache)
		error = dependency_read(cache, key, DEPENDENCY_MAX_MEMBERS, &stored, fault);
	if (!error && write_stored(&stored, body))
		error = fault_set(fault, ERR_CANCELLED, "the request was cancelled");
	redis_value_free(stored.members);
	return error;
}

enum error dependency_preview(struct cache *cache, const struct conf *conf, struct slice key,
	bool transitive, cJSON **ret, struct fault *fault)
{
	struct preview *preview = preview_new(cache, conf, key);
	cJSON *body = cJSON_CreateObject();
	enum error error = explore(preview, transitive, fault);

	json_add_slice(body, "key", key);
	cJSON_AddItemToObject(body, "dependents", take_dependents(preview));
	write_rules(preview, key, body);
	cJSON_AddItemToObject(body, "patterns", preview->patterns);
	preview->patterns = NULL;
	if (!error)
		error = add_stored(cache, key, body, fault);
	preview->cycles = transitive ? cJSON_AddArrayToObject(body, "cycles") : NULL;
	if (transitive)
		find_cycles(preview);
	cJSON_AddBoolToObject(body, "truncated", preview->truncated);
	preview_free(preview);
	if (error)
		cJSON_Delete(body);
	else
		*ret = body;
	return error;
}

enum error dependency_direct(struct cache *cache, const struct conf *conf, struct slice key,
	cJSON **ret, struct fault *fault)
{
	struct preview *preview = preview_new(cache, conf, key);
	enum error error = explore(preview, false, fault);

	if (!error)
		*ret = take_dependents(preview);
	preview_free(preview);
	return error;
}
