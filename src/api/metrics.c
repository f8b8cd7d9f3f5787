/* SPDX-License-Identifier: MIT */
/*
 * GET /metrics: the daemon's series, and Redis's under the names of redis_exporter.
 *
 * What Redis did not report is left out, never shown as 0. `stats.redis_metrics: false` drops the
 * redis_* block, for installations with an exporter, where sums would double.
 */
#include <stdio.h>

#include "api/answer.h"
#include "api/handlers.h"

enum figure_kind { GAUGE, COUNTER };

struct figure {
	const char *name;
	enum figure_kind kind;
	size_t offset; /* of an int64_t in struct redis_info */
	const char *help;
};

#define FIGURE(name, kind, member, help) \
	{ \
		name, kind, offsetof(struct redis_info, member), help \
	}

/* clang-format off */
static const struct figure figures[] = {
	FIGURE("redis_uptime_in_seconds", GAUGE, uptime_seconds, "Seconds since the server started"),
	FIGURE("redis_connected_clients", GAUGE, connected_clients, "Client connections"),
	FIGURE("redis_blocked_clients", GAUGE, blocked_clients, "Clients in a blocking call"),
	FIGURE("redis_config_maxclients", GAUGE, max_clients, "Maximum number of clients"),
	FIGURE("redis_connected_slaves", GAUGE, connected_slaves, "Replicas connected"),
	FIGURE("redis_master_last_io_seconds_ago", GAUGE, master_last_io_seconds, "Seconds since a replica last received data from its master"),
	FIGURE("redis_memory_used_bytes", GAUGE, used_memory, "Memory in use"),
	FIGURE("redis_memory_used_rss_bytes", GAUGE, used_memory_rss, "Resident memory"),
	FIGURE("redis_memory_used_peak_bytes", GAUGE, used_memory_peak, "Peak memory in use"),
	FIGURE("redis_memory_max_bytes", GAUGE, max_memory, "maxmemory, 0 = none"),
	FIGURE("redis_config_maxmemory", GAUGE, max_memory, "maxmemory, 0 = none"),
	FIGURE("redis_total_system_memory_bytes", GAUGE, total_system_memory, "Memory of the server's host"),
	FIGURE("redis_connections_received_total", COUNTER, connections_received, "Connections accepted"),
	FIGURE("redis_rejected_connections_total", COUNTER, rejected_connections, "Connections refused by maxclients"),
	FIGURE("redis_commands_processed_total", COUNTER, commands_processed, "Commands run"),
	FIGURE("redis_keyspace_hits_total", COUNTER, hits, "Lookups that found a key"),
	FIGURE("redis_keyspace_misses_total", COUNTER, misses, "Lookups that found none"),
	FIGURE("redis_expired_keys_total", COUNTER, expired_keys, "Keys expired"),
	FIGURE("redis_evicted_keys_total", COUNTER, evicted_keys, "Keys evicted by maxmemory"),
	FIGURE("redis_net_input_bytes_total", COUNTER, net_input_bytes, "Bytes received"),
	FIGURE("redis_net_output_bytes_total", COUNTER, net_output_bytes, "Bytes sent"),
};
/* clang-format on */

static void head(struct buf *out, const char *name, enum figure_kind kind, const char *help)
{
	metric_render_head(out, name, kind == COUNTER ? "counter" : "gauge", help);
}

static void render_figures(struct buf *out, const struct redis_info *info)
{
	for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) {
		const struct figure *f = &figures[i];
		int64_t value = *(const int64_t *)((const char *)info + f->offset);

		if (value < 0)
			continue;
		head(out, f->name, f->kind, f->help);
		buf_printf(out, "%s %lld\n", f->name, (long long)value);
	}
	if (info->fragmentation_ratio >= 0) {
		head(out, "redis_mem_fragmentation_ratio", GAUGE, "Resident over used memory");
		buf_printf(out, "redis_mem_fragmentation_ratio %.2f\n", info->fragmentation_ratio);
	}
}

static void render_db(struct buf *out, const struct redis_info *info, unsigned database)
{
	if (info->keys < 0)
		return;
	head(out, "redis_db_keys", GAUGE, "Keys of the database");
	buf_printf(out, "redis_db_keys{db=\"db%u\"} %lld\n", database, (long long)info->keys);
	head(out, "redis_db_keys_expiring", GAUGE, "Keys with a TTL");
	buf_printf(out, "redis_db_keys_expiring{db=\"db%u\"} %lld\n", database,
		(long long)info->expiring);
	if (info->avg_ttl_ms >= 0) {
		head(out, "redis_db_avg_ttl_seconds", GAUGE, "Average TTL of keys that have one");
		buf_printf(out, "redis_db_avg_ttl_seconds{db=\"db%u\"} %.3f\n", database,
			(double)info->avg_ttl_ms / 1000);
	}
}

static void render_commands(struct buf *out, const struct redis_info *info)
{
	if (!info->command_count)
		return;
	head(out, "redis_commands_total", COUNTER, "Calls, by command");
	for (size_t i = 0; i < info->command_count; i++) {
		buf_str(out, "redis_commands_total");
		metric_render_label(out, "cmd", slice_str(info->commands[i].name), true);
		buf_printf(out, "} %lld\n", (long long)info->commands[i].calls);
	}
	head(out, "redis_commands_duration_seconds_total", COUNTER, "Time spent, by command");
	for (size_t i = 0; i < info->command_count; i++) {
		buf_str(out, "redis_commands_duration_seconds_total");
		metric_render_label(out, "cmd", slice_str(info->commands[i].name), true);
		buf_printf(out, "} %.6f\n", (double)info->commands[i].usec / 1e6);
	}
}

static void render_instance(struct buf *out, const struct redis_info *info)
{
	char number[24];

	head(out, "redis_instance_info", GAUGE, "1, labelled with what the server is");
	buf_str(out, "redis_instance_info");
	metric_render_label(out, "role", slice_str(info->role), true);
	metric_render_label(out, "redis_version", slice_str(info->redis_version), false);
	if (info->valkey)
		metric_render_label(out, "valkey_version", slice_str(info->version), false);
	metric_render_label(out, "redis_build_id", slice_str(info->build_id), false);
	metric_render_label(out, "redis_mode", slice_str(info->mode), false);
	metric_render_label(out, "os", slice_str(info->os), false);
	metric_render_label(out, "maxmemory_policy", slice_str(info->policy), false);
	snprintf(number, sizeof number, "%lld", (long long)info->tcp_port);
	metric_render_label(out, "tcp_port", slice_str(number), false);
	metric_render_label(out, "run_id", slice_str(info->run_id), false);
	snprintf(number, sizeof number, "%lld", (long long)info->process_id);
	metric_render_label(out, "process_id", slice_str(number), false);
	metric_render_label(out, "master_replid", slice_str(info->master_replid), false);
	buf_str(out, "} 1\n");
}

static void render_redis(struct buf *out, const struct app *app)
{
	const struct sample *sample = sampler_latest(app->sampler);
	bool up = redis_store_state(app->engine.cache.store).status == REDIS_UP;

	head(out, "redis_up", GAUGE, "1 while Redis answers");
	buf_printf(out, "redis_up %d\n", up);
	/* The last figures of a server that is down would look current. */
	if (!sample->known || !up)
		return;
	render_instance(out, &sample->info);
	render_figures(out, &sample->info);
	render_db(out, &sample->info, app->engine.cache.conf->redis.database);
	render_commands(out, &sample->info);
}

static void publish_source(struct app *app, const char *name)
{
	metric_set(app->metrics, METRIC_SOURCE_BREAKER_OPEN, name, NULL,
		sources_breaker(app->sources, name).state != BREAKER_CLOSED);
}

/* Sources of loaders, and shared sources of jobs: a job's own source has no breaker. */
static void publish_sources(struct app *app)
{
	const struct conf *conf = app->engine.cache.conf;

	metric_drop(app->metrics, METRIC_SOURCE_BREAKER_OPEN, NULL, NULL);
	for (size_t i = 0; i < conf->loader_count; i++)
		publish_source(app, conf->loaders[i].source.name);
	for (size_t i = 0; i < conf->job_count; i++)
		if (conf->jobs[i].source.name != conf->jobs[i].name)
			publish_source(app, conf->jobs[i].source.name);
}

void api_metrics(struct request *request, void *context)
{
	struct app *app = context;
	int64_t age = sampler_age_ms(app->sampler);

	if (answer_stale(&app->metrics_text)) {
		if (age >= 0)
			metric_set(app->metrics, METRIC_SAMPLE_AGE, NULL, NULL, (double)age / 1000);
		http_server_publish_metrics(app->http);
		publish_sources(app);
		metrics_render(app->metrics, &app->metrics_text.body);
		if (app->engine.cache.conf->redis_metrics)
			render_redis(&app->metrics_text.body, app);
	}
	reply_bytes(request, 200, "text/plain; version=0.0.4; charset=utf-8",
		buf_slice(&app->metrics_text.body));
}
