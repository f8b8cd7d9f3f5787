/* SPDX-License-Identifier: MIT */
/*
 * Rules of alerts and the webhooks that are told.
 *
 *	alerts: [{alert, metric, above, for}] + the built-in rules -> conf.alerts
 *	notify: [{webhook, secret_file, severities}] -> conf.webhooks
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "conf/reader.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND };
#define DAY  (24 * 60 * (int64_t)MINUTE)
#define TERA INT64_C(1000000000000)

#define AT(kind, field)	    .offset = offsetof(struct kind, field)
#define SECTION(rows, type) .keys = rows, .count = sizeof rows / sizeof *rows, .size = sizeof(type)
/* docs/prometheus-rules.yaml says the same. */
static const struct {
	const char *name, *metric;
	bool is_above;
	double threshold;
	int64_t for_ms, min_lookups;
	enum conf_severity severity;
} built_in[] = {
	{"CacheMemoryHigh", "redis_memory_used_ratio", true, 0.8, MINUTE, 0, SEVERITY_WARNING},
	{"CacheHitRateLow", "redis_hit_ratio", false, 0.7, 5 * MINUTE, 1000, SEVERITY_WARNING},
	{"RedisDown", "redis_up", false, 1, 10 * SECOND, 0, SEVERITY_CRITICAL},
	{"RedisConnectionFailures", "redis_connection_failures_per_second", true, 0, MINUTE, 0,
		SEVERITY_WARNING},
	{"RedisLatencyHigh", "redis_latency_p99_seconds", true, 0.01, MINUTE, 0, SEVERITY_WARNING},
	{"CacheWarmFailing", "warm_failing_jobs", true, 0, 0, 0, SEVERITY_WARNING},
};
enum { built_in_count = sizeof built_in / sizeof *built_in };

/* Whether /metrics has a figure of this name and kind. */
static bool find_figure(struct slice name, enum metric_kind kind, struct conf_alert_metric *ret)
{
	ret->metric = metric_named(name);
	ret->figure = metric_redis_named(name);
	if (ret->metric != METRIC_COUNT)
		return metric_kind(ret->metric) == kind;
	return ret->figure != METRIC_REDIS_COUNT && metric_redis_kind(ret->figure) == kind;
}

/* x_per_second: the rate of x_total. */
static bool parse_rate(struct slice text, struct conf_alert_metric *ret)
{
	static const char end[] = "_per_second";
	struct buf name = {0};

	if (!slice_ends(text, SLICE("_per_second")))
		return false;
	buf_append(&name, text.p, text.n - (sizeof end - 1));
	buf_str(&name, "_total");
	bool found = find_figure(buf_slice(&name), METRIC_COUNTER, ret);
	buf_release(&name);
	ret->kind = ALERT_RATE;
	return found;
}

/* The share that "99" or "999" stands for; 0 if it is none. */
static double parse_share(struct slice digits)
{
	double share = 0, unit = 1;

	for (size_t i = 0; i < digits.n; i++) {
		if (digits.p[i] < '0' || digits.p[i] > '9')
			return 0;
		unit /= 10;
		share += unit * (digits.p[i] - '0');
	}
	return digits.n <= 4 ? share : 0;
}

/* x_p99_seconds: the quantile 0.99 of x_seconds. */
static bool parse_quantile(struct slice text, struct conf_alert_metric *ret)
{
	static const char end[] = "_seconds";
	struct buf name = {0};
	size_t at;

	if (!slice_ends(text, SLICE("_seconds")))
		return false;
	for (at = text.n - (sizeof end - 1); at > 1 && text.p[at - 1] != 'p'; at--)
		;
	if (at < 2 || text.p[at - 2] != '_')
		return false;
	ret->quantile = parse_share(slice_of(text.p + at, text.n - (sizeof end - 1) - at));
	buf_append(&name, text.p, at - 2);
	buf_str(&name, end);
	bool found = ret->quantile > 0 && find_figure(buf_slice(&name), METRIC_HISTOGRAM, ret);
	buf_release(&name);
	ret->kind = ALERT_QUANTILE;
	return found;
}

static bool parse_metric(struct slice text, struct conf_alert_metric *ret)
{
	ret->kind = ALERT_VALUE;
	return find_figure(text, METRIC_GAUGE, ret) || parse_rate(text, ret) ||
	       parse_quantile(text, ret);
}

static const char *set_metric(
	struct reader *r, const struct key *key, struct node *node, void *object)
{
	struct conf_alert_metric *metric = (void *)((char *)object + key->offset);
	struct slice text = node->kind == NODE_SCALAR ? node->text : SLICE("");

	if (!parse_metric(text, metric))
		return "is not the name of a gauge of /metrics (without cachewarden_), nor a "
		       "counter's name with _per_second for _total, nor a histogram's with "
		       "_p99_seconds for _seconds";
	metric->text = arena_dup(r->arena, text);
	return NULL;
}
const struct type type_alert_metric = {.set = set_metric};

static const char *set_threshold(
	struct reader *r, const struct key *key, struct node *node, void *object)
{
	char *end = NULL;
	double value = node->kind == NODE_SCALAR && node->text.n ? strtod(node->text.p, &end) : 0;

	(void)r;
	/* Hexadecimal, INF and NAN are what strtod() takes beside decimal numbers. */
	if (!end || *end || !isfinite(value) ||
		node->text.n != strspn(node->text.p, "0123456789.+-eE"))
		return "is not a number such as 0.8";
	*(double *)(void *)((char *)object + key->offset) = value;
	return NULL;
}
const struct type type_threshold = {.set = set_threshold};

static const char *finish_alert(struct reader *r, struct node *node, void *object)
{
	struct conf_alert *alert = object;
	bool above = node_given(node, "above"), below = node_given(node, "below");

	(void)r;
	if (above == below)
		return "must have either above or below";
	alert->is_above = above;
	if (alert->min_lookups && alert->metric.metric != METRIC_REDIS_HIT_RATIO)
		return "has min_lookups, which only a rule over redis_hit_ratio can have";
	return NULL;
}

/* clang-format off */
static const struct key alert_keys[] = {
	{"alert", &type_name, AT(conf_alert, name), .flags = KEY_REQUIRED, .help = "give the alert a name"},
	{"metric", &type_alert_metric, AT(conf_alert, metric), .flags = KEY_REQUIRED, .help = "name a figure of /metrics, such as redis_memory_used_ratio"},
	{"above", &type_threshold, AT(conf_alert, threshold), .help = "it fires above this"},
	{"below", &type_threshold, AT(conf_alert, threshold), .help = "it fires below this"},
	{"for", &type_duration, AT(conf_alert, for_ms), "0s", 0, DAY, .help = "how long it must hold before it fires"},
	{"min_lookups", &type_int, AT(conf_alert, min_lookups), "0", 0, TERA, .flags = KEY_QUIET, .help = "fewer lookups in the window of the hit ratio are not judged"},
	{"severity", &type_choice, AT(conf_alert, severity), "warning", .choices = "warning critical", .help = "critical alerts make health DEGRADED"},
};
/* clang-format on */
const struct section section_alert = {
	SECTION(alert_keys, struct conf_alert), .unique = "alert", .finish = finish_alert};

/* A URL's path and query may be secret: they are not shown. */
static const char *set_webhook(
	struct reader *r, const struct key *key, struct node *node, void *object)
{
	struct conf_webhook *webhook = object;
	const char *url = node->kind == NODE_SCALAR ? node->text.p : "";
	size_t scheme = strncmp(url, "https://", 8) == 0  ? 8
			: strncmp(url, "http://", 7) == 0 ? 7
							  : 0;
	size_t host = scheme + strcspn(url + scheme, "/?#");

	(void)key;
	if (!scheme || host == scheme || strpbrk(url, " \t\r\n"))
		return "is not an address such as https://hooks.internal/alerts";
	if (memchr(url, '@', host))
		return "has credentials in its address: sign requests by secret_file instead";
	webhook->url = arena_dup(r->arena, node->text);
	struct buf shown = {0};

	buf_append(&shown, url, host);
	buf_str(&shown, url[host] ? "/***" : "");
	webhook->url_shown = arena_dup(r->arena, buf_slice(&shown));
	buf_release(&shown);
	node->raw = slice_str(webhook->url_shown);
	return NULL;
}
const struct type type_webhook = {.set = set_webhook};

static const char *set_secret_file(
	struct reader *r, const struct key *key, struct node *node, void *object)
{
	struct conf_webhook *webhook = object;
	const char *wrong = type_path.set(r, key, node, object);

	return wrong ? wrong : reader_secret(r, slice_str(webhook->secret_file), &webhook->secret);
}
const struct type type_secret_file = {.set = set_secret_file};

static const char *set_severity(
	struct reader *r, const struct key *key, struct node *node, void *object)
{
	bool *severities = (bool *)object + key->offset;

	(void)r;
	if (node->kind != NODE_SCALAR)
		return "must be warning or critical";
	if (slice_is(node->text, "warning"))
		severities[SEVERITY_WARNING] = true;
	else if (slice_is(node->text, "critical"))
		severities[SEVERITY_CRITICAL] = true;
	else
		return "must be warning or critical";
	return NULL;
}
static const struct list severities = {
	.expected = "must be a list of warning and critical",
	.set = set_severity,
};
const struct type type_severities = {.list = &severities};

/* clang-format off */
static const struct key webhook_keys[] = {
	{"webhook", &type_webhook, AT(conf_webhook, url), .flags = KEY_REQUIRED, .help = "give the address that is told, such as https://hooks.internal/alerts"},
	{"secret_file", &type_secret_file, AT(conf_webhook, secret_file), .help = "file that holds the key of the requests' signatures"},
	{"severities", &type_severities, AT(conf_webhook, severities), "[warning, critical]", .min = 1, .max = 2, .help = "alerts of which severities are sent"},
};
/* clang-format on */
const struct section section_webhook = {SECTION(webhook_keys, struct conf_webhook)};

static bool is_given(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->alert_count; i++)
		if (strcmp(conf->alerts[i].name, name) == 0)
			return true;
	return false;
}

/* A rule of the file replaces the built-in one of its name. */
void alert_join(struct reader *r, struct conf *conf)
{
	struct conf_alert *all =
		arena_alloc(r->arena, (conf->alert_count + built_in_count) * sizeof *all);
	size_t count = 0;

	for (size_t i = 0; i < built_in_count && r->conf->private.default_alerts; i++) {
		struct conf_alert *alert = &all[count];

		if (is_given(conf, built_in[i].name))
			continue;
		*alert = (struct conf_alert){
			.name = arena_dup(r->arena, slice_str(built_in[i].name)),
			.is_above = built_in[i].is_above,
			.threshold = built_in[i].threshold,
			.for_ms = built_in[i].for_ms,
			.min_lookups = built_in[i].min_lookups,
			.severity = built_in[i].severity,
		};
		parse_metric(slice_str(built_in[i].metric), &alert->metric);
		alert->metric.text = arena_dup(r->arena, slice_str(built_in[i].metric));
		count++;
	}
	if (conf->alert_count)
		memcpy(all + count, conf->alerts, conf->alert_count * sizeof *all);
	conf->alerts = all;
	conf->alert_count += count;
}
