/* SPDX-License-Identifier: MIT */
/*
 * The keys of a loader: how the value of one key is read through.
 *
 *	params: [user_id] -> key "user_profile:{user_id}", source path "/users/{user_id}", tags
 */
#include "conf/reader.h"
#include "text/quantity.h"
#include "text/template.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };
#define DAY	(24 * (int64_t)HOUR)
#define MAX_TTL TTL_MAX_MS

#define AT(field)      .offset = offsetof(struct conf_loader, field)
#define LIST(field, n) AT(field), .count_offset = offsetof(struct conf_loader, n)

static bool is_param(const struct conf_loader *loader, struct slice name)
{
	for (size_t i = 0; i < loader->param_count; i++)
		if (slice_equal(loader->params[i], name))
			return true;
	return false;
}

/* Every name of the template must be a parameter. */
static const char *check_names(
	struct reader *r, const struct conf_loader *loader, const struct template *template)
{
	for (size_t i = 0; i < template_names(template); i++) {
		struct slice name = template_name(template, i), text = template_text(template);

		if (!is_param(loader, name))
			return reader_say(r, "has %.*s with {%.*s}, which is not among its params",
				(int)text.n, text.p, (int)name.n, name.p);
	}
	return NULL;
}

static bool no_value(void *context, struct slice name, struct buf *out)
{
	(void)context;
	(void)name;
	(void)out;
	return false;
}

/* Two calls that differ must not share a key. */
static const char *check_params(struct reader *r, const struct conf_loader *loader)
{
	struct slice touching;

	if (!template_tells(loader->key, no_value, NULL, &touching))
		return reader_say(r,
			"has a key in which {%.*s} touches the next name: calls that differ "
			"would share a value",
			(int)touching.n, touching.p);
	for (size_t i = 0; i < loader->param_count; i++) {
		struct slice param = loader->params[i];
		const char *wrong = reader_check_name(param);
		bool in_key = false;

		if (wrong)
			return reader_say(r, "has the parameter %.*s, which %s", (int)param.n,
				param.p, wrong);
		for (size_t j = 0; j < template_names(loader->key); j++)
			in_key = in_key || slice_equal(template_name(loader->key, j), param);
		if (!in_key)
			return reader_say(r,
				"has the parameter %.*s, which its key lacks: calls that differ "
				"would share a value",
				(int)param.n, param.p);
	}
	return NULL;
}

static const char *finish_loader(struct reader *r, struct node *node, void *object)
{
	struct conf_loader *loader = object;
	const char *wrong = check_params(r, loader);

	if (!node_given(node, "ttl"))
		loader->ttl_ms = -1;
	if (!node_given(node, "stale_for"))
		loader->stale_for_ms = -1;
	if (!wrong)
		wrong = check_names(r, loader, loader->key);
	for (size_t i = 0; i < loader->tag_count && !wrong; i++)
		wrong = check_names(r, loader, loader->tags[i]);
	if (!wrong && loader->source.type == SOURCE_HTTP)
		wrong = check_names(r, loader, loader->source.url_path);
	if (!wrong && loader->many && loader->value)
		wrong = "has many and value: many stores all rows as they are";
	return wrong;
}

/* clang-format off */
static const struct key keys[] = {
	{"params", &type_strings, LIST(params, param_count), .def = "[]", .max = 16, .help = "what a call must give; each is part of the key"},
	{"key", &type_template, AT(key), .flags = KEY_REQUIRED, .help = "say under which key a value is kept, such as \"user_profile:{user_id}\""},
	{"source", &type_loader_source, .flags = KEY_REQUIRED, .section = &section_source, .help = "say where the value comes from"},
	{"value", &type_template, AT(value), .help = "what is stored; the whole row as JSON unless given"},
	{"many", &type_bool, AT(many), "false", .flags = KEY_QUIET, .help = "the value is a JSON array of all rows, not the only row"},
	{"ttl", &type_duration, AT(ttl_ms), .min = SECOND, .max = MAX_TTL, .help = "how long a value lives; as the namespace says unless given"},
	{"stale_for", &type_duration, AT(stale_for_ms), .max = MAX_TTL, .help = "as the namespace's, which it stands in for where the key's beginning has none"},
	{"absent_for", &type_duration, AT(absent_ms), "0s", .max = MAX_TTL, .help = "how long it is remembered that the source has no such value; 0s = not at all"},
	{"tags", &type_templates, LIST(tags, tag_count), .def = "[]", .max = 16, .help = "the tags of its keys, such as [\"user-{user_id}\"]"},
	{"timeout", &type_duration, AT(timeout_ms), "5s", 10, 5 * MINUTE, .help = "how long one load may take"},
};
/* clang-format on */
const struct section section_loader = {.keys = keys,
	.count = sizeof keys / sizeof *keys,
	.size = sizeof(struct conf_loader),
	.name_offset = offsetof(struct conf_loader, name),
	.finish = finish_loader};
