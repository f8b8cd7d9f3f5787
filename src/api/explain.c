/* SPDX-License-Identifier: MIT */
/* GET /explain/{key}: what is stored under a key, and what can invalidate it. */
#include "invalidate/explain.h"

#include "api/handlers.h"
#include "api/hide.h"
#include "api/keys.h"
#include "cache/guard.h"
#include "cache/namespace.h"
#include "operation/operation.h"
#include "text/json.h"

static void add_known(cJSON *body, const char *name, int64_t value)
{
	if (value < 0)
		cJSON_AddNullToObject(body, name);
	else
		json_add_int(body, name, value);
}

static void add_stored(cJSON *body, const struct explain *explain)
{
	int64_t ttl_ms = explain->ttl_ms;

	cJSON_AddBoolToObject(body, "exists", explain->exists);
	if (explain->exists)
		cJSON_AddStringToObject(body, "type", explain->type);
	else
		cJSON_AddNullToObject(body, "type");
	json_add_int(body, "ttl", ttl_ms > 0 ? (ttl_ms + 999) / 1000 : ttl_ms);
	cJSON_AddBoolToObject(body, "stale", explain->stale);
	add_known(body, "bytes", explain->bytes);
	add_known(body, "memory_bytes", explain->memory_bytes);
	cJSON_AddBoolToObject(body, "compressed", explain->compressed);
}

static void add_namespace(cJSON *body, const struct conf_namespace *namespace)
{
	if (!namespace) {
		cJSON_AddNullToObject(body, "namespace");
		return;
	}
	cJSON *object = cJSON_AddObjectToObject(body, "namespace");

	json_add_slice(object, "prefix", namespace->prefix);
	json_add_int(object, "ttl", namespace->ttl_ms < 0 ? -1 : namespace->ttl_ms / 1000);
	json_add_int(object, "stale_for", namespace->stale_for_ms / 1000);
	json_add_int(object, "compress_above", namespace->compress_above);
}

/* Where GET /namespaces counts it. */
static void add_counted_in(cJSON *body, const struct conf *conf, struct slice key)
{
	cJSON *object = cJSON_AddObjectToObject(body, "counted_in");
	struct buf name = {0};
	enum namespace_kind kind = namespace_of(conf, key, &name);

	if (name.n)
		json_add_slice(object, "namespace", buf_slice(&name));
	else
		cJSON_AddNullToObject(object, "namespace");
	json_add_text(object, "kind", namespace_kind_name(kind));
	buf_release(&name);
}

static void add_entities(cJSON *body, const struct explain *explain)
{
	cJSON *list = cJSON_AddArrayToObject(body, "entities");

	for (size_t i = 0; i < explain->entity_count; i++) {
		const struct explain_entity *entity = &explain->entities[i];
		cJSON *object = cJSON_CreateObject();

		json_add_slice(object, "entity", slice_str(entity->entity->name));
		json_add_slice(object, "id", entity->id);
		json_add_slice(object, "key", template_text(entity->key));
		cJSON_AddItemToArray(list, object);
	}
}

static void add_names(cJSON *body, const char *name, const struct name_list *names)
{
	cJSON *list = cJSON_AddArrayToObject(body, name);

	for (size_t i = 0; i < names->count; i++)
		json_append_slice(list, names->items[i]);
}

/* A member of the operation's result that is left out where it is 0. */
static void add_removed_instead(cJSON *object, const cJSON *result)
{
	const cJSON *removed = cJSON_GetObjectItemCaseSensitive(result, "removed_instead");

	if (!cJSON_IsObject(result))
		cJSON_AddNullToObject(object, "removed_instead");
	else if (removed)
		cJSON_AddItemToObject(object, "removed_instead", cJSON_Duplicate(removed, true));
	else
		json_add_uint(object, "removed_instead", 0);
}

/* The note and the counts stand with the operation, which Redis keeps for 7 days. Parks. */
static void add_of_operation(
	struct app *app, struct request *request, cJSON *object, const char *operation_id)
{
	struct operation_view view = {0};

	if (*operation_id &&
		!operations_find(app->engine.operations, slice_str(operation_id), &view, NULL))
		hide_operation(request_identity(request), request_conf(request), &view);
	json_add_text(object, "note", view.note);
	add_removed_instead(object, view.result);
	operation_view_release(&view);
}

/* Parks. */
static void add_last(struct app *app, struct request *request, cJSON *body,
	const struct explain_invalidation *last)
{
	static const char *const modes[] = {[EXPLAIN_NOT_KNOWN] = NULL,
		[EXPLAIN_HARD] = "hard",
		[EXPLAIN_SOFT] = "soft",
		[EXPLAIN_SPREAD] = "spread"};

	if (!last->kind) {
		cJSON_AddNullToObject(body, "last_invalidation");
		return;
	}
	cJSON *object = cJSON_AddObjectToObject(body, "last_invalidation");

	json_add_time(object, "time", last->wall_ms);
	cJSON_AddStringToObject(object, "kind", last->kind);
	json_add_slice(object, "value", last->value);
	if (*last->operation_id)
		cJSON_AddStringToObject(object, "operation_id", last->operation_id);
	else
		cJSON_AddNullToObject(object, "operation_id");
	json_add_text(object, "mode", modes[last->mode]);
	if (last->by.n)
		json_add_slice(object, "by", last->by);
	else
		cJSON_AddNullToObject(object, "by");
	cJSON_AddBoolToObject(object, "logged", last->logged);
	add_of_operation(app, request, object, last->operation_id);
	hide_selector(request_identity(request), object);
}

/* By which pattern, and where that is set. */
static void add_protection(cJSON *body, const struct conf *conf, struct slice key)
{
	const struct slice *pattern = guard_protecting(conf, key);

	if (!pattern) {
		cJSON_AddNullToObject(body, "protected_by");
		return;
	}
	cJSON *object = cJSON_AddObjectToObject(body, "protected_by");
	json_add_slice(object, "pattern", *pattern);
	cJSON_AddStringToObject(object, "from", guard_protects_by(conf, pattern));
}

/* Parks. */
static cJSON *explain_json(
	struct app *app, struct request *request, struct slice key, const struct explain *explain)
{
	const struct identity *who = request_identity(request);
	const struct conf *conf = request_conf(request);
	cJSON *body = cJSON_CreateObject();

	json_add_slice(body, "key", key);
	add_stored(body, explain);
	add_namespace(body, explain->namespace);
	add_counted_in(body, conf, key);
	add_entities(body, explain);
	cJSON_AddBoolToObject(body, "protected", explain->protected);
	add_protection(body, conf, key);
	if (explain->dependents_unreadable) {
		cJSON_AddNullToObject(body, "dependents");
	} else {
		add_names(body, "dependents", &explain->dependents);
		hide_names(who, cJSON_GetObjectItemCaseSensitive(body, "dependents"));
	}
	add_names(body, "tags", &explain->tags);
	json_add_uint(body, "tags_checked", explain->tags_checked);
	add_last(app, request, body, &explain->last);
	json_add_time(body, "unlogged", explain->forgotten_wall_ms);
	cJSON *log = cJSON_AddObjectToObject(body, "log");
	json_add_uint(log, "entries", explain->log.entries);
	json_add_time(log, "since", explain->log.since_wall_ms);
	json_add_uint(log, "other_tags", explain->log.other_tags);
	return body;
}

void api_explain(struct request *request, void *context)
{
	struct app *app = context;
	struct explain explain;
	struct slice key;
	struct fault fault;

	if (keys_name(request, &key, &fault) ||
		explain_key(&app->engine.cache, request_conf(request), key, &explain, &fault)) {
		reply_fault(request, &fault);
	} else {
		reply_json(request, 200, explain_json(app, request, key, &explain));
		explain_release(&explain);
	}
}
