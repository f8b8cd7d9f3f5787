/* SPDX-License-Identifier: MIT */
/* What a change is about; see audit_target.h. */
#include "watch/audit_target.h"

#include "base/utf8.h"
#include "text/json.h"

enum { selectors_most = 10, value_bytes = 128 };

/* Appends at most so many bytes of a text. */
static void add_cut(struct buf *out, struct slice text, size_t most)
{
	buf_add(out, text.n > most ? utf8_trim(slice_of(text.p, most)) : text);
	if (text.n > most)
		buf_str(out, "...");
}

void audit_target_add(struct audit_target *target, struct slice kind, struct slice name)
{
	if (target->listed == AUDIT_TARGET_NAMES) {
		target->omitted++;
		return;
	}
	if (target->listed++)
		buf_str(&target->text, ", ");
	add_cut(&target->text, kind, AUDIT_TARGET_NAME_BYTES);
	if (kind.n && name.n)
		buf_char(&target->text, ' ');
	add_cut(&target->text, name, AUDIT_TARGET_NAME_BYTES);
}

void audit_target_omit(struct audit_target *target, size_t count)
{
	target->omitted += count;
}

void audit_target_end(struct audit_target *target, struct buf *out)
{
	if (target->omitted)
		buf_printf(&target->text, " and %zu more", target->omitted);
	if (target->text.n)
		json_quote(out, buf_slice(&target->text));
	else
		buf_str(out, "null");
	buf_release(&target->text);
	*target = (struct audit_target){0};
}

static void add_selector(cJSON *list, const cJSON *selector)
{
	cJSON *item = cJSON_CreateObject();
	struct buf value = {0};

	add_cut(&value, slice_str(json_member_text(selector, "value")), value_bytes);
	json_add_text(item, "kind", json_member_text(selector, "kind"));
	json_add_slice(item, "value", buf_slice(&value));
	cJSON_AddItemToArray(list, item);
	buf_release(&value);
}

static void add_selectors(cJSON *line, const cJSON *selectors, struct audit_target *target)
{
	cJSON *list = cJSON_AddArrayToObject(line, "selectors");
	size_t count = 0;

	for (const cJSON *at = selectors->child; at; at = at->next) {
		if (count++ < selectors_most)
			add_selector(list, at);
		audit_target_add(target, slice_str(json_member_text(at, "kind")),
			slice_str(json_member_text(at, "value")));
	}
	if (count > selectors_most)
		json_add_uint(line, "selectors_omitted", count - selectors_most);
}

void audit_target_of_operation(cJSON *line, const cJSON *result, const char *job)
{
	const cJSON *selectors = cJSON_GetObjectItemCaseSensitive(result, "selectors");
	struct audit_target target = {0};
	struct buf text = {0};

	if (job)
		audit_target_add(&target, SLICE("job"), slice_str(job));
	if (selectors)
		add_selectors(line, selectors, &target);
	audit_target_end(&target, &text);
	cJSON_AddItemToObject(line, "target", cJSON_CreateRaw(text.p));
	buf_release(&text);
}
