/* SPDX-License-Identifier: MIT */
/*
 * The life of the daemon, told by one fiber.
 *
 *	boot: managed server, store, engine, warming, sampler, HTTP -> ready
 *	serve: parked until a signal or Redis's first sign of life
 *	shut down: STOPPING -> schedules -> operations -> HTTP drained -> sampler -> engine -> Redis
 */
#include "daemon.h"
#include "engine/engine.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/answer.h"
#include "api/config.h"
#include "api/debug.h"
#include "base/mem.h"
#include "base/systemd.h"
#include "cache/pruner.h"
#include "daemon_internal.h"

enum {
	operations_stop_ms = 10000, /* their cleanup sections may take 5 s */
	drain_ms = 30000,
	meet_again_ms = 1000,
};

static void wake(struct daemon *d)
{
	if (d->fiber)
		fiber_wake(d->fiber);
}

static void stop_signal(uv_signal_t *handle, int number)
{
	struct daemon *d = handle->data;

	/* Whoever asks twice does not want to wait for the drain. */
	if (d->stop_asked)
		_exit(128 + number);
	d->stop_asked = true;
	wake(d);
}

static void reload_signal(uv_signal_t *handle, int number)
{
	struct daemon *d = handle->data;

	(void)number;
	d->reload_asked = true;
	wake(d);
}

static void debug_signal(uv_signal_t *handle, int number)
{
	struct daemon *d = handle->data;

	(void)number;
	if (d->app.http)
		debug_log(&d->app);
}

static void redis_state_changed(void *context, const void *data)
{
	struct daemon *d = context;

	(void)data;
	answers_forget(&d->app);
	redis_log_state(d);
	wake(d);
}

static void pet_watchdog(uv_timer_t *timer)
{
	(void)timer;
	systemd_notify("WATCHDOG=1");
}

static void start_signal(struct daemon *d, uv_signal_t *handle, uv_signal_cb callback, int number)
{
	uv_signal_init(loop_uv(d->app.loop), handle);
	handle->data = d;
	uv_signal_start(handle, callback, number);
}

static void start_handles(struct daemon *d)
{
	int64_t watchdog_ms = systemd_watchdog_ms();

	start_signal(d, &d->sigterm, stop_signal, SIGTERM);
	start_signal(d, &d->sigint, stop_signal, SIGINT);
	start_signal(d, &d->sighup, reload_signal, SIGHUP);
	start_signal(d, &d->sigusr1, debug_signal, SIGUSR1);
	orphans_start(&d->orphans, loop_uv(d->app.loop));
	uv_timer_init(loop_uv(d->app.loop), &d->watchdog);
	/* Twice as often as systemd wants it. */
	if (watchdog_ms > 0)
		uv_timer_start(&d->watchdog, pet_watchdog, 0, (uint64_t)watchdog_ms / 2);
}

static void close_handles(struct daemon *d)
{
	uv_close((uv_handle_t *)&d->sigterm, NULL);
	uv_close((uv_handle_t *)&d->sigint, NULL);
	uv_close((uv_handle_t *)&d->sighup, NULL);
	uv_close((uv_handle_t *)&d->sigusr1, NULL);
	orphans_stop(&d->orphans);
	uv_close((uv_handle_t *)&d->watchdog, NULL);
}

/* With managed: the store talks to our own server's socket. */
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
	}
	d->store = redis_store_new(&(struct redis_node_options){
		.loop = app->loop,
		.bus = app->bus,
		.metrics = app->metrics,
		.conf = &d->redis,
		.log = app->log,
	});
	return OK;
}

/* Lines that the log's reader did not take wait until somebody tries again. */
static void look_after_log(void *context)
{
	struct daemon *d = context;
	struct metrics *m = d->app.metrics;
	uint64_t dropped = log_dropped(d->app.log);

	log_flush(d->app.log);
	metric_add(m, METRIC_LOG_DROPPED, NULL, NULL, dropped - d->log_dropped);
	d->log_dropped = dropped;
}

static void start_engine(struct daemon *d)
{
	struct app *app = &d->app;

	engine_init(&app->engine, app->loop, app->bus, app->metrics, d->store, d->conf);
	app->engine.cache.log = app->log;
	app->sampler = sampler_new(&app->engine.cache, look_after_log, d);
	app->sources = sources_new(app->loop, app->log);
	app->warm = warm_new(&app->engine, app->log, app->sources);
	app->loaders = loaders_new(&app->engine.cache, app->log, app->sources);
	app->http = http_server_new(&(struct http_options){
		.loop = app->loop,
		.log = app->log,
		.metrics = app->metrics,
		.routes = routes,
		.context = app,
	});
}

/* Nothing has been served before both have agreed. */
static enum error start_serving(struct daemon *d, struct fault *fault)
{
	enum error error = warm_prepare(d->app.warm, d->conf, fault);

	if (!error)
		error = http_server_prepare(d->app.http, d->conf, fault);
	if (error)
		return error;
	http_server_commit(d->app.http, d->conf);
	warm_commit(d->app.warm, d->conf);
	return OK;
}

static enum error announce(struct daemon *d, struct fault *fault)
{
	struct buf addresses = {0};
	enum error error = OK;

	http_server_addresses(d->app.http, &addresses);
	d->app.phase = APP_SERVING;
	error = ready_file_write(&d->ready_file, buf_slice(&addresses), fault);
	if (error) {
		buf_release(&addresses);
		return error;
	}
	for (char *line = addresses.p, *end; line && (end = strchr(line, '\n')); line = end + 1)
		log_info(d->app.log, "listening on %.*s", (int)(end - line), line);
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
	reloading_start(d);
	reloading_put_in_force(d, d->conf);
	metric_set(d->app.metrics, METRIC_BUILD_INFO, CW_VERSION, NULL, 1);
	metric_set(d->app.metrics, METRIC_CONFIG_RELOAD_OK, NULL, NULL, 1);
	error = start_serving(d, fault);
	return error ? error : announce(d, fault);
}

/* What a change of redis.own_prefix has left behind. */
static void tell_other_prefix(void *context, struct slice other)
{
	const struct daemon *d = context;

	log_warning(d->app.log,
		"this Redis holds cachewarden's own keys under \"%.*s\" too: tags, dependencies, "
		"leases and users' sessions noted there are not seen under redis.own_prefix "
		"\"%s\"; "
		"put it back, or delete %.*s* once no other daemon uses it",
		(int)other.n, other.p, d->app.engine.cache.conf->redis.own_prefix, (int)other.n,
		other.p);
}

/* Errors after which the question is asked again, for it was not answered. */
static bool unanswered(enum error error)
{
	enum error_redis redis = error_redis(error);

	return redis == ERROR_REDIS_LOST || redis == ERROR_REDIS_AWAY;
}

/* Said once, and in health until it is over. */
static void note_layout(struct daemon *d, enum error error, const struct fault *fault)
{
	struct fault *noted = &d->app.layout;

	if (error && strcmp(noted->detail, fault->detail) != 0)
		log_warning(d->app.log, "%s", fault->detail);
	else if (!error && noted->error)
		log_info(d->app.log, "the layout of cachewarden's keys is known again");
	*noted = error ? *fault : (struct fault){0};
}

/*
 * When Redis answers for the first time: is its layout ours, and what runs at startup? Only a newer
 * layout keeps the daemon from its work; one that cannot be read is looked at again.
 */
static void meet_redis(struct daemon *d)
{
	struct fault fault;
	enum error error = cache_check_layout(&d->app.engine.cache, &fault);

	if (error == ERR_CONFLICT) {
		log_error(d->app.log, "%s", fault.detail);
		d->exit_code = EXIT_FAILURE;
		d->stop_asked = true;
		return;
	}
	if (unanswered(error))
		return;
	note_layout(d, error, &fault);
	if (d->redis_seen)
		return;
	d->redis_seen = true;
	log_info(d->app.log, "redis is up");
	/* A courtesy: without an answer, nothing is told. */
	cache_note_prefix(&d->app.engine.cache, tell_other_prefix, d);
	warm_startup(d->app.warm);
	pruner_start(d->app.engine.pruner);
}

static bool wants_to_meet(const struct daemon *d)
{
	struct redis_state state = redis_store_state(d->store);

	return (!d->redis_seen || d->app.layout.error) && state.status == REDIS_UP &&
	       !state.unfit.error;
}

static void serve(struct daemon *d)
{
	while (!d->stop_asked) {
		if (d->reload_asked)
			reloading_run(d);
		else if (wants_to_meet(d))
			meet_redis(d);
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
			log_warning(app->log, "requests were cut: they took more than %d s",
				drain_ms / 1000);
		loaders_stop(app->loaders);
		http_server_free(app->http);
		loaders_free(app->loaders);
		warm_free(app->warm);
		sources_free(app->sources);
		sampler_free(app->sampler);
		/* What had not ended at its deadline: cleanup sections are bounded. */
		engine_stop(&app->engine, DEADLINE_NONE);
		engine_release(&app->engine);
		reloading_stop(d);
	}
	event_unsubscribe(d->redis_state);
	if (d->store)
		redis_store_free(d->store);
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
	close_handles(d);
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
		conf->file ? "configuration " : "no configuration file: the defaults hold",
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
	start_handles(&d);
	fiber_group_init(&d.group, "daemon", d.app.loop);
	fiber_spawn(&d.group, "daemon", live, &d);
	loop_run(d.app.loop);
	release(&d);
	return d.exit_code;
}
