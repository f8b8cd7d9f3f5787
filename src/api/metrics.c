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
#include "http/stream.h"
#include "watch/lookup_sums.h"

static void head(struct buf *out, const char *name, enum metric_kind kind, const char *help)
{
	metric_render_head(out, name, kind == METRIC_COUNTER ? "counter" : "gauge", help);
}

static void render_figures(struct buf *out, const struct redis_info *info)
{
	for (enum metric_redis i = 0; i < METRIC_REDIS_COUNT; i++) {
		int64_t value = redis_info_figure(info, i);

		if (value < 0)
			continue;
		head(out, metric_redis_name(i), metric_redis_kind(i), metric_redis_help(i));
		buf_printf(out, "%s %lld\n", metric_redis_name(i), (long long)value);
	}
	if (info->fragmentation_ratio >= 0) {
		head(out, "redis_mem_fragmentation_ratio", METRIC_GAUGE,
			"Resident over used memory");
		buf_printf(out, "redis_mem_fragmentation_ratio %.2f\n", info->fragmentation_ratio);
	}
}

static void render_db(struct buf *out, const struct redis_info *info, unsigned database)
{
	if (info->keys < 0)
		return;
	head(out, "redis_db_keys", METRIC_GAUGE, "Keys of the database");
	buf_printf(out, "redis_db_keys{db=\"db%u\"} %lld\n", database, (long long)info->keys);
	head(out, "redis_db_keys_expiring", METRIC_GAUGE, "Keys with a TTL");
	buf_printf(out, "redis_db_keys_expiring{db=\"db%u\"} %lld\n", database,
		(long long)info->expiring);
	if (info->avg_ttl_ms >= 0) {
		head(out, "redis_db_avg_ttl_seconds", METRIC_GAUGE,
			"Average TTL of keys that have one");
		buf_printf(out, "redis_db_avg_ttl_seconds{db=\"db%u\"} %.3f\n", database,
			(double)info->avg_ttl_ms / 1000);
	}
}

static void render_commands(struct buf *out, const struct redis_info *info)
{
	if (!info->command_count)
		return;
	head(out, "redis_commands_total", METRIC_COUNTER, "Calls, by command");
	for (size_t i = 0; i < info->command_count; i++) {
		buf_str(out, "redis_commands_total");
		metric_render_label(out, "cmd", slice_str(info->commands[i].name), true);
		buf_printf(out, "} %lld\n", (long long)info->commands[i].calls);
	}
	head(out, "redis_commands_duration_seconds_total", METRIC_COUNTER,
		"Time spent, by command");
	for (size_t i = 0; i < info->command_count; i++) {
		buf_str(out, "redis_commands_duration_seconds_total");
		metric_render_label(out, "cmd", slice_str(info->commands[i].name), true);
		buf_printf(out, "} %.6f\n", (double)info->commands[i].usec / 1e6);
	}
}

static void render_instance(struct buf *out, const struct redis_info *info)
{
	char number[24];

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

/* One for each primary that answers. */
static void render_instances(struct buf *out, const struct app *app)
{
	struct redis_node *const *nodes;
	size_t count = store_primaries(app->engine.cache.store, &nodes);

	head(out, "redis_instance_info", METRIC_GAUGE, "1, labelled with what the server is");
	for (size_t i = 0; i < count; i++) {
		const struct server_sample *server = sampler_server(app->sampler, nodes[i]);

		if (server)
			render_instance(out, &server->info);
	}
}

static void render_group(
	struct buf *out, const char *name, unsigned database, struct slice group, double value)
{
	buf_printf(out, "%s{db=\"db%u\"", name, database);
	metric_render_label(out, "key_group", group, false);
	buf_printf(out, "} %.0f\n", value);
}

/* One series for each namespace of the last sample, as redis_exporter names the rest. */
static void render_figure_by_group(struct buf *out, const struct app *app, const char *name,
	struct estimate (*figure)(
		const struct namespace_sample *sample, const struct namespace_sums *sums))
{
	const struct namespace_sample *sample = namespace_sampler_latest(app->namespaces);
	unsigned database = app->engine.cache.conf->redis.database;
	const struct namespace_rank *ranks;
	struct namespace_sums rest;
	size_t count = namespace_sampler_largest(app->namespaces, &ranks, &rest);

	for (size_t i = 0; i < count; i++)
		render_group(out, name, database, ranks[i].row->name,
			figure(sample, &ranks[i].row->sums).value);
	render_group(out, name, database, SLICE("overflow"), figure(sample, &rest).value);
	render_group(out, name, database, SLICE("unclassified"),
		figure(sample, &sample->table->unmatched).value);
}

static void render_groups(struct buf *out, const struct app *app)
{
	const struct namespace_sample *sample = namespace_sampler_latest(app->namespaces);

	if (namespace_sampler_age_ms(app->namespaces) < 0 || sample->table->all.keys == 0)
		return;
	head(out, "redis_key_group_count", METRIC_GAUGE, "Keys, by namespace");
	render_figure_by_group(out, app, "redis_key_group_count", namespace_sample_keys);
	/* Where MEMORY USAGE is denied. */
	if (sample->table->all.measured == 0)
		return;
	head(out, "redis_key_group_memory_usage_bytes", METRIC_GAUGE, "Memory, by namespace");
	render_figure_by_group(
		out, app, "redis_key_group_memory_usage_bytes", namespace_sample_bytes);
}

static void render_redis(struct buf *out, const struct app *app)
{
	const struct sample *sample = sampler_latest(app->sampler);
	bool up = store_state(app->engine.cache.store).status == REDIS_UP;

	head(out, "redis_up", METRIC_GAUGE, "1 while Redis answers");
	buf_printf(out, "redis_up %d\n", up);
	/* The last figures of a server that is down would look current. */
	if (!sample->known || !up)
		return;
	render_instances(out, app);
	render_figures(out, &sample->info);
	render_db(out, &sample->info, app->engine.cache.conf->redis.database);
	render_commands(out, &sample->info);
	render_groups(out, app);
}

/* Several sources may have a name: one that is open counts. */
static void publish_source(struct app *app, const struct conf_source *source)
{
	bool open = sources_breaker(app->sources, source).state != BREAKER_CLOSED;

	if (!open)
		open = metric_value(app->metrics, METRIC_SOURCE_BREAKER_OPEN, source->name, NULL) >
		       0;
	metric_set(app->metrics, METRIC_SOURCE_BREAKER_OPEN, source->name, NULL, open);
}

/* A job's own source is left out: it is asked for one thing only, and so has one failure at most. */
static void publish_sources(struct app *app)
{
	const struct conf *conf = app->engine.cache.conf;

	metric_drop(app->metrics, METRIC_SOURCE_BREAKER_OPEN, NULL, NULL);
	for (size_t i = 0; i < conf->loader_count; i++)
		publish_source(app, &conf->loaders[i].source);
	for (size_t i = 0; i < conf->job_count; i++) {
		const struct conf_job *job = &conf->jobs[i];

		if (job->source.owner == OWNER_NONE)
			publish_source(app, &job->source);
		if (job->mode == MODE_VISIT)
			publish_source(app, &job->visit);
	}
}

void api_metrics_publish(struct app *app)
{
	int64_t age = sampler_age_ms(app->sampler);

	if (age >= 0)
		metric_set(app->metrics, METRIC_SAMPLE_AGE, NULL, NULL, (double)age / 1000);
	age = namespace_sampler_age_ms(app->namespaces);
	if (age >= 0)
		metric_set(app->metrics, METRIC_NAMESPACES_AGE, NULL, NULL, (double)age / 1000);
	else
		metric_drop(app->metrics, METRIC_NAMESPACES_AGE, NULL, NULL);
	lookup_sums_publish(app->metrics, app->engine.cache.lookups);
	http_server_publish_metrics(app->http);
	metric_set(
		app->metrics, METRIC_EVENT_LISTENERS, NULL, NULL, (double)stream_count(app->http));
	publish_sources(app);
}

void api_metrics(struct request *request, void *context)
{
	struct app *app = context;

	if (answer_begin(&app->metrics_text)) {
		api_metrics_publish(app);
		metrics_render(app->metrics, &app->metrics_text.body);
		if (app->engine.cache.conf->redis_metrics)
			render_redis(&app->metrics_text.body, app);
	}
	reply_bytes(request, 200, "text/plain; version=0.0.4; charset=utf-8",
		buf_slice(&app->metrics_text.body));
}
