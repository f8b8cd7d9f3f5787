/* SPDX-License-Identifier: MIT */
/* Selectors in a body, and the operation over them; see selectors.h. */
#include "api/selectors.h"

#include <assert.h>
#include <string.h>

#include "api/handlers.h"
#include "api/keys.h"
#include "api/operations.h"
#include "cache/guard.h"

enum { default_wait_seconds = 10, max_wait_seconds = 300 };

void selectors_init(struct selectors *asked, struct request *request)
{
	*asked = (struct selectors){.request = request, .wait = default_wait_seconds};
	asked->what = invalidation_new(request_conf(request), request_identity(request));
}

void selectors_release(struct selectors *asked)
{
	invalidation_free(asked->what);
}

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

static enum error add_ids(struct selectors *asked, const struct conf_entity *entity,
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
	struct selectors *asked = context;
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
	struct selectors *asked, const struct json_iter *it, struct fault *fault)
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

static enum error add_entities(struct selectors *asked, struct fault *fault)
{
	enum error error = OK;

	if (asked->entities.text.n == 0)
		return OK;
	struct json_iter it = json_iterate(asked->entities);

	while (!error && json_next(&it))
		error = add_entity(asked, &it, fault);
	return error;
}

static enum error read_pace(struct selectors *asked, struct fault *fault)
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

static enum error fill(struct selectors *asked, struct fault *fault)
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

enum error selectors_read(
	struct selectors *asked, const struct body_member *more, size_t count, struct fault *fault)
{
	struct invalidation *what = asked->what;
	const struct body_member common[] = {
		{"patterns", BODY_LIST, &asked->patterns, 1, INVALIDATION_MAX_KEYS},
		{"keys", BODY_LIST, &asked->keys, 1, INVALIDATION_MAX_KEYS},
		{"tags", BODY_LIST, &asked->tags, 1, INVALIDATION_MAX_KEYS},
		{"entities", BODY_OBJECT, &asked->entities, 0, 0},
		{"dependents_of", BODY_LIST, &asked->dependents_of, 1, INVALIDATION_MAX_KEYS},
		{"dry_run", BODY_BOOL, &what->dry_run, 0, 0},
		{"max_keys", BODY_INT, &what->max_keys, 1, INT64_MAX},
		{"confirm", BODY_STRING, &asked->confirm, 1, 256},
		{"wait", BODY_INT, &asked->wait, 0, max_wait_seconds},
		{"strict", BODY_BOOL, &asked->strict, 0, 0},
		{"pace", BODY_OBJECT, &asked->pace, 0, 0},
		{"note", BODY_STRING, &asked->note, 0, BODY_NOTE_BYTES},
	};
	enum { own = sizeof common / sizeof *common };
	struct body_member members[own + SELECTORS_MEMBERS_MORE];

	assert(count <= SELECTORS_MEMBERS_MORE);
	memcpy(members, common, sizeof common);
	memcpy(&members[own], more, count * sizeof *more);
	const struct body_table table = {members, own + count, entity_field, asked, NULL};
	enum error error = body_parse(asked->request, &table, fault);

	if (!error)
		error = add_entities(asked, fault);
	if (!error)
		error = read_pace(asked, fault);
	return error ? error : fill(asked, fault);
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

void selectors_run(struct selectors *asked, struct app *app)
{
	struct request *request = asked->request;
	struct operation *operation;
	struct fault fault;
	struct invalidation *what = asked->what;

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
