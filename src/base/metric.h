/* SPDX-License-Identifier: MIT */
/*
 * The metric table and its values, rendered as Prometheus text (version 0.0.4).
 *
 * One row is X(NAME, KIND, "name without cachewarden_", "label,names", "help"). Kinds: COUNTER,
 * GAUGE, HISTOGRAM (seconds). A series exists from its first update on; unknown values are absent,
 * not 0. Labels come from fixed sets (routes, jobs, codes) or few values (namespaces); beyond
 * METRIC_MAX_SERIES of one row, further label values are counted as "other".
 */
#ifndef CW_BASE_METRIC_H
#define CW_BASE_METRIC_H

#include "base/buf.h"

/* clang-format off */
#define METRIC_TABLE(X) \
	X(BUILD_INFO, GAUGE, "build_info", "version", "1, labelled with the daemon's version") \
	X(REDIS_UP, GAUGE, "redis_up", "role", "1 while Redis answers, by the server's role") \
	X(REDIS_NODE_UP, GAUGE, "redis_node_up", "node", "1 while a primary answers, by its address") \
	X(REDIS_MEMORY_USED_RATIO, GAUGE, "redis_memory_used_ratio", "", "Used memory over the limit; absent without a limit") \
	X(REDIS_HIT_RATIO, GAUGE, "redis_hit_ratio", "", "Hits over lookups in the window; absent without lookups") \
	X(REDIS_LATENCY, HISTOGRAM, "redis_latency_seconds", "", "Round trip of the sampler's INFO and of the pacer's probes") \
	X(REDIS_CONNECTION_FAILURES, COUNTER, "redis_connection_failures_total", "", "Connections to Redis that failed or were lost") \
	X(BREAKER_OPEN, GAUGE, "breaker_open", "", "1 while commands to Redis fail at once") \
	X(NAMESPACE_KEYS, GAUGE, "namespace_keys", "namespace", "Keys of a namespace, by the last sample of keys; of the 50 largest") \
	X(NAMESPACE_BYTES, GAUGE, "namespace_bytes", "namespace", "Memory of a namespace, by the same sample") \
	X(NAMESPACE_LOOKUPS, COUNTER, "namespace_lookups_total", "namespace,result", "Keys that were read through the daemon, by namespace: hit, miss") \
	X(NAMESPACES_SAMPLED_KEYS, GAUGE, "namespaces_sampled_keys", "", "Keys that the last sample looked at; absent until there is one") \
	X(NAMESPACES_AGE, GAUGE, "namespaces_age_seconds", "", "Time since the last sample of keys was complete") \
	X(SAMPLE_AGE, GAUGE, "sample_age_seconds", "", "Age of the last sample of Redis") \
	X(HTTP_REQUESTS, COUNTER, "http_requests_total", "route,code", "Answers, by route and status") \
	X(HTTP_DURATION, HISTOGRAM, "http_request_duration_seconds", "", "From the request's head to its answer") \
	X(HTTP_CONNECTIONS, GAUGE, "http_connections", "", "Open client connections") \
	X(OPERATIONS, GAUGE, "operations", "kind,state", "Operations of this process that are queued or running") \
	X(INVALIDATIONS, COUNTER, "invalidations_total", "kind,complete", "Ended invalidations, by selector kind and verdict") \
	X(INVALIDATED_KEYS, COUNTER, "invalidated_keys_total", "", "Keys removed by invalidations") \
	X(INVALIDATE_PASSES, COUNTER, "invalidate_passes_total", "", "Scans over all keys for pattern invalidations") \
	X(BIG_VALUES, COUNTER, "big_values_total", "what", "Values larger than cache.warn_value_bytes that were read or stored") \
	X(TAG_MEMBERS, GAUGE, "tag_members", "", "Members of all tags, as found by the pruner; absent while another daemon prunes") \
	X(TAG_STALE_RATIO, GAUGE, "tag_stale_ratio", "", "Share of the members of all tags whose keys no longer exist") \
	X(TAG_PRUNED, COUNTER, "tag_members_pruned_total", "", "Members removed from tags because their keys no longer exist") \
	X(WARM_RUNS, COUNTER, "warm_runs_total", "job,state", "Ended warm runs, by job and verdict") \
	X(WARM_DURATION, HISTOGRAM, "warm_run_duration_seconds", "job", "Duration of warm runs") \
	X(WARM_STORED, COUNTER, "warm_stored_keys_total", "job", "Keys stored by warm runs") \
	X(WARM_LAST_SUCCESS, GAUGE, "warm_last_success_timestamp_seconds", "job", "End of the last completed warm run, Unix time") \
	X(WARM_READ_RATIO, GAUGE, "warm_read_ratio", "job", "Share of a sample of the keys that a job stored that was read before they expire") \
	X(WARM_FAILING_JOBS, GAUGE, "warm_failing_jobs", "", "Configured jobs whose last run failed, was partial because of an error, or could not be started") \
	X(RESULTS, COUNTER, "results_total", "loader,result", "Read-through by loader: hit, stale, miss, bypass, error") \
	X(SOURCE_BREAKER_OPEN, GAUGE, "source_breaker_open", "source", "1 while the breaker of a source is open or half-open") \
	X(PAUSED, GAUGE, "paused", "what", "1 while operators hold back this kind of work") \
	X(ALERT_FIRING, GAUGE, "alert_firing", "alert,severity", "1 while an alert fires") \
	X(NOTIFICATIONS, COUNTER, "notifications_total", "result", "Webhook requests, by outcome: delivered, failed") \
	X(EVENTS, COUNTER, "events_total", "event", "Events that this daemon published, by kind") \
	X(EVENT_LISTENERS, GAUGE, "event_listeners", "", "Open streams of events") \
	X(EVENT_GAPS, COUNTER, "event_gaps_total", "", "Gaps that readers of events were told of") \
	X(AUDIT_DROPPED, COUNTER, "audit_dropped_total", "", "Lines that the audit log has lost") \
	X(AUDIT_FAILING, GAUGE, "audit_failing", "", "1 while the audit log cannot be written") \
	X(CONFIG_RELOAD_OK, GAUGE, "config_last_reload_successful", "", "1 if the last reload took effect") \
	X(CONFIG_RELOAD_TIME, GAUGE, "config_last_reload_timestamp_seconds", "", "When the configuration in force was read, Unix time") \
	X(TOKEN_EXPIRY, GAUGE, "token_expiry_timestamp_seconds", "token", "Expiry of a token, Unix time") \
	X(CERTIFICATE_EXPIRY, GAUGE, "tls_certificate_expiry_timestamp_seconds", "of", "Expiry of a certificate that is shown to others, or of its chain, Unix time") \
	X(INSECURE_HTTP, GAUGE, "insecure_http", "", "1 if insecure_http allows plain HTTP from other machines") \
	X(LOG_DROPPED, COUNTER, "log_dropped_total", "", "Log lines dropped because their reader was too slow") \
	X(LOOP_LAG, HISTOGRAM, "loop_lag_seconds", "", "Delay of the loop's timer: how long a request may wait for the loop") \
	X(RESIDENT_BYTES, GAUGE, "process_resident_memory_bytes", "", "Resident memory of the daemon") \
	X(OPEN_FDS, GAUGE, "process_open_fds", "", "Open file descriptors of the daemon")
/* clang-format on */

enum metric {
#define X(name, kind, text, labels, help) METRIC_##name,
	METRIC_TABLE(X)
#undef X
		METRIC_COUNT
};

enum { METRIC_MAX_SERIES = 2000, METRIC_MAX_LABELS = 2 };

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metrics;
struct histogram;

/* The row of a name without cachewarden_; METRIC_COUNT if there is none. */
enum metric metric_named(struct slice name);
enum metric_kind metric_kind(enum metric metric);

struct metrics *metrics_new(void);
void metrics_free(struct metrics *m);
/* Starts the counters without labels at 0, so that their first increment is visible. */
void metrics_begin_counters(struct metrics *m);

/*
 * `a` and `b` are the values of the row's labels in the table's order, NULL if it has fewer. They
 * are copied and escaped.
 */
void metric_add(struct metrics *m, enum metric metric, const char *a, const char *b, uint64_t n);
void metric_set(struct metrics *m, enum metric metric, const char *a, const char *b, double value);
void metric_observe_us(struct metrics *m, enum metric metric, const char *a, int64_t us);
/* Removes one series, or all of a row that has labels if both are NULL. */
void metric_drop(struct metrics *m, enum metric metric, const char *a, const char *b);
/* The value of a counter or gauge; 0 if the series does not exist. */
double metric_value(struct metrics *m, enum metric metric, const char *a, const char *b);
/* The lowest or highest value of a gauge's series; false if it has none. */
bool metric_extreme(const struct metrics *m, enum metric metric, bool highest, double *ret);
/* The sum of a counter's series. */
double metric_total(const struct metrics *m, enum metric metric);
/* Adds the series of a row to *to. */
void metric_histogram_total(const struct metrics *m, enum metric metric, struct histogram *to);
/* NULL if the series does not exist. */
const struct histogram *metric_histogram(struct metrics *m, enum metric metric, const char *a);
void metrics_render(const struct metrics *m, struct buf *out);

/*
 * For metrics outside the table, whose names get no prefix: the HELP and TYPE lines, once for each
 * name; then the caller writes for each sample the name, its labels (the first opens the brace, the
 * caller closes it), a space, the value and a newline.
 */
void metric_render_head(struct buf *out, const char *name, const char *kind, const char *help);
void metric_render_label(struct buf *out, const char *name, struct slice value, bool first);
/* The shortest decimal text that reads back as `value`; NaN, +Inf and -Inf as in Prometheus. */
void metric_render_number(struct buf *out, double value);

#endif
