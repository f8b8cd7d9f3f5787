/* SPDX-License-Identifier: MIT */
/* Hiding names from callers with key_prefixes; see hide.h. */
#include "api/hide.h"

#include <string.h>

#include "cache/guard.h"
#include "text/glob.h"
#include "text/json.h"

bool hide_inside(const struct identity *who, const struct template *key)
{
	return guard_inside_prefixes(who, template_beginning(key));
}

void hide_names(const struct identity *who, cJSON *list)
{
	cJSON *next;

	for (cJSON *at = list ? list->child : NULL; at; at = next) {
		next = at->next;
		if (cJSON_IsArray(at))
			hide_names(who, at);
		else if (!cJSON_IsString(at) ||
			 !guard_inside_prefixes(who, slice_str(at->valuestring)))
			cJSON_Delete(cJSON_DetachItemViaPointer(list, at));
	}
}

static bool is_kind(const cJSON *selector, const char *kind)
{
	return strcmp(json_member_text(selector, "kind"), kind) == 0;
}

/* Whether the selector names anything outside the caller's prefixes. */
static bool selects_outside(const struct identity *who, const cJSON *selector)
{
	struct slice value = slice_str(json_member_text(selector, "value"));
	struct buf prefix = {0};

	if (is_kind(selector, "pattern"))
		glob_prefix(value, &prefix);
	else
		buf_add(&prefix, value);
	bool outside = !guard_inside_prefixes(who, buf_slice(&prefix));
	buf_release(&prefix);
	return outside;
}

void hide_selector(const struct identity *who, cJSON *selector)
{
	/* Tags and ids of entities are not keys: those of other callers are hidden. */
	if (who->key_prefix_count && (is_kind(selector, "tag") || is_kind(selector, "entity") ||
					     selects_outside(who, selector)))
		json_member_clear(selector, "value");
}

/* Of an own operation tags and ids stay. */
static void hide_own_selector(const struct identity *who, cJSON *selector)
{
	if (!is_kind(selector, "tag") && !is_kind(selector, "entity") &&
		selects_outside(who, selector))
		json_member_clear(selector, "value");
}

/* Members with fixed words, which say nothing about other callers. */
static bool is_word(const char *name)
{
	static const char *const words[] = {"reason", "kind", "method", "state"};

	for (size_t i = 0; name && i < sizeof words / sizeof *words; i++)
		if (strcmp(name, words[i]) == 0)
			return true;
	return false;
}

static void blank_item(cJSON *node, cJSON *item)
{
	if (item->string)
		json_member_clear(node, item->string);
	else
		cJSON_ReplaceItemViaPointer(node, item, cJSON_CreateNull());
}

static void blank_texts(cJSON *node)
{
	cJSON *next;

	for (cJSON *at = node->child; at; at = next) {
		next = at->next;
		if (!cJSON_IsString(at))
			blank_texts(at);
		else if (!is_word(at->string))
			blank_item(node, at);
	}
}

static void hide_result(const struct identity *who, bool own, cJSON *result)
{
	cJSON *sample = cJSON_GetObjectItemCaseSensitive(result, "sample");
	cJSON *selectors = cJSON_GetObjectItemCaseSensitive(result, "selectors");

	hide_names(who, sample);
	for (cJSON *at = selectors ? selectors->child : NULL; at; at = at->next)
		if (own)
			hide_own_selector(who, at);
		else
			hide_selector(who, at);
	if (own)
		return;
	for (cJSON *at = result ? result->child : NULL, *next; at; at = next) {
		next = at->next;
		if (at == sample || at == selectors || is_word(at->string))
			continue;
		if (cJSON_IsString(at))
			json_member_clear(result, at->string);
		else
			blank_texts(at);
	}
}

/* Whether it is the run of a job whose keys are not all inside. */
static bool job_outside(
	const struct identity *who, const struct conf *conf, const struct operation_view *view)
{
	const struct conf_job *job = conf_job(conf, slice_str(view->subject));

	return view->has_subject && (!job || !hide_inside(who, job->key));
}

void hide_operation(
	const struct identity *who, const struct conf *conf, struct operation_view *view)
{
	bool own = view->by && strcmp(view->by, who->name) == 0;

	if (who->key_prefix_count == 0)
		return;
	hide_result(who, own, view->result);
	hide_result(who, own, view->so_far);
	if (own)
		return;
	view->note = view->error_detail = NULL;
	if (job_outside(who, conf, view))
		view->subject = NULL;
}
