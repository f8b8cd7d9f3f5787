/* SPDX-License-Identifier: MIT */
/*
 * Reloading the configuration: the parts that take part, and what causes a reload.
 *
 *	SIGHUP, POST /reload, a tokens file with other content -> prepare all -> commit all
 */
#include <stdio.h>

#include "api/config.h"
#include "base/systemd.h"
#include "daemon_internal.h"
#include "engine/engine.h"

/*
 * The file was written, touched or replaced, or was so new when it was read that it may have been
 * written again. After a reload that was refused, also the content in force must be reloaded.
 */
static void tokens_changed(void *context)
{
	struct daemon *d = context;
	const struct conf *conf = reload_current(d->app.reload);
	struct file_stamp read, now;
	const char *path = conf_tokens_file(conf, &read);

	if (reload_succeeded(d->app.reload) && conf_tokens_same(conf, &now)) {
		log_debug(d->app.log, "the tokens file has the same content as before");
		tokens_watch_follow(d->tokens_watch, path, &now);
		return;
	}
	d->reload_asked = true;
	if (d->fiber)
		fiber_wake(d->fiber);
}

static void watch_tokens(struct daemon *d, const struct conf *conf)
{
	struct file_stamp stamp;
	const char *path = conf_tokens_file(conf, &stamp);

	tokens_watch_follow(d->tokens_watch, path, &stamp);
}

static size_t expired_tokens(const struct conf *conf)
{
	int64_t now_ms = clock_wall_ms();
	size_t count = 0;

	for (size_t i = 0; i < conf->token_count; i++)
		count += conf->tokens[i].expires_wall_ms >= 0 &&
			 conf->tokens[i].expires_wall_ms <= now_ms;
	return count;
}

/* Warns of a configuration with which every request would be refused. */
static void log_tokens(struct log *log, const struct conf *conf)
{
	size_t expired = expired_tokens(conf);
	struct buf scopes = {0};

	scopes_print(conf->anonymous.scopes, &scopes);
	log_info(log, "tokens: %zu, expired: %zu; scopes without a token: %s", conf->token_count,
		expired, scopes.n ? scopes.p : "none");
	if (conf->token_count == expired && conf->anonymous.scopes == 0)
		log_warning(log,
			"no token is valid: all requests except /livez, /readyz and the status of "
			"health are answered with 401; add a token to auth.tokens in %s "
			"(docs/security.md, \"Tokens\"), or scopes to auth.anonymous",
			conf->file ? conf->file : CONF_DEFAULT_FILE);
	buf_release(&scopes);
}

static void warn_of_redis(struct log *log, const struct conf_redis *redis)
{
	if (redis->tls && redis->tls_files.verify == TLS_VERIFY_NONE)
		log_warning(log,
			"redis.tls.verify is none: the certificate of Redis is not checked, "
			"so another server may answer in its place");
}

static void warn_of_plain_http(struct log *log, const struct conf *conf)
{
	if (conf->insecure_http)
		log_warning(log,
			"insecure_http is on: tokens and values may cross the network in clear "
			"text; set tls.certificate and tls.key, or let only a proxy that "
			"terminates TLS connect (docs/security.md, \"Network\")");
}

static void publish_expiry(struct metrics *m, const char *of, int64_t wall_ms)
{
	if (wall_ms >= 0)
		metric_set(m, METRIC_CERTIFICATE_EXPIRY, of, NULL, (double)wall_ms / 1000);
}

/* What follows from a configuration outside of the parts: log level, metrics. */
static void put_in_force(struct daemon *d, struct conf *conf)
{
	struct metrics *m = d->app.metrics;

	log_configure(d->app.log, conf->log.level, conf->log.json);
	log_tokens(d->app.log, conf);
	warn_of_plain_http(d->app.log, conf);
	warn_of_redis(d->app.log, &conf->redis);
	metric_set(m, METRIC_CONFIG_RELOAD_TIME, NULL, NULL, (double)conf->loaded_wall_ms / 1000);
	metric_set(m, METRIC_INSECURE_HTTP, NULL, NULL, conf->insecure_http);
	metric_drop(m, METRIC_CERTIFICATE_EXPIRY, NULL, NULL);
	if (conf->tls.server)
		publish_expiry(m, "https", tls_server_expires_wall_ms(conf->tls.server));
	publish_expiry(m, "redis", conf->redis.tls_files.expires_wall_ms);
	metric_drop(m, METRIC_TOKEN_EXPIRY, NULL, NULL);
	for (size_t i = 0; i < conf->token_count; i++)
		if (conf->tokens[i].expires_wall_ms >= 0)
			metric_set(m, METRIC_TOKEN_EXPIRY, conf->tokens[i].name, NULL,
				(double)conf->tokens[i].expires_wall_ms / 1000);
}

/* The members of a reload, in the order in which they prepare and commit. */
static enum error prepare_warm(void *context, struct conf *next, struct fault *fault)
{
	struct daemon *d = context;

	return warm_prepare(d->app.warm, next, fault);
}

static void commit_warm(void *context, struct conf *next)
{
	struct daemon *d = context;

	warm_commit(d->app.warm, next);
}

static enum error prepare_http(void *context, struct conf *next, struct fault *fault)
{
	struct daemon *d = context;

	return http_server_prepare(d->app.http, next, fault);
}

static void commit_http(void *context, struct conf *next)
{
	struct daemon *d = context;

	http_server_commit(d->app.http, next);
}

static void abandon_http(void *context)
{
	struct daemon *d = context;

	http_server_abandon(d->app.http);
}

/*
 * Files that new connections to Redis could not begin with refuse a reload, not the start: they are
 * read again for each attempt to connect.
 */
static enum error prepare_engine(void *context, struct conf *next, struct fault *fault)
{
	struct daemon *d = context;

	return d->app.phase == APP_SERVING ? store_check(&next->redis, fault) : OK;
}

static void commit_engine(void *context, struct conf *next)
{
	struct daemon *d = context;

	put_in_force(d, next);
	engine_configure(&d->app.engine, next);
	store_reconfigure(d->store, &next->redis);
	event_publish(d->app.bus, EVENT_CONFIG, next);
	watch_tokens(d, next);
}

static enum error prepare_audit(void *context, struct conf *next, struct fault *fault)
{
	struct daemon *d = context;

	return audit_prepare(d->app.audit, next, fault);
}

static void commit_audit(void *context, struct conf *next)
{
	struct daemon *d = context;

	(void)next;
	audit_commit(d->app.audit);
}

static void abandon_audit(void *context)
{
	struct daemon *d = context;

	audit_abandon(d->app.audit);
}

enum error reloading_start(struct daemon *d, struct fault *fault)
{
	d->app.reload = reload_new(d->config_path, conf_ref(d->conf), d->app.log);
	reload_join(
		d->app.reload, (struct reload_member){"warm", prepare_warm, commit_warm, NULL, d});
	reload_join(d->app.reload,
		(struct reload_member){"audit", prepare_audit, commit_audit, abandon_audit, d});
	reload_join(d->app.reload,
		(struct reload_member){"http", prepare_http, commit_http, abandon_http, d});
	reload_join(d->app.reload,
		(struct reload_member){"engine", prepare_engine, commit_engine, NULL, d});
	d->tokens_watch = tokens_watch_new(d->app.loop, tokens_changed, d);
	return reload_begin(d->app.reload, fault);
}

void reloading_stop(struct daemon *d)
{
	tokens_watch_free(d->tokens_watch);
	reload_free(d->app.reload);
}

void reloading_run(struct daemon *d)
{
	struct buf faults = {0};
	char reloading[96];

	d->reload_asked = false;
	/* systemd 253 and later want the time with it; 252 ignores it. */
	snprintf(reloading, sizeof reloading, "RELOADING=1\nMONOTONIC_USEC=%lld",
		(long long)(clock_mono_ns() / 1000));
	systemd_notify(reloading);
	config_reload_now(&d->app, &faults);
	systemd_notify("READY=1");
	buf_release(&faults);
}
