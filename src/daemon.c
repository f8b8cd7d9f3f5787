/* SPDX-License-Identifier: MIT */
/*
 * The life of the daemon, in one fiber.
 *
 *	boot: managed server, store, engine, sampler, jobs and loaders, HTTP, configuration -> ready
 *	serve: parked until a signal, a reload or a change of Redis's state
 *	shut down: STOPPING -> schedules -> operations -> HTTP drained -> loaders -> engine -> Redis
 */
#include "daemon.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/answer.h"
#include "api/audit_request.h"
#include "api/config.h"
#include "api/handlers.h"
#include "base/mem.h"
#include "base/systemd.h"
#include "cache/lookups.h"
#include "daemon_internal.h"

enum {
	operations_stop_ms = 10000, /* their cleanup sections may take 5 s */
	drain_ms = 30000,
	meet_again_ms = 1000,
};

void daemon_wake(struct daemon *d)
{
	if (d->fiber)
		fiber_wake(d->fiber);
}

static void redis_state_changed(void *context, const void *data)
{
	struct daemon *d = context;

	(void)data;
	answers_forget(&d->app);
	redis_watch_log(d);
	daemon_wake(d);
}

/* With `managed:`, the store connects to the socket of the server that is started here. */
static enum error start_redis(struct daemon *d, struct fault *fault)
{
	struct app *app = &d->app;

	d->redis = d->conf->redis;
	if (d->redis.kind == REDIS_URL_MANAGED) {
		enum error error =
			redis_managed_start(app->loop, &d->conf->redis, &d->managed, fault);

		if (error)
			return error;
		d->redis.kind = REDIS_URL_UNIX;
		d->redis.path = (char *)redis_managed_socket(d->managed);
		log_info(app->log, "redis: a private server, redis-cli -s %s", d->redis.path);
	}
	d->store = store_new(&(struct redis_node_options){
		.loop = app->loop,
		.bus = app->bus,
		.metrics = app->metrics,
		.conf = &d->redis,
		.log = app->log,
	});
	return OK;
}

/* Lines that could not be written are tried again with each sample. */
static void look_after_log(struct daemon *d)
{
	struct metrics *m = d->app.metrics;
	uint64_t dropped = log_dropped(d->app.log);

	log_flush(d->app.log);
	metric_add(m, METRIC_LOG_DROPPED, NULL, NULL, dropped - d->log_dropped);
	d->log_dropped = dropped;
}

static void sample_taken(void *context)
{
	struct daemon *d = context;

	/* The parts behind this one are not there before the first turn, nor at the end. */
	if (!d->app.http)
		return;

	look_after_log(d);
	if (d->app.history)
		history_keeper_tick(d->app.history, d->app.sampler);
	api_metrics_publish(&d->app);
	alerts_judge(d->app.alerts);
}

static void start_engine(struct daemon *d)
{
	struct app *app = &d->app;

	engine_init(&app->engine, app->loop, app->bus, app->metrics, d->store, d->conf);
	app->engine.cache.log = app->log;
	app->engine.cache.lookups = lookups_new();
	app->engine.pauses = pauses_new(&app->engine.cache);
}

static void start_questions(struct app *app)
{
	static const char *const clients[SERVER_ANSWERS_WORDS] = {"CLIENT", "LIST"};
	static const char *const slowlog[SERVER_ANSWERS_WORDS] = {"SLOWLOG", "GET", "128"};
	static const char *const latency[SERVER_ANSWERS_WORDS] = {"LATENCY", "HISTOGRAM"};

	app->clients = server_answers_new(&app->engine.cache, clients);
	app->slowlog = server_answers_new(&app->engine.cache, slowlog);
	app->latency = server_answers_new(&app->engine.cache, latency);
}

static void start_services(struct daemon *d)
{
	struct app *app = &d->app;

	app->sampler = sampler_new(&app->engine.cache, sample_taken, d);
	app->client_lookups = client_lookups_new(&app->engine.cache);
	app->namespaces =
		namespace_sampler_new(&app->engine.cache, app->sampler, app->client_lookups);
	start_questions(app);
	app->history = history_keeper_new(&app->engine.cache);
	app->audit = audit_new(app->loop, app->log, app->metrics);
	app->audit_operations =
		audit_operations_new(&app->engine.cache, app->engine.operations, app->audit);
	app->events = event_feed_new(&app->engine.cache, app->log);
	app->event_publisher = event_publisher_new(&app->engine.cache, app->events);
	app->sources = sources_new(app->loop, app->log, app->bus);
	app->alerts = alerts_new(&app->engine.cache, app->sampler);
	app->notify = notify_new(&app->engine.cache, app->alerts, app->sources, app->log);
	app->warm = warm_new(&app->engine, app->log, app->sources);
	app->loaders = loaders_new(&app->engine.cache, app->log, app->sources);
	app->http = http_server_new(&(struct http_options){
		.loop = app->loop,
		.log = app->log,
		.metrics = app->metrics,
		.routes = routes,
		.context = app,
		.observer = {.begins = audit_request_begins,
			.ended = audit_request_ended,
			.refused = audit_request_refused},
	});
}

static enum error announce(struct daemon *d, struct fault *fault)
{
	struct buf addresses = {0};
	enum error error;

	d->app.phase = APP_SERVING;
	http_server_addresses(d->app.http, &addresses);
	error = ready_file_write(&d->ready_file, buf_slice(&addresses), fault);
	for (char *line = addresses.p, *end; !error && line && (end = strchr(line, '\n'));
		line = end + 1)
		log_info(d->app.log, "listening on %.*s", (int)(end - line), line);
	if (!error)
		systemd_notify("READY=1\nSTATUS=serving");
	buf_release(&addresses);
	return error;
}

static enum error boot(struct daemon *d, struct fault *fault)
{
	enum error error = start_redis(d, fault);

	if (error)
		return error;
	start_engine(d);
	start_services(d);
	metric_set(d->app.metrics, METRIC_BUILD_INFO, CW_VERSION, NULL, 1);
	metric_set(d->app.metrics, METRIC_CONFIG_RELOAD_OK, NULL, NULL, 1);
	error = reloading_start(d, fault);
	return error ? error : announce(d, fault);
}

static void serve(struct daemon *d)
{
	while (!d->stop_asked) {
		/* When a private server has had its time to start, its state is logged. */
		redis_watch_log(d);
		if (d->reload_asked)
			reloading_run(d);
		else if (redis_watch_due(d))
			redis_watch_meet(d);
		bool settled = d->redis_seen && !d->app.layout.error;

		if (!d->stop_asked && !d->reload_asked)
			fiber_park("a signal, or Redis",
				settled ? DEADLINE_NONE : clock_deadline(meet_again_ms));
	}
}

static void shut_down(struct daemon *d)
{
	struct app *app = &d->app;

	app->phase = APP_STOPPING;
	systemd_notify("STOPPING=1\nSTATUS=answering the last requests");
	if (app->http) {
		warm_stop(app->warm);
		engine_stop(&app->engine, clock_deadline(operations_stop_ms));
		if (http_server_drain(app->http, clock_deadline(drain_ms)) != OK)
			log_warning(app->log, "requests were cut off after %d s", drain_ms / 1000);
		loaders_stop(app->loaders);
		http_server_free(app->http);
		app->http = NULL;
		loaders_free(app->loaders);
		warm_free(app->warm);
		notify_free(app->notify);
		alerts_free(app->alerts);
		event_publisher_free(app->event_publisher);
		event_feed_free(app->events);
		sources_free(app->sources);
		server_answers_free(app->clients);
		server_answers_free(app->slowlog);
		server_answers_free(app->latency);
		namespace_sampler_free(app->namespaces);
		client_lookups_free(app->client_lookups);
		sampler_free(app->sampler);
		history_keeper_free(app->history);
		/* Waits for what had not ended at its deadline: cleanup sections are bounded. */
		engine_stop(&app->engine, DEADLINE_NONE);
		lookups_free(app->engine.cache.lookups);
		audit_operations_free(app->audit_operations);
		audit_free(app->audit);
		engine_release(&app->engine);
		reloading_stop(d);
	}
	event_unsubscribe(d->redis_state);
	if (d->store)
		store_free(d->store);
	if (d->managed)
		redis_managed_stop(d->managed);
}

static void live(void *argument)
{
	struct daemon *d = argument;
	struct fault fault;

	d->fiber = fiber_current();
	d->redis_state = event_subscribe(d->app.bus, EVENT_REDIS_STATE, redis_state_changed, d);
	if (boot(d, &fault) == OK) {
		serve(d);
	} else {
		log_error(d->app.log, "%s", fault.detail);
		d->exit_code = fault.temporary ? DAEMON_EXIT_LATER : DAEMON_EXIT_CONFIG;
	}
	shut_down(d);
	ready_file_remove(&d->ready_file);
	log_info(d->app.log, "stopped");
	signals_stop(d);
	d->fiber = NULL;
	loop_stop(d->app.loop);
}

static void release(struct daemon *d)
{
	struct app *app = &d->app;

	answer_release(&app->stats);
	answer_release(&app->health);
	answer_release(&app->metrics_text);
	loop_free(app->loop);
	event_bus_free(app->bus);
	metrics_free(app->metrics);
	log_free(app->log);
}

static void introduce(struct log *log, const struct conf *conf)
{
	log_info(log, "cachewardend %s, %s%s", CW_VERSION,
		conf->file ? "configuration " : "no configuration file: using the defaults",
		conf->file ? conf->file : "");
	log_info(log, "redis: %s", conf->redis.url_redacted);
}

int daemon_run(const char *config_path, const char *ready_file, struct conf *conf)
{
	struct daemon d = {.config_path = config_path, .ready_file.path = ready_file, .conf = conf};

	d.app.loop = loop_new();
	d.app.log = log_new(STDERR_FILENO);
	d.app.metrics = metrics_new();
	metrics_begin_counters(d.app.metrics);
	d.app.bus = event_bus_new();
	d.app.started_mono_ms = clock_mono_ms();
	log_configure(d.app.log, conf->log.level, conf->log.json);
	introduce(d.app.log, conf);
	config_log_warnings(&d.app, conf);
	signals_start(&d);
	fiber_group_init(&d.group, "daemon", d.app.loop);
	fiber_spawn(&d.group, "daemon", live, &d);
	loop_run(d.app.loop);
	release(&d);
	return d.exit_code;
}
