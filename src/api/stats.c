/* SPDX-License-Identifier: MIT */
/* GET /stats: the last sample as JSON, rendered at most every 10 ms however many poll.
 * What the sampler does not know (a negative number) is null, never 0. */
#include <string.h>

#include "api/alert_items.h"
#include "api/answer.h"
#include "api/handlers.h"
#include "api/namespace_json.h"
#include "api/stats_history.h"
#include "api/warm_jobs.h"
#include "text/json.h"

static void add_memory(cJSON *redis, const struct app *app, const struct redis_info *info)
{
	cJSON *memory = cJSON_AddObjectToObject(redis, "memory");
	int64_t limit = sampler_memory_limit(app->sampler);

	json_add_count(memory, "used_bytes", info->used_memory);
	json_add_count(memory, "max_bytes", info->max_memory);
	json_add_known(memory, "used_ratio",
		limit > 0 && info->used_memory >= 0 ? (double)info->used_memory / (double)limit
						    : -1,
		4);
	json_add_known(memory, "fragmentation_ratio", info->fragmentation_ratio, 2);
	json_add_text(memory, "policy", info->policy);
}

static void add_traffic(cJSON *redis, const struct sample *sample)
{
	const struct redis_info *info = &sample->info;
	cJSON *clients = cJSON_AddObjectToObject(redis, "clients");

	json_add_count(clients, "connected", info->connected_clients);
	json_add_count(clients, "blocked", info->blocked_clients);
	json_add_count(clients, "max", info->max_clients);
	json_add_count(clients, "rejected", info->rejected_connections);
	cJSON *commands = cJSON_AddObjectToObject(redis, "commands");
	json_add_count(commands, "total", info->commands_processed);
	json_add_known(commands, "per_second", sample->commands_per_second, 1);
	cJSON *latency = cJSON_AddObjectToObject(redis, "latency_ms");
	json_add_known(latency, "p50", sample->latency_p50_ms, 3);
	json_add_known(latency, "p99", sample->latency_p99_ms, 3);
	json_add_known(latency, "max", sample->latency_max_ms, 3);
	cJSON *keys = cJSON_AddObjectToObject(redis, "keys");
	json_add_count(keys, "total", info->keys);
	json_add_count(keys, "expiring", info->expiring);
	json_add_known(keys, "expired_per_second", sample->expired_per_second, 1);
	json_add_known(keys, "evicted_per_second", sample->evicted_per_second, 1);
}

/* What the daemon knows of a primary; `server` is NULL while that does not answer. */
static cJSON *primary_json(
	const struct app *app, const struct redis_node *node, const struct server_sample *server)
{
	struct redis_state state = redis_node_state(node);
	cJSON *item = cJSON_CreateObject();

	json_add_text(item, "name", redis_node_name(node));
	json_add_text(item, "status", redis_node_status_name(state.status));
	json_add_text(item, "role", server ? server->info.role : NULL);
	json_add_count(item, "slots", store_slots(app->engine.cache.store, node));
	json_add_count(item, "used_bytes", server ? server->info.used_memory : -1);
	json_add_count(item, "keys", server ? server->info.keys : -1);
	cJSON_AddNullToObject(item, "lag_bytes");
	/* An error before the connection succeeded is obsolete. */
	json_add_text(item, "last_error",
		state.status != REDIS_UP ? state.last_error.detail : state.unfit.detail);
	return item;
}

/* A replica as its primary sees it: the daemon has no connection to it. */
static cJSON *replica_json(const struct redis_info_replica *replica)
{
	bool online = strcmp(replica->state, "online") == 0;
	cJSON *item = cJSON_CreateObject();

	json_add_text(item, "name", replica->name);
	json_add_text(item, "status", redis_node_status_name(online ? REDIS_UP : REDIS_IS_LOADING));
	json_add_text(item, "role", "slave");
	cJSON_AddNullToObject(item, "slots");
	cJSON_AddNullToObject(item, "used_bytes");
	cJSON_AddNullToObject(item, "keys");
	json_add_count(item, "lag_bytes", replica->lag_bytes);
	cJSON_AddNullToObject(item, "last_error");
	return item;
}

static void add_nodes(cJSON *redis, const struct app *app)
{
	struct redis_node *const *nodes;
	size_t count = store_primaries(app->engine.cache.store, &nodes);
	cJSON *list = cJSON_AddArrayToObject(redis, "nodes");

	for (size_t i = 0; i < count; i++) {
		const struct server_sample *server = sampler_server(app->sampler, nodes[i]);

		cJSON_AddItemToArray(list, primary_json(app, nodes[i], server));
		for (size_t j = 0; server && j < server->info.replica_count; j++)
			cJSON_AddItemToArray(list, replica_json(&server->info.replicas[j]));
	}
}

static void add_redis(cJSON *stats, const struct app *app)
{
	struct sample sample = *sampler_latest(app->sampler);
	struct redis_state state = store_state(app->engine.cache.store);
	cJSON *redis = cJSON_AddObjectToObject(stats, "redis");

	json_add_text(redis, "status", redis_node_status_name(state.status));
	json_add_text(redis, "version", sample.info.version);
	json_add_text(redis, "mode",
		sample.info.mode[0] && store_sentinel(app->engine.cache.store) ? "sentinel"
									       : sample.info.mode);
	json_add_text(redis, "role", sample.info.role);
	json_add_count(redis, "uptime_seconds", sample.info.uptime_seconds);
	json_add_count(redis, "hits", sample.hits);
	json_add_count(redis, "misses", sample.misses);
	json_add_known(redis, "hit_rate", sample.hit_rate, 4);
	json_add_int(redis, "hit_rate_window_seconds", SAMPLER_WINDOW_SECONDS);
	add_memory(redis, app, &sample.info);
	add_traffic(redis, &sample);
	add_nodes(redis, app);
}

/* Figures of the daemon itself. */
static void add_cache(cJSON *stats, const struct app *app)
{
	cJSON *cache = cJSON_AddObjectToObject(stats, "cache");
	const struct cache *figures = &app->engine.cache;
	uint64_t lookups = figures->hits + figures->misses;

	json_add_uint(cache, "gets", figures->gets);
	json_add_uint(cache, "hits", figures->hits);
	json_add_uint(cache, "misses", figures->misses);
	json_add_known(
		cache, "hit_rate", lookups ? (double)figures->hits / (double)lookups : -1, 4);
	json_add_uint(cache, "sets", figures->sets);
	json_add_uint(cache, "invalidated_keys", figures->invalidated_keys);
	json_add_uint(cache, "loads", figures->loads);
	json_add_uint(cache, "stale_served", figures->stale_served);
}

static void add_rest(cJSON *stats, const struct app *app, const struct identity *who)
{
	struct redis_state state = store_state(app->engine.cache.store);
	const struct sample *sample = sampler_latest(app->sampler);

	cJSON *warming = cJSON_AddObjectToObject(stats, "warming");
	json_add_uint(warming, "running", warm_running(app->warm));
	cJSON_AddBoolToObject(
		warming, "paused", pause_state(app->engine.pauses, PAUSE_WARMING) != NULL);
	cJSON_AddItemToObject(warming, "jobs", api_warm_jobs(app->warm, who, false));
	cJSON *breaker = cJSON_AddObjectToObject(stats, "breaker");
	json_add_text(breaker, "state", breaker_state_name(state.breaker));
	json_add_time(breaker, "since", state.breaker_since_wall_ms);
	json_add_int(breaker, "failures", state.breaker_failures);
	cJSON_AddItemToObject(stats, "alerts", api_alert_items(app, false));
	cJSON *process = cJSON_AddObjectToObject(stats, "process");
	json_add_text(process, "version", CW_VERSION);
	json_add_int(process, "uptime_seconds", (clock_mono_ms() - app->started_mono_ms) / 1000);
	json_add_count(process, "rss_bytes", sample->rss_bytes);
	json_add_count(process, "open_fds", sample->open_fds);
	cJSON *lag = cJSON_AddObjectToObject(process, "loop_lag_ms");
	json_add_known(lag, "p99", sample->loop_lag_p99_ms, 3);
}

/* As `who` may see it; NULL = all of it. */
static cJSON *stats_json(const struct app *app, const struct identity *who)
{
	cJSON *stats = cJSON_CreateObject();

	json_add_time(stats, "time", clock_wall_ms());
	json_add_text(stats, "name", app->engine.cache.conf->name);
	json_add_count(stats, "sample_age_ms", sampler_age_ms(app->sampler));
	add_redis(stats, app);
	add_cache(stats, app);
	add_rest(stats, app, who);
	return stats;
}

/* ?namespaces=true: the largest of them, as GET /namespaces has them. */
static void add_namespaces(cJSON *stats, const struct app *app, const struct request *request)
{
	struct namespace_page page = {.limit = 100};

	namespace_json(cJSON_AddObjectToObject(stats, "namespaces"), app, request_identity(request),
		request_conf(request), &page);
}

/* With what only some ask for. */
static void reply_more(struct request *request, const struct app *app, bool namespaces)
{
	cJSON *stats = stats_json(app, request_identity(request));
	struct fault fault;

	if (namespaces)
		add_namespaces(stats, app, request);
	if (stats_history_asked(request) && stats_history_add(stats, app, request, &fault)) {
		cJSON_Delete(stats);
		reply_fault(request, &fault);
		return;
	}
	reply_json(request, 200, stats);
}

void api_stats(struct request *request, void *context)
{
	struct app *app = context;
	bool namespaces = false;
	struct fault fault;

	if (request_query_bool(request, "namespaces", &namespaces, &fault)) {
		reply_fault(request, &fault);
		return;
	}
	if (namespaces || stats_history_asked(request)) {
		reply_more(request, app, namespaces);
		return;
	}
	/* The shared answer is for callers without key_prefixes; others see less. */
	if (request_identity(request)->key_prefix_count) {
		reply_json(request, 200, stats_json(app, request_identity(request)));
		return;
	}
	if (answer_begin(&app->stats))
		answer_json(&app->stats, 200, stats_json(app, NULL));
	reply_bytes(request, app->stats.status, "application/json", buf_slice(&app->stats.body));
}
