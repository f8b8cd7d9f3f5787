/* SPDX-License-Identifier: MIT */
/*
 * The keys of a configuration file; table.h explains the members of a row. The keys of list entries
 * and named maps are in table_items.c and type_source.c. Each key must be in docs/config.md
 * (build/unit conf_manual).
 */
#include "conf/reader.h"
#include "conf/rules.h"
#include "text/quantity.h"

enum {
	SECOND = 1000,
	MINUTE = 60 * SECOND,
	HOUR = 60 * MINUTE,
	KIB = 1024,
	MIB = 1024 * KIB,
	MAX_ENTRIES = 1000,
};
#define DAY	 (24 * (int64_t)HOUR)
#define TERA	 INT64_C(1000000000000)
#define MAX_TTL	 TTL_MAX_MS
#define MAX_SIZE (16384 * INT64_C(1073741824))

#define AT(field)      .offset = offsetof(struct conf_full, field)
#define LIST(field, n) AT(field), .count_offset = offsetof(struct conf_full, n)
/* clang-format off */
static const struct key keys[] = {
	{"name", &type_name, AT(conf.name), .help = "name of this daemon; by default the host's name"},
	{"include", &type_strings, LIST(private.include, private.include_count), .def = "[conf.d/*.yaml, conf.d/*.yml]", .max = 100, .help = "files that add to the lists"},
	{"listen", &type_listens, LIST(conf.listens, conf.listen_count), .def = "[127.0.0.1:8480]", .min = 1, .max = 64, .flags = KEY_RESTART, .help = "where HTTP is served"},
	{"insecure_http", &type_bool, AT(conf.insecure_http), "false", .help = "allow plain HTTP on addresses that other machines can reach"},
	{"allowed_hosts", &type_hosts, LIST(conf.allowed_hosts, conf.allowed_host_count), .def = "[localhost]", .max = MAX_ENTRIES, .help = "host names accepted in the Host header"},
	{"tls.certificate", &type_path, AT(conf.tls.certificate), .help = "certificate for HTTPS on the TCP listeners, a PEM file that the rest of its chain may follow"},
	{"tls.key", &type_path, AT(conf.tls.key), .help = "private key of that certificate, a PEM file"},
	{"tls.client_ca", &type_path, AT(conf.tls.client_ca), .help = "authorities whose client certificates are accepted, a PEM file; each client must then show one"},

	{"auth.anonymous", &type_scopes, AT(conf.anonymous.scopes), "[]", .help = "scopes without a token"},
	{"auth.tokens", &type_items, LIST(conf.tokens, conf.token_count), .def = "[]", .max = MAX_ENTRIES, .flags = KEY_MERGES, .section = &section_token, .help = "bearer tokens and what they may do"},
	{"auth.tokens_file", &type_path, AT(private.tokens_file), .help = "a file with more rows of auth.tokens"},

	{"redis.username", &type_string, AT(conf.redis.username), "\"\"", .max = 256, .help = "user name; a user in redis.url takes precedence"},
	{"redis.password", &type_string, AT(conf.redis.password), .min = 1, .max = 4096, .flags = KEY_SECRET, .help = "password; a password in redis.url takes precedence"},
	{"redis.password_file", &type_password_file, AT(conf.redis), .help = "file that holds the password, read again for each connection"},
	{"redis.password_command", &type_argv, LIST(conf.redis.password_argv, conf.redis.password_argc), .min = 1, .max = 100, .flags = KEY_MASKED, .help = "program with its arguments that prints the password, run for each connection"},
	{"redis.refresh_every", &type_duration, AT(conf.redis.refresh_every_ms), "0s", 0, DAY, .help = "interval of sending AUTH again on open connections; 0 = never"},
	{"redis.url", &type_redis_url, AT(conf.redis), "redis://localhost:6379/0", .flags = KEY_RESTART, .help = "address of Redis"},
	{"redis.tls.ca", &type_path, AT(conf.redis.tls_files.ca), .help = "trusted certificate authorities, a PEM file; by default those of the system"},
	{"redis.tls.certificate", &type_path, AT(conf.redis.tls_files.certificate), .help = "client certificate for Redis, a PEM file"},
	{"redis.tls.key", &type_path, AT(conf.redis.tls_files.key), .help = "private key of the client certificate, a PEM file"},
	{"redis.tls.server_name", &type_string, AT(conf.redis.tls_files.server_name), .min = 1, .max = 253, .help = "name that the certificate of Redis must have; by default the host in redis.url"},
	{"redis.tls.verify", &type_choice, AT(conf.redis.tls_files.verify), "full", .flags = KEY_QUIET, .choices = "full ca none", .help = "verification of the certificate of Redis: chain and name, chain, or none"},
	{"redis.connect_timeout", &type_duration, AT(conf.redis.connect_timeout_ms), "1s", 10, MINUTE, .help = "timeout of connecting"},
	{"redis.sentinel.username", &type_string, AT(conf.redis.sentinel.username), "\"\"", .max = 256, .flags = KEY_QUIET, .help = "user name for the sentinels"},
	{"redis.sentinel.password", &type_string, AT(conf.redis.sentinel.password), .min = 1, .max = 4096, .flags = KEY_SECRET, .help = "password for the sentinels"},
	{"redis.sentinel.password_file", &type_sentinel_password_file, AT(conf.redis), .help = "file that holds the password for the sentinels, read again for each connection"},
	{"redis.sentinel.tls", &type_bool, AT(conf.redis.sentinel.tls), "false", .flags = KEY_QUIET, .help = "whether the sentinels are behind TLS"},
	{"redis.topology_refresh", &type_duration, AT(conf.redis.topology_refresh_ms), "10s", 100, HOUR, .help = "interval of asking a cluster which server has which keys, and sentinels where the primary is"},
	{"redis.command_timeout", &type_duration, AT(conf.redis.command_timeout_ms), "2s", 10, 5 * MINUTE, .help = "timeout of a command"},
	{"redis.breaker.failures", &type_int, AT(conf.redis.breaker_failures), "5", 1, 1000, .help = "consecutive failures after which commands fail at once"},
	{"redis.breaker.probe_every", &type_duration, AT(conf.redis.breaker_probe_every_ms), "1s", 10, HOUR, .help = "interval of the probes while it is open"},
	{"redis.memory_limit", &type_size, AT(conf.redis.memory_limit), "0", 0, MAX_SIZE, .help = "memory limit to assume if the server's maxmemory is 0"},
	{"redis.own_prefix", &type_string, AT(conf.redis.own_prefix), "\"cw:\"", 1, 64, .flags = KEY_RESTART, .help = "prefix of cachewarden's own keys"},
	{"redis.managed.maxmemory", &type_size, AT(conf.redis.managed_maxmemory), "256MiB", MIB, MAX_SIZE, .flags = KEY_RESTART, .help = "the private server's memory limit"},
	{"redis.managed.policy", &type_choice_text, AT(conf.redis.managed_policy), "allkeys-lru", .flags = KEY_RESTART, .choices = "noeviction allkeys-lru allkeys-lfu allkeys-random volatile-lru volatile-lfu volatile-random volatile-ttl", .help = "what it evicts when memory is full"},
	{"redis.managed.directory", &type_path, AT(conf.redis.managed_directory), .flags = KEY_RESTART, .help = "folder of its socket and log; by default the runtime folder"},

	{"cache.default_ttl", &type_duration, AT(conf.default_ttl_ms), "1h", SECOND, MAX_TTL, .help = "TTL of keys outside all namespaces"},
	{"cache.max_value_bytes", &type_size, AT(conf.max_value_bytes), "1MiB", 1, 512 * MIB, .help = "maximum size of a value"},
	{"cache.warn_value_bytes", &type_size, AT(conf.warn_value_bytes), "256KiB", 1, 512 * MIB, .help = "larger values are counted in a metric"},
	{"cache.prune_every", &type_duration, AT(conf.prune_every_ms), "60s", 100, DAY, .help = "how long a tag's member must have been absent before it is removed"},
	{"cache.default_protected", &type_bool, AT(private.default_protected), "true", .help = "whether the built-in list of protected patterns is used"},
	{"cache.protected", &type_globs, LIST(private.own_protected, private.own_protected_count), .def = "[]", .max = MAX_ENTRIES, .flags = KEY_MERGES, .help = "patterns of keys that only an admin may delete, by exact name"},
	{"cache.namespaces", &type_items, LIST(conf.namespaces, conf.namespace_count), .def = "[]", .max = MAX_ENTRIES, .flags = KEY_MERGES, .section = &section_namespace, .help = "settings for the keys with a prefix"},

	{"sessions.ttl", &type_duration, AT(conf.sessions.ttl_ms), "30m", SECOND, MAX_TTL, .help = "lifetime of a session after its last use"},
	{"sessions.max_age", &type_duration, AT(conf.sessions.max_age_ms), "0s", 0, MAX_TTL, .help = "maximum lifetime of a session; 0 = unlimited"},
	{"sessions.max_per_user", &type_int, AT(conf.sessions.max_per_user), "0", 0, 1000, .help = "sessions per user, beyond which the oldest ends; 0 = unlimited"},
	{"entities", &type_named_items, LIST(conf.entities, conf.entity_count), .def = "{}", .max = MAX_ENTRIES, .flags = KEY_MERGES, .section = &section_entity, .help = "things with an id, and the keys that belong to them"},
	{"dependencies", &type_items, LIST(conf.dependencies, conf.dependency_count), .def = "[]", .max = MAX_ENTRIES, .flags = KEY_MERGES, .section = &section_dependency, .help = "what is invalidated together with a key"},

	{"invalidate.confirm_above", &type_int, AT(conf.invalidate.confirm_above), "100000", 0, TERA, .help = "deleting more keys than this needs confirmation"},
	{"invalidate.max_keys", &type_int, AT(conf.invalidate.max_keys), "1000000", 1, TERA, .help = "maximum number of keys of one invalidation"},
	{"invalidate.pace.max_latency", &type_duration, AT(conf.invalidate.max_latency_ms), "2ms", 0, 10 * SECOND, .help = "bulk work slows down so that Redis answers within this; 0 = full speed"},
	{"invalidate.concurrency", &type_int, AT(conf.invalidate.concurrency), "2", 1, 16, .help = "invalidations that run concurrently"},
	{"invalidate.queue", &type_int, AT(conf.invalidate.queue), "64", 1, 10000, .help = "invalidations that may wait"},

	{"sources", &type_named_items, LIST(private.sources, private.source_count), .def = "{}", .max = MAX_ENTRIES, .flags = KEY_MERGES, .section = &section_source, .help = "where rows come from; shared by jobs and loaders"},
	{"warm.concurrency", &type_int, AT(conf.warm_concurrency), "2", 1, 64, .help = "jobs that run concurrently"},
	{"warm.jobs", &type_items, LIST(conf.jobs, conf.job_count), .def = "[]", .max = MAX_ENTRIES, .flags = KEY_MERGES, .section = &section_job, .help = "jobs that fill the cache"},
	{"loaders", &type_named_items, LIST(conf.loaders, conf.loader_count), .def = "{}", .max = MAX_ENTRIES, .flags = KEY_MERGES, .section = &section_loader, .help = "how a missing value is loaded: read-through"},

	{"stats.interval", &type_duration, AT(conf.stats_interval_ms), "1s", 100, HOUR, .help = "interval of sampling Redis's INFO"},
	{"stats.redis_metrics", &type_bool, AT(conf.redis_metrics), "true", .help = "whether /metrics includes the redis_* metrics"},
	{"stats.history", &type_duration, AT(conf.stats_history_ms), "24h", 0, DAY, .flags = KEY_RESTART, .help = "how far back stats has the history of its figures; 0 = not at all"},
	{"stats.namespaces.every", &type_duration, AT(conf.sampling.every_ms), "10m", 0, DAY, .help = "interval of sampling keys for the figures by namespace; 0 = never"},
	{"stats.namespaces.separator", &type_string, AT(conf.sampling.separator), "\":\"", 1, 8, .help = "what separates the segments of a key"},
	{"stats.namespaces.depth", &type_int, AT(conf.sampling.depth), "2", 1, 8, .help = "how many words the name of a detected namespace has"},
	{"stats.namespaces.sample", &type_int, AT(conf.sampling.sample), "20000", 100, 1000000, .help = "keys that are looked at each time"},
	{"stats.namespaces.misses", &type_bool, AT(conf.sampling.misses), "false", .help = "whether key-miss events of Redis are counted by namespace"},
	{"stats.namespaces.monitor", &type_duration, AT(conf.sampling.monitor_ms), "0s", 0, 10 * SECOND, .help = "how long MONITOR counts lookups by namespace, once a minute; 0 = never"},
	{"alerts", &type_items, LIST(conf.alerts, conf.alert_count), .def = "[]", .max = 100, .flags = KEY_MERGES, .section = &section_alert, .help = "rules over the figures of /metrics"},
	{"default_alerts", &type_bool, AT(private.default_alerts), "true", .help = "whether the built-in rules are used"},
	{"notify", &type_items, LIST(conf.webhooks, conf.webhook_count), .def = "[]", .max = 16, .flags = KEY_MERGES, .section = &section_webhook, .help = "webhooks that are told when an alert fires or ends"},
	{"events.invalidations", &type_choice_bool, AT(conf.events.names), "detail", .choices = "counts detail", .help = "whether events of invalidations record the names of keys, patterns and tags"},
	{"events.listeners", &type_int, AT(conf.events.listeners), "2000", 0, 1000000, .help = "maximum number of streams of events"},
	{"audit.path", &type_output, AT(conf.audit.path), .help = "file of the audit log; - = standard output; empty = none"},
	{"audit.required", &type_choice, AT(conf.audit.required), "flush", .choices = "none flush all", .help = "what is refused if it cannot be recorded: nothing, patterns that match everything, all changes"},
	{"audit.cache_writes", &type_bool, AT(conf.audit.cache_writes), "true", .help = "whether writes of single keys and sessions are recorded, too"},

	{"log.level", &type_choice, AT(conf.log.level), "info", .choices = "debug info warning error", .help = "minimum level of lines that are written"},
	{"log.format", &type_choice_bool, AT(conf.log.json), "text", .choices = "text json", .help = "text for people, json for programs"},
	{"log.access", &type_choice, AT(conf.log.access), "errors", .choices = "off errors all", .help = "which requests are logged"},

	{"limits.connections", &type_int, AT(conf.limits.connections), "10240", 1, 1000000, .flags = KEY_RESTART, .help = "maximum number of HTTP connections"},
	{"limits.per_ip", &type_int, AT(conf.limits.per_ip), "256", 1, 1000000, .help = "maximum number of HTTP connections of one address"},
	{"limits.requests_per_second", &type_int, AT(conf.limits.requests_per_second), "0", 0, 1000000, .help = "requests per second of one address; 0 = unlimited"},
	{"limits.body_bytes", &type_size, AT(conf.limits.body_bytes), "1MiB", KIB, 64 * MIB, .help = "maximum size of a request body, except for PUT of a value"},
	{"limits.reply_bytes", &type_size, AT(conf.limits.reply_bytes), "64MiB", MIB, MAX_SIZE, .help = "bytes of replies in flight over all connections; a quarter of it for one address"},
	{"limits.header_deadline", &type_duration, AT(conf.limits.header_deadline_ms), "5s", 100, 5 * MINUTE, .help = "time within which a request's head must arrive"},
	{"limits.body_deadline", &type_duration, AT(conf.limits.body_deadline_ms), "15s", 100, HOUR, .help = "time within which its body must arrive"},
	{"limits.reply_deadline", &type_duration, AT(conf.limits.reply_deadline_ms), "30s", 100, HOUR, .help = "time within which the client must read the reply"},
};
/* clang-format on */

const struct section section_root = {.keys = keys,
	.count = sizeof keys / sizeof *keys,
	.size = sizeof(struct conf_full),
	.finish = rules_finish};
