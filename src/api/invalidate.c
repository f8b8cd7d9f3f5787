/* SPDX-License-Identifier: MIT */
/*
 * POST /invalidate: JSON -> struct invalidation -> operation -> JSON.
 *
 * The operation does the work and the request only waits for it: it goes on if the client
 * disconnects.
 */
#include <stdio.h>

#include "api/body.h"
#include "api/handlers.h"
#include "api/header_tags.h"
#include "api/keys.h"
#include "api/operations.h"
#include "api/warm_jobs.h"
#include "cache/guard.h"
#include "text/glob.h"

enum { default_wait_seconds = 10, max_wait_seconds = 300, rewarm_most = 100 };

struct invalidate_body {
	struct request *request;
	struct invalidation *what;
	struct body_list keys, patterns, tags, dependents_of, rewarm;
	struct json_value entities, pace;
	struct slice confirm, note;
	bool cascade, strict;
	int64_t wait;
};

static enum error add_id(struct invalidation *what, const struct conf_entity *entity,
	struct slice id, const char *pointer, struct fault *fault)
{
	if (id.n > KEY_MAX_BYTES)
		return fault_at(fault, ERR_BAD_BODY, pointer,
			"an id of %s has %zu bytes; at most %d are allowed", entity->name, id.n,
			KEY_MAX_BYTES);
	invalidation_add_id(what, entity, id);
	return OK;
}

static enum error add_ids(struct invalidate_body *asked, const struct conf_entity *entity,
	struct json_value value, const char *pointer, struct fault *fault)
{
	struct arena *arena = request_arena(asked->request);
	struct slice one = {0};
	struct body_list ids = {0};
	enum error error;

	if (value.type == JSON_ARRAY) {
		error = body_ids(value, pointer, INVALIDATION_MAX_IDS, arena, &ids, fault);
	} else {
		error = body_id(value, pointer, arena, &one, fault);
		ids = (struct body_list){&one, 1};
	}
	for (size_t i = 0; !error && i < ids.count; i++)
		error = add_id(asked->what, entity, ids.items[i], pointer, fault);
	return error;
}

/* The field of each configured entity is a member of the body. */
static enum error entity_field(void *context, struct slice name, struct json_value value,
	struct arena *arena, struct fault *fault)
{
	struct invalidate_body *asked = context;
	const struct conf_entity *entity = conf_entity_of_field(asked->what->conf, name);
	char pointer[BODY_POINTER_BYTES];

	(void)arena;
	if (!entity)
		return ERR_NOT_FOUND;
	if (value.type == JSON_NULL)
		return OK;
	body_point(pointer, "", slice_str(entity->field));
	return add_ids(asked, entity, value, pointer, fault);
}

/* One member of `entities`: the name of an entity and its ids; null counts as absent. */
static enum error add_entity(
	struct invalidate_body *asked, const struct json_iter *it, struct fault *fault)
{
	struct slice name = body_name(it, request_arena(asked->request));
	const struct conf_entity *entity = conf_entity(asked->what->conf, name);
	char pointer[BODY_POINTER_BYTES];

	body_point(pointer, "/entities", name);
	if (!entity)
		return fault_at(fault, ERR_BAD_BODY, pointer,
			"%s is not an entity of the configuration", pointer);
	if (it->value.type == JSON_NULL)
		return OK;
	return add_ids(asked, entity, it->value, pointer, fault);
}

static enum error add_entities(struct invalidate_body *asked, struct fault *fault)
{
	enum error error = OK;

	if (asked->entities.text.n == 0)
		return OK;
	struct json_iter it = json_iterate(asked->entities);

	while (!error && json_next(&it))
		error = add_entity(asked, &it, fault);
	return error;
}

static enum error read_pace(struct invalidate_body *asked, struct fault *fault)
{
	const struct body_member members[] = {
		{"max_latency_ms", BODY_NUMBER, &asked->what->max_latency_ms, 0, 10000},
	};

	if (asked->pace.text.n == 0)
		return OK;
	return body_read(asked->pace,
		&(struct body_table){.members = members, .count = 1, .at = "/pace"},
		request_arena(asked->request), fault);
}

static enum error read_body(struct invalidate_body *asked, struct fault *fault)
{
	struct invalidation *what = asked->what;
	const struct body_member members[] = {
		{"patterns", BODY_LIST, &asked->patterns, 1, INVALIDATION_MAX_KEYS},
		{"keys", BODY_LIST, &asked->keys, 1, INVALIDATION_MAX_KEYS},
		{"tags", BODY_LIST, &asked->tags, 1, INVALIDATION_MAX_KEYS},
		{"entities", BODY_OBJECT, &asked->entities, 0, 0},
		{"dependents_of", BODY_LIST, &asked->dependents_of, 1, INVALIDATION_MAX_KEYS},
		{"cascade", BODY_BOOL, &asked->cascade, 0, 0},
		{"dry_run", BODY_BOOL, &what->dry_run, 0, 0},
		{"verify", BODY_BOOL, &what->verify, 0, 0},
		{"soft", BODY_BOOL, &what->soft, 0, 0},
		{"max_keys", BODY_INT, &what->max_keys, 1, INT64_MAX},
		{"confirm", BODY_STRING, &asked->confirm, 1, 256},
		{"wait", BODY_INT, &asked->wait, 0, max_wait_seconds},
		{"strict", BODY_BOOL, &asked->strict, 0, 0},
		{"pace", BODY_OBJECT, &asked->pace, 0, 0},
		{"note", BODY_STRING, &asked->note, 0, BODY_NOTE_BYTES},
		{"rewarm", BODY_LIST, &asked->rewarm, 1, rewarm_most},
	};
	const struct body_table table = {
		members, sizeof members / sizeof *members, entity_field, asked, NULL};
	enum error error = body_parse(asked->request, &table, fault);

	if (!error)
		error = add_entities(asked, fault);
	return error ? error : read_pace(asked, fault);
}

static enum error read_soft(const struct request *request, bool *ret, struct fault *fault)
{
	struct slice value;

	if (!request_header(request, "Fastly-Soft-Purge", &value))
		return OK;
	if (!slice_is(value, "1") && !slice_is(value, "0"))
		return fault_set(
			fault, ERR_BAD_REQUEST, "the header Fastly-Soft-Purge must be 1 or 0");
	*ret = slice_is(value, "1");
	return OK;
}

/* Tags may be named by headers, as CDNs do. */
static enum error read_headers(struct invalidate_body *asked, struct fault *fault)
{
	struct request *request = asked->request;
	struct body_list tags = {0};
	const char *header;
	enum error error = read_soft(request, &asked->what->soft, fault);

	if (!error)
		error = header_tags(request, INVALIDATION_MAX_KEYS, &tags, &header, fault);
	if (!error && header && request_body(request).n)
		error = fault_set(fault, ERR_BAD_REQUEST,
			"the header %s selects tags where the body is empty; with a body, name "
			"them in its tags",
			header);
	for (size_t i = 0; i < tags.count && !error; i++)
		invalidation_add_tag(asked->what, tags.items[i]);
	return error;
}

static enum error fill(struct invalidate_body *asked, struct fault *fault)
{
	struct invalidation *what = asked->what;

	for (size_t i = 0; i < asked->keys.count; i++)
		invalidation_add_key(what, asked->keys.items[i]);
	for (size_t i = 0; i < asked->patterns.count; i++)
		invalidation_add_pattern(what, asked->patterns.items[i]);
	for (size_t i = 0; i < asked->tags.count; i++)
		invalidation_add_tag(what, asked->tags.items[i]);
	for (size_t i = 0; i < asked->dependents_of.count; i++)
		invalidation_add_dependents_of(what, asked->dependents_of.items[i]);
	for (size_t i = 0; i < asked->rewarm.count; i++)
		invalidation_add_rewarm(what, asked->rewarm.items[i]);
	what->no_cascade = !asked->cascade;
	if (asked->confirm.n)
		what->confirm = slice_dup(asked->confirm);
	if (asked->note.n)
		what->note = slice_dup(asked->note);
	if (!what->key_count && !what->pattern_count && !what->tag_count &&
		!what->dependents_count && !what->entity_count)
		return fault_set(fault, ERR_BAD_BODY,
			"the body selects nothing: keys, patterns, tags, entities or dependents_of "
			"is required");
	return OK;
}

static void reply_ended(struct request *request, struct operation *operation, bool strict)
{
	const struct invalidation_result *result = operation_result(operation);
	const struct fault *fault = operation_error(operation);
	cJSON *body = cJSON_CreateObject();
	int status = 200;

	cJSON_AddStringToObject(body, "operation_id", operation_id(operation));
	cJSON_AddStringToObject(body, "state", operation_state_name(operation_state(operation)));
	if (result)
		invalidation_result_add(result, body);
	if (fault->error) {
		reply_fault_with(request, fault, body);
		return;
	}
	if (strict && (!result || result->reason != REASON_COMPLETE))
		status = error_status(ERR_INCOMPLETE);
	reply_json(request, status, body);
}

/* Jobs that are run afterwards need the scope to run jobs. True if the request was answered. */
static bool refuse_rewarm(struct request *request, const struct invalidation *what)
{
	const struct identity *who = request_identity(request);
	struct fault fault;

	if (what->rewarm_count && !scope_granted(who, SCOPE_WARM)) {
		reply_scope_missing(request, SCOPE_WARM);
		fault_at(&fault, ERR_FORBIDDEN, "/rewarm",
			"rewarm needs the scope warm, which token '%s' does not have", who->name);
	} else if (api_warm_check(what->rewarm, what->rewarm_count, who, what->conf, &fault) ==
		   OK) {
		return false;
	}
	reply_fault(request, &fault);
	return true;
}

static void run(struct request *request, struct app *app, struct invalidate_body *asked)
{
	struct operation *operation;
	struct fault fault;
	struct invalidation *what = asked->what;

	if (refuse_rewarm(request, what))
		return;
	if (!what->dry_run && pause_check(app->engine.pauses, PAUSE_INVALIDATION, &fault)) {
		reply_fault(request, &fault);
		return;
	}
	asked->what = NULL;
	if (invalidator_begin(app->engine.invalidator, what, &operation, &fault)) {
		if (fault.error == ERR_FORBIDDEN &&
			slice_starts(slice_str(fault.pointer), SLICE("/patterns")))
			reply_scope_missing(request, SCOPE_FLUSH);
		reply_fault(request, &fault);
		return;
	}
	if (operation_wait(operation, clock_deadline(asked->wait * 1000)) == OK)
		reply_ended(request, operation, asked->strict);
	else
		operations_reply_accepted(request, operation);
	operation_unref(operation);
}

void api_invalidate(struct request *request, void *context)
{
	struct invalidate_body asked = {
		.request = request, .cascade = true, .wait = default_wait_seconds};
	struct fault fault;

	asked.what = invalidation_new(request_conf(request), request_identity(request));
	enum error error = read_headers(&asked, &fault);
	if (!error)
		error = read_body(&asked, &fault);
	if (!error)
		error = fill(&asked, &fault);
	if (error)
		reply_fault(request, &fault);
	else
		run(request, context, &asked);
	invalidation_free(asked.what);
}
