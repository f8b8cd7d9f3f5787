/* SPDX-License-Identifier: MIT */
/*
 * The configuration in force: an immutable, counted snapshot of plain data.
 *
 *	file(s) -> document tree with line numbers -> the table of keys -> struct conf
 *
 * Everything reachable from a snapshot belongs to it and lives until its last conf_unref().
 * Durations are milliseconds, sizes bytes. Lists are an array and its count. docs/config.md is the
 * manual of each key.
 */
#ifndef CW_CONF_CONF_H
#define CW_CONF_CONF_H

#include <cjson/cJSON.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"
#include "base/metric_redis.h"
#include "base/tls.h"
#include "base/tls_server.h"
#include "conf/scope.h"
#include "text/template.h"

struct conf_listen {
	enum { LISTEN_TCP, LISTEN_UNIX, LISTEN_SYSTEMD } kind;
	char *text;  /* as written, for messages */
	char *place; /* FILE:LINE of it, for messages */
	char *host;  /* TCP: a numeric address, IPv6 without brackets */
	uint16_t port;
	char *path; /* Unix */
	unsigned mode;
};

/* HTTPS on the TCP listeners; `server` NULL = plain HTTP. */
struct conf_https {
	char *certificate, *key; /* paths */
	char *client_ca;	 /* NULL = clients show no certificate */
	/* What the files held when the snapshot was loaded. */
	struct tls_server *server;
};

/* A certificate that expires within this time is reported. */
#define CONF_EXPIRY_NOTICE_MS (14 * INT64_C(86400000))

struct conf_token {
	char *name;
	bool by_certificate; /* the digest is of a client certificate (DER), not of a token */
	uint8_t sha256[32];
	struct identity identity;
	int64_t requests_per_second; /* 0 = unlimited */
	int64_t expires_wall_ms;     /* -1 = never */
};

/* One of several servers in redis.url. */
struct conf_address {
	char *host; /* a name, or a numeric address without brackets */
	uint16_t port;
};

struct conf_redis {
	enum {
		REDIS_URL_TCP,
		REDIS_URL_UNIX,
		REDIS_URL_MANAGED,
		REDIS_URL_CLUSTER,
		REDIS_URL_SENTINEL,
	} kind;
	char *url_redacted;
	char *host;
	uint16_t port;
	/* Of a cluster: servers that know the others. With sentinels: these. */
	struct conf_address *seeds;
	size_t seed_count;
	char *master; /* the name that the sentinels have for the primary */
	struct {
		char *username, *password, *password_file; /* as below */
		bool tls;
	} sentinel;
	int64_t topology_refresh_ms;
	char *path;
	unsigned database;
	char *username; /* NULL = none */
	char *password; /* NULL = none */
	/* Where it comes from, read again for each connection; NULL = not from a file. */
	char *password_file;
	char **password_argv; /* the command that prints it; NULL = none; NULL follows the last */
	size_t password_argc;
	int64_t refresh_every_ms; /* between two AUTH on live connections; 0 = none */
	bool tls;		  /* asked for by the URL's scheme */
	struct {
		char *ca;		 /* NULL = the system's authorities */
		char *certificate, *key; /* NULL = none */
		int64_t expires_wall_ms; /* of the certificate; -1 = not known */
		char *server_name;	 /* NULL = the host of the URL */
		enum tls_verify verify;
	} tls_files;
	int64_t connect_timeout_ms, command_timeout_ms;
	int64_t breaker_failures, breaker_probe_every_ms;
	int64_t memory_limit; /* 0 = none */
	char *own_prefix;
	int64_t managed_maxmemory;
	char *managed_policy;
	char *managed_directory; /* NULL = the runtime folder */
};

enum conf_severity { SEVERITY_WARNING, SEVERITY_CRITICAL };

/* A rule over one figure of /metrics. */
struct conf_alert {
	char *name;
	struct conf_alert_metric {
		char *text; /* as it is written */
		enum { ALERT_VALUE, ALERT_RATE, ALERT_QUANTILE } kind;
		enum metric metric; /* METRIC_COUNT: it is `figure` instead */
		enum metric_redis figure;
		double quantile; /* 0 to 1 */
	} metric;
	bool is_above;	  /* fires above the threshold, else below it */
	double threshold; /* never NAN */
	int64_t for_ms;	  /* how long it must hold */
	/* Fewer lookups in the window of the hit ratio: not judged. */
	int64_t min_lookups;
	enum conf_severity severity;
};

struct conf_webhook {
	char *url, *url_shown; /* the latter without what may be secret */
	char *secret_file;     /* NULL = not signed */
	char *secret;
	bool severities[2]; /* by enum conf_severity: which alerts are sent */
};

struct conf_namespace {
	struct slice prefix;
	int64_t ttl_ms;
	int64_t stale_for_ms;	/* how long a value may be served after its TTL; 0 = not */
	int64_t compress_above; /* bytes; 0 = never */
};

struct conf_entity_key {
	char *name; /* NULL where `keys` is a list */
	struct template *key;
};

struct conf_entity {
	char *name;
	char *field;
	struct conf_entity_key *keys;
	size_t key_count;
	struct template **patterns; /* each with the one name {id} */
	size_t pattern_count;
	struct template **tags; /* as patterns */
	size_t tag_count;
};

struct conf_dependency {
	struct template *when;
	struct template **invalidate;
	size_t invalidate_count;
	struct template **patterns;
	size_t pattern_count;
};

/* The sample of keys by which figures by namespace are estimated. */
struct conf_sampling {
	int64_t every_ms;   /* 0 = none is taken */
	char *separator;    /* between the segments of a key */
	int64_t depth;	    /* how many words a detected namespace has */
	int64_t sample;	    /* keys */
	bool misses;	    /* key-miss events are listened to */
	int64_t monitor_ms; /* how long MONITOR runs at a time; 0 = never */
};

enum { CONF_BREAKER_FAILURES = 5, CONF_BREAKER_OPEN_MS = 5000 };

enum conf_format { FORMAT_JSONL, FORMAT_JSON, FORMAT_CSV };

struct conf_header {
	char *name;
	char *value;
};

/* One source, with what the job adds to a shared one (`use`) merged in. */
struct conf_source {
	enum { SOURCE_FILE, SOURCE_COMMAND, SOURCE_HTTP, SOURCE_POSTGRES } type;
	char *name; /* of the shared source, or of the job or loader that it is part of */
	/* Whose it is. Other owners may have the same name; name and owner identify a source. */
	enum { OWNER_NONE, OWNER_JOB, OWNER_VISIT, OWNER_LOADER } owner; /* none: a shared one */
	enum conf_format format;
	struct slice rows; /* JSON pointer to the array of rows; empty = the root */
	char delimiter;	   /* CSV: between cells; '\0' = a comma */
	/* file */
	char *path;
	/* command: argv[argc] is NULL */
	char **argv;
	size_t argc;
	/* http */
	char *base_url;
	struct template *url_path; /* may hold {page} */
	struct conf_header *headers;
	size_t header_count;
	char *ca;
	bool paged;
	enum { PAGES_NUMBERED, PAGES_LINK, PAGES_POINTER } pages_by;
	int64_t page_from;
	struct slice pages_next; /* PAGES_POINTER: where a document has the next page */
	char *pages_parameter;	 /* ... as the value of this parameter; NULL = as an address */
	int64_t pages_max;	 /* pages with rows */
	/* postgres */
	char *dsn;	/* as libpq takes it */
	char *password; /* NULL = what the dsn, the environment or a .pgpass has */
	/* Where it comes from, read again for each connection; NULL = not from a file. */
	char *password_file;
	int64_t pool; /* connections at most */
	int64_t statement_timeout_ms;
	char *query;
	unsigned query_params; /* the highest N of its $N */
	char *count;	       /* a query for the number of rows; NULL = none */
	/* The breaker: failures of different keys that open it, and for how long. */
	int64_t breaker_failures, breaker_open_ms;
};

struct conf_schedule {
	enum { SCHEDULE_NONE, SCHEDULE_CRON, SCHEDULE_EVERY } kind;
	char *cron;
	char *time_zone; /* IANA name; "UTC" unless given */
	int64_t every_ms;
	int64_t jitter_ms;
	int64_t starting_deadline_ms; /* -1 = none */
};

/*
 * MODE_SWAP removes what the last complete run has stored and this one has not. MODE_VISIT stores
 * nothing, but requests `visit` for each row.
 */
enum conf_mode { MODE_REPLACE, MODE_MISSING, MODE_REFRESH, MODE_SWAP, MODE_VISIT };

struct conf_job {
	char *name;
	struct conf_schedule schedule;
	bool on_startup, on_redis_flushed;
	struct slice *invalidated; /* patterns of keys whose invalidation starts it */
	size_t invalidated_count;
	struct slice *after; /* names of jobs */
	size_t after_count;
	struct conf_source source;
	struct template *key;	/* MODE_VISIT: the empty text */
	struct template *value; /* NULL = the whole row as JSON */
	bool value_base64;
	struct template *ttl; /* seconds or a duration from the row; NULL = ttl_ms */
	int64_t ttl_ms;	      /* -1 = of the key's namespace */
	double ttl_jitter;    /* 0..1 of the TTL */
	struct template **tags;
	size_t tag_count;
	int64_t rate;		/* keys per second, 0 = unlimited */
	int64_t window;		/* commands in flight */
	int64_t max_latency_ms; /* of Redis's other clients; 0 = unpaced */
	int64_t timeout_ms;
	int64_t attempts;
	int64_t backoff_ms;
	enum conf_mode mode;
	int64_t refresh_below_ms; /* MODE_REFRESH: only keys with less left; 0 = all */
	struct conf_source visit; /* MODE_VISIT: its url_path is filled from the row */
	bool empty_ok;
	bool suspended;
};

/* Read-through: how the value of one key is loaded. */
struct conf_loader {
	char *name;
	struct template *key; /* each {name} is one of params */
	struct slice *params;
	size_t param_count;
	struct conf_source source; /* its url_path or argv may hold {param} */
	struct template *value;	   /* of the row; NULL = the whole row as JSON */
	bool many;		   /* the value is a JSON array of all rows, not the only row */
	struct template **tags;	   /* of the params */
	size_t tag_count;
	int64_t timeout_ms;
	int64_t ttl_ms, stale_for_ms; /* -1 = of the key's namespace */
	int64_t absent_ms;	      /* how long the absence of a value is remembered; 0 = not */
};

struct conf {
	const char *file; /* the main file that it was read from; NULL = only the defaults */
	char *name;
	struct conf_listen *listens;
	size_t listen_count;
	bool insecure_http;
	struct conf_https tls;
	struct slice *allowed_hosts;
	size_t allowed_host_count;
	struct identity anonymous;
	struct conf_token *tokens;
	size_t token_count;
	struct conf_redis redis;
	int64_t default_ttl_ms;
	int64_t max_value_bytes, warn_value_bytes;
	int64_t prune_every_ms;	 /* between two visits of the pruner to a tag or dependency set */
	struct slice *protected; /* glob patterns, ours included */
	size_t protected_count;
	size_t default_protected_count; /* of these, the built-in ones, which come first */
	struct conf_namespace *namespaces;
	size_t namespace_count;
	struct conf_entity *entities;
	size_t entity_count;
	struct conf_dependency *dependencies;
	size_t dependency_count;
	struct {
		int64_t confirm_above, max_keys, max_latency_ms, concurrency, queue;
	} invalidate;
	int64_t warm_concurrency;
	struct conf_job *jobs;
	size_t job_count;
	struct conf_loader *loaders;
	size_t loader_count;
	struct {
		int64_t ttl_ms;
		int64_t max_age_ms, max_per_user; /* 0 = unlimited */
	} sessions;
	int64_t stats_interval_ms;
	int64_t stats_history_ms; /* 0 = none is kept */
	struct conf_sampling sampling;
	struct conf_alert *alerts; /* the built-in ones included */
	size_t alert_count;
	struct conf_webhook *webhooks;
	size_t webhook_count;
	bool redis_metrics;
	struct {
		bool names; /* those of invalidations are recorded */
		int64_t listeners;
	} events;
	struct {
		char *path; /* NULL = not given; "" = none; "-" = standard output */
		/* What is refused if it cannot be recorded. */
		enum { AUDIT_NONE, AUDIT_FLUSH, AUDIT_ALL } required;
		bool cache_writes; /* those under /api/v1/cache and of sessions are recorded, too */
	} audit;
	struct {
		enum log_level level;
		bool json;
		enum { ACCESS_OFF, ACCESS_ERRORS, ACCESS_ALL } access;
	} log;
	struct {
		int64_t connections, per_ip, requests_per_second;
		/* HTTP's own bounds, api.md "Limits" */
		int64_t reply_bytes; /* of answers in flight, over all connections */
		int64_t body_bytes, header_deadline_ms, body_deadline_ms, reply_deadline_ms;
	} limits;
	int64_t loaded_wall_ms;
	/* What only src/conf needs. */
	struct conf_private *private;
};

/* The default path of the daemon's configuration, which need not exist. */
#define CONF_DEFAULT_FILE "/etc/cachewarden/cachewarden.yaml"

/*
 * Reads `path`, what it includes, and the environment, which takes precedence. NULL:
 * CONF_DEFAULT_FILE if it exists, else the defaults. On ERR_BAD_CONFIG *ret is unchanged and
 * `faults` has up to 20 lines "FILE:LINE: key ...", each with a newline, and "and N more". Blocks
 * on regular files, which are small.
 */
enum error conf_load(const char *path, struct conf **ret, struct buf *faults);
/* The same for a configuration without a file, or without the daemon. */
struct conf_origin {
	const char *path;      /* NULL: no file, the defaults */
	const char *redis_url; /* takes precedence over file and environment; NULL = none */
	bool embedded; /* in a program with the library: the daemon's own keys are ignored */
};
enum error conf_load_from(const struct conf_origin *origin, struct conf **ret, struct buf *faults);
struct conf *conf_ref(struct conf *conf);
void conf_unref(struct conf *conf); /* may be NULL */

/* The effective configuration as YAML; secrets are shown as "<redacted>". */
void conf_print(const struct conf *conf, struct buf *out);
/* The same as JSON, for GET /config. The caller owns it. */
cJSON *conf_json(const struct conf *conf);

/* NULL if there is none of that name. */
const struct conf_job *conf_job(const struct conf *conf, struct slice name);
const struct conf_loader *conf_loader(const struct conf *conf, struct slice name);
const struct conf_entity *conf_entity(const struct conf *conf, struct slice name);
const struct conf_entity *conf_entity_of_field(const struct conf *conf, struct slice field);
/* The TTL of the longest namespace that `key` begins with, else default_ttl_ms. */
int64_t conf_ttl_ms(const struct conf *conf, struct slice key);
/* The longest namespace that `key` begins with; NULL if there is none. */
const struct conf_namespace *conf_namespace(const struct conf *conf, struct slice key);
/* Warnings, in lines as of faults: what is valid but probably not intended. "" = none. */
const char *conf_warnings(const struct conf *conf);
struct file_stamp; /* conf/file.h */
/* The path of auth.tokens_file and the stamp of the file that was read; NULL if there is none. */
const char *conf_tokens_file(const struct conf *conf, struct file_stamp *ret_stamp);
/*
 * Reads that file again: whether it holds the same bytes as when the snapshot was made. False also
 * if it cannot be read. *ret_stamp is set if it could be. Blocks.
 */
bool conf_tokens_same(const struct conf *conf, struct file_stamp *ret_stamp);

#endif
