/* SPDX-License-Identifier: MIT */
/*
 * GET, PUT, POST, DELETE /dependencies/{key}: the dependents of a key, by rules and as stored.
 *
 * Special: a caller with key_prefixes sees no name outside them, though it is a dependent.
 */
#include "cache/dependency.h"

#include <stdio.h>
#include <stdlib.h>

#include "api/answer.h"
#include "api/body.h"
#include "api/handlers.h"
#include "api/keys.h"
#include "base/mem.h"
#include "base/timeslice.h"
#include "cache/dependency_store.h"
#include "text/json.h"

enum { bytes_per_step = 256 }; /* of a name, copied in about a microsecond */

/* The names that the caller may see. Parks now and then. */
static void add_names(const struct identity *who, cJSON *array, const struct slice *names,
	size_t count, struct timeslice *timeslice)
{
	for (size_t i = 0; i < count; i++) {
		if (guard_inside_prefixes(who, names[i]))
			json_append_slice(array, names[i]);
		timeslice_spend(timeslice, 1 + names[i].n / bytes_per_step);
	}
}

static void add_list(const struct identity *who, cJSON *body, const char *name,
	const struct name_list *list, struct timeslice *timeslice)
{
	add_names(who, cJSON_AddArrayToObject(body, name), list->items, list->count, timeslice);
}

static void add_rules(const struct identity *who, const struct conf *conf, cJSON *body,
	const struct dependency_view *view, struct timeslice *timeslice)
{
	cJSON *rules = cJSON_AddArrayToObject(body, "rules");

	for (size_t i = 0; i < view->rule_count; i++) {
		const struct dependency_rule *rule = &view->rules[i];
		cJSON *object = cJSON_CreateObject();

		json_add_slice(object, "when", template_text(conf->dependencies[rule->index].when));
		add_list(who, object, "invalidate", &rule->invalidate, timeslice);
		add_list(who, object, "patterns", &rule->patterns, timeslice);
		cJSON_AddItemToArray(rules, object);
	}
}

static void add_stored(const struct identity *who, cJSON *body, const struct dependency_view *view,
	struct timeslice *timeslice)
{
	if (!view->stored) {
		cJSON_AddNullToObject(body, "stored");
		return;
	}
	cJSON *stored = cJSON_AddObjectToObject(body, "stored");
	int64_t ttl_ms = view->stored_ttl_ms;

	add_names(who, cJSON_AddArrayToObject(stored, "dependents"), view->stored_names,
		view->stored_count, timeslice);
	json_add_int(stored, "ttl", ttl_ms < 0 ? -1 : (ttl_ms + 999) / 1000);
}

/* Parks. */
static void reply_view(struct request *request, struct app *app, struct slice key, bool transitive)
{
	const struct identity *who = request_identity(request);
	const struct conf *conf = request_conf(request);
	struct timeslice timeslice = {.since_ns = clock_mono_ns()};
	struct dependency_view view;
	struct fault fault;

	if (dependency_preview(&app->engine.cache, conf, key, transitive, &view, &fault)) {
		reply_fault(request, &fault);
		return;
	}
	cJSON *body = cJSON_CreateObject();
	json_add_slice(body, "key", key);
	add_list(who, body, "dependents", &view.dependents, &timeslice);
	add_rules(who, conf, body, &view, &timeslice);
	add_list(who, body, "patterns", &view.patterns, &timeslice);
	add_stored(who, body, &view, &timeslice);
	cJSON *cycles = transitive ? cJSON_AddArrayToObject(body, "cycles") : NULL;
	for (size_t i = 0; i < view.cycle_count; i++) {
		cJSON *cycle = cJSON_CreateArray();

		add_names(who, cycle, view.cycles[i].items, view.cycles[i].count, &timeslice);
		cJSON_AddItemToArray(cycles, cycle);
	}
	cJSON_AddBoolToObject(body, "truncated", view.truncated);
	dependency_view_release(&view);
	reply_json(request, 200, body);
}

void api_dependencies_get(struct request *request, void *context)
{
	const struct identity *who = request_identity(request);
	struct slice key;
	bool transitive = false;
	struct fault fault;

	if (keys_decoded(request, &key, &fault) ||
		request_query_bool(request, "transitive", &transitive, &fault)) {
		reply_fault(request, &fault);
	} else if (!guard_inside_prefixes(who, key)) {
		fault_set(&fault, ERR_KEY_OUTSIDE_PREFIXES,
			"the key is outside the key_prefixes of token '%s'", who->name);
		reply_fault(request, &fault);
	} else {
		reply_view(request, context, key, transitive);
	}
}

/* The change that the body describes. */
struct dependents_body {
	struct body_list dependents, add, remove;
	struct slice note;
	int64_t ttl_ms;
};

static enum error ttl_member(void *context, struct slice name, struct json_value value,
	struct arena *arena, struct fault *fault)
{
	struct dependents_body *asked = context;

	(void)arena;
	if (!slice_is(name, "ttl"))
		return ERR_NOT_FOUND;
	if (value.type == JSON_NULL)
		return OK;
	return keys_ttl_member(value, "/ttl", &asked->ttl_ms, fault);
}

/* The caller must be allowed to invalidate each name. */
static enum error judge(struct request *request, const char *list, const struct body_list *names,
	struct fault *fault)
{
	struct guard guard;

	guard_init(&guard, request_conf(request), request_identity(request));
	for (size_t i = 0; i < names->count; i++) {
		enum error error = guard_check_key(names->items[i], fault);

		if (!error)
			error = guard_exact(&guard, names->items[i], fault);
		if (error) {
			snprintf(fault->pointer, sizeof fault->pointer, "/%s/%zu", list, i);
			return error;
		}
	}
	return OK;
}

static enum error read_put(
	struct request *request, struct dependents_body *asked, struct fault *fault)
{
	const struct body_member members[] = {
		{"dependents", BODY_LIST, &asked->dependents, 1, DEPENDENCY_MAX_NAMES},
		{"note", BODY_STRING, &asked->note, 0, BODY_NOTE_BYTES},
	};
	const struct body_table table = {
		members, sizeof members / sizeof *members, ttl_member, asked, NULL};
	enum error error = body_parse(request, &table, fault);

	if (!error && asked->dependents.count == 0)
		error = fault_at(fault, ERR_BAD_BODY, "/dependents",
			"/dependents is required: the keys that are removed with this one. DELETE "
			"forgets all of them");
	return error ? error : judge(request, "dependents", &asked->dependents, fault);
}

/* Each may have 1,000 long names with a common beginning: one is sorted for quick searches. */
static bool have_common(const struct body_list *a, const struct body_list *b)
{
	struct slice *sorted = mem_array(a->count, sizeof *sorted);
	bool found = false;

	for (size_t i = 0; i < a->count; i++)
		sorted[i] = a->items[i];
	qsort(sorted, a->count, sizeof *sorted, slice_compare_items);
	for (size_t i = 0; i < b->count && !found; i++)
		found = bsearch(
			&b->items[i], sorted, a->count, sizeof *sorted, slice_compare_items);
	mem_free(sorted);
	return found;
}

static enum error check_both(const struct dependents_body *asked, struct fault *fault)
{
	if (asked->add.count == 0 && asked->remove.count == 0)
		return fault_set(fault, ERR_BAD_BODY,
			"the body changes nothing: /add or /remove is required");
	if (have_common(&asked->add, &asked->remove))
		return fault_at(
			fault, ERR_BAD_BODY, "/remove", "a key is in both /add and /remove");
	return OK;
}

static enum error read_post(
	struct request *request, struct dependents_body *asked, struct fault *fault)
{
	const struct body_member members[] = {
		{"add", BODY_LIST, &asked->add, 0, DEPENDENCY_MAX_NAMES},
		{"remove", BODY_LIST, &asked->remove, 0, DEPENDENCY_MAX_NAMES},
		{"note", BODY_STRING, &asked->note, 0, BODY_NOTE_BYTES},
	};
	const struct body_table table = {
		members, sizeof members / sizeof *members, ttl_member, asked, NULL};
	enum error error = body_parse(request, &table, fault);

	if (!error)
		error = check_both(asked, fault);
	if (!error)
		error = judge(request, "add", &asked->add, fault);
	return error ? error : judge(request, "remove", &asked->remove, fault);
}

/* Parks. */
static void change(struct request *request, struct app *app, bool replace)
{
	struct dependents_body asked = {.ttl_ms = (int64_t)DEPENDENCY_TTL_S * 1000};
	struct slice key;
	size_t count;
	struct fault fault;
	enum error error = keys_name(request, &key, &fault);

	if (!error)
		error = replace ? read_put(request, &asked, &fault)
				: read_post(request, &asked, &fault);
	if (!error) {
		const struct body_list *add = replace ? &asked.dependents : &asked.add;
		const struct dependency_change what = {.key = key,
			.add = add->items,
			.add_count = add->count,
			.remove = asked.remove.items,
			.remove_count = asked.remove.count,
			.replace = replace,
			.ttl_ms = asked.ttl_ms};

		error = dependency_write(&app->engine.cache, &what, &count, &fault);
	}
	if (error) {
		reply_fault(request, &fault);
	} else {
		answer_log_note(request, app, "changed the dependents of", key, asked.note);
		reply_view(request, app, key, false);
	}
}

void api_dependencies_put(struct request *request, void *context)
{
	change(request, context, true);
}

void api_dependencies_post(struct request *request, void *context)
{
	change(request, context, false);
}

void api_dependencies_delete(struct request *request, void *context)
{
	struct app *app = context;
	struct slice key;
	struct slice note = {0};
	bool was;
	struct fault fault;

	if (keys_name(request, &key, &fault) || body_note_only(request, &note, &fault) ||
		dependency_remove(&app->engine.cache, key, &was, &fault)) {
		reply_fault(request, &fault);
	} else {
		answer_log_note(request, app, "forgot the dependents of", key, note);
		answer_deleted(request, was);
	}
}
