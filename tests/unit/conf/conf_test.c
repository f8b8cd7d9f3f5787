/* SPDX-License-Identifier: MIT */
#include "conf/conf.h"

#include <string.h>

#include "../unit.h"
#include "scratch.h"

static void loads(const char *path)
{
	struct buf faults = {0};
	struct conf *conf = NULL;

	ck_assert_msg(conf_load(path, &conf, &faults) == OK, "%s", faults.p);
	conf_unref(conf);
	buf_release(&faults);
}

START_TEST(shipped_files_load)
{
	struct scratch s;

	scratch_begin(&s);
	loads("conf/demo.yaml");
	loads("conf/cachewarden.yaml");
	scratch_end(&s);
}
END_TEST

static void check_redis_defaults(const struct conf_redis *redis)
{
	ck_assert_int_eq(redis->kind, REDIS_URL_TCP);
	ck_assert_str_eq(redis->host, "localhost");
	ck_assert_int_eq(redis->port, 6379);
	ck_assert_uint_eq(redis->database, 0);
	ck_assert_str_eq(redis->url_redacted, "redis://localhost:6379/0");
	ck_assert_ptr_null(redis->username);
	ck_assert_ptr_null(redis->password);
	ck_assert_int_eq(redis->connect_timeout_ms, 1000);
	ck_assert_int_eq(redis->command_timeout_ms, 2000);
	ck_assert_int_eq(redis->breaker_failures, 5);
	ck_assert_int_eq(redis->breaker_probe_every_ms, 1000);
	ck_assert_int_eq(redis->memory_limit, 0);
	ck_assert_str_eq(redis->own_prefix, "cw:");
	ck_assert_int_eq(redis->managed_maxmemory, 256 << 20);
	ck_assert_str_eq(redis->managed_policy, "allkeys-lru");
	ck_assert_ptr_null(redis->managed_directory);
}

static void check_other_defaults(const struct conf *conf)
{
	ck_assert_int_eq(conf->default_ttl_ms, 3600000);
	ck_assert_int_eq(conf->max_value_bytes, 1 << 20);
	ck_assert_int_eq(conf->invalidate.confirm_above, 100000);
	ck_assert_int_eq(conf->invalidate.max_keys, 1000000);
	ck_assert_int_eq(conf->invalidate.max_latency_ms, 2);
	ck_assert_int_eq(conf->invalidate.concurrency, 2);
	ck_assert_int_eq(conf->invalidate.queue, 64);
	ck_assert_int_eq(conf->warm_concurrency, 2);
	ck_assert_int_eq(conf->stats_interval_ms, 1000);
	ck_assert(conf->redis_metrics);
	ck_assert_int_eq(conf->sampling.every_ms, 600000);
	ck_assert_str_eq(conf->sampling.separator, ":");
	ck_assert_int_eq(conf->sampling.depth, 2);
	ck_assert_int_eq(conf->sampling.sample, 20000);
	ck_assert(!conf->sampling.misses);
	ck_assert_int_eq(conf->sampling.monitor_ms, 0);
	ck_assert_int_eq(conf->log.level, LOG_LEVEL_INFO);
	ck_assert(!conf->log.json);
	ck_assert_int_eq(conf->log.access, ACCESS_ERRORS);
	ck_assert_int_eq(conf->limits.connections, 10240);
	ck_assert_int_eq(conf->limits.per_ip, 256);
	ck_assert_int_eq(conf->limits.requests_per_second, 0);
	ck_assert_int_eq(conf->limits.body_bytes, 1 << 20);
	ck_assert_int_eq(conf->limits.header_deadline_ms, 5000);
	ck_assert_int_eq(conf->limits.body_deadline_ms, 15000);
	ck_assert_int_eq(conf->limits.reply_deadline_ms, 30000);
}

START_TEST(an_empty_file_has_every_default)
{
	struct scratch s;
	const struct conf *conf;

	scratch_begin(&s);
	conf = scratch_good(&s, "");
	ck_assert_str_ne(conf->name, "");
	ck_assert_uint_eq(conf->listen_count, 1);
	ck_assert_int_eq(conf->listens[0].kind, LISTEN_TCP);
	ck_assert_str_eq(conf->listens[0].host, "127.0.0.1");
	ck_assert_int_eq(conf->listens[0].port, 8480);
	ck_assert(!conf->insecure_http);
	ck_assert_uint_eq(conf->allowed_host_count, 1);
	ck_assert(slice_is(conf->allowed_hosts[0], "localhost"));
	ck_assert_str_eq(conf->anonymous.name, "anonymous");
	ck_assert_uint_eq(conf->anonymous.scopes, 0);
	ck_assert_uint_eq(conf->token_count, 0);
	ck_assert_uint_eq(conf->protected_count, 11);
	ck_assert(slice_is(conf->protected[0], "session:*"));
	ck_assert_uint_eq(conf->namespace_count, 0);
	ck_assert_uint_eq(conf->entity_count, 0);
	ck_assert_uint_eq(conf->dependency_count, 0);
	ck_assert_uint_eq(conf->job_count, 0);
	check_redis_defaults(&conf->redis);
	check_other_defaults(conf);
	scratch_end(&s);
}
END_TEST

#define JOB_SOURCE "source: {type: file, path: /srv/a.csv, format: csv}, key: \"a:{id}\""

START_TEST(a_job_has_every_default)
{
	struct scratch s;
	const struct conf_job *job;

	scratch_begin(&s);
	job = conf_job(scratch_good(&s, "warm: {jobs: [{name: a, " JOB_SOURCE "}]}"), SLICE("a"));
	ck_assert_ptr_nonnull(job);
	ck_assert_int_eq(job->schedule.kind, SCHEDULE_NONE);
	ck_assert(!job->on_startup && !job->on_redis_flushed);
	ck_assert_ptr_null(job->value);
	ck_assert(!job->value_base64);
	ck_assert_ptr_null(job->ttl);
	ck_assert_int_eq(job->ttl_ms, -1);
	ck_assert(job->ttl_jitter == 0);
	ck_assert_int_eq(job->rate, 0);
	ck_assert_int_eq(job->window, 256);
	ck_assert_int_eq(job->timeout_ms, 600000);
	ck_assert_int_eq(job->attempts, 1);
	ck_assert_int_eq(job->backoff_ms, 5000);
	ck_assert_int_eq(job->mode, MODE_REPLACE);
	ck_assert(!job->empty_ok && !job->suspended);
	ck_assert_str_eq(job->source.path, "/srv/a.csv");
	ck_assert_int_eq(job->source.format, FORMAT_CSV);
	ck_assert_ptr_null(conf_job(s.conf, SLICE("b")));
	scratch_end(&s);
}
END_TEST

START_TEST(a_job_keeps_every_member_it_is_given)
{
	struct scratch s;
	const struct conf_job *job;

	scratch_begin(&s);
	job = scratch_good(&s, "warm:\n  jobs:\n    - name: a\n"
			       "      schedule: {cron: \"*/30 * * * *\", time_zone: Europe/Paris, "
			       "jitter: 20s, starting_deadline: 5m}\n"
			       "      on: [startup, redis_flushed]\n"
			       "      source: {type: command, argv: [echo, \"$x ${y}\", \"\"]}\n"
			       "      key: \"a:{id}\"\n      value_base64: \"{body}\"\n"
			       "      ttl: \"{ttl}\"\n      ttl_jitter: 10%\n      rate: 5000\n"
			       "      window: 8\n      timeout: 1m\n"
			       "      retries: {attempts: 3, backoff: 2s}\n      mode: refresh\n"
			       "      empty: ok\n      suspend: true\n")
		      ->jobs;
	ck_assert_int_eq(job->schedule.kind, SCHEDULE_CRON);
	ck_assert_str_eq(job->schedule.cron, "*/30 * * * *");
	ck_assert_str_eq(job->schedule.time_zone, "Europe/Paris");
	ck_assert_int_eq(job->schedule.jitter_ms, 20000);
	ck_assert_int_eq(job->schedule.starting_deadline_ms, 300000);
	ck_assert(job->on_startup && job->on_redis_flushed);
	ck_assert_uint_eq(job->source.argc, 3);
	ck_assert_str_eq(job->source.argv[1], "$x ${y}");
	ck_assert_str_eq(job->source.argv[2], "");
	ck_assert_ptr_null(job->source.argv[3]);
	ck_assert_str_eq(job->source.name, "a");
	ck_assert(job->value && job->value_base64);
	ck_assert(slice_is(template_text(job->ttl), "{ttl}") && job->ttl_ms == -1);
	ck_assert(job->ttl_jitter > 0.09 && job->ttl_jitter < 0.11);
	ck_assert_int_eq(job->rate, 5000);
	ck_assert_int_eq(job->window, 8);
	ck_assert_int_eq(job->timeout_ms, 60000);
	ck_assert_int_eq(job->attempts, 3);
	ck_assert_int_eq(job->backoff_ms, 2000);
	ck_assert_int_eq(job->mode, MODE_REFRESH);
	ck_assert(job->empty_ok && job->suspended);
	scratch_end(&s);
}
END_TEST

START_TEST(a_job_adds_to_a_shared_source)
{
	struct scratch s;
	const struct conf_source *source;

	scratch_begin(&s);
	source = &scratch_good(&s,
		"sources:\n  api: {type: http, base_url: \"https://api.internal\", "
		"headers: {Accept: application/json}, ca: ca.pem}\n"
		"warm: {jobs: [{name: a, key: \"a:{id}\", ttl: 30m, source: {use: api, path: "
		"\"/areas?page={page}\", rows: /items, pages: {from: 0, until: empty}}}]}\n")
			  ->jobs[0]
			  .source;
	ck_assert_int_eq(source->type, SOURCE_HTTP);
	ck_assert_str_eq(source->name, "api");
	ck_assert_str_eq(source->base_url, "https://api.internal");
	ck_assert_int_eq(source->format, FORMAT_JSON);
	ck_assert(slice_is(source->rows, "/items"));
	ck_assert(slice_is(template_text(source->url_path), "/areas?page={page}"));
	ck_assert(source->paged && source->page_from == 0);
	ck_assert_uint_eq(source->header_count, 1);
	ck_assert_str_eq(source->headers[0].name, "Accept");
	ck_assert_str_eq(source->headers[0].value, "application/json");
	ck_assert(strncmp(source->ca, s.folder, strlen(s.folder)) == 0);
	ck_assert_int_eq(s.conf->jobs[0].ttl_ms, 1800000);
	scratch_end(&s);
}
END_TEST

START_TEST(a_query_belongs_to_a_shared_database)
{
	struct scratch s;
	const struct conf_source *source;

	scratch_begin(&s);
	source = &scratch_good(&s,
		"sources:\n  shop: {type: postgres, dsn: \"host=db user=u\", password: secret}\n"
		"warm: {jobs: [{name: a, key: \"a:{id}\", source: {use: shop, query: SELECT "
		"1}}]}\n")
			  ->jobs[0]
			  .source;
	ck_assert_int_eq(source->type, SOURCE_POSTGRES);
	ck_assert_str_eq(source->dsn, "host=db user=u");
	ck_assert_str_eq(source->password, "secret");
	ck_assert_ptr_null(source->password_file);
	ck_assert_int_eq(source->pool, 4);
	ck_assert_int_eq(source->statement_timeout_ms, 300000);
	ck_assert_str_eq(source->query, "SELECT 1");
	ck_assert_uint_eq(source->query_params, 0);

	source = &scratch_good(&s, "loaders: {l: {params: [a, b], key: \"{a}:{b}\", source: {type: "
				   "postgres, dsn: x, query: \"SELECT $2, $1\"}}}\n")
			  ->loaders[0]
			  .source;
	ck_assert_int_eq(source->pool, 4);
	ck_assert_int_eq(source->statement_timeout_ms, 300000);
	ck_assert_uint_eq(source->query_params, 2);
	scratch_end(&s);
}
END_TEST

START_TEST(the_url_of_sentinels_is_taken_apart)
{
	struct scratch s;
	const struct conf_redis *redis;

	scratch_begin(&s);
	redis = &scratch_good(&s,
		"redis:\n  url: redis+sentinel://me:pw@a,[::1]:5000/my.Master-1/3\n"
		"  sentinel: {username: guard, password: word, tls: true}\n")
			 ->redis;
	ck_assert_int_eq(redis->kind, REDIS_URL_SENTINEL);
	ck_assert_str_eq(
		redis->url_redacted, "redis+sentinel://me:<redacted>@a,[::1]:5000/my.Master-1/3");
	ck_assert_uint_eq(redis->seed_count, 2);
	ck_assert_str_eq(redis->seeds[0].host, "a");
	ck_assert_int_eq(redis->seeds[0].port, 26379);
	ck_assert_str_eq(redis->seeds[1].host, "::1");
	ck_assert_int_eq(redis->seeds[1].port, 5000);
	ck_assert_str_eq(redis->master, "my.Master-1");
	ck_assert_uint_eq(redis->database, 3);
	ck_assert(!redis->tls && redis->sentinel.tls);
	ck_assert_str_eq(redis->username, "me");
	ck_assert_str_eq(redis->sentinel.username, "guard");
	ck_assert_str_eq(redis->sentinel.password, "word");

	redis = &scratch_good(&s, "redis: {url: \"rediss+sentinel://a/m\"}\n")->redis;
	ck_assert(redis->tls && !redis->sentinel.tls);
	ck_assert_uint_eq(redis->database, 0);
	ck_assert_ptr_null(redis->sentinel.username);
	scratch_end(&s);
}
END_TEST

START_TEST(addresses_and_redis_urls_are_taken_apart)
{
	struct scratch s;
	const struct conf *conf;

	scratch_begin(&s);
	conf = scratch_good(&s, "insecure_http: true\n"
				"listen: [\"[::1]:0\", {unix: /tmp/a.sock, mode: \"0600\"}, "
				"systemd, 0.0.0.0:80]\n"
				"redis: {url: \"redis://me:p%40ss%3a@db.internal:7000/3\"}\n");
	ck_assert_str_eq(conf->listens[0].host, "::1");
	ck_assert_int_eq(conf->listens[0].port, 0);
	ck_assert_int_eq(conf->listens[1].kind, LISTEN_UNIX);
	ck_assert_str_eq(conf->listens[1].path, "/tmp/a.sock");
	ck_assert_uint_eq(conf->listens[1].mode, 0600);
	ck_assert_int_eq(conf->listens[2].kind, LISTEN_SYSTEMD);
	ck_assert_str_eq(conf->redis.username, "me");
	ck_assert_str_eq(conf->redis.password, "p@ss:");
	ck_assert_str_eq(conf->redis.host, "db.internal");
	ck_assert_int_eq(conf->redis.port, 7000);
	ck_assert_uint_eq(conf->redis.database, 3);
	ck_assert_str_eq(conf->redis.url_redacted, "redis://me:<redacted>@db.internal:7000/3");

	conf = scratch_good(&s, "redis: {url: \"unix:///run/r.sock?db=2\", username: u}\n");
	ck_assert_int_eq(conf->redis.kind, REDIS_URL_UNIX);
	ck_assert_str_eq(conf->redis.path, "/run/r.sock");
	ck_assert_uint_eq(conf->redis.database, 2);
	ck_assert_str_eq(conf->redis.username, "u");

	conf = scratch_good(&s, "redis: {url: \"redis://:pw@[::1]\"}\n");
	ck_assert_str_eq(conf->redis.host, "::1");
	ck_assert_int_eq(conf->redis.port, 6379);
	ck_assert_ptr_null(conf->redis.username);
	ck_assert_str_eq(conf->redis.password, "pw");

	conf = scratch_good(&s, "redis: {url: \"managed:\"}\n");
	ck_assert_int_eq(conf->redis.kind, REDIS_URL_MANAGED);
	scratch_end(&s);
}
END_TEST

START_TEST(tokens_entities_and_namespaces_are_found_by_name)
{
	struct scratch s;
	const struct conf *conf;
	const struct conf_entity *user;

	scratch_begin(&s);
	conf = scratch_good(&s,
		"auth: {anonymous: [read, keys], tokens: [{name: a, sha256: "
		"9F86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08, scopes: [read, "
		"warm], key_prefixes: [\"shop:\"], max_keys: 9, expires: 1970-01-02}]}\n"
		"cache: {default_ttl: 2h, default_protected: false, protected: [\"own:*\"], "
		"namespaces: [{prefix: \"user:profile:\", ttl: 10m}, {prefix: \"user:\", ttl: "
		"30m}]}\n"
		"entities: {user: {field: user_id, keys: {profile: \"user:profile:{id}\"}, "
		"patterns: [\"*:u{id}\"]}, firm: {keys: [\"firm:{id}\"]}}\n"
		"dependencies: [{when: \"a:{x}:{y}\", invalidate: [\"b:{y}\"], patterns: "
		"[\"c:{x}:*\"]}]\n");
	ck_assert_uint_eq(conf->anonymous.scopes, SCOPE_READ | SCOPE_KEYS);
	ck_assert_str_eq(conf->tokens[0].identity.name, "a");
	ck_assert_uint_eq(conf->tokens[0].sha256[0], 0x9f);
	ck_assert_uint_eq(conf->tokens[0].identity.scopes, SCOPE_READ | SCOPE_WARM);
	ck_assert(slice_is(conf->tokens[0].identity.key_prefixes[0], "shop:"));
	ck_assert_int_eq(conf->tokens[0].identity.max_keys, 9);
	ck_assert_int_eq(conf->tokens[0].expires_wall_ms, 86400000);
	ck_assert_uint_eq(conf->protected_count, 1);
	ck_assert(slice_is(conf->protected[0], "own:*"));
	ck_assert_int_eq(conf_ttl_ms(conf, SLICE("user:profile:1")), 600000);
	ck_assert_int_eq(conf_ttl_ms(conf, SLICE("user:1")), 1800000);
	ck_assert_int_eq(conf_ttl_ms(conf, SLICE("use")), 7200000);
	user = conf_entity_of_field(conf, SLICE("user_id"));
	ck_assert_ptr_eq(user, conf_entity(conf, SLICE("user")));
	ck_assert_str_eq(user->keys[0].name, "profile");
	ck_assert_uint_eq(user->pattern_count, 1);
	ck_assert_ptr_null(conf_entity(conf, SLICE("firm"))->field);
	ck_assert_ptr_null(conf_entity(conf, SLICE("firm"))->keys[0].name);
	ck_assert_ptr_null(conf_entity_of_field(conf, SLICE("firm_id")));
	ck_assert(slice_is(template_text(conf->dependencies[0].patterns[0]), "c:{x}:*"));
	scratch_end(&s);
}
END_TEST

START_TEST(a_snapshot_lives_until_its_last_reference)
{
	struct scratch s;
	struct conf *held;

	scratch_begin(&s);
	scratch_good(&s, "name: first\n");
	held = conf_ref(s.conf);
	scratch_good(&s, "name: second\n");
	ck_assert_str_eq(held->name, "first");
	conf_unref(held);
	conf_unref(NULL);
	scratch_end(&s);
}
END_TEST

START_TEST(scopes_have_names_and_admin_includes_all)
{
	struct identity who = {.scopes = SCOPE_READ};

	ck_assert_uint_eq(scope_parse(SLICE("invalidate")), SCOPE_INVALIDATE);
	ck_assert_uint_eq(scope_parse(SLICE("Read")), 0);
	ck_assert_str_eq(scope_name(SCOPE_OPERATE), "operate");
	ck_assert(scope_granted(&who, SCOPE_READ) && !scope_granted(&who, SCOPE_WARM));
	ck_assert(scope_granted(&who, SCOPE_NONE));
	who.scopes = SCOPE_ADMIN;
	ck_assert(scope_granted(&who, SCOPE_FLUSH));
}
END_TEST

TEST_SUITE("conf", shipped_files_load, an_empty_file_has_every_default, a_job_has_every_default,
	a_job_keeps_every_member_it_is_given, a_job_adds_to_a_shared_source,
	a_query_belongs_to_a_shared_database, addresses_and_redis_urls_are_taken_apart,
	the_url_of_sentinels_is_taken_apart, tokens_entities_and_namespaces_are_found_by_name,
	a_snapshot_lives_until_its_last_reference, scopes_have_names_and_admin_includes_all)
