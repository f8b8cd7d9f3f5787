/* SPDX-License-Identifier: MIT */
/* What happens in this process, as events; see event_publisher.h. */
#include "watch/event_publisher.h"

#include <math.h>
#include <string.h>

#include "base/breaker.h"
#include "base/mem.h"
#include "invalidate/invalidation_result.h"
#include "operation/operation.h"
#include "operation/pause.h"
#include "text/json.h"
#include "watch/alerts.h"

enum { subscriptions = 8 };

struct event_publisher {
	struct cache *cache;
	struct event_feed *feed;
	const struct conf *first; /* in force when the daemon started: no change */
	struct event_subscription *subscribed[subscriptions];
};

static cJSON *kinds_json(const struct invalidation_result *result)
{
	cJSON *kinds = cJSON_CreateArray();
	bool there[SELECTOR_KINDS] = {false};

	for (size_t i = 0; i < result->selector_count; i++)
		there[result->selectors[i].kind] = true;
	for (unsigned kind = 0; kind < SELECTOR_KINDS; kind++)
		if (there[kind])
			cJSON_AddItemToArray(kinds, cJSON_CreateString(plan_selector_kind_name(
							    (enum selector_kind)kind)));
	return kinds;
}

/* The members that events of operations have in common. */
static void add_operation(cJSON *data, const struct operation_view *view)
{
	cJSON_AddStringToObject(data, "operation_id", view->id);
	cJSON_AddStringToObject(data, "state", operation_state_name(view->state));
	json_add_text(data, "by", view->by);
	json_add_text(data, "note", view->note);
	json_add_text(data, "trace_id", view->trace_id);
}

static void publish_invalidation(struct event_publisher *publisher, struct operation *operation)
{
	const struct invalidation_result *result = operation_result(operation);
	struct operation_view view;

	if (!result || result->dry_run || result->reason == REASON_CONFIRMATION_REQUIRED)
		return;
	cJSON *data = cJSON_CreateObject();

	operation_view(operation, &view);
	add_operation(data, &view);
	operation_view_release(&view);
	cJSON_AddBoolToObject(data, "complete", result->reason == REASON_COMPLETE);
	json_add_text(data, "reason", invalidation_result_reason(result));
	cJSON_AddItemToObject(data, "kinds", kinds_json(result));
	json_add_count(data, "matched", result->matched);
	json_add_uint(data, "invalidated", result->invalidated);
	json_add_uint(data, "softened", result->softened);
	if (result->removed_instead)
		json_add_uint(data, "removed_instead", result->removed_instead);
	json_add_uint(data, "protected_skipped", result->protected_skipped);
	json_add_number(data, "duration_ms", result->duration_ms, 1);
	event_feed_publish(publisher->feed, "invalidation", data, buf_slice(&result->names));
}

static void move_member(cJSON *from, cJSON *to, const char *name)
{
	cJSON *member = cJSON_DetachItemFromObjectCaseSensitive(from, name);

	if (member)
		cJSON_AddItemToObject(to, name, member);
	else
		cJSON_AddNullToObject(to, name);
}

static void publish_run(struct event_publisher *publisher, struct operation *operation)
{
	static const char *const counts[] = {
		"rows", "stored", "skipped", "rejected", "invalidated_meanwhile", "duration_ms"};
	struct operation_view view;
	cJSON *data = cJSON_CreateObject();

	operation_view(operation, &view);
	cJSON *record = operation_record_json(&view), *result;

	move_member(record, data, "job");
	add_operation(data, &view);
	move_member(record, data, "phase");
	move_member(record, data, "progress");
	result = cJSON_DetachItemFromObjectCaseSensitive(record, "result");
	for (size_t i = 0; i < sizeof counts / sizeof *counts && cJSON_IsObject(result); i++)
		move_member(result, data, counts[i]);
	move_member(record, data, "error");
	cJSON_Delete(result);
	cJSON_Delete(record);
	operation_view_release(&view);
	event_feed_publish(publisher->feed, "warm", data, SLICE(""));
}

static bool is_run(const struct operation *operation)
{
	return strcmp(operation_kind_name(operation), "warm") == 0;
}

static void operation_ended_now(void *context, const void *data)
{
	/* The view of an operation counts as a use of it. */
	struct operation *operation = (struct operation *)data;

	if (is_run(operation))
		publish_run(context, operation);
	else if (strcmp(operation_kind_name(operation), "invalidate") == 0)
		publish_invalidation(context, operation);
}

static void operation_progressed(void *context, const void *data)
{
	struct operation *operation = (struct operation *)data;

	if (is_run(operation))
		publish_run(context, operation);
}

static void alert_changed(void *context, const void *data)
{
	const struct alert_look *look = data;
	const struct conf_alert *rule = look->rule;
	struct event_publisher *publisher = context;
	cJSON *body = cJSON_CreateObject();

	cJSON_AddStringToObject(body, "alert", rule->name);
	cJSON_AddStringToObject(body, "state", alerts_state_name(look->state));
	json_add_time(body, "since", look->since_wall_ms);
	if (isnan(look->value))
		cJSON_AddNullToObject(body, "value");
	else
		cJSON_AddNumberToObject(body, "value", look->value);
	cJSON_AddNumberToObject(body, "threshold", rule->threshold);
	cJSON_AddStringToObject(body, "severity", alerts_severity_name(rule->severity));
	cJSON_AddStringToObject(body, "metric", rule->metric.text);
	event_feed_publish(publisher->feed, "alert", body, SLICE(""));
}

static void breaker_changed(void *context, const void *data)
{
	const struct breaker_change *breaker = data;
	struct event_publisher *publisher = context;
	cJSON *body = cJSON_CreateObject();

	cJSON_AddStringToObject(body, "of", breaker->of);
	json_add_slice(body, "subject", slice_str(breaker->name));
	cJSON_AddStringToObject(body, "state", breaker->open ? "open" : "closed");
	json_add_int(body, "failures", breaker->failures);
	event_feed_publish(publisher->feed, "breaker", body, SLICE(""));
}

static void publish_config(struct event_publisher *publisher, bool loaded)
{
	cJSON *body = cJSON_CreateObject();

	cJSON_AddStringToObject(body, "state", loaded ? "loaded" : "refused");
	event_feed_publish(publisher->feed, "config", body, SLICE(""));
}

static void config_loaded(void *context, const void *data)
{
	struct event_publisher *publisher = context;

	if (data != publisher->first)
		publish_config(publisher, true);
	publisher->first = NULL;
}

static void config_refused(void *context, const void *data)
{
	(void)data;
	publish_config(context, false);
}

static void pause_changed(void *context, const void *data)
{
	const struct pause_change *pause = data;
	struct event_publisher *publisher = context;
	cJSON *body = cJSON_CreateObject();

	cJSON_AddStringToObject(body, "what", pause_name(pause->what));
	cJSON_AddBoolToObject(body, "paused", pause->state != NULL);
	json_add_time(body, "until", pause->state ? pause->state->until_wall_ms : -1);
	cJSON_AddStringToObject(body, "by", pause->by);
	if (pause->note.n)
		json_add_slice(body, "note", pause->note);
	else
		cJSON_AddNullToObject(body, "note");
	event_feed_publish(publisher->feed, "pause", body, SLICE(""));
}

/* It has the members of other events of runs, and `due`. */
static void run_was_missed(void *context, const void *data)
{
	static const char *const unknown[] = {
		"operation_id", "note", "trace_id", "phase", "progress"};
	const struct operation_missed *missed = data;
	struct event_publisher *publisher = context;
	cJSON *body = cJSON_CreateObject();

	cJSON_AddStringToObject(body, "job", missed->subject);
	cJSON_AddStringToObject(body, "state", "missed");
	cJSON_AddStringToObject(body, "by", "scheduler");
	for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
		cJSON_AddNullToObject(body, unknown[i]);
	json_add_time(body, "due", missed->due_wall_ms);
	cJSON *error = cJSON_AddObjectToObject(body, "error");
	cJSON_AddStringToObject(error, "code", error_code(missed->why.error));
	cJSON_AddStringToObject(error, "title", error_title(missed->why.error));
	json_add_slice(error, "detail", slice_str(missed->why.detail));
	event_feed_publish(publisher->feed, "warm", body, SLICE(""));
}

struct event_publisher *event_publisher_new(struct cache *cache, struct event_feed *feed)
{
	static const struct {
		enum event_topic topic;
		event_handler *handler;
	} handlers[subscriptions] = {
		{EVENT_OPERATION, operation_ended_now},
		{EVENT_OPERATION_PROGRESS, operation_progressed},
		{EVENT_ALERT, alert_changed},
		{EVENT_BREAKER, breaker_changed},
		{EVENT_CONFIG, config_loaded},
		{EVENT_CONFIG_REFUSED, config_refused},
		{EVENT_PAUSE, pause_changed},
		{EVENT_MISSED, run_was_missed},
	};
	struct event_publisher *publisher = mem_new(struct event_publisher);

	publisher->cache = cache;
	publisher->feed = feed;
	publisher->first = cache->conf;
	for (size_t i = 0; i < subscriptions; i++)
		publisher->subscribed[i] = event_subscribe(
			cache->bus, handlers[i].topic, handlers[i].handler, publisher);
	return publisher;
}

void event_publisher_free(struct event_publisher *publisher)
{
	if (!publisher)
		return;
	for (size_t i = 0; i < subscriptions; i++)
		event_unsubscribe(publisher->subscribed[i]);
	mem_free(publisher);
}
