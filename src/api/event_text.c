/* SPDX-License-Identifier: MIT */
/* An event as one caller may see it; see event_text.h. */
#include "api/event_text.h"

#include <string.h>

#include "api/hide.h"
#include "base/base64.h"
#include "cache/guard.h"
#include "text/glob.h"
#include "text/json.h"

static bool is_invalidation(const struct event_item *item)
{
	return strcmp(item->event, "invalidation") == 0;
}

bool event_text_is_plain(const struct event_item *item, const struct event_view *view)
{
	return view->who->key_prefix_count == 0 && !(view->detail && is_invalidation(item));
}

/* The bytes of a name: a text, or {"base64url": ...}. */
static bool name_of(const cJSON *item, struct buf *out)
{
	if (!cJSON_IsString(item))
		return base64_decode(slice_str(json_member_text(item, "base64url")), true, out);
	buf_str(out, item->valuestring);
	return true;
}

static bool is_inside(const struct identity *who, const cJSON *item, bool pattern)
{
	struct buf name = {0}, prefix = {0};
	bool inside = name_of(item, &name);

	if (inside && pattern)
		glob_prefix(buf_slice(&name), &prefix);
	else if (inside)
		buf_add(&prefix, buf_slice(&name));
	inside = inside && guard_inside_prefixes(who, buf_slice(&prefix));
	buf_release(&name);
	buf_release(&prefix);
	return inside;
}

static void keep_inside(const struct identity *who, cJSON *list, bool pattern)
{
	cJSON *next;

	for (cJSON *at = list ? list->child : NULL; at; at = next) {
		next = at->next;
		if (!is_inside(who, at, pattern))
			cJSON_Delete(cJSON_DetachItemViaPointer(list, at));
	}
}

/* What names another caller's work. */
static void hide_data(const struct event_view *view, cJSON *data)
{
	const char *job = json_member_text(data, "job");

	if (strcmp(json_member_text(data, "by"), view->who->name) == 0)
		return;
	json_member_clear(data, "note");
	json_member_clear(cJSON_GetObjectItemCaseSensitive(data, "error"), "detail");
	if (*job) {
		const struct conf_job *conf = conf_job(view->conf, slice_str(job));

		if (!conf || !hide_inside(view->who, conf->key))
			json_member_clear(data, "job");
	}
}

static void hide_names_outside(const struct identity *who, cJSON *names)
{
	keep_inside(who, cJSON_GetObjectItemCaseSensitive(names, "keys"), false);
	keep_inside(who, cJSON_GetObjectItemCaseSensitive(names, "patterns"), true);
	/* Tags are not keys: they have no prefix. */
	json_member_clear(names, "tags");
}

/* `data` and `names` as one object. */
static void join(struct slice data, struct slice names, struct buf *out)
{
	buf_append(out, data.p, data.n - 1);
	if (data.n > 2)
		buf_char(out, ',');
	buf_append(out, names.p + 1, names.n - 1);
}

static void print(cJSON *value, struct buf *out)
{
	json_print(value, out);
	cJSON_Delete(value);
}

static void add_bounded(
	const struct event_item *item, const struct event_view *view, bool named, struct buf *out)
{
	cJSON *data = NULL, *names = NULL;
	struct buf data_text = {0}, names_text = {0};

	if (json_parse_object(item->data, &data, NULL) == OK) {
		hide_data(view, data);
		print(data, &data_text);
	} else {
		buf_str(&data_text, "{}");
	}
	if (named && json_parse_object(item->names, &names, NULL) == OK) {
		hide_names_outside(view->who, names);
		print(names, &names_text);
		join(buf_slice(&data_text), buf_slice(&names_text), out);
	} else {
		buf_add(out, buf_slice(&data_text));
	}
	buf_release(&data_text);
	buf_release(&names_text);
}

void event_text_data(const struct event_item *item, const struct event_view *view, struct buf *out)
{
	const struct slice unknown =
		SLICE("{\"keys\":null,\"patterns\":null,\"tags\":null,\"truncated\":null}");
	bool detail = view->detail && is_invalidation(item);

	if (view->who->key_prefix_count)
		add_bounded(item, view, detail && item->names.n, out);
	else if (detail)
		join(item->data, item->names.n ? item->names : unknown, out);
	else
		buf_add(out, item->data);
}
