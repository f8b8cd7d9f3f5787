/* SPDX-License-Identifier: MIT */
/*
 * GET /health: UP, DEGRADED or DOWN from memory, whatever Redis does. Without a token only the
 * word. `Accept: application/health+json` gives the same in the words of
 * draft-inadarei-api-health-check-06.
 */
#include <stdio.h>
#include <string.h>

#include "api/answer.h"
#include "api/handlers.h"
#include "api/hide.h"
#include "text/json.h"

enum health { HEALTH_UP, HEALTH_DEGRADED, HEALTH_DOWN };

static const char *const words[] = {"UP", "DEGRADED", "DOWN"};
static const char *const draft_words[] = {"pass", "warn", "fail"};

static enum health worse(enum health a, enum health b)
{
	return a > b ? a : b;
}

static void warn(cJSON *warnings, enum health *health, const char *text)
{
	cJSON_AddItemToArray(warnings, cJSON_CreateString(text));
	*health = worse(*health, HEALTH_DEGRADED);
}

/* noeviction refuses writes when full; allkeys-* may take our own bookkeeping before values. */
static void judge_memory(const struct app *app, cJSON *warnings, enum health *health)
{
	const struct redis_info *info = &sampler_latest(app->sampler)->info;
	int64_t limit = sampler_memory_limit(app->sampler);
	double ratio = limit > 0 ? (double)info->used_memory / (double)limit : 0;

	/* A missing limit is worth saying, but it is how many caches are run on purpose. */
	if (limit == 0 && info->max_memory == 0)
		cJSON_AddItemToArray(warnings,
			cJSON_CreateString("maxmemory is 0: nothing bounds Redis's memory"));
	if (strcmp(info->policy, "noeviction") == 0 && ratio > 0.8)
		warn(warnings, health,
			"memory is above 80 % and the policy is noeviction: writes will be "
			"refused");
	if (strncmp(info->policy, "allkeys-", 8) == 0)
		cJSON_AddItemToArray(warnings,
			cJSON_CreateString("the eviction policy can remove cw: keys before values; "
					   "volatile-* policies keep them longer"));
}

/* What it denies, and what is off without it; our keys' layout that cannot be read. */
static void judge_lacks(const struct app *app, const struct redis_state *state, cJSON *warnings,
	enum health *health)
{
	struct redis_node *const *nodes;

	redis_store_primaries(app->engine.cache.store, &nodes);
	for (unsigned i = 0; i < 64; i++) {
		struct buf text = {0};

		if (!(state->lacks >> i & 1))
			continue;
		redis_node_lack(nodes[0], i, &text);
		warn(warnings, health, text.p);
		buf_release(&text);
	}
	if (app->layout.error)
		warn(warnings, health, app->layout.detail);
}

static enum health judge_redis(const struct app *app, cJSON *components)
{
	struct redis_state state = redis_store_state(app->engine.cache.store);
	const struct sample *sample = sampler_latest(app->sampler);
	cJSON *redis = cJSON_AddObjectToObject(components, "redis");
	cJSON *details = cJSON_CreateObject();
	cJSON *warnings = cJSON_CreateArray();
	enum health health = HEALTH_UP;

	if (state.status == REDIS_DOWN)
		health = HEALTH_DOWN;
	else if (state.status != REDIS_UP || state.unfit.error)
		health = HEALTH_DEGRADED;
	else if (sample->known)
		judge_memory(app, warnings, &health);
	if (state.status == REDIS_UP)
		judge_lacks(app, &state, warnings, &health);
	cJSON_AddStringToObject(redis, "status", words[health]);
	cJSON_AddItemToObject(redis, "details", details);
	cJSON_AddStringToObject(details, "state", redis_status_name(state.status));
	if (sample->latency_p50_ms < 0)
		cJSON_AddNullToObject(details, "latency_ms");
	else
		json_add_number(details, "latency_ms", sample->latency_p50_ms, 3);
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
	cJSON_AddItemToObject(details, "warnings", warnings);
	return health;
}

/* Whether `who` may see a job's name, or, where `who` is NULL, callers without key_prefixes. */
static bool shows_job(const struct app *app, const struct identity *who, const char *name)
{
	const struct conf_job *job = conf_job(app->engine.cache.conf, slice_str(name));

	return !who || who->key_prefix_count == 0 || (job && hide_inside(who, job->key));
}

static enum health judge_warming(
	const struct app *app, const struct identity *who, cJSON *components)
{
	const char *job = NULL;
	size_t failing = warm_failing(app->warm, &job);
	cJSON *warming = cJSON_AddObjectToObject(components, "warming");
	cJSON *details = cJSON_CreateObject();

	cJSON_AddStringToObject(warming, "status", words[failing ? HEALTH_DEGRADED : HEALTH_UP]);
	cJSON_AddItemToObject(warming, "details", details);
	json_add_uint(details, "failing_jobs", failing);
	if (job && shows_job(app, who, job))
		cJSON_AddStringToObject(details, "first", job);
	return failing ? HEALTH_DEGRADED : HEALTH_UP;
}

static enum health judge_config(
	const struct app *app, const struct identity *who, cJSON *components)
{
	cJSON *config = cJSON_AddObjectToObject(components, "config");
	cJSON *details = cJSON_CreateObject();
	cJSON *warnings = cJSON_CreateArray();
	enum health health = HEALTH_UP;

	if (!reload_succeeded(app->reload)) {
		health = HEALTH_DEGRADED;
		/* It names keys of the configuration. */
		if (!who || who->key_prefix_count == 0)
			cJSON_AddStringToObject(details, "last_reload", reload_faults(app->reload));
	}
	if (app->engine.cache.conf->insecure_http)
		warn(warnings, &health,
			"insecure_http is on: tokens may cross the network in clear");
	if (app->engine.cache.conf->redis.tls &&
		app->engine.cache.conf->redis.tls_files.verify == TLS_VERIFY_NONE)
		warn(warnings, &health,
			"redis.tls.verify is none: another server may answer in the place of "
			"Redis");
	cJSON_AddStringToObject(config, "status", words[health]);
	cJSON_AddItemToObject(config, "details", details);
	json_add_time(details, "loaded", app->engine.cache.conf->loaded_wall_ms);
	cJSON_AddItemToObject(details, "warnings", warnings);
	return health;
}

static enum health judge_alerts(cJSON *components)
{
	cJSON *alerts = cJSON_AddObjectToObject(components, "alerts");
	cJSON *details = cJSON_CreateObject();

	/* No rule exists in this version, so none can fire. */
	cJSON_AddStringToObject(alerts, "status", words[HEALTH_UP]);
	cJSON_AddItemToObject(alerts, "details", details);
	json_add_int(details, "firing", 0);
	return HEALTH_UP;
}

static cJSON *health_json(const struct app *app, const struct identity *who, enum health *ret)
{
	cJSON *body = cJSON_CreateObject();
	cJSON *components = cJSON_CreateObject();
	enum health health = judge_redis(app, components);

	health = worse(health, judge_warming(app, who, components));
	health = worse(health, judge_alerts(components));
	health = worse(health, judge_config(app, who, components));
	cJSON_AddStringToObject(body, "status", words[health]);
	json_add_slice(body, "name", slice_str(app->engine.cache.conf->name));
	cJSON_AddItemToObject(body, "components", components);
	*ret = health;
	return body;
}

static int status_of(enum health health)
{
	return health == HEALTH_DOWN ? 503 : 200;
}

static enum health health_of_word(const char *word)
{
	for (int i = 0; i < 3; i++)
		if (strcmp(word, words[i]) == 0)
			return (enum health)i;
	return HEALTH_DOWN;
}

/* The draft's `checks` has a list per component, and lets a check have members of its own. */
static cJSON *draft_json(const struct app *app, const struct identity *who, enum health *ret)
{
	cJSON *body = health_json(app, who, ret);
	cJSON *draft = cJSON_CreateObject(), *checks = cJSON_CreateObject();
	cJSON *component;

	cJSON_AddStringToObject(draft, "status", draft_words[*ret]);
	cJSON_AddStringToObject(draft, "version", "1");
	cJSON_AddStringToObject(draft, "releaseId", CW_VERSION);
	json_add_slice(draft, "serviceId", slice_str(app->engine.cache.conf->name));
	cJSON_AddItemToObject(draft, "checks", checks);
	cJSON_ArrayForEach(component, cJSON_GetObjectItemCaseSensitive(body, "components"))
	{
		const char *word =
			cJSON_GetObjectItemCaseSensitive(component, "status")->valuestring;
		cJSON *list = cJSON_CreateArray(), *check = cJSON_CreateObject();

		cJSON_AddStringToObject(check, "componentType",
			strcmp(component->string, "redis") == 0 ? "datastore" : "component");
		cJSON_AddStringToObject(check, "status", draft_words[health_of_word(word)]);
		json_add_time(check, "time", clock_wall_ms());
		cJSON_AddItemToObject(check, "details",
			cJSON_DetachItemFromObjectCaseSensitive(component, "details"));
		cJSON_AddItemToArray(list, check);
		cJSON_AddItemToObject(checks, component->string, list);
	}
	cJSON_Delete(body);
	return draft;
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

	if (answer_stale(&app->health)) {
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
