/* SPDX-License-Identifier: MIT */
/*
 * GET /health: UP, DEGRADED or DOWN, from memory, whatever Redis does. Without a token only that
 * word. `Accept: application/health+json` selects the format of
 * draft-inadarei-api-health-check-06.
 */
#include <stdio.h>
#include <string.h>

#include "api/answer.h"
#include "api/handlers.h"
#include "api/hide.h"
#include "api/pauses.h"
#include "text/json.h"

enum health { HEALTH_UP, HEALTH_DEGRADED, HEALTH_DOWN };

static const char *const words[] = {"UP", "DEGRADED", "DOWN"};
static const char *const draft_words[] = {"pass", "warn", "fail"};

static enum health worse(enum health a, enum health b)
{
	return a > b ? a : b;
}

/* One component: its verdict, and what it is based on. */
struct component {
	const char *name;
	enum health health;
	cJSON *details;
};

enum { component_count = 4, day_ms = 24 * 3600 * 1000, max_away = 16 };

static struct component component(const char *name)
{
	return (struct component){name, HEALTH_UP, cJSON_CreateObject()};
}

static void add_warning(cJSON *warnings, const char *text)
{
	cJSON_AddItemToArray(warnings, cJSON_CreateString(text));
}

static void warn(cJSON *warnings, enum health *health, const char *text)
{
	add_warning(warnings, text);
	*health = worse(*health, HEALTH_DEGRADED);
}

/*
 * What a full memory means: refused writes, if nothing can be evicted, or evictions. `name` is NULL
 * if there is one server only.
 */
static void judge_room(const struct redis_info *info, int64_t limit, const char *name,
	cJSON *warnings, enum health *health)
{
	double ratio = limit > 0 ? (double)info->used_memory / (double)limit : 0;
	const char *of = info->max_memory > 0 ? "maxmemory" : "redis.memory_limit";
	bool full = ratio >= 1 && info->max_memory > 0;
	bool none = strcmp(info->policy, "noeviction") == 0;
	/* Then it can evict nothing. */
	bool idle = strncmp(info->policy, "volatile-", 9) == 0 && info->expiring == 0;
	struct buf text = {0};

	if (ratio <= 0.8 || (ratio <= 1 && !none && !idle))
		return;
	buf_printf(&text, "%s%smemory is at %.0f %% of %s and ", name ? name : "", name ? ": " : "",
		100 * ratio, of);
	if (none)
		buf_printf(&text, "the policy is noeviction: writes %s refused",
			full ? "are" : "will be");
	else if (idle)
		buf_printf(&text, "no key expires, so that %s can evict none: writes %s refused",
			info->policy, full ? "are" : "will be");
	else
		buf_printf(&text, "the policy is %s: Redis evicts keys", info->policy);
	if (none || idle)
		warn(warnings, health, text.p);
	else
		add_warning(warnings, text.p);
	buf_release(&text);
}

static void judge_memory(const struct app *app, cJSON *warnings, enum health *health)
{
	const struct redis_info *info = &sampler_latest(app->sampler)->info;
	int64_t limit = sampler_memory_limit(app->sampler);
	struct redis_node *const *nodes;
	size_t count = store_primaries(app->engine.cache.store, &nodes);

	/* Many caches have no limit on purpose: a warning, but not DEGRADED. */
	if (limit == 0 && info->max_memory == 0)
		add_warning(warnings, "maxmemory is 0: Redis's memory has no limit");
	if (count == 1)
		judge_room(info, limit, NULL, warnings, health);
	/* A limit of the configuration is that of all together. */
	for (size_t i = 0; i < count && count > 1; i++) {
		const struct server_sample *server = sampler_server(app->sampler, nodes[i]);

		if (server)
			judge_room(&server->info, server->info.max_memory,
				redis_node_name(nodes[i]), warnings, health);
	}
	/* allkeys-* may evict keys of cw: before values. */
	if (strncmp(info->policy, "allkeys-", 8) == 0)
		add_warning(warnings, "the eviction policy can remove cw: keys before values; "
				      "volatile-* policies keep them longer");
}

/* Why slots are away, for each primary. */
static void list_absences(
	const struct app *app, cJSON *details, cJSON *warnings, enum health *health)
{
	cJSON *away = cJSON_AddArrayToObject(details, "away");
	struct slot_absence absence;

	for (size_t i = 0; i < max_away && store_absence(app->engine.cache.store, i, &absence);
		i++) {
		cJSON *item = cJSON_CreateObject();
		struct buf text = {0};

		json_add_text(item, "node", absence.node);
		json_add_uint(item, "slots", absence.slots);
		json_add_slice(item, "ranges", buf_slice(&absence.ranges));
		json_add_slice(item, "reason", buf_slice(&absence.why));
		json_add_slice(item, "fix", buf_slice(&absence.fix));
		cJSON_AddItemToArray(away, item);
		slot_absence_tell(&absence, &text);
		warn(warnings, health, text.p);
		buf_release(&text);
		slot_absence_release(&absence);
	}
}

/* The rest of the keys of a cluster can be used. */
static void judge_slots(const struct app *app, cJSON *details, cJSON *warnings, enum health *health)
{
	struct buf ranges = {0}, text = {0};
	unsigned away = store_away(app->engine.cache.store, &ranges);

	json_add_uint(details, "slots_away", away);
	if (away) {
		buf_printf(&text,
			"%u of %d slots have no primary that answers (%s): their keys cannot be "
			"used",
			away, SLOT_COUNT, ranges.p);
		warn(warnings, health, text.p);
	}
	list_absences(app, details, warnings, health);
	buf_release(&text);
	buf_release(&ranges);
}

/* Commands that the server denies with the features they disable; an unreadable cw:meta. */
static void judge_lacks(const struct app *app, const struct redis_state *state, cJSON *warnings,
	enum health *health)
{
	for (unsigned i = 0; i < 64; i++) {
		struct buf text = {0};

		if (!(state->lacks >> i & 1))
			continue;
		redis_node_lack(store_lacking(app->engine.cache.store, i), i, &text);
		warn(warnings, health, text.p);
		buf_release(&text);
	}
	if (app->layout.error)
		warn(warnings, health, app->layout.detail);
}

/* Sentinels that are away, or say something else than the others. */
static void judge_sentinels(const struct app *app, cJSON *warnings, enum health *health)
{
	const struct sentinel *sentinel = store_sentinel(app->engine.cache.store);
	size_t count = sentinel ? sentinel_count(sentinel) : 0;

	for (size_t i = 0; i < count; i++) {
		struct sentinel_view view;

		sentinel_view(sentinel, i, &view);
		if (view.fault.error)
			warn(warnings, health, view.fault.detail);
	}
}

/* What is wrong first, in words; else how Redis answers. */
static void summarize_redis(cJSON *details, const cJSON *warnings, const struct redis_state *state,
	const struct sample *sample)
{
	const char *warning = cJSON_GetStringValue(cJSON_GetArrayItem(warnings, 0));
	struct buf text = {0};

	if (state->status != REDIS_UP && state->last_error.error)
		buf_str(&text, state->last_error.detail);
	else if (state->unfit.error)
		buf_str(&text, state->unfit.detail);
	else if (warning)
		buf_str(&text, warning);
	else if (state->status == REDIS_UP && sample->latency_p50_ms >= 0)
		buf_printf(&text, "Redis answers within %.1f ms", sample->latency_p50_ms);
	else
		buf_printf(&text, "Redis is %s", redis_node_status_name(state->status));
	json_add_slice(details, "summary", buf_slice(&text));
	buf_release(&text);
}

static struct component judge_redis(const struct app *app)
{
	struct redis_state state = store_state(app->engine.cache.store);
	const struct sample *sample = sampler_latest(app->sampler);
	struct component redis = component("redis");
	cJSON *details = redis.details, *warnings = cJSON_CreateArray();

	fault_disclose(&state.last_error);
	if (state.status == REDIS_DOWN)
		redis.health = HEALTH_DOWN;
	else if (state.status != REDIS_UP || state.unfit.error)
		redis.health = HEALTH_DEGRADED;
	else if (sample->known)
		judge_memory(app, warnings, &redis.health);
	if (state.status == REDIS_UP && state.stalled.error)
		warn(warnings, &redis.health, state.stalled.detail);
	if (state.status == REDIS_UP)
		judge_lacks(app, &state, warnings, &redis.health);
	judge_sentinels(app, warnings, &redis.health);
	if (state.status != REDIS_DOWN && !store_is_one(app->engine.cache.store))
		judge_slots(app, details, warnings, &redis.health);
	cJSON_AddStringToObject(details, "state", redis_node_status_name(state.status));
	json_add_known(details, "latency_ms", sample->latency_p50_ms, 3);
	json_add_time(details, "since", state.since_wall_ms);
	cJSON_AddStringToObject(details, "breaker", breaker_state_name(state.breaker));
	if (state.status == REDIS_IS_LOADING && sample->info.loading_total_bytes > 0)
		json_add_number(details, "loaded_ratio",
			(double)sample->info.loading_loaded_bytes /
				(double)sample->info.loading_total_bytes,
			3);
	if (state.status != REDIS_UP && state.last_error.error)
		json_add_slice(details, "error", slice_str(state.last_error.detail));
	else if (state.unfit.error)
		json_add_slice(details, "error", slice_str(state.unfit.detail));
	summarize_redis(details, warnings, &state, sample);
	cJSON_AddItemToObject(details, "warnings", warnings);
	return redis;
}

/* Whether `who` may see a job's name, or, where `who` is NULL, callers without key_prefixes. */
static bool shows_job(const struct app *app, const struct identity *who, const char *name)
{
	const struct conf_job *job = conf_job(app->engine.cache.conf, slice_str(name));

	return !who || who->key_prefix_count == 0 || (job && hide_inside(who, job->key));
}

static struct component judge_warming(const struct app *app, const struct identity *who)
{
	struct component warming = component("warming");
	const char *job = NULL, *why = NULL;
	size_t missed, failing = warm_failing(app->warm, &missed, &job, &why);

	warming.health = failing ? HEALTH_DEGRADED : HEALTH_UP;
	json_add_uint(warming.details, "failing_jobs", failing);
	json_add_uint(warming.details, "missed_jobs", missed);
	if (job && shows_job(app, who, job)) {
		cJSON_AddStringToObject(warming.details, "first", job);
		json_add_text(warming.details, "first_error", why);
	}
	cJSON_AddItemToObject(warming.details, "paused", pauses_json(app, PAUSE_WARMING));
	size_t jobs = app->engine.cache.conf->job_count;
	bool paused = pause_state(app->engine.pauses, PAUSE_WARMING) != NULL;
	struct buf text = {0};

	if (failing)
		buf_printf(&text, "%zu of %zu jobs %s failing", failing, jobs,
			failing == 1 ? "is" : "are");
	else if (jobs)
		buf_printf(&text, "no job of %zu is failing", jobs);
	else
		buf_str(&text, "no job is configured");
	buf_str(&text, paused ? "; warming is paused" : "");
	json_add_slice(warming.details, "summary", buf_slice(&text));
	buf_release(&text);
	return warming;
}

static void judge_certificate(
	cJSON *warnings, enum health *health, const char *member, int64_t expires_wall_ms)
{
	int64_t left_ms = expires_wall_ms - clock_wall_ms();
	char text[128];

	if (expires_wall_ms < 0 || left_ms >= CONF_EXPIRY_NOTICE_MS)
		return;
	if (left_ms <= 0)
		snprintf(text, sizeof text, "%s has expired: renew it, and reload", member);
	else
		snprintf(text, sizeof text, "%s expires in %lld days: renew it, and reload", member,
			(long long)(left_ms / day_ms));
	warn(warnings, health, text);
}

static void judge_audit(const struct app *app, cJSON *warnings, enum health *health)
{
	const char *why = audit_trouble(app->audit);
	char text[256];

	if (!*why)
		return;
	snprintf(text, sizeof text,
		"the audit log (audit.path) %s: what audit.required names is refused", why);
	warn(warnings, health, text);
}

static struct component judge_config(const struct app *app, const struct identity *who)
{
	const struct conf *conf = app->engine.cache.conf;
	struct component config = component("config");
	cJSON *warnings = cJSON_CreateArray();

	if (!reload_succeeded(app->reload)) {
		config.health = HEALTH_DEGRADED;
		/* The faults name keys of the configuration. */
		if (!who || who->key_prefix_count == 0)
			cJSON_AddStringToObject(
				config.details, "last_reload", reload_faults(app->reload));
	}
	if (conf->insecure_http)
		warn(warnings, &config.health,
			"insecure_http is on: tokens may cross the network in clear text");
	if (conf->redis.tls && conf->redis.tls_files.verify == TLS_VERIFY_NONE)
		warn(warnings, &config.health,
			"redis.tls.verify is none: another server may answer in the place of "
			"Redis");
	if (conf->tls.server)
		judge_certificate(warnings, &config.health, "tls.certificate",
			tls_server_expires_wall_ms(conf->tls.server));
	judge_certificate(warnings, &config.health, "redis.tls.certificate",
		conf->redis.tls_files.expires_wall_ms);
	judge_audit(app, warnings, &config.health);
	json_add_time(config.details, "loaded", conf->loaded_wall_ms);
	const char *warning = cJSON_GetStringValue(cJSON_GetArrayItem(warnings, 0));

	cJSON_AddStringToObject(config.details, "summary",
		!reload_succeeded(app->reload)
			? "the last reload was refused; the configuration before it is in force"
		: warning ? warning
			  : "the configuration is in force as it was read");
	cJSON_AddItemToObject(config.details, "warnings", warnings);
	return config;
}

static struct component judge_alerts(const struct app *app)
{
	struct component alerts = component("alerts");
	size_t critical = alerts_firing(app->alerts, SEVERITY_CRITICAL);
	size_t firing = alerts_firing(app->alerts, SEVERITY_WARNING);

	alerts.health = critical ? HEALTH_DEGRADED : HEALTH_UP;
	json_add_uint(alerts.details, "firing", firing);
	json_add_uint(alerts.details, "critical", critical);
	struct buf text = {0};

	if (firing)
		buf_printf(&text, "%zu alert%s, of which %zu %s critical", firing,
			firing == 1 ? " fires" : "s fire", critical, critical == 1 ? "is" : "are");
	else
		buf_str(&text, "no alert fires");
	json_add_slice(alerts.details, "summary", buf_slice(&text));
	buf_release(&text);
	return alerts;
}

/* The verdict over all. The details belong to the caller. */
static enum health judge(const struct app *app, const struct identity *who,
	struct component components[component_count])
{
	enum health health = HEALTH_UP;

	components[0] = judge_redis(app);
	components[1] = judge_warming(app, who);
	components[2] = judge_alerts(app);
	components[3] = judge_config(app, who);
	for (size_t i = 0; i < component_count; i++)
		health = worse(health, components[i].health);
	return health;
}

static cJSON *health_json(const struct app *app, const struct identity *who, enum health *ret)
{
	struct component components[component_count];
	cJSON *body = cJSON_CreateObject(), *list;

	*ret = judge(app, who, components);
	cJSON_AddStringToObject(body, "status", words[*ret]);
	json_add_slice(body, "name", slice_str(app->engine.cache.conf->name));
	list = cJSON_AddObjectToObject(body, "components");
	for (size_t i = 0; i < component_count; i++) {
		cJSON *item = cJSON_AddObjectToObject(list, components[i].name);

		cJSON_AddStringToObject(item, "status", words[components[i].health]);
		cJSON_AddItemToObject(item, "details", components[i].details);
	}
	return body;
}

/* The draft's `checks` has a list for each component, and lets a check have other members. */
static cJSON *draft_json(const struct app *app, const struct identity *who, enum health *ret)
{
	struct component components[component_count];
	cJSON *draft = cJSON_CreateObject(), *checks;

	*ret = judge(app, who, components);
	cJSON_AddStringToObject(draft, "status", draft_words[*ret]);
	cJSON_AddStringToObject(draft, "version", "1");
	cJSON_AddStringToObject(draft, "releaseId", CW_VERSION);
	json_add_slice(draft, "serviceId", slice_str(app->engine.cache.conf->name));
	checks = cJSON_AddObjectToObject(draft, "checks");
	for (size_t i = 0; i < component_count; i++) {
		cJSON *check = cJSON_CreateObject();

		cJSON_AddStringToObject(check, "componentType", i ? "component" : "datastore");
		cJSON_AddStringToObject(check, "status", draft_words[components[i].health]);
		json_add_time(check, "time", clock_wall_ms());
		cJSON_AddItemToObject(check, "details", components[i].details);
		cJSON_AddItemToArray(cJSON_AddArrayToObject(checks, components[i].name), check);
	}
	return draft;
}

static int status_of(enum health health)
{
	return health == HEALTH_DOWN ? 503 : 200;
}

static void reply_draft(struct request *request, enum health health, cJSON *draft)
{
	struct buf text = {0};

	json_print(draft, &text);
	cJSON_Delete(draft);
	reply_bytes(request, status_of(health), "application/health+json", buf_slice(&text));
	buf_release(&text);
}

static void reply_word_only(struct request *request, const struct app *app, bool draft)
{
	cJSON *body = cJSON_CreateObject();
	enum health health = (enum health)app->health.verdict;

	cJSON_AddStringToObject(body, "status", (draft ? draft_words : words)[health]);
	if (draft)
		reply_draft(request, health, body);
	else
		reply_json(request, status_of(health), body);
}

static bool wants_draft(struct request *request)
{
	struct slice line;
	size_t at = 0;

	while (request_header_line(request, "Accept", &at, &line))
		if (slice_starts(line, SLICE("application/health+json")))
			return true;
	return false;
}

void api_health(struct request *request, void *context)
{
	const struct identity *who = request_identity(request);
	struct app *app = context;
	enum health health;

	if (answer_begin(&app->health)) {
		cJSON *body = health_json(app, NULL, &health);

		answer_json(&app->health, status_of(health), body);
		app->health.verdict = (int)health;
	}
	if (!scope_granted(who, SCOPE_READ)) {
		reply_word_only(request, app, wants_draft(request));
	} else if (wants_draft(request)) {
		cJSON *draft = draft_json(app, who, &health);

		reply_draft(request, health, draft);
	} else if (who->key_prefix_count) {
		cJSON *body = health_json(app, who, &health);

		reply_json(request, status_of(health), body);
	} else {
		reply_bytes(request, app->health.status, "application/json",
			buf_slice(&app->health.body));
	}
}
