/* SPDX-License-Identifier: MIT */
/*
 * GET /debug, and SIGUSR1 by way of the log: fibers with what they wait for, connections with their
 * queues, operations, passes. Both show the same tree; the log has one line for each list element.
 *
 * Special: it never parks and uses memory only, so that it answers while all else waits.
 */
#include "api/debug.h"

#include "api/handlers.h"
#include "cache/result.h"
#include "invalidate/pass.h"
#include "text/json.h"

enum { max_fibers = 2000 };

struct fibers {
	cJSON *list;
	size_t total;
};

static bool add_fiber(void *context, const struct fiber_look *look)
{
	struct fibers *fibers = context;
	int64_t now = clock_mono_ms();

	if (++fibers->total > max_fibers)
		return true;
	cJSON *fiber = cJSON_CreateObject();
	cJSON_AddStringToObject(fiber, "name", look->name);
	cJSON_AddStringToObject(fiber, "group", look->group);
	json_add_text(fiber, "id", look->id);
	cJSON_AddStringToObject(fiber, "state", look->state);
	json_add_text(fiber, "waits_for", look->waits_for);
	json_add_int(fiber, "for_ms", now - look->since_mono_ms);
	if (look->deadline == DEADLINE_NONE)
		cJSON_AddNullToObject(fiber, "left_ms");
	else
		json_add_int(fiber, "left_ms", look->deadline - now);
	cJSON_AddBoolToObject(fiber, "cancelled", look->cancelled);
	cJSON_AddItemToArray(fibers->list, fiber);
	return true;
}

static void add_node(cJSON *list, const struct redis_node *node)
{
	struct redis_connection_info connections[REDIS_CONNECTIONS];
	struct redis_state state = redis_node_state(node);

	redis_node_connections(node, connections);
	for (size_t i = 0; i < REDIS_CONNECTIONS; i++) {
		cJSON *item = cJSON_CreateObject();

		cJSON_AddStringToObject(item, "node", redis_node_name(node));
		cJSON_AddStringToObject(item, "status", redis_node_status_name(state.status));
		cJSON_AddStringToObject(item, "breaker", breaker_state_name(state.breaker));
		cJSON_AddStringToObject(item, "role", connections[i].role);
		cJSON_AddStringToObject(item, "state", connections[i].state);
		json_add_uint(item, "attempts", connections[i].attempts);
		json_add_uint(item, "waiting", connections[i].waiting);
		json_add_uint(item, "waiting_bytes", connections[i].waiting_bytes);
		cJSON_AddItemToArray(list, item);
	}
}

static void add_redis(cJSON *tree, const struct app *app)
{
	cJSON *list = cJSON_AddArrayToObject(tree, "redis");
	struct redis_node *const *nodes;
	size_t count = store_primaries(app->engine.cache.store, &nodes);

	for (size_t i = 0; i < count; i++)
		add_node(list, nodes[i]);
}

static void add_http(cJSON *tree, struct app *app)
{
	cJSON *http = cJSON_AddObjectToObject(tree, "http");
	struct http_counts look;

	http_server_count(app->http, &look);
	json_add_uint(http, "connections", look.connections);
	json_add_uint(http, "max_connections", look.max_connections);
	json_add_uint(http, "reading", look.reading);
	json_add_uint(http, "handling", look.handling);
	json_add_uint(http, "replying", look.replying);
	json_add_uint(http, "idle", look.idle);
	json_add_uint(http, "body_bytes", look.body_bytes);
	cJSON_AddBoolToObject(http, "draining", look.draining);
	cJSON_AddBoolToObject(http, "accept_paused", look.accept_paused);
}

static void add_operation(void *list, struct operation *operation)
{
	struct operation_view view;

	operation_view(operation, &view);
	cJSON_AddItemToArray(list, operation_record_json(&view));
	operation_view_release(&view);
}

static void add_engine(cJSON *tree, const struct app *app)
{
	const struct pass_queue *passes = invalidator_queue(app->engine.invalidator);
	cJSON *engine;

	operations_each(
		app->engine.operations, add_operation, cJSON_AddArrayToObject(tree, "operations"));
	engine = cJSON_AddObjectToObject(tree, "engine");
	json_add_uint(engine, "passes_running", pass_queue_running(passes));
	json_add_uint(engine, "passes_waiting", pass_queue_waiting(passes));
	json_add_uint(engine, "passes_total", pass_queue_total(passes));
	json_add_uint(engine, "results_waiting", results_waiting(app->engine.cache.results));
}

static cJSON *debug_tree(struct app *app)
{
	cJSON *tree = cJSON_CreateObject();
	struct fibers fibers = {0};

	json_add_time(tree, "time", clock_wall_ms());
	fibers.list = cJSON_AddArrayToObject(tree, "fibers");
	fiber_each(app->loop, add_fiber, &fibers);
	json_add_uint(tree, "fibers_total", fibers.total);
	add_redis(tree, app);
	add_http(tree, app);
	add_engine(tree, app);
	return tree;
}

void api_debug(struct request *request, void *context)
{
	reply_json(request, 200, debug_tree(context));
}

static void log_item(struct log *log, const char *name, const cJSON *item, struct buf *text)
{
	buf_clear(text);
	buf_printf(text, "debug: %s ", name);
	json_print(item, text);
	log_report(log, buf_slice(text));
}

void debug_log(struct app *app)
{
	cJSON *tree = debug_tree(app);
	struct buf text = {0};

	for (const cJSON *part = tree->child; part; part = part->next) {
		if (!cJSON_IsArray(part)) {
			log_item(app->log, part->string, part, &text);
			continue;
		}
		for (const cJSON *item = part->child; item; item = item->next)
			log_item(app->log, part->string, item, &text);
	}
	buf_release(&text);
	cJSON_Delete(tree);
}
